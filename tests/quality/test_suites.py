"""The rules of the suites, which are SQL alone, on a database in memory in the place of the lake."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from ingestion.contracts import Contracts, DriftGate, Mention, Standard, load_contracts
from quality.ground import Delivered, Ground, survey
from quality.suites import LAYERS, suites_of

UNKNOWN = (
    "[{'rule': 'code_unknown', 'column': 'sex_code', 'header': '性别', 'severity': 'warning', 'gbt36344': '0105', "
    "'outcome': 'nulled', 'raw': 'x', 'value': null}]"
)


class Found(NamedTuple):
    severity: str
    suite: str
    check: str
    delivery: str | None
    failed: int
    checked: int
    said: str


def findings(lake: Any, layer: str, *, drift: bool = False) -> list[Found]:
    """What the suites of a layer find, without Great Expectations; comparisons of deliveries only where asked for."""
    out = []
    for suite in suites_of(layer, lake.contracts, survey(lake.sql)):
        if suite.name == "staging.drift" and not drift:
            continue
        for statement in suite.prepare:
            lake.sql(statement)
        lake.sql(f"create or replace temp table profile as {suite.profile}")
        for check in suite.checks:
            delivery = "delivery_id" if "delivery_id" in lake.con.table("temp.profile").columns else "null"
            rows = lake.sql(
                f"select {delivery}, ({check.failed})::bigint, ({check.checked})::bigint, coalesce({check.found_en}, {check.example}, '') "
                f"from temp.profile where {check.condition}"
            )
            out += [Found(check.severity, suite.name, check.name, *row) for row in rows]
    return out


@pytest.mark.parametrize("layer", ["staging", "foundation", "marts"])
def test_what_is_sound_gives_no_finding(ground: Any, layer: str) -> None:
    ground.deliver("d1", 100, refused=2)
    ground.sql(
        "insert into lake.foundation.quarantine by name select 'd1' as delivery_id, 'r' as reason, 'open' as status from range(2)"
    )
    assert findings(ground, layer) == []


def test_few_rows_do_not_stop_by_share(ground: Any) -> None:
    ground.deliver("d1", 19, refused=19)
    ground.deliver("d2", 20, refused=11)
    ground.deliver("d3", 20, refused=10)
    ground.deliver("d4", 20, refused=2)
    found = {(f.severity, f.check, f.delivery) for f in findings(ground, "staging")}
    high, some = "quarantined_high", "quarantined"
    assert found == {
        ("warning", some, "d1"),
        ("critical", high, "d2"),
        ("warning", some, "d2"),
        ("warning", some, "d3"),
    }


def test_required_columns(ground: Any) -> None:
    ground.deliver("d1", 100, name="case when n > 11 then '张' end")
    ground.deliver("d2", 100, name="case when n > 60 then '张' end")
    found = {(f.check, f.delivery, f.failed, f.checked) for f in findings(ground, "staging")}
    assert found == {
        ("required_missing_high", "d2", 61, 100), ("required_missing", "d2", 61, 100), ("required_missing", "d1", 12, 100)
    }  # fmt: skip


def test_codes(ground: Any) -> None:
    issues = f"case when n < 60 then {UNKNOWN} else [] end"
    ground.deliver("d1", 100, sex="case when n < 60 then null else '1' end", issues=issues)
    ground.deliver("d2", 100, sex="'7'")
    found = {(f.check, f.delivery, f.failed, f.checked) for f in findings(ground, "staging")}
    assert found == {
        ("code_unknown_high", "d1", 60, 100), ("code_unknown", "d1", 60, 100), ("code_in_set", "d2", 100, 100)
    }  # fmt: skip


def test_a_null_word_is_no_unknown_code(ground: Any) -> None:
    ground.deliver("d1", 100, sex="null", issues=UNKNOWN.replace("code_unknown", "null_word"))
    assert findings(ground, "staging") == []


def test_row_counts_of_the_contract(ground: Any) -> None:
    ground.contracts = Contracts({"ceshi.renyuan": ground.contract(minimumRows=50, maximumRows=90)})
    ground.deliver("d1", 49)
    ground.deliver("d2", 91)
    found = {(f.severity, f.check, f.delivery, f.failed, f.said) for f in findings(ground, "staging")}
    assert found == {("critical", "minimum_rows", "d1", 1, "49 rows"), ("warning", "maximum_rows", "d2", 1, "91 rows")}


def test_empty_and_held_deliveries_pass(ground: Any) -> None:
    ground.deliver("d1", 0)
    ground.deliver("d2", 0, receipt=40, status="held")
    ground.deliver("d3", 0, receipt=7, status="refused")
    assert findings(ground, "staging") == []


def test_recorded_counts_must_match(ground: Any) -> None:
    ground.deliver("d1", 100)
    ground.sql("update lake.foundation.delivery set accepted = 98, quarantined = 2")
    assert [(f.check, f.said) for f in findings(ground, "staging")] == [
        ("counts_recorded", "recorded 98 + 2, in the table 100 + 0")
    ]


@pytest.mark.parametrize(
    ("layer", "change", "severity", "suite", "expectation"),
    [
        ("foundation", "insert into lake.foundation.person select * from lake.foundation.person where person_id = 'P3'",
         "critical", "foundation.person", "id_unique"),
        ("foundation", "update lake.foundation.organisation set organisation_id = null", "critical", "foundation.organisation", "id_present"),
        ("foundation", "update lake.foundation.person_mention set person_id = null where person_id = 'P3'",
         "critical", "foundation.person_mention", "subject_has_entity"),
        ("foundation", "update lake.foundation.person_mention set person_id = 'P99' where person_id = 'P3'",
         "critical", "foundation.person_mention", "entity_exists"),
        ("foundation", "delete from lake.foundation.person_mention where person_id = 'P3'", "critical", "foundation.person_mention", "has_mention"),
        ("foundation", "update lake.foundation.person_mention set file = null", "critical", "foundation.person_mention", "locator_present"),
        ("foundation", "update lake.foundation.person set death_date = date '2026-01-01' where person_id = 'P3'",
         "critical", "foundation.person", "dead_not_alive"),
        ("foundation", "update lake.foundation.person set household_id = 'H9' where person_id = 'P3'",
         "critical", "foundation.person", "reference_exists"),
        ("foundation", "update lake.foundation.person set registered_place_id = 'L9' where person_id = 'P3'",
         "critical", "foundation.person", "reference_exists"),
        ("foundation", "update lake.foundation.person set area_code = '999' where person_id = 'P3'",
         "warning", "foundation.person", "reference_exists"),
        ("foundation", "update lake.foundation.household set size = 3", "critical", "foundation.household", "size_is_members"),
        ("foundation", "update lake.foundation.organisation set legal_person_id = 'P99'", "critical", "foundation.organisation", "reference_exists"),
        ("foundation", "update lake.foundation.event set reports = 0", "critical", "foundation.event", "reports_counted"),
        ("foundation", "update lake.foundation.place set parent_place_id = 'L9'", "critical", "foundation.place", "reference_exists"),
        ("foundation", "update lake.foundation.grid set parent = '1'", "warning", "foundation.grid", "reference_exists"),
        ("foundation", "update lake.foundation.grid set geometry = null", "warning", "foundation.grid", "geometry_present"),
        ("foundation", "insert into lake.foundation.grid select 'G' || n, '', 'x', null, null, null from range(2, 40) as r(n)",
         "critical", "foundation.grid", "communities_exist_high"),
        ("foundation", "update lake.foundation.line_grid set line = 'gongan'", "critical", "foundation.line_grid", "id_unique"),
        ("foundation", "update lake.foundation.line_grid set geometry = null", "warning", "foundation.line_grid", "geometry_present"),
        ("foundation", "insert into lake.foundation.grid values ('G2', '二格', '370602001009', null, null, 'x'); "
         "update lake.foundation.grid set parent = '370602001009'", "warning", "foundation.cover", "communities_covered"),
        ("foundation", "update lake.foundation.area set parent = null where level = 'county'", "critical", "foundation.levels", "totals_agree"),
        ("foundation", "delete from lake.foundation.area where level = 'county'", "critical", "foundation.area", "levels_add_up"),
        ("foundation", "update lake.foundation.area set parent = '370600000000' where level = 'town'",
         "critical", "foundation.area", "parent_one_level_up"),
        ("foundation", "insert into lake.foundation.area select '370700000000', '二', null, 'city', null, null",
         "critical", "foundation.area", "one_city"),
        ("foundation", "delete from lake.foundation.area where level = 'community'", "warning", "foundation.area", "has_parts"),
        ("foundation", "insert into lake.foundation.delivery by name select 'd2' as delivery_id, 'taken' as status, 2 as quarantined", "critical", "foundation.quarantine", "quarantine_complete"),
        ("marts", "update lake.marts.policy_match set answer = 'maybe' where subject_id = 'P3'", "critical", "marts.policy_match", "answer_in_set"),
        ("marts", "update lake.marts.policy_match set subject_id = 'P99' where subject_id = 'P3'", "critical", "marts.policy_match", "subject_exists"),
        ("marts", "update lake.marts.policy_match set subject_id = 'P4' where subject_id = 'P3'", "critical", "marts.policy_match", "one_answer"),
        ("marts", "update lake.marts.policy_match set reason = '' where subject_id = 'P3'", "warning", "marts.policy_match", "reason_given"),
        ("marts", "update lake.marts.policy_match set answer = 'cannot_tell'", "info", "marts.policy_match", "mostly_decided"),
        ("marts", "delete from lake.marts.policy_match where subject_id = 'P3'", "critical", "marts.policy_old_age_allowance", "matches_policy_match"),
        ("marts", "update lake.foundation.person set is_alive = false where person_id = 'P3'",
         "critical", "marts.policy_old_age_allowance", "eligible_alive"),
        ("marts", "update lake.marts.policy_old_age_allowance set age_years = 79 where person_id = 'P3'",
         "critical", "marts.policy_old_age_allowance", "eligible_aged"),
    ],
)  # fmt: skip
def test_each_rule_finds_what_it_is_for(
    ground: Any, layer: str, change: str, *, severity: str, suite: str, expectation: str
) -> None:
    ground.sql(change)
    found = {f[:3] for f in findings(ground, layer)}
    assert (severity, suite, expectation) in found


def test_a_birth_may_be_as_late_as_the_latest_delivery(ground: Any) -> None:
    """Sources are dated; the clock of this machine may stand before them."""
    ground.sql("update lake.foundation.person set birth_date = date '2999-01-01' where person_id = 'P3'")
    assert [(f.check, f.failed) for f in findings(ground, "foundation")] == [("birth_not_later", 1)]
    ground.deliver("d1", 0)
    ground.sql("update lake.foundation.delivery set delivered_on = date '2999-01-01'")
    assert findings(ground, "foundation") == []


def test_a_closed_area_does_not_count(ground: Any) -> None:
    closed = "'370699000000', '旧区', '999', 'county', date '2000-01-01', date '2020-01-01'"
    ground.sql(f"insert into lake.foundation.area select {closed}")
    assert findings(ground, "foundation") == []


def test_values_under_the_wrong_headers_stop_a_first_delivery_too(ground: Any) -> None:
    """Two of the columns that can tell hold what does not fit; one alone may be a new way of writing."""
    contract = ground.contract()
    kinds = {"id_number": "citizen_id", "name": "date"}
    columns = [
        c.model_copy(update={"custom": c.custom.model_copy(update={"standard": Standard(kind=kinds[c.name])})})
        if c.name in kinds
        else c
        for c in contract.columns
    ]
    table = contract.schema_[0].model_copy(update={"properties": tuple(columns)})
    ground.contracts = Contracts({contract.id: contract.model_copy(update={"schema_": (table,)})})
    unfit = "{{'rule': 'r', 'column': '{}', 'header': 'h', 'severity': 'warning', 'gbt36344': '0302', 'outcome': 'nulled', 'raw': 'x', 'value': null}}"
    ground.deliver("d1", 10, key="null", issues=f"[{unfit.format('id_number')}]")
    ground.deliver("d2", 10, key="null", name="null", issues=f"[{unfit.format('id_number')}, {unfit.format('name')}]")
    found = [(f.delivery, f.said) for f in findings(ground, "staging") if f.check == "columns_fit"]
    assert found == [("d2", "2 / 3 columns hold mostly what does not fit: shifted perhaps")]


def test_few_rows_are_compared_with_patience(ground: Any) -> None:
    """Five rows in place of eight say nothing; eight in place of sixteen do, and so does a list of other keys."""
    ground.deliver("d1", 8)
    ground.publish("d1")
    ground.deliver("d2", 5)
    assert [f for f in findings(ground, "staging", drift=True) if f.severity == "critical"] == []
    ground.deliver("d3", 8, key="'other' || n")
    assert {(f.check, f.delivery) for f in findings(ground, "staging", drift=True) if f.severity == "critical"} == {
        ("drift_keys_high", "d3")
    }


def test_half_of_sixteen_rows_stop(ground: Any) -> None:
    ground.deliver("d1", 16)
    ground.publish("d1")
    ground.deliver("d2", 8)
    found = {(f.check, f.delivery) for f in findings(ground, "staging", drift=True) if f.severity == "critical"}
    assert ("drift_rows_high", "d2") in found


def test_a_contract_may_set_other_limits(ground: Any) -> None:
    loose = ground.contract().model_copy(deep=True)
    custom = loose.custom.model_copy(
        update={"drift_gate": DriftGate(row_share=0.1, kept_share=0.1, ignore=("sex_code",))}
    )
    ground.contracts = Contracts({loose.id: loose.model_copy(update={"custom": custom})})
    ground.deliver("d1", 100)
    ground.publish("d1")
    ground.deliver("d2", 40, sex="'2'")
    assert [f for f in findings(ground, "staging", drift=True) if f.severity == "critical"] == []
    ground.contracts = Contracts({loose.id: ground.contract()})
    found = {f.check for f in findings(ground, "staging", drift=True) if f.severity == "critical"}
    assert found == {"drift_rows_high", "drift_keys_high", "drift_agreement_high", "drift_values_high"}


def test_nobody_on_a_cremation_list_is_alive(ground: Any) -> None:
    mention = Mention(entity="person", attributes={"name": "name"}, constants={"is_deceased": "true"})
    contract = ground.contract()
    custom = contract.custom.model_copy(update={"mentions": (mention,)})
    ground.contracts = Contracts({contract.id: contract.model_copy(update={"custom": custom})})
    ground.deliver("d1", 10)
    found = [f for f in findings(ground, "foundation") if f.check == "nobody_alive"]
    assert [(f.severity, f.delivery, f.failed) for f in found] == [("critical", "d1", 10)]
    ground.sql("update lake.foundation.person set is_alive = false")
    assert [f for f in findings(ground, "foundation") if f.check == "nobody_alive"] == []


def everything_delivered(contracts: Contracts) -> Ground:
    """Two deliveries of every dataset, the second compared with the first, under a hostile name."""
    relations = {f"staging.checked_{c.model_name}" for c in contracts.values()} | {"quality.profile"}
    deliveries = [
        Delivered(f"{n} it's {dataset}", dataset, "r.parquet", 10, n == 2, (f"1 it's {dataset}",) if n == 2 else ())
        for dataset in contracts
        for n in (1, 2)
    ]
    return Ground(frozenset(relations), tuple(deliveries), "it's/home")


def test_suites_of_every_contract_are_sql(ground: Any) -> None:
    """DuckDB reads every check and profile of the real contracts, and no expectation stands twice."""
    contracts = load_contracts()
    seen = 0
    for layer in LAYERS:
        for suite in suites_of(layer, contracts, everything_delivered(contracts)):
            names = [(c.name, c.column) for c in suite.checks]
            assert len(names) == len(set(names)), suite.name
            parts = (
                f"select {c.failed}, {c.checked}, {c.found_zh}, {c.found_en}, {c.example}, {c.entities}, {c.rows_where or 1} where {c.condition}"
                for c in suite.checks
            )
            for sql in (suite.profile, *suite.prepare, *parts):
                assert len(ground.con.extract_statements(sql)) == 1, sql
            seen += 1
    assert seen > len(contracts)
