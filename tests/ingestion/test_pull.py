"""Pulling from a real PostgreSQL server: cells as they are, watermarks, exactly once, and no secret in any message."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion import pull as database
from ingestion.receipts import known_receipts
from tests.ingestion.helpers import COLUMNS, write_contract
from tests.ingestion.postgres import PASSWORD, Server, binaries, may_run, running
from townlake import steps
from warehouse.errors import EnvironmentFault, WrongUse
from warehouse.home import Home

NEEDS_SERVER = pytest.mark.skipif(
    binaries() is None or not may_run(), reason="needs PostgreSQL's initdb and pg_ctl, and a user that may run them"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.fixture
def table(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """An empty table `office.people`, its connection string in PEOPLE_DSN."""
    server.sql(
        """drop schema if exists office cascade; create schema office;
           create table office.people (编号 text, 姓名 varchar(20), born date, changed_at timestamptz)"""
    )
    monkeypatch.setenv("PEOPLE_DSN", server.dsn)
    return server


PULL = {"connection": "PEOPLE_DSN", "table": "office.people", "watermark": "changed_at"}


def run(home: Home) -> tuple[list[str], list[dict[str, Any]]]:
    """One intake: the statuses of the pulls, the receipts."""
    found, receipts = steps.ingest(home)
    return [p.status for p in found.pulls], receipts


def codes(home: Home) -> list[str]:
    """The key of every row delivered so far, over all deliveries, sorted."""
    taken = [r for r in known_receipts(home).values() if r["status"] == "taken"]
    rows = [pl.read_parquet(home.root / r["raw"])["code"].to_list() for r in taken]
    return sorted(code for some in rows for code in some)


@NEEDS_SERVER
def test_cells_are_what_the_server_shows_and_kinds_say_what_they_were(
    home: Home, sources: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINDS_DSN", server.dsn)
    server.sql(
        """drop table if exists kinds; create table kinds (
             code text, name text, amount numeric, price numeric(12,2), day date, at timestamptz, local timestamp,
             note json, more jsonb, ok boolean, big bigint, part float8, list int[], bytes bytea);
           insert into kinds values
             ('007', '䶮', 1.10, 3, '1880-01-01', '2026-01-02 03:04:05.123456+00', '2026-01-02 03:04:05',
              '{"b": 1,  "a": [2]}', '{"b": 1, "a": [2]}', true, 370602199001011234, 0.1, '{1,2}', '\\x00ff'),
             ('', E'a\\nb', null, null, null, null, null, null, null, false, null, null, null, null)"""
    )
    columns = {
        c: c
        for c in [
            "code",
            "name",
            "amount",
            "price",
            "day",
            "at",
            "local",
            "note",
            "more",
            "ok",
            "big",
            "part",
            "list",
            "bytes",
        ]
    }
    write_contract(sources, {"connection": "KINDS_DSN", "table": "kinds"}, columns=columns)
    _, (receipt,) = run(home)
    assert (receipt["status"], receipt["rows"]["data"], receipt["kind"]) == ("taken", 2, "full")
    frame = pl.read_parquet(home.root / receipt["raw"])
    assert frame.select(list(columns)).rows() == [
        ("007", "䶮", "1.10", "3.00", "1880-01-01", "2026-01-02 11:04:05.123456+08", "2026-01-02 03:04:05",
         '{"b": 1,  "a": [2]}', '{"a": [2], "b": 1}', "true", "370602199001011234", "0.1", "{1,2}", "\\x00ff"),
        ("", "a\nb", None, None, None, None, None, None, None, "false", None, None, None, None),
    ]  # fmt: skip
    assert [json.loads(k) for k in frame["_kinds"]] == [
        {"amount": "number", "price": "number", "day": "date", "at": "datetime", "local": "datetime", "ok": "bool",
         "big": "number", "part": "number"},
        {"ok": "bool"},
    ]  # fmt: skip
    assert frame["row_number"].to_list() == [1, 2]


@NEEDS_SERVER
def test_each_pull_brings_what_is_new_and_the_receipt_says_from_where_to_where(
    home: Home, sources: Path, table: Server
) -> None:
    write_contract(sources, PULL)
    assert run(home) == (["nothing_new"], [])
    table.sql("insert into office.people values ('01', '王伟', '1990-01-01', '2026-10-01 08:00:00.000001+08')")
    statuses, (first,) = run(home)
    assert statuses == ["new"]
    assert first["pull"] | {"connection": "", "source_id": "", "day": ""} == {
        "source": "office.people", "watermark": "changed_at", "since": None, "to": "2026-10-01 08:00:00.000001+08",
        "rows": 1, "without_watermark": 0, "dataset": "ceshi.biao", "connection": "", "source_id": "", "day": "",
    }  # fmt: skip
    assert (first["delivered_on_from"], first["kind"], first["department"]) == ("pull", "delta", "ceshi")
    assert (home.root / first["archive"]).exists()
    page = next(home.outbox.glob("ceshi/*.html")).read_text(encoding="utf-8")
    assert "office.people" in page
    assert "2026-10-01 08:00:00.000001+08" in page
    assert run(home) == (["nothing_new"], [])
    table.sql("insert into office.people values ('02', '李芳', null, '2026-10-02 08:00:00+08')")
    _, (second,) = run(home)
    assert (second["pull"]["since"], second["pull"]["to"]) == (
        "2026-10-01 08:00:00.000001+08",
        "2026-10-02 08:00:00+08",
    )
    assert codes(home) == ["01", "02"]
    assert not list((home.work / "pulls").glob("*"))


@NEEDS_SERVER
def test_rows_that_share_the_last_watermark_come_once_each(home: Home, sources: Path, table: Server) -> None:
    write_contract(sources, PULL)
    same = "'2026-10-01 08:00:00+08'"
    table.sql(f"insert into office.people values ('01', '甲', null, {same}), ('02', '乙', null, {same})")
    run(home)
    table.sql(f"insert into office.people values ('03', '丙', null, {same})")
    statuses, (second,) = run(home)
    assert (statuses, second["pull"]["rows"]) == (["new"], 1)
    assert codes(home) == ["01", "02", "03"]
    assert run(home) == (["nothing_new"], [])


@NEEDS_SERVER
def test_late_commits_within_the_overlap_are_found_and_nothing_comes_twice(
    home: Home, sources: Path, table: Server
) -> None:
    write_contract(sources, PULL | {"overlap": "1 hour"})
    table.sql("insert into office.people values ('01', '甲', null, '2026-10-01 08:00+08')")
    run(home)
    table.sql("insert into office.people values ('02', '乙', null, '2026-10-01 09:30+08')")
    run(home)
    table.sql(
        """insert into office.people values ('03', '丙', null, '2026-10-01 08:45+08');
           insert into office.people values ('04', '丁', null, '2026-10-01 08:15+08');
           update office.people set 姓名 = '乙改' where 编号 = '02'"""
    )
    _, (third,) = run(home)
    assert pl.read_parquet(home.root / third["raw"])["name"].to_list() == ["丙", "乙改"]
    assert run(home) == (["nothing_new"], [])
    assert codes(home) == ["01", "02", "02", "03"], "08:15 lies before the overlap: the policy's limit"


@NEEDS_SERVER
def test_numbers_days_and_texts_as_watermarks(home: Home, sources: Path, table: Server) -> None:
    query = "select 编号, 姓名, {0} from office.counted"
    columns = {"code": "编号", "name": "姓名"}
    for column, overlap, upper in (("n", "5", "10"), ("d", "1 day", "2026-10-01"), ("t", None, "y1")):
        table.sql(
            """drop table if exists office.counted;
               create table office.counted (编号 text, 姓名 text, n bigint, d date, t text);
               insert into office.counted values ('a', '甲', 9, '2026-10-01', 'x9'), ('b', '乙', 10, '2026-10-01', 'y1')"""
        )
        own = Home.at(home.root / column).prepare()
        pull = {"connection": "PEOPLE_DSN", "query": query.format(column), "watermark": column}
        write_contract(sources, pull | ({"overlap": overlap} if overlap else {}), columns=columns)
        _, (receipt,) = run(own)
        assert (receipt["pull"]["to"], receipt["pull"]["rows"], receipt["pull"]["source"]) == (upper, 2, "a query")
        assert run(own) == (["nothing_new"], [])
        table.sql("insert into office.counted values ('c', '丙', 100, '2026-11-01', 'z')")
        _, (receipt,) = run(own)
        assert receipt["pull"]["rows"] == 1


@NEEDS_SERVER
def test_rows_without_a_watermark_are_counted_not_lost_in_silence(home: Home, sources: Path, table: Server) -> None:
    write_contract(sources, PULL)
    table.sql("insert into office.people values ('01', '甲', null, '2026-10-01 08:00+08'), ('02', '乙', null, null)")
    found, (receipt,) = steps.ingest(home)
    assert "1 rows have no changed_at" in found.pulls[0].message
    assert receipt["pull"]["without_watermark"] == 1
    assert "水位" in next(home.outbox.glob("ceshi/*.html")).read_text(encoding="utf-8")


@NEEDS_SERVER
def test_without_a_watermark_each_pull_is_full_and_the_same_table_is_recognised(
    home: Home, sources: Path, table: Server
) -> None:
    write_contract(sources, {"connection": "PEOPLE_DSN", "table": "office.people"})
    table.sql("insert into office.people select n::text, '甲', null, now() from generate_series(1, 3000) as n")
    statuses, (first,) = run(home)
    assert (statuses, first["rows"]["data"], first["pull"]["to"]) == (["new"], 3000, None)
    assert run(home) == (["nothing_new"], []), "the same bytes"
    table.sql("create table office.turned as select * from office.people order by 编号 desc; truncate office.people")
    table.sql("insert into office.people select * from office.turned")
    statuses, (turned,) = run(home)
    assert (statuses, turned["status"]) == (["new"], "identical"), "other order, other bytes, the same content"
    assert turned["same_content_as"]["delivery_id"] == first["delivery_id"]
    table.sql("delete from office.people where 编号 = '7'")
    _, (fewer,) = run(home)
    assert (fewer["status"], fewer["rows"]["data"]) == ("taken", 2999)


@NEEDS_SERVER
def test_how_often_is_a_matter_of_the_contract(home: Home, sources: Path, table: Server) -> None:
    write_contract(sources, PULL | {"every": "month"})
    table.sql("insert into office.people values ('01', '甲', null, '2026-10-01 08:00+08')")
    assert run(home)[0] == ["new"]
    table.sql("insert into office.people values ('02', '乙', null, '2026-10-02 08:00+08')")
    assert run(home) == (["not_due"], [])


@NEEDS_SERVER
def test_a_pull_the_contract_does_not_fit_is_refused_and_asked_for_again(
    home: Home, sources: Path, table: Server
) -> None:
    table.sql("insert into office.people values ('01', '甲', null, '2026-10-01 08:00+08')")
    write_contract(sources, PULL, columns=COLUMNS | {"name": "称呼"})
    _, (receipt,) = run(home)
    assert receipt["status"] == "refused"
    assert "称呼" in receipt["reason_zh"]
    assert not codes(home)
    write_contract(sources, PULL)
    run(home)
    assert codes(home) == ["01"]


@NEEDS_SERVER
@pytest.mark.parametrize("step", ["_write", "_archive", "_read", "draw", "write_receipt", "unlink"])
def test_killed_between_any_two_steps_comes_exactly_once(home: Home, sources: Path, table: Server, step: str) -> None:
    """A process of its own is killed right after each step; the next intake, with a row more, makes it good."""
    write_contract(sources, PULL)
    table.sql("insert into office.people select n::text, '甲', null, now() from generate_series(1, 50) as n")
    script = f"""
import os, signal
from pathlib import Path
from ingestion import intake, pull, receipt_page, receipts
def killed(of, name):
    kept = getattr(of, name)
    def call(*args, **options):
        kept(*args, **options)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(of, name, call)
of = {{"_write": pull, "draw": receipt_page, "unlink": Path}}.get({step!r}, intake)
killed(of, {step!r})
from townlake import steps
from warehouse.home import Home
steps.ingest(Home.from_environment(), jobs=1)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    table.sql("insert into office.people values ('x', '乙', null, now() + interval '1 second')")
    run(home)
    run(home)
    assert codes(home) == sorted([*(str(n) for n in range(1, 51)), "x"])
    assert not list((home.work / "pulls").glob("*"))
    known = known_receipts(home).values()
    assert len({r["raw"] for r in known}) == len(known)


@NEEDS_SERVER
def test_two_intakes_at_once_take_a_row_once(home: Home, sources: Path, table: Server) -> None:
    write_contract(sources, PULL)
    table.sql("insert into office.people select n::text, '甲', null, now() from generate_series(1, 20000) as n")
    command = [sys.executable, "-m", "townlake", "ingest"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    for process in both:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert len(codes(home)) == len(set(codes(home))) == 20000


@NEEDS_SERVER
def test_memory_does_not_grow_with_the_table(home: Home, sources: Path, table: Server) -> None:
    """A million rows (some 100 MB of text) within 400 MiB more than a process needs to start."""
    write_contract(sources, PULL)
    table.sql(
        """insert into office.people select n::text, md5(n::text)::varchar(20), '1990-01-01', now()
           from generate_series(1, 1000000) as n"""
    )
    script = """
import resource
from ingestion import pull
from ingestion.contracts import load_contracts
from warehouse.home import Home
import duckdb, pyarrow.parquet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
done = pull.pull(Home.from_environment(), load_contracts()["ceshi.biao"])
print(done.status, done.claim.pull["rows"], (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    environment = {**os.environ, "TOWNLAKE_MEMORY_LIMIT": "300MiB"}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment)
    status, rows, grown = ended.stdout.splitlines()[-1].split()
    assert (status, rows) == ("new", "1000000"), ended.stderr
    assert int(grown) < 400


@NEEDS_SERVER
@pytest.mark.parametrize(
    "dsn",
    [
        "host=127.0.0.1 port=1 user=townlake password=Geheim99 dbname=postgres",
        "postgresql://townlake:Geheim99@127.0.0.1:1/postgres",
        "host=127.0.0.1 user=townlake password=two Geheim99",
        "postgresql://townlake:Geheim99%zz@127.0.0.1/postgres",
        "postgresql//townlake:Geheim99@127.0.0.1",
        "Geheim99",
        "port=PORT host=127.0.0.1 user=townlake password=Geheim99 dbname=postgres",
        "port=PORT host=127.0.0.1 user=townlake password='RIGHT' dbname=Geheim99",
    ],
)
def test_a_failed_connection_is_code_3_and_never_shows_the_password(
    home: Home, sources: Path, server: Server, monkeypatch: pytest.MonkeyPatch, dsn: str
) -> None:
    right = PASSWORD.replace("'", "\\'")
    monkeypatch.setenv("PEOPLE_DSN", dsn.replace("PORT", str(server.port)).replace("RIGHT", right))
    write_contract(sources, PULL)
    (home.landing / "ceshi").mkdir(parents=True)
    (home.landing / "ceshi" / "biao.csv").write_text(
        "编号,姓名,born,changed_at\n9,王伟,1990-01-01,2026-10-01\n", encoding="utf-8"
    )
    started = time.monotonic()
    for verb in (["ingest"], ["ingest", "--json"]):
        ended = subprocess.run([sys.executable, "-m", "townlake", *verb], capture_output=True, text=True, check=False)
        assert ended.returncode == 3, ended.stderr
        assert "PEOPLE_DSN" in ended.stderr
        shown = ended.stdout + ended.stderr
        assert "Traceback" not in shown
        assert PASSWORD not in shown
        assert right not in shown
        if not dsn.endswith("dbname=Geheim99"):  # there it is no secret but the name of a database
            assert "Geheim99" not in shown
    assert codes(home) == ["9"], "what was dropped is taken all the same"
    assert time.monotonic() - started < 60


@NEEDS_SERVER
def test_what_the_server_complains_about_is_said(home: Home, sources: Path, table: Server) -> None:
    for pull, words in (
        (PULL | {"table": "office.nowhere"}, "does not exist"),
        (PULL | {"watermark": "no_such"}, "no_such"),
        ({"connection": "PEOPLE_DSN", "query": "select 1/0 as 编号, '' as 姓名"}, "division by zero"),
        (
            {"connection": "PEOPLE_DSN", "query": "with x as (delete from office.people returning *) select * from x"},
            "data-modifying",
        ),
    ):
        contract = write_contract(sources, pull)["ceshi.biao"]
        with pytest.raises(EnvironmentFault, match=words) as fault:
            database.pull(home, contract)
        assert "\n" not in str(fault.value)
        assert "postgres_query" not in str(fault.value)
    assert not list((home.work / "pulls").glob("*"))


def test_an_unset_variable_is_a_message_not_a_failure(
    home: Home, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PEOPLE_DSN", raising=False)
    write_contract(sources, PULL)
    ended = subprocess.run([sys.executable, "-m", "townlake", "ingest"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "PEOPLE_DSN is not set" in ended.stdout


@pytest.mark.parametrize(
    ("pull", "words"),
    [
        ({"table": "a.b"}, "connection"),
        ({"connection": "host=x password=y", "table": "a.b"}, "connection"),
        ({"connection": "DSN"}, "either"),
        ({"connection": "DSN", "table": "a.b", "query": "select 1"}, "either"),
        ({"connection": "DSN", "table": 'a"; drop'}, "table"),
        ({"connection": "DSN", "query": "delete from x"}, "query"),
        ({"connection": "DSN", "query": "select 1; select 2"}, "query"),
        ({"connection": "DSN", "table": "a.b", "overlap": "1 hour"}, "watermark"),
        ({"connection": "DSN", "table": "a.b", "watermark": "w", "overlap": "a while"}, "overlap"),
        ({"connection": "DSN", "table": "a.b", "every": "minute"}, "every"),
        ({"connection": "DSN", "table": "a.b", "password": "x"}, "unknown key"),
    ],
)
def test_a_pull_is_checked_strictly(tmp_path: Path, pull: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongUse, match=words):
        write_contract(tmp_path, pull)


def test_kind_and_watermark_must_go_together(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="kind delta"):
        write_contract(tmp_path, {"connection": "DSN", "table": "t", "watermark": "w"}, delivery={"kind": "full"})
    with pytest.raises(WrongUse, match="kind full"):
        write_contract(tmp_path, {"connection": "DSN", "table": "t"}, delivery={"kind": "delta"})
    good = write_contract(
        tmp_path, {"connection": "DSN", "query": "\nSELECT a,\n  b\nFROM t", "watermark": "w", "overlap": 5}
    )
    pull = good["ceshi.biao"].custom.pull
    assert pull
    assert pull.overlap == "5"
