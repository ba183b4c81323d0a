"""A team's catalogue: PostgreSQL. Eight readers and four writers at once, the move from SQLite, a server that goes away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.ingestion import postgres
from tests.warehouse.kept import built, contents
from townlake import steps, team, upgrade
from warehouse import backup, builds, catalogue
from warehouse.advisory import remote_lock
from warehouse.errors import EnvironmentFault, WrongUse
from warehouse.home import Home
from warehouse.lake import reading, redact, writing
from warehouse.lock import lake_writer

pytestmark = [
    pytest.mark.skipif(postgres.binaries() is None or not postgres.may_run(), reason="needs a PostgreSQL server"),
    pytest.mark.xdist_group("postgres"),
]

WRITERS, READERS, ROUNDS = 4, 8, 3


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.running() as running:
        yield running


@pytest.fixture
def catalog(server: postgres.Server, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of its own."""
    name = f"lake_{abs(hash(request.node.name)) % 10**9}"
    server.sql(f"create database {name}")
    yield "postgres:" + server.dsn.replace("dbname=postgres", f"dbname={name}")
    server.sql(f"drop database {name} with (force)")


WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from warehouse import builds
from warehouse.home import Home
from warehouse.lake import transaction, writing
from warehouse.lock import lake_writer
home, me = Home(Path(sys.argv[1]), sys.argv[2]), int(sys.argv[3])
for number in range(int(sys.argv[4])):
    with lake_writer(home, f"writer {me}"), writing(home) as con:
        before = con.execute("select count(*) from marts.said").fetchone()[0]
        with transaction(con):
            con.execute("insert into marts.said values (?, ?), (?, ?)", [me, number, -me, number])
        assert con.execute("select count(*) from marts.said").fetchone()[0] == before + 2, "somebody else wrote"
        builds.record(con, f"b{me}.{number}", datetime.now(UTC), published=True)
"""
READ = """
import sys, time
from pathlib import Path
from warehouse.home import Home
from warehouse.lake import reading
home, last = Home(Path(sys.argv[1]), sys.argv[2]), 0
while last < int(sys.argv[3]):
    with reading(home) as con:
        rows, total = con.execute("select count(*), sum(who) from marts.said").fetchone()
    assert total == 0 and rows % 2 == 0, "half a transaction was seen"
    assert rows >= last, "a reader was put back"
    last = rows
    time.sleep(4)
"""


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_eight_readers_and_four_writers_at_once(catalog: str, tmp_path: Path) -> None:
    """The writers stand for four machines: each has its own folder of locks, all have the one lake."""
    home = Home(tmp_path / "home", catalog)
    built(home)
    with lake_writer(home, "test"), writing(home) as con:
        con.execute("create table marts.said as select 0 as who, 0 as number from range(2)")
        builds.record(con, "first", datetime.now(UTC), published=True)
    processes = []
    for number in range(1, WRITERS + 1):
        root = tmp_path / f"machine{number}"
        root.mkdir()
        (root / "lake").symlink_to(home.lake)
        processes.append([sys.executable, "-c", WRITE, str(root), catalog, str(number), str(ROUNDS)])
    rows = 2 + 2 * WRITERS * ROUNDS
    processes += [[sys.executable, "-c", READ, str(home.root), catalog, str(rows)]] * READERS
    started = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for arguments in processes]
    for process in started:
        _, said = process.communicate(timeout=500)
        assert process.returncode == 0, said[-2000:]
    with reading(home) as con:
        assert con.execute("select count(*), count(distinct (who, number)) from marts.said").fetchone() == (
            rows,
            rows - 1,
        )
        assert con.execute("select count(*) from foundation.build where published").fetchone() == (
            WRITERS * ROUNDS + 2,
        )


def test_a_sqlite_catalogue_moves_to_postgresql_and_back_by_a_safety_copy(
    catalog: str, home: Home, tmp_path: Path
) -> None:
    before = contents(built(home))
    done = upgrade.move_catalogue(home, catalog, backup=tmp_path / "safe")
    assert postgres.PASSWORD not in str(done)
    moved = Home(home.root, catalog)
    assert contents(moved) == before
    assert not catalogue.sqlite_path(home.catalog).exists()
    assert Path(done["old"]).exists()
    with pytest.raises(WrongUse, match="holds a lake"):
        upgrade.move_catalogue(Home.throwaway(built(Home.throwaway(tmp_path / "other"), (5,)).root), catalog)
    steps.prepare_lake(moved)
    with lake_writer(moved, "test"), writing(moved) as con:
        con.execute("insert into marts.answer values (-7, 'on PostgreSQL')")
    steps.maintain(moved)
    newest = contents(moved)
    backup.backup(moved, tmp_path / "safe")
    back = Home.throwaway(tmp_path / "back")
    backup.restore(tmp_path / "safe", back)
    assert contents(back) == newest


def test_a_safety_copy_comes_back_to_an_empty_database_only(catalog: str, home: Home, tmp_path: Path) -> None:
    before = contents(built(home))
    backup.backup(home, tmp_path / "safe")
    target = Home(tmp_path / "target", catalog)
    backup.restore(tmp_path / "safe", target)
    assert contents(target) == before
    with pytest.raises(WrongUse, match="holds a lake"):
        backup.restore(tmp_path / "safe", Home(tmp_path / "again", catalog), force=True)


def test_an_empty_database_beside_a_full_lake_is_refused(
    catalog: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWNLAKE_CATALOG_WAIT", "0")
    built(home)
    held = sorted(home.lake.rglob("*.parquet"))
    with pytest.raises(EnvironmentFault, match="gone") as refused:
        steps.maintain(Home(home.root, catalog))
    assert postgres.PASSWORD not in str(refused.value)
    assert sorted(home.lake.rglob("*.parquet")) == held


def test_a_writer_elsewhere_is_waited_for_and_a_killed_one_is_forgotten(catalog: str, home: Home) -> None:
    code = "import sys, time; from warehouse.advisory import remote_lock\nwith remote_lock(sys.argv[1], 'x'): print('held', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code, catalog], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(EnvironmentFault, match="elsewhere"), remote_lock(catalog, "waiting", wait_seconds=0.5):
        pass
    other.kill()
    other.wait()
    with remote_lock(catalog, "after the kill", wait_seconds=30) as lock:
        lock.check()


def test_a_lost_lock_is_noticed_at_the_next_step(server: postgres.Server, catalog: str, home: Home) -> None:
    ours = Home(home.root, catalog)
    with lake_writer(ours, "building"):
        server.sql("select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'")
        deadline = time.monotonic() + 30
        with pytest.raises(EnvironmentFault, match="lock"):
            while time.monotonic() < deadline:
                with lake_writer(ours, "the next step"):
                    time.sleep(0.5)


def test_a_server_that_is_gone_is_waited_for(catalog: str, home: Home, server: postgres.Server) -> None:
    built(Home(home.root, catalog))

    def control(*arguments: str) -> None:
        server.run(str(server.tools / "pg_ctl"), "-D", str(server.folder / "data"), "-w", *arguments)

    def maintain(wait: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "townlake", "maintain"], capture_output=True, text=True, check=False,
            env={**os.environ, "TOWNLAKE_CATALOG": catalog, "TOWNLAKE_CATALOG_WAIT": wait},
        )  # fmt: skip

    def come_back() -> None:
        options = (
            f"-p {server.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={server.folder} -c fsync=off"
        )
        control("-l", str(server.folder / "log"), "-o", options, "start")

    control("-m", "immediate", "stop")
    try:
        ended = maintain("1")
        assert ended.returncode == 3, ended.stderr
        assert "Traceback" not in ended.stderr
        assert postgres.PASSWORD not in ended.stderr
    finally:
        timer = threading.Timer(4, come_back)
        timer.start()
    waited = maintain("60")
    timer.join()
    assert waited.returncode == 0, waited.stderr


def test_passwords_are_not_told() -> None:
    told = redact(f"postgres:host=h password='it''s' user=u; password={'x'} dbname=d; postgres://me:secret@h/d")
    assert "it" not in told.replace("host", "")
    assert "secret" not in told
    assert "dbname=d" in told


def test_make_team_starts_a_server_of_the_home_and_stops_it(home: Home) -> None:
    postgres.let_reach(home.root)
    started = team.start(home, 0)
    try:
        assert team.start(home).port == started.port
        assert (started.passfile.stat().st_mode & 0o777, started.settings.stat().st_mode & 0o777) == (0o600, 0o600)
        assert started.passfile.read_text().rstrip().split(":")[-1] not in started.catalog
        ours = Home(home.root, started.catalog)
        before = contents(built(home))
        upgrade.move_catalogue(home, started.catalog, backup=home.root.with_name("safe"))
        assert contents(ours) == before
        exported = dict(
            line.removeprefix("export ").split("=", 1) for line in started.settings.read_text().splitlines()
        )
        assert "host=127.0.0.1" in exported["TOWNLAKE_CATALOG"]
        assert exported["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith("postgresql+psycopg2://townlake@127.0.0.1:")
    finally:
        assert team.stop(home)
    assert not team.stop(home)
