"""Gates on a lake of the shape dbt leaves: what stops, what does not, and what is said about it."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import Any

import pytest

from quality import gates, results
from quality.gates import DATA_DOCS, GateReport, run_gate
from warehouse.errors import EnvironmentFault, GateStopped, WrongUse
from warehouse.lake import writing

pytest.importorskip("great_expectations")

UNKNOWN = (
    "[{'rule': 'code_unknown', 'column': 'sex_code', 'header': '性别', 'severity': 'warning', 'gbt36344': '0105', "
    "'outcome': 'nulled', 'raw': 'x', 'value': null}]"
)


def names(report: GateReport, severity: str) -> set[str]:
    return {f.expectation for f in report.failures if f.severity == severity}


def looked_at(lake: Any, layer: str) -> GateReport:
    """What the gate would report, without writing it or stopping."""
    results = gates.examine(lake.home, layer, lake.contracts).results
    passed = all(r.success for r in results if r.severity == "critical")
    return GateReport("b1", layer, passed, "", 0.0, len(results), {}, results)


# ---- staging --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["staging", "foundation", "marts"])
def test_an_empty_lake_passes(lake: Any, layer: str) -> None:
    report = run_gate(lake.home, layer, lake.contracts, "b1")
    assert report.passed
    assert report.failures == []


def test_a_lake_without_catalogue_passes(lake: Any, tmp_path: Any) -> None:
    home = replace(lake.home, root=tmp_path / "new", catalog=f"sqlite:{tmp_path / 'new' / 'c.sqlite'}")
    assert run_gate(home.prepare(), "staging", lake.contracts, "b1").expectations == 0


def test_a_sound_delivery_passes_and_results_are_tables(lake: Any) -> None:
    lake.deliver("d1", 100, refused=1)
    report = run_gate(lake.home, "staging", lake.contracts, "b1")
    assert report.passed
    assert report.failed == {"critical": 0, "warning": 0, "info": 0}
    rows = lake.sql("select build_id, layer, success, ran_at is not null from lake.quality.gate_result")
    assert len(rows) == report.expectations > 10
    assert set(rows) == {("b1", "staging", True, True)}


def test_gx_own_pages_are_written_on_request(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.deliver("d1", 100, refused=1)
    run_gate(lake.home, "staging", lake.contracts, "b1")
    assert not list(lake.home.reports.rglob("data_docs"))
    run_gate(lake.home, "staging", lake.contracts, "b2", data_docs=True)
    monkeypatch.setenv(DATA_DOCS, "1")
    run_gate(lake.home, "staging", lake.contracts, "b3")
    assert list((lake.home.reports / "b3").rglob("*.html"))
    pages = list((lake.home.reports / "b2" / "data_docs" / "staging").glob("*.html"))
    assert pages
    suites = {s for (s,) in lake.sql("select distinct suite from lake.quality.gate_result where build_id = 'b2'")}
    assert len(pages) == len(suites)
    assert all("Expectation" in page.read_text(encoding="utf-8") for page in pages)


def test_mostly_refused_stops_and_names_the_file(lake: Any) -> None:
    lake.deliver("d1", 100, refused=2)
    lake.deliver("d2", 100, refused=75)
    with pytest.raises(
        GateStopped, match=r"d2\.csv \(delivery d2\).*at most 50 %.*75 of 100 rows.*75\.0 %.*gates\.html"
    ) as stopped:
        run_gate(lake.home, "staging", lake.contracts, "b1")
    assert "d1" not in str(stopped.value)
    assert stopped.value.exit_code == 1
    rows = lake.sql(
        "select expectation, failed_rows, reason from lake.quality.gate_result where severity = 'critical' and not success"
    )
    assert [r[:2] for r in rows] == [("quarantined_high", 75)]
    assert "d2.csv" in rows[0][2] and "被隔离的行不超过 50 %" in rows[0][2]
    written = json.loads((lake.home.reports / "b1" / "gate_staging.json").read_text(encoding="utf-8"))
    assert written["passed"] is False
    assert (
        written["failures"][0] | {"file": "d2.csv", "delivery_id": "d2", "dataset": "ceshi.renyuan"}
        == written["failures"][0]
    )


def test_warnings_do_not_stop(lake: Any) -> None:
    lake.deliver("d1", 100, refused=11, key="case when n < 50 then 'same' || n // 2 else 'k' || n end")
    report = run_gate(lake.home, "staging", lake.contracts, "b1")
    assert report.passed
    assert report.failed == {"critical": 0, "warning": 2, "info": 0}
    assert names(report, "warning") == {"quarantined", "key_unique"}


@pytest.mark.parametrize("receipt", [99, 101])
def test_rows_are_conserved(lake: Any, receipt: int) -> None:
    lake.deliver("d1", 100, refused=3, receipt=receipt)
    with pytest.raises(GateStopped, match=rf"d1\.csv.*receipt {receipt} ≠ accepted 97 \+ quarantined 3"):
        run_gate(lake.home, "staging", lake.contracts, "b1")


def test_conservation_holds_for_old_deliveries_too_but_content_is_not_looked_at_again(lake: Any) -> None:
    lake.deliver("d1", 100, name="case when n > 60 then '张' end")
    lake.publish("d1")
    lake.deliver("d2", 100)
    assert run_gate(lake.home, "staging", lake.contracts, "b1").passed
    with pytest.raises(GateStopped, match="required name"):
        run_gate(lake.home, "staging", lake.contracts, "b1", full=True)
    lake.sql("delete from lake.staging.checked_ceshi__renyuan where delivery_id = 'd1' and row_number = 7")
    with pytest.raises(GateStopped, match="receipt 100 ≠ accepted 99"):
        run_gate(lake.home, "staging", lake.contracts, "b1")


def test_a_delivery_without_contract_stops(lake: Any) -> None:
    lake.sql(
        "insert into lake.foundation.delivery by name select 'd9' as delivery_id, 'jiu.shuju' as dataset, 'jiu.csv' as file, "
        "'taken' as status, 5 as data_rows, 5 as accepted, 0 as quarantined"
    )
    with pytest.raises(GateStopped, match=r"jiu\.csv \(delivery d9\).*have a contract"):
        run_gate(lake.home, "staging", lake.contracts, "b1")


def test_a_table_that_is_not_there_stops_once_something_was_delivered(lake: Any) -> None:
    lake.deliver("d1", 10)
    lake.sql("drop table lake.staging.checked_ceshi__renyuan")
    with pytest.raises(GateStopped, match=r"staging\.checked_ceshi__renyuan does not exist"):
        run_gate(lake.home, "staging", lake.contracts, "b1")


def test_a_column_that_is_not_there_stops(lake: Any) -> None:
    lake.deliver("d1", 10)
    lake.sql("alter table lake.staging.checked_ceshi__renyuan drop column sex_code")
    with pytest.raises(GateStopped, match=r"cannot be checked.*sex_code"):
        run_gate(lake.home, "staging", lake.contracts, "b1")


def test_running_again_replaces_the_results(lake: Any) -> None:
    lake.deliver("d1", 100, refused=80)
    for _ in range(2):
        with pytest.raises(GateStopped):
            run_gate(lake.home, "staging", lake.contracts, "b1")
    lake.sql(
        "update lake.staging.checked_ceshi__renyuan set is_refused = false",
        "update lake.foundation.delivery set accepted = 100, quarantined = 0",
    )
    report = run_gate(lake.home, "staging", lake.contracts, "b1")
    rows = lake.sql(
        "select count(*), count(*) filter (not success) from lake.quality.gate_result where build_id = 'b1'"
    )
    assert rows == [(report.expectations, 0)]


def test_hostile_file_names(lake: Any) -> None:
    lake.deliver("d1", 100, refused=90)
    lake.sql("update lake.foundation.delivery set file = 'a{b}%s:c''\"<script>.csv'")
    with pytest.raises(GateStopped, match=re.escape("a{b}%s:c'\"<script>.csv")):
        run_gate(lake.home, "staging", lake.contracts, "b1")
    page = (lake.home.reports / "b1" / "gates.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "a{b}%s:c&#39;&#34;&lt;script&gt;.csv" in page


def test_a_full_disk_is_a_fault_of_the_environment(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("quality.report.write_json", full)
    with pytest.raises(EnvironmentFault, match="disk is full"):
        run_gate(lake.home, "staging", lake.contracts, "b1")


def test_unknown_layer(lake: Any) -> None:
    with pytest.raises(WrongUse, match="no gate 'landing'"):
        run_gate(lake.home, "landing", lake.contracts, "b1")


# ---- raw, and what is kept in tables -----------------------------------------------------------------------------------


def raw_file(lake: Any, delivery: str, sql: str) -> None:
    """Raw Parquet of a delivery, and the receipt's counts for it: three data rows and a note."""
    (lake.home.raw / "x").mkdir(parents=True, exist_ok=True)
    with writing(lake.home) as con:
        con.execute(f"copy ({sql}) to '{lake.home.raw}/x/{delivery}.parquet' (format parquet)")
    lake.sql(
        f"""insert into lake.foundation.delivery by name
            select '{delivery}' as delivery_id, 'ceshi.renyuan' as dataset, '{delivery}.csv' as file, 'taken' as status,
                   date '2026-10-31' as delivered_on, now() as received_at, 'raw/x/{delivery}.parquet' as raw, 3 as data_rows, 1 as note_rows"""
    )


RAW = (
    "select 'ceshi.renyuan' as dataset, '{0}.csv' as file, null::varchar as sheet, n::bigint as row_number, '{0}' as delivery_id, "
    "now() as received_at, date '2026-10-31' as delivered_on, case when n < 4 then 'data' else 'note' end as row_kind, 'x' as id_number "
    "from range(1, 5) as r(n)"
)


def test_raw_files_say_what_the_receipts_say(lake: Any) -> None:
    raw_file(lake, "d1", RAW.format("d1"))
    report = run_gate(lake.home, "raw", lake.contracts, "b1")
    assert report.failures == []
    assert report.expectations == 5


@pytest.mark.parametrize(
    ("change", "expectation"),
    [
        ("select * from ({0}) where row_number <> 2", "rows_as_receipt"),
        ("select * replace ('data' as row_kind) from ({0})", "rows_as_receipt"),
        ("select * replace (1::bigint as row_number) from ({0})", "locator_unique"),
        ("select * replace (null::bigint as row_number) from ({0})", "locator_present"),
        ("select * replace (7 as id_number) from ({0})", "cells_are_text"),
    ],
)
def test_a_raw_file_that_differs_is_named(lake: Any, change: str, expectation: str) -> None:
    raw_file(lake, "d1", RAW.format("d1"))
    raw_file(lake, "d2", change.format(RAW.format("d2")))
    with pytest.raises(GateStopped, match=r"d2\.csv"):
        run_gate(lake.home, "raw", lake.contracts, "b1")
    assert {(f.expectation, f.delivery_id) for f in looked_at(lake, "raw").failures} >= {(expectation, "d2")}
    assert {f.delivery_id for f in looked_at(lake, "raw").failures} == {"d2"}


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: p.write_bytes(p.read_bytes()[:100])])
def test_a_raw_file_that_is_gone_or_cut_is_named(lake: Any, damage: Any) -> None:
    for delivery in ("d1", "d2"):
        raw_file(lake, delivery, RAW.format(delivery))
    damage(lake.home.raw / "x" / "d2.parquet")
    assert {(f.expectation, f.delivery_id) for f in looked_at(lake, "raw").failures} == {("file_whole", "d2")}


def test_rules_and_samples_are_tables_without_values(lake: Any) -> None:
    lake.deliver("d1", 100, name="case when n >= 20 then '张三丰' end",
                 issues=f"case when n between 40 and 49 then {UNKNOWN} else [] end")  # fmt: skip
    for _ in range(2):
        run_gate(lake.home, "staging", lake.contracts, "b1")
    rules = lake.sql(
        """select "rule", "column", dimension, checked_rows, failed_rows, department from lake.quality.rule_result
           where build_id = 'b1' and failed_rows > 0 and delivery_id = 'd1' and "rule" not like 'holds_%' order by "rule", outcome"""
    )
    assert rules == [
        ("code_unknown", "sex_code", "0105", 100, 10, "ceshi"), ("code_unknown", "sex_code", "0105", 110, 10, "ceshi"),
        ("code_unknown_high", "sex_code", "0105", 110, 10, "ceshi"), ("required_missing", "name", "0201", 100, 20, "ceshi"), ("required_missing_high", "name", "0201", 100, 20, "ceshi"),
    ]  # fmt: skip
    samples = lake.sql(
        'select "rule", list(row_number order by row_number), any_value(file) from lake.quality.failing_sample group by "rule" order by "rule"'
    )
    assert samples == [
        ("code_unknown", [40, 41, 42, 43, 44], "d1.csv"),
        ("required_missing", [0, 1, 2, 3, 4], "d1.csv"),
    ]
    columns = {row[0] for row in lake.sql("describe lake.quality.failing_sample")}
    assert not columns & {"value", "raw", "name"}


def test_a_delivery_that_differs_and_is_right_is_let_pass_on_request(lake: Any) -> None:
    lake.deliver("d1", 100)
    lake.publish("d1")
    lake.deliver("d2", 40)
    with pytest.raises(GateStopped, match=r"d2\.csv.*--hold d2"):
        run_gate(lake.home, "staging", lake.contracts, "b1")
    with writing(lake.home) as con:
        with pytest.raises(WrongUse, match="say why"):
            results.accept_drift(con, "d2", by="t", reason=" ")
        with pytest.raises(WrongUse, match="0 deliveries"):
            results.accept_drift(con, "nothing", by="t", reason="r")
        assert results.accept_drift(con, "d2", by="t", reason="撤并") == "d2"
    lake.sql("update lake.foundation.delivery set accepted = 40, quarantined = 0 where delivery_id = 'd2'")  # made anew
    report = run_gate(lake.home, "staging", lake.contracts, "b1")
    assert {f.expectation for f in report.failures if f.severity == "warning"} >= {"drift_rows", "drift_keys"}
    assert lake.sql("select accepted_by, reason from lake.quality.drift_accepted") == [("t", "撤并")]


def test_profiles_are_kept_so_that_old_rows_are_not_passed_over_again(lake: Any) -> None:
    lake.deliver("d1", 100)
    run_gate(lake.home, "staging", lake.contracts, "b1")
    lake.publish("d1")
    lake.sql(
        "delete from lake.staging.checked_ceshi__renyuan",
        "update lake.foundation.delivery set accepted = 0, data_rows = 0",
    )
    lake.deliver("d2", 50)
    found = {f.expectation for f in looked_at(lake, "staging").failures if f.severity == "critical"}
    assert "drift_rows_high" in found


# ---- foundation and marts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["foundation", "marts"])
def test_a_sound_foundation_passes(foundation: Any, layer: str) -> None:
    report = run_gate(foundation.home, layer, foundation.contracts, "b1")
    assert report.failures == []
    assert report.expectations > 10


def test_mention_findings_name_the_delivery(foundation: Any) -> None:
    foundation.sql("update lake.foundation.event_mention set event_id = 'E9'")
    with pytest.raises(GateStopped, match=r"and 1 more|d1\.csv"):
        run_gate(foundation.home, "foundation", foundation.contracts, "b1")
    report = looked_at(foundation, "foundation")
    found = [f for f in report.failures if f.suite == "foundation.event_mention"]
    assert {(f.expectation, f.delivery_id, f.file, f.example) for f in found} == {
        ("entity_exists", "d1", "d1.csv", "E9"),
        ("has_mention", None, None, "E1"),
    }


# ---- the real contracts, and size ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_million_rows_cost_seconds(lake: Any) -> None:
    lake.deliver(
        "d1", 1_000_000, refused=10_000, key="'37060219' || (n + 1000000000)", name="'张' || n % 9000",
        sex="case when n % 20 = 0 then null else '1' end", issues=f"case when n % 20 = 0 then {UNKNOWN} else [] end",
    )  # fmt: skip
    gates.examine(lake.home, "staging", lake.contracts)  # importing Great Expectations is no part of the measurement
    began = time.perf_counter()
    report = run_gate(lake.home, "staging", lake.contracts, "b1")
    assert report.passed
    assert time.perf_counter() - began < 30
    with writing(lake.home) as con:
        assert con.execute("select max(checked_rows) from lake.quality.gate_result").fetchone() == (1_000_000,)
