"""The whole road on a small labelled city: conservation, repetition, a second month, increments against a full rebuild."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.fingerprint import fingerprint
from townlake import steps
from townlake.why import explain_entity
from warehouse.errors import EnvironmentFault, GateStopped, WrongUse
from warehouse.home import Home
from warehouse.lake import published_snapshot, reading

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.xdist_group("road")]


def run(home: Home, landing: Path) -> dict[str, object]:
    steps.ingest(home, landing)
    return steps.build(home)


@pytest.fixture(scope="module")
def built(first_month: Home) -> Home:
    return first_month


FLOORS = {"person": (0.999, 0.99), "organisation": (0.999, 0.99), "place": (0.999, 0.45)}
"""Pairwise precision and recall that the generated city, which has no address library, must not fall below."""


def test_linkage_is_as_right_as_ever(built: Home, small_city: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "linkage.py"
    printed = subprocess.run(
        [sys.executable, str(script), str(built.root), str(small_city / "truth"), "--json"],
        capture_output=True,
        check=True,
    ).stdout
    found = json.loads(printed)
    for entity, (precision, recall) in FLOORS.items():
        figures = found[entity]["all"]
        assert figures["pair_precision"] >= precision, (entity, figures)
        assert figures["pair_recall"] >= recall, (entity, figures)
    # of rows without a usable number a small city has few
    assert found["person"]["no_usable_number"]["pair_precision"] >= 0.98


def test_the_open_version_of_the_history_is_the_golden_record(built: Home) -> None:
    assert one(
        built,
        """select count(*) from foundation.person as now
           left join foundation.person_history as version on version.person_id = now.person_id and version.valid_to is null
           where version.person_id is null or version.name is distinct from now.name or version.id_number is distinct from now.id_number
              or version.phone is distinct from now.phone or version.residence_place_id is distinct from now.residence_place_id
              or version.registered_place_id is distinct from now.registered_place_id""",
    ) == (0,)


def test_versions_of_a_place_follow_each_other(two_months: Home) -> None:
    places, gaps, opened = one(
        two_months,
        """with version as (
               select *, lead(valid_from) over (partition by place_id order by valid_from) as next_from from foundation.place_history)
           select (select count(distinct place_id) from foundation.place_mention where place_id is not null)
                      - count(distinct place_id),
                  count(*) filter (where valid_to is distinct from next_from),
                  count(*) filter (where valid_to is null) - count(distinct place_id)
           from version""",
    )
    assert (places, gaps, opened) == (0, 0, 0)


@pytest.fixture
def copy(built: Home, copied: Callable[[Home], Home]) -> Home:
    """A copy of that home to spoil."""
    return copied(built)


def one(home: Home, sql: str) -> tuple[object, ...]:
    with reading(home) as con:
        row = con.execute(sql).fetchone()
        assert row is not None
        return row


def test_every_row_read_is_accepted_or_quarantined(built: Home, small_city: Path) -> None:
    truth = pl.read_parquet(small_city / "truth" / "mention.parquet")
    expected = truth.filter((pl.col("row_kind") == "data") & (pl.col("period") == 1)).height
    read, accepted, quarantined, open_rows = one(
        built,
        """select sum(data_rows), sum(accepted), sum(quarantined), (select count(*) from foundation.quarantine)
           from foundation.delivery where status = 'taken'""",
    )
    assert read == accepted + quarantined == expected
    assert open_rows == quarantined > 0
    every = one(
        built, "select count(*) from foundation.delivery where status = 'taken' and data_rows <> accepted + quarantined"
    )
    assert every == (0,)


def test_all_eight_datasets_are_taken_and_the_rest_is_refused_with_a_reason(built: Home) -> None:
    assert one(built, "select count(distinct dataset) from foundation.delivery where status = 'taken'") == (8,)
    assert one(
        built, "select count(*) from foundation.delivery where status = 'refused' and coalesce(reason, '') = ''"
    ) == (0,)


def test_people_with_a_sound_number_are_never_merged_or_split(built: Home, small_city: Path) -> None:
    truth = pl.read_parquet(small_city / "truth" / "mention.parquet").filter(
        (pl.col("row_kind") == "data") & (pl.col("period") == 1)
    )
    with reading(built) as con:
        found = con.execute(
            "select file, coalesce(sheet, '') as sheet, row_number, person_id from foundation.person_mention "
            "where role = 'subject' and link_rule = 'verified_identifier'"
        ).pl()
    truth = truth.with_columns(file=pl.col("file").str.replace(r"^landing/", ""))
    joined = found.join(truth.filter(pl.col("person_key") != ""), on=["file", "row_number"], how="inner").filter(
        (pl.col("sheet") == pl.col("sheet_right")) | (pl.col("sheet_right") == "") | (pl.col("sheet") == "")
    )
    assert joined.height > 500
    assert (
        joined.group_by("person_id").agg(pl.col("person_key").n_unique()).filter(pl.col("person_key") > 1).height <= 2
    )  # two people on one number
    by_person = joined.group_by("person_key").agg(pl.col("person_id").n_unique())
    assert by_person.filter(pl.col("person_id") > 1).height <= 3  # one person with two numbers


def test_firms_and_events_are_classified_and_say_by_whom(built: Home) -> None:
    firms, coded, unsaid, events, told, sent = one(
        built,
        """select (select count(*) from foundation.organisation where business_scope is not null),
                  (select count(*) from foundation.organisation where business_scope is not null and industry_code is not null),
                  (select count(*) from foundation.organisation where (industry_code is null) <> (industry_source is null)),
                  (select count(*) from foundation.event where description is not null),
                  (select count(*) from foundation.event where description is not null and category is not null),
                  (select count(*) from foundation.event where category is not null and department is not null)""",
    )
    assert firms > 0
    assert coded / firms > 0.95
    assert unsaid == 0
    assert told / events > 0.95
    assert sent == told


def test_a_second_run_has_nothing_to_do(copy: Home, small_city: Path) -> None:
    before = published_snapshot(copy)
    found, receipts = steps.ingest(copy, small_city / "landing")
    assert not found.claims
    assert not receipts
    assert steps.build(copy)["reason"] == "nothing new"
    assert published_snapshot(copy) == before


def test_why_names_file_sheet_and_row_of_every_value(built: Home) -> None:
    (person,) = one(
        built,
        "select person_id from foundation.person_mention group by 1 having count(distinct dataset) > 1 order by 1 limit 1",
    )
    answer = explain_entity(built, "person", str(person))
    assert {"id_number", "name"} <= set(answer["attributes"])
    for values in answer["attributes"].values():
        assert sum(v["is_chosen"] for v in values) == 1
        assert all(row["file"] and row["row_number"] for v in values for row in v["rows"])
    for attribute in ("id_number", "name", "sex_code", "birth_date"):
        if attribute in answer["attributes"]:
            chosen = next(v for v in answer["attributes"][attribute] if v["is_chosen"])
            assert chosen["value"] == str(answer["record"][attribute])


def test_why_of_an_unknown_id_is_wrong_use(built: Home) -> None:
    with pytest.raises(WrongUse, match="there is no person"):
        explain_entity(built, "person", "P0")


def test_the_allowance_mart_answers_both_questions(built: Home) -> None:
    findings = dict(
        one(
            built,
            "select map_from_entries(list((finding, n))) from (select finding, count(*) as n from marts.policy_old_age_allowance group by 1)",
        )[0]
    )  # type: ignore[call-overload]
    assert findings.get("entitled_not_paid", 0) > 0
    assert findings.get("paid", 0) > 0
    assert one(
        built,
        "select count(*) from marts.policy_old_age_allowance where finding = 'entitled_not_paid' and (age_years < 80 or is_paid)",
    ) == (0,)


def test_increments_equal_a_full_rebuild(built: Home, two_months: Home, copied: Callable[[Home], Home]) -> None:
    assert set(_ids(built)) <= set(_ids(two_months)), "an id of the first month was lost"
    increments, full = fingerprint(two_months), copied(two_months)
    assert steps.build(full, full=True)["published"]
    rebuilt = fingerprint(full)
    assert {t: (rebuilt.get(t), increments[t]) for t in increments if rebuilt.get(t) != increments[t]} == {}


def _ids(home: Home) -> Iterator[str]:
    with reading(home) as con:
        yield from (r[0] for r in con.execute("select person_id from foundation.person").fetchall())


def test_the_next_full_delivery_supersedes_the_last(two_months: Home) -> None:
    current = one(
        two_months,
        """select count(distinct delivery_id) from foundation.person_mention
           where dataset = 'gongan.changzhu' and is_current""",
    )
    assert current == (1,)
    assert one(
        two_months,
        "select count(distinct delivery_id) from foundation.person_mention where dataset = 'gongan.changzhu'",
    ) == (2,)


def test_a_critical_gate_leaves_the_last_good_foundation(copy: Home, small_city: Path) -> None:
    before, shown = published_snapshot(copy), fingerprint(copy)
    landing = copy.root / "poisoned"
    shutil.copytree(small_city / "landing" / "gongan", landing / "gongan")
    for path in (landing / "gongan").glob("*.csv"):
        lines = path.read_bytes().decode("gb18030").splitlines()
        spoiled = [
            lines[0],
            *(
                f"1{line[1:17]}{(int(line[17]) + 1) % 10 if line[17].isdigit() else 0}{line[18:]}"
                for line in lines[1:]
                if len(line) > 20
            ),
        ]
        path.write_bytes("\r\n".join(spoiled).encode("gb18030"))
    steps.ingest(copy, landing)
    with pytest.raises(GateStopped, match=r"gongan|常住人口"):
        steps.build(copy)
    assert published_snapshot(copy) == before
    assert fingerprint(copy) == shown
    with reading(copy, tip=True) as con:
        stopped = con.execute(
            "select count(*) from foundation.build where not published and reason is not null"
        ).fetchone()
    assert stopped == (1,)


def test_an_empty_landing_folder(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home").prepare()
    found, receipts = steps.ingest(home)
    assert (found.files, receipts) == (0, [])
    assert steps.build(home)["reason"] == "nothing new"


def test_a_lake_of_another_version_is_refused_and_left_alone(copy: Home) -> None:
    catalogue = Path(copy.catalog.removeprefix("sqlite:"))
    with sqlite3.connect(catalogue) as con:
        con.execute("update ducklake_metadata set value = '9.9' where key = 'version'")
    con.close()
    before = catalogue.read_bytes()
    with pytest.raises(EnvironmentFault, match="another version"):
        steps.register(copy)
    assert catalogue.read_bytes() == before


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path, small_city: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        home = Home.at(disk / "home")
        outcome = subprocess.run(
            [sys.executable, "-m", "townlake", "run", "--landing", str(small_city / "landing")],
            capture_output=True, text=True, check=False, env={**os.environ, "TOWNLAKE_HOME": str(home.root)},
        )  # fmt: skip
        assert outcome.returncode == 3, outcome.stderr[-2000:]
        assert "the disk is full" in outcome.stderr
        assert "Traceback" not in outcome.stderr
        subprocess.run(["mount", "-o", "remount,size=300m", str(disk)], check=True)
        run(home, small_city / "landing")
        assert one(home, "select count(distinct dataset) from foundation.delivery where status = 'taken'") == (8,)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_receipts_name_the_delivery_and_its_rows(built: Home) -> None:
    receipts = [json.loads(p.read_text(encoding="utf-8")) for p in built.outbox.glob("*/*.json")]
    taken = [r for r in receipts if r["status"] == "taken"]
    assert len(taken) >= 8
    for receipt in taken:
        assert (built.root / receipt["raw"]).exists()
        assert sum(1 for _ in built.outbox.glob(f"*/*{receipt['delivery_id'][:12]}.html")) == 1
        assert sum(1 for _ in built.outbox.glob(f"*/*{receipt['delivery_id'][:12]}.xlsx")) == 1


def test_agreement_is_counted_in_parts_as_at_once(two_months: Home) -> None:
    """What the scorecard says of rows beside their people does not hang on how many contents are held at a time."""
    from quality import scorecard

    with reading(two_months) as con:
        con.execute(
            "create temp table scored as select delivery_id from lake.foundation.delivery where status = 'taken'"
        )
        expected = con.execute(
            """select mention.delivery_id,
                      count(*) + count(content.sex_code || p.sex_code) + count(content.birth_date::varchar || p.birth_date::varchar) as b
               from lake.foundation.person_mention as mention
               join lake.intermediate.int_person__content as content using (content_id)
               join lake.foundation.person as p using (person_id)
               where content.name is not null and p.name is not null group by 1 order by 1"""
        ).fetchall()
        for parts in (1, 7):
            con.execute("create or replace temp table score_agreed (delivery_id varchar, a bigint, b bigint)")
            for part in range(parts):
                con.execute(scorecard._AGREED.format(parts=parts, part=part))
            found = con.execute("select delivery_id, sum(a), sum(b) from score_agreed group by 1 order by 1").fetchall()
            assert [(d, b) for d, _, b in found] == expected
            assert all(0.9 * b < a <= b for _, a, b in found)
