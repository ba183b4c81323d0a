"""The ground: locks that die with their holder, attaching at the published snapshot, faults in one sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from warehouse import builds, deliveries
from warehouse.errors import EnvironmentFault, TownlakeError, explain
from warehouse.home import Home
from warehouse.lake import (
    RELATIONS,
    engine,
    extension_directory,
    literal,
    quote,
    reading,
    table_exists,
    transaction,
    writing,
)
from warehouse.lock import exclusive, try_exclusive
from warehouse.maintenance import maintain_lake


def receipt(number: int, **other: object) -> dict[str, object]:
    return {
        "delivery_id": f"{number:064d}", "file": f"gongan/{number}.csv", "aliases": [], "department": "gongan", "bytes": 1,
        "received_at": "2026-11-01T00:00:00+00:00", "dataset": "gongan.changzhu", "status": "taken", "kind": "full",
        "delivered_on": "2026-10-31", "raw": "raw/x.parquet", "rows": {"data": 3}, "contract": "c", **other,
    }  # fmt: skip


@pytest.fixture
def lake(home: Home) -> Home:
    with writing(home) as con:
        deliveries.prepare(con)
        builds.prepare(con)
        from warehouse.linkage import registry

        registry.prepare(con)
    return home


def test_quoting() -> None:
    assert quote('a"b') == '"a""b"'
    assert literal("o'x") == "'o''x'"
    assert literal(None) == "null"


def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = f"import time; from pathlib import Path; from warehouse.lock import exclusive\nwith exclusive(Path({str(lock)!r}), 'x'): print('held', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    with try_exclusive(lock) as mine:
        assert not mine
    with pytest.raises(EnvironmentFault, match="still held"), exclusive(lock, "waiting", wait_seconds=0.3):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    started = time.monotonic()
    with exclusive(lock, "after the kill"):
        assert time.monotonic() - started < 5


def test_registering_twice_changes_nothing_and_aliases_are_added(lake: Home) -> None:
    with writing(lake) as con:
        assert deliveries.register(con, [receipt(1), receipt(2)]) == 2
        assert deliveries.register(con, [receipt(1), receipt(2)]) == 0
        deliveries.register(con, [receipt(1, aliases=["gongan/1(1).csv"])])
        rows = con.execute("select delivery_id, aliases from foundation.delivery order by 1").fetchall()
    assert [r[1] for r in rows] == [["gongan/1(1).csv"], []]


def test_a_copy_that_became_an_alias_of_another_is_taken_out_of_the_next_build(lake: Home) -> None:
    with writing(lake) as con:
        deliveries.register(con, [receipt(1), receipt(2)])
        deliveries.register(con, [receipt(1), receipt(2, status="identical")])
        deliveries.register(con, [receipt(1), receipt(2, status="identical")])
        rows = con.execute("select delivery_id, status from foundation.delivery order by file").fetchall()
        redo = con.execute("select delivery_id from registry.redo").fetchall()
    assert [status for _, status in rows] == ["taken", "withdrawn"]
    assert redo == [(rows[1][0],)]


def test_a_refused_delivery_that_is_taken_later_changes_its_row(lake: Home) -> None:
    with writing(lake) as con:
        deliveries.register(con, [receipt(1, status="refused", dataset=None, raw=None, rows={}, reason_en="no")])
        assert deliveries.register(con, [receipt(1)]) == 1
        assert con.execute("select status, data_rows from foundation.delivery").fetchall() == [("taken", 3)]


def test_what_a_person_decided_stays(lake: Home) -> None:
    with writing(lake) as con:
        deliveries.register(con, [receipt(1)])
        con.execute("update foundation.delivery set status = 'held'")
        deliveries.register(con, [receipt(1)])
        assert con.execute("select status from foundation.delivery").fetchall() == [("held",)]


def test_readers_see_the_published_snapshot_and_not_the_tip(lake: Home) -> None:
    with pytest.raises(EnvironmentFault, match="published"), reading(lake):
        pass
    with writing(lake) as con:
        con.execute("create table marts.answer as select 1 as n")
        builds.record(con, "b1", datetime.now(UTC), published=True)
        con.execute("insert into marts.answer values (2)")
        builds.record(con, "b2", datetime.now(UTC), published=False, reason="stopped")
    with reading(lake) as con:
        assert con.execute("select sum(n) from marts.answer").fetchone() == (1,)
        assert con.execute("select build_id from foundation.build").fetchall() == [("b1",)]
    with reading(lake, tip=True) as con:
        assert con.execute("select sum(n) from marts.answer").fetchone() == (3,)


def test_maintenance_keeps_what_published_builds_show(lake: Home) -> None:
    with writing(lake) as con:
        for n in range(6):
            con.execute(f"create or replace table marts.answer as select {n} as n")
        builds.record(con, "b1", datetime.now(UTC), published=True)
        for n in range(6):
            con.execute(f"insert into marts.answer values ({n})")
        done = maintain_lake(con)
    assert done.expired_snapshots > 5
    with reading(lake) as con:
        assert con.execute("select n from marts.answer").fetchall() == [(5,)]
    with reading(lake, tip=True) as con:
        assert con.execute("select count(*) from marts.answer").fetchone() == (7,)


def test_a_table_is_there_or_not(lake: Home) -> None:
    with writing(lake) as con:
        con.execute(
            "create table marts.answer as select 7 as n; create view marts.seven as from marts.answer where n = 7"
        )
        names = ("answer", "seven", 'no"such')
        assert [table_exists(con, "marts", name) for name in names] == [True, True, False]
        assert not table_exists(con, "nowhere", "answer")
        with transaction(con):  # asking for what is not there must not spoil what is being done
            con.execute("insert into marts.answer values (8)")
            assert not table_exists(con, "marts", "later")
            con.execute("create table marts.later as select 1 as n")
            assert table_exists(con, "marts", "later")
        assert con.execute("select count(*) from marts.answer").fetchone() == (2,)
        con.execute("alter table marts.answer rename column n to m")
        assert table_exists(con, "marts", "seven")  # a view that no longer fits


def test_the_catalogue_names_what_duckdb_lists(lake: Home) -> None:
    with writing(lake) as con:
        con.execute(
            "create table marts.gone as select 1 as n; create view marts.seen as select 1 as n; drop table marts.gone"
        )
        listed = con.execute(
            """select table_schema, table_name, case table_type when 'VIEW' then 'view' else 'table' end
               from information_schema.tables where table_catalog = 'lake' order by all"""
        ).fetchall()
        assert con.execute(f"from {RELATIONS} order by all").fetchall() == listed
        assert ("marts", "seen", "view") in listed


def test_nothing_unsigned_can_be_loaded_once_a_connection_is_open(tmp_path: Path) -> None:
    (signed,) = extension_directory().rglob("postgres_scanner.duckdb_extension")
    changed = tmp_path / "postgres_scanner.duckdb_extension"
    data = bytearray(signed.read_bytes())
    data[-1] ^= 1
    changed.write_bytes(data)
    con = engine()
    with pytest.raises(duckdb.Error, match="signature"):
        con.execute(f"load {literal(str(changed))}")
    with pytest.raises(duckdb.Error):
        con.execute("set allow_unsigned_extensions = true")
    con.close()


def test_a_home_may_be_moved(lake: Home, tmp_path: Path) -> None:
    with writing(lake) as con:
        con.execute("create table marts.answer as select 7 as n")
    lake.root.rename(tmp_path / "moved")
    with reading(Home.at(tmp_path / "moved"), tip=True) as con:
        assert con.execute("select n from marts.answer").fetchone() == (7,)


def test_a_damaged_catalogue_is_one_sentence(lake: Home) -> None:
    Path(lake.catalog.removeprefix("sqlite:")).write_bytes(b"not a database " * 100)
    with pytest.raises(EnvironmentFault, match="damaged"), reading(lake, tip=True):
        pass


def test_no_lake_yet(home: Home) -> None:
    with pytest.raises(EnvironmentFault, match="no lake"), reading(home):
        pass


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (OSError(30, "Read-only file system", "/x"), "read-only"),
        (PermissionError(13, "denied", "/x"), "no permission"),
        (RuntimeError("IO Error: database is locked"), "locked"),
        (
            RuntimeError("Out of Memory Error: failed to pin block of size 256.0 KiB (9.4 GiB/9.4 GiB used)"),
            "TOWNLAKE_MEMORY_LIMIT",
        ),
    ],
)
def test_faults_of_the_ground_are_explained(error: Exception, says: str) -> None:
    found = explain(error)
    assert isinstance(found, TownlakeError)
    assert says in str(found)
    assert found.exit_code == 3


def test_other_errors_are_not_explained_away() -> None:
    assert explain(ValueError("a fault of ours")) is None
