"""Lakes of other versions: refused with a sentence that says what to do, brought up to date after a safety copy, ids kept or told."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.kept import built, contents
from townlake import steps, upgrade
from townlake.doctor import examine
from warehouse import backup, migrate
from warehouse.errors import EnvironmentFault, WrongUse
from warehouse.home import Home
from warehouse.lake import reading, writing
from warehouse.lock import lake_writer


def change(home: Home, *statements: str) -> None:
    with lake_writer(home, "test"), writing(home) as con:
        for statement in statements:
            con.execute(statement)


UNVERSIONED = (
    "drop table registry.lake_version",
    "alter table registry.person drop column minted_on",
    "drop table registry.link_decision",
)
"""A lake from before there were versions, decisions and one of the columns."""


def test_a_new_lake_is_of_this_version_and_not_migrated(kept: Home) -> None:
    before = contents(kept)
    done = upgrade.upgrade(kept)
    assert (done["from"], done["steps"], done["backup"]) == (migrate.VERSION, [], None)
    assert contents(kept) == before
    assert steps.register(kept), "not refused; its build was made without tags, so there is something to build"


def test_an_older_lake_is_refused_by_name_and_left_alone(kept: Home) -> None:
    change(kept, *UNVERSIONED)
    before = contents(kept)
    with pytest.raises(EnvironmentFault, match="townlake migrate") as refused:
        steps.register(kept)
    assert refused.value.exit_code == 3
    assert contents(kept) == before
    finding = next(f for f in examine(kept) if f["what"] == "lake version")
    assert not finding["ok"]
    assert "townlake migrate" in finding["detail"]


def test_a_newer_lake_is_refused_and_left_alone(kept: Home) -> None:
    change(kept, f"update registry.lake_version set version = {migrate.VERSION + 1}")
    with sqlite3.connect(kept.catalog.removeprefix("sqlite:")) as con:
        con.execute("delete from ducklake_metadata where key = 'target_file_size'")
    con.close()
    before = contents(kept)
    for act in (steps.register, upgrade.upgrade):
        with pytest.raises(EnvironmentFault, match="newer townlake"):
            act(kept)
    assert contents(kept) == before
    with reading(kept, tip=True) as lake:
        assert "target_file_size" not in {name for name, *_ in lake.execute("from ducklake_options('lake')").fetchall()}
    assert "newer" in next(f for f in examine(kept) if f["what"] == "lake version")["detail"]


def test_migrated_after_a_named_safety_copy_it_has_what_a_new_lake_has(kept: Home, tmp_path: Path) -> None:
    change(kept, *UNVERSIONED)
    before, said = contents(kept), []
    done = upgrade.upgrade(kept, say=said.append)
    assert (done["from"], done["to"], done["full_build_owed"]) == (0, migrate.VERSION, True)
    dest = kept.root.with_name(kept.root.name + "-backups")
    assert str(dest) in str(done["backup"])
    assert any(str(dest) in line for line in said)
    with reading(kept, tip=True) as con:
        assert migrate.missing_columns(con, upgrade.kept_tables()) == []
        assert con.execute("select count(*) from registry.link_decision").fetchone() == (0,)
    old = Home.throwaway(tmp_path / "old")
    backup.restore(dest, old)
    assert contents(old) == before
    assert upgrade.upgrade(kept)["steps"] == []


def test_a_migrated_lake_waits_for_its_full_build(kept: Home) -> None:
    change(kept, *UNVERSIONED)
    upgrade.upgrade(kept)
    with pytest.raises(EnvironmentFault, match=r"townlake build --full"):
        steps.register(kept)
    assert steps.register(kept, full=True)
    with writing(kept) as con:
        migrate.note_built(con)
    steps.register(kept)


def test_a_column_that_is_missing_is_an_older_lake_whatever_its_version(kept: Home) -> None:
    change(kept, "alter table foundation.build drop column reason")
    with pytest.raises(EnvironmentFault, match=r"foundation\.build has no column reason"):
        steps.register(kept)
    upgrade.upgrade(kept)
    with reading(kept, tip=True) as con:
        assert con.execute("select count(reason) from foundation.build").fetchone() == (0,)


def test_a_step_that_fails_leaves_the_lake_as_the_last_one_left_it(kept: Home) -> None:
    def first(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("create table lake.registry.one as select 1 as n")

    def second(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("create table lake.registry.two as select 2 as n")
        raise RuntimeError("killed")

    later = [migrate.Step(migrate.VERSION + 1, "one", first), migrate.Step(migrate.VERSION + 2, "two", second)]
    with writing(kept) as con:
        with pytest.raises(RuntimeError, match="killed"):
            migrate.apply(con, later, {}, "safe", lambda _: None)
        assert migrate.version(con) == migrate.VERSION + 1
        assert con.execute("select n from registry.one").fetchone() == (1,)
        with pytest.raises(duckdb.CatalogException):
            con.execute("from registry.two")
        mended = [later[0], migrate.Step(migrate.VERSION + 2, "two", lambda con: None)]
        assert migrate.apply(con, mended, {}, "safe", lambda _: None) == ["two"]


def test_steps_are_in_order_and_end_at_the_version_of_this_code() -> None:
    versions = [step.version for step in upgrade.STEPS]
    assert versions == sorted(set(versions))
    assert versions[-1] == migrate.VERSION


def test_an_id_that_no_row_has_any_more_leads_to_those_its_rows_have(kept: Home) -> None:
    rows = "(values ('d', null, 1, 'subject', 'P1', 'c1'), ('d', null, 2, 'subject', 'P2', 'c2'), ('d', null, 3, 'subject', 'P2', 'c3')) as v(delivery_id, sheet, row_number, role, person_id, content_id)"
    change(
        kept, "drop table registry.lake_version", f"create table foundation.person_mention as from {rows}",
        f"create table intermediate.int_person__mention as select * exclude person_id from {rows}",
    )  # fmt: skip
    upgrade.upgrade(kept)
    change(
        kept,
        """insert into registry.person_link by name select unnest(['c1', 'c2', 'c3']) as content_id,
           unnest(['P1', 'P3', 'P4']) as person_id, 'u' as unit_key""",
        *(f"create table intermediate.int_{e}__mention (delivery_id varchar, sheet varchar, row_number bigint, role varchar, content_id varchar)"
          for e in ("organisation", "place", "event", "facility")),
    )  # fmt: skip
    with writing(kept) as con:
        for _ in range(2):  # a build that is repeated tells it once
            migrate.tell_changed_ids(con)
        told = con.execute("select old_id, new_id, reason from foundation.entity_change order by all").fetchall()
    assert told == [("P2", "P3", "split"), ("P2", "P4", "split")]


def test_a_catalogue_is_not_moved_to_one_that_holds_a_lake(kept: Home, tmp_path: Path) -> None:
    other = built(Home.throwaway(tmp_path / "other"), (3,))
    with pytest.raises(WrongUse, match="holds a lake"):
        upgrade.move_catalogue(kept, other.catalog)
    with pytest.raises(WrongUse, match="no catalogue"):
        upgrade.move_catalogue(kept, "mysql:x")


OLD = "61793d4"
"""A commit from before lakes had a version."""


@pytest.mark.long
@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_the_lake_of_an_earlier_commit_is_brought_up_to_date(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    known = subprocess.run(
        ["git", "-C", str(root), "cat-file", "-e", f"{OLD}^{{commit}}"], capture_output=True, check=False
    )
    if known.returncode:
        pytest.skip(f"the history with commit {OLD} is not here (a shallow clone, or no clone at all)")
    tree, home = tmp_path / "tree", Home.throwaway(tmp_path / "home")
    tree.mkdir()
    packed = subprocess.run(["git", "-C", str(root), "archive", OLD], capture_output=True, check=True).stdout
    subprocess.run(["tar", "x", "-C", str(tree)], input=packed, check=True)

    def townlake(code: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(code), "TOWNLAKE_HOME": str(home.root)}
        environment.pop("TOWNLAKE_CATALOG", None)
        return subprocess.run(
            [sys.executable, "-m", "townlake", *arguments],
            cwd=code,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    city = tmp_path / "city"
    for arguments in (
        ("city", "--persons", "600", "--seed", "11", "--out", str(city)),
        ("run", "--landing", str(city / "landing")),
    ):
        made = townlake(tree, *arguments)
        assert made.returncode == 0, made.stderr[-2000:]
    before = _ids(home)
    assert len(before["person"]) > 400
    refused = townlake(root, "build")
    assert refused.returncode == 3
    assert "townlake migrate" in refused.stderr
    for arguments in (("migrate",), ("build", "--full"), ("doctor", "--deep")):
        done = townlake(root, *arguments)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    after = _ids(home)
    with reading(home) as con:
        told = set(con.execute("select entity, old_id from foundation.entity_change").fetchall())
    for entity, ids in before.items():
        lost = {(entity, i) for i in ids - after[entity]}
        assert lost <= told, f"ids of {entity} are gone and nobody is told"
    for entity in ("person", "organisation", "place"):
        assert len(before[entity] & after[entity]) >= 0.99 * len(before[entity])


def _ids(home: Home) -> dict[str, set[str]]:
    with reading(home) as con:
        return {
            e: {row[0] for row in con.execute(f"select {e}_id from foundation.{e}").fetchall()}
            for e in ("person", "organisation", "place", "event", "facility")
        }
