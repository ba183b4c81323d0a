"""Holding and withdrawing deliveries: the foundation is then what it would have been without them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from townlake import steps
from townlake.decisions import decide, deliveries_of
from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import quote, reading

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.xdist_group("withdraw")]

TAKEN_OUT = ("gongan/常住人口", "minzheng/殡葬火化", "shichang/市场主体")
"""Two full registers and a delta, each of the first month."""
ENTITY_OF = {
    "person_id": "person", "legal_person_id": "person", "organisation_id": "organisation", "event_id": "event",
    "facility_id": "facility", "place_id": "place", "parent_place_id": "place", "residence_place_id": "place",
    "registered_place_id": "place",
}  # fmt: skip
NOT_COMPARED = {"build", "delivery", "delivery_decision", "entity_change"}


def without_ids(home: Home) -> dict[str, set[tuple[object, ...]]]:
    """Rows of every table of foundation and marts, entity ids written as what they stand for, clocks left out.

    An id is minted from what was said first, so it may differ between a lake that once held a delivery and one that never did.
    """
    out = {}
    with reading(home) as con:
        tables = con.execute(
            """select table_schema, table_name from information_schema.tables
               where table_catalog = 'lake' and table_schema in ('foundation', 'marts') order by all"""
        ).fetchall()
        for schema, table in tables:
            if table not in NOT_COMPARED:
                out[f"{schema}.{table}"] = _rows(con, schema, table)
    return out


def _rows(con, schema: str, table: str) -> set[tuple[object, ...]]:  # type: ignore[no-untyped-def]
    columns = [
        c
        for (c,) in con.execute(
            "select column_name from information_schema.columns where table_catalog = 'lake' and table_schema = ? and table_name = ?",
            [schema, table],
        ).fetchall()
        if c != "received_at"
    ]
    shown, joins = [], []
    for number, column in enumerate(columns):
        entity = ENTITY_OF.get(column)
        if column == "subject_id":
            entity = "person"
        if entity:
            joins.append(f"left join lake.registry.{entity} as r{number} on t.{quote(column)} = r{number}.{entity}_id")
            shown.append(f"r{number}.cluster_key")
        elif column == "entity_id":
            kinds = ("person", "organisation", "place")  # a household's id is made of its number, not minted
            joins += [f"left join lake.registry.{k} as e_{k} on t.entity_id = e_{k}.{k}_id" for k in kinds]
            shown.append(f"coalesce({', '.join(f'e_{k}.cluster_key' for k in kinds)}, t.entity_id)")
        elif column == "value":
            joins.append("left join lake.registry.place as rv on t.value = rv.place_id")
            joins.append("left join lake.registry.person as rp on t.value = rp.person_id")
            shown.append("coalesce(rv.cluster_key, rp.cluster_key, t.value)")
        else:
            shown.append(f"t.{quote(column)}::varchar")
    sql = f"select {', '.join(shown)} from lake.{quote(schema)}.{quote(table)} as t {' '.join(joins)}"
    return set(con.execute(sql).fetchall())


def run(home: Home, *landings: Path) -> None:
    """Takes the landings one after the other and builds once."""
    for landing in landings:
        steps.ingest(home, landing)
    assert steps.build(home)["published"]


@pytest.fixture(scope="module")
def with_everything(two_months: Home) -> Home:
    return two_months


def of_first_month(home: Home) -> list[str]:
    """Ids of the deliveries to take out."""
    found = [d for d in deliveries_of(home, status="taken") if d["file"].startswith(TAKEN_OUT)]
    first = {}
    for delivery in sorted(found, key=lambda d: (d["delivered_on"], d["received_at"]), reverse=True):
        first[delivery["dataset"]] = delivery["delivery_id"]
    assert len(first) == len(TAKEN_OUT)
    return sorted(first.values())


@pytest.mark.long
def test_withdrawn_is_as_if_never_delivered(with_everything: Home, small_city: Path, tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    shutil.copytree(with_everything.root, home.root)
    gone = of_first_month(home)
    gone_files = {f for d in deliveries_of(home) if d["delivery_id"] in gone for f in (d["file"], *d["aliases"])}
    for delivery in gone:
        assert decide(home, delivery, "withdraw", by="tester", reason="wrong month")["status"] == "withdrawn"
    assert steps.build(home)["published"]

    landing = tmp_path / "landing"
    shutil.copytree(small_city / "landing", landing)
    for file in gone_files:
        (landing / file).unlink()
    other = Home.at(tmp_path / "other").prepare()
    run(other, landing, small_city / "landing_2")

    withdrawn, never = without_ids(home), without_ids(other)
    assert withdrawn.keys() == never.keys()
    differing = {
        t: (len(withdrawn[t] - never[t]), len(never[t] - withdrawn[t])) for t in never if withdrawn[t] != never[t]
    }
    assert differing == {}
    assert [d["status"] for d in deliveries_of(home) if d["delivery_id"] in gone] == ["withdrawn"] * len(gone)

    # and back again: everything, ids included, as before
    before = with_everything
    for delivery in gone:
        decide(home, delivery, "release", by="tester", reason="was right after all")
    assert steps.build(home)["published"]
    again, everything = without_ids(home), without_ids(before)
    assert {t for t in everything if again[t] != everything[t]} == set()
    ids = "select person_id from foundation.person order by 1"
    with reading(home) as con, reading(before) as con_before:
        assert con.execute(ids).fetchall() == con_before.execute(ids).fetchall()


def test_a_held_delivery_stays_out_and_the_build_goes_on(with_everything: Home, tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    shutil.copytree(with_everything.root, home.root)
    delivery = of_first_month(home)[0]
    decide(home, delivery[:10], "hold", by="tester", reason="to be checked")
    assert steps.unbuilt(home)
    assert steps.build(home)["published"]
    assert not steps.unbuilt(home)
    assert steps.build(home)["reason"] == "nothing new"
    with reading(home) as con:
        for table in ("person_mention", "organisation_mention", "place_mention", "event_mention", "quarantine"):
            assert con.execute(
                f"select count(*) from foundation.{table} where delivery_id = ?", [delivery]
            ).fetchone() == (0,)
        decision = con.execute("select decision, decided_by, reason from foundation.delivery_decision").fetchall()
        totals = con.execute(
            "select sum(data_rows) = sum(accepted + quarantined) from foundation.delivery where status = 'taken'"
        ).fetchone()
    assert decision == [("hold", "tester", "to be checked")]
    assert totals == (True,)


def test_what_cannot_be_decided_is_said(with_everything: Home) -> None:
    with pytest.raises(WrongUse, match="there is no delivery"):
        decide(with_everything, "nowhere.csv", "hold", by="tester")
    delivery = of_first_month(with_everything)[0]
    assert decide(with_everything, delivery, "release", by="tester")["status"] == "taken"
