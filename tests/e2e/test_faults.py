"""The ground fails under the road: it waits a bounded time, says what is wrong in one sentence, ends with 3, and loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingestion.receipts import known_receipts
from tests.fingerprint import fingerprint
from tests.warehouse.kept import contents, taken
from townlake import steps
from warehouse import builds, deliveries
from warehouse.errors import EnvironmentFault
from warehouse.home import Home
from warehouse.lake import published_snapshot, reading, writing

pytestmark = pytest.mark.e2e


def townlake(*arguments: str, wait: float = 90) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "townlake", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "TOWNLAKE_CATALOG_WAIT": str(wait)},
    )  # fmt: skip


def ended_in_one_sentence(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode == 3, ended.stdout[-2000:] + ended.stderr[-2000:]
    assert "Traceback" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("townlake: ")
    for word in words:
        assert word in last


def later(seconds: float, act) -> threading.Timer:  # type: ignore[no-untyped-def]
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer


@pytest.fixture
def catalogue(kept: Home) -> Path:
    return Path(kept.catalog.removeprefix("sqlite:"))


def test_a_catalogue_that_is_gone_is_waited_for_and_never_made_anew(
    kept: Home, catalogue: Path, tmp_path: Path
) -> None:
    before = contents(kept)
    away = catalogue.rename(tmp_path / "away")
    for verb in (("maintain",), ("build",)):
        started = time.monotonic()
        ended = townlake(*verb, wait=2)
        ended_in_one_sentence(ended, "gone", "townlake restore")
        assert time.monotonic() - started >= 2
        assert ended.stderr.count("waiting for the catalogue") == 1
    assert not catalogue.exists()
    later(4, lambda: away.rename(catalogue))
    waited = townlake("maintain", wait=60)
    assert waited.returncode == 0, waited.stderr
    assert contents(kept) == before


def test_an_emptied_catalogue_does_not_make_orphans_of_the_lake(kept: Home, catalogue: Path) -> None:
    held = sorted(kept.lake.rglob("*.parquet"))
    catalogue.write_bytes(b"")
    ended_in_one_sentence(townlake("maintain", wait=1), "gone")
    assert sorted(kept.lake.rglob("*.parquet")) == held


def test_a_locked_catalogue_is_waited_for(kept: Home, catalogue: Path) -> None:
    taken(kept, 7)
    other = sqlite3.connect(catalogue, isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    started = time.monotonic()
    ended_in_one_sentence(townlake("build", "--layer", "marts", wait=2), "locked")
    assert time.monotonic() - started < 60
    started = time.monotonic()
    later(8, lambda: other.execute("rollback"))
    code = "from townlake import steps; from warehouse.home import Home; assert steps.register(Home.from_environment())"
    environment = {**os.environ, "TOWNLAKE_CATALOG_WAIT": "60"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)  # locks are between processes
    assert time.monotonic() - started >= 8
    other.close()
    with reading(kept, tip=True) as con:
        assert con.execute("select count(*) from foundation.delivery").fetchone() == (3,)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_read_only_disk(template: Home, disk: Path, monkeypatch: pytest.MonkeyPatch, small_city: Path) -> None:
    home = Home.throwaway(disk / "home")
    shutil.copytree(template.root, home.root)
    monkeypatch.setenv("TOWNLAKE_HOME", str(home.root))
    monkeypatch.delenv("TOWNLAKE_CATALOG", raising=False)
    before = contents(home)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for verb in (("run", "--landing", str(small_city / "landing")), ("build",), ("maintain",)):
        ended_in_one_sentence(townlake(*verb, wait=1), "read-only")
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert contents(home) == before


def test_two_writers_at_once_wait_for_each_other(kept: Home) -> None:
    receipt = taken(kept, 8)
    code = "from townlake import steps; from warehouse.home import Home; steps.register(Home.from_environment())"
    writers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [w.wait(120) for w in writers] == [0, 0, 0]
    with reading(kept, tip=True) as con:
        rows = con.execute("select count(*) from foundation.delivery where delivery_id = ?", [receipt["delivery_id"]])
        assert rows.fetchone() == (1,)


def test_readers_see_the_newest_build_when_the_clock_was_put_back(kept: Home) -> None:
    first = published_snapshot(kept)
    with writing(kept) as con:
        con.execute("update foundation.build set finished_at = now() + interval 30 days")
        con.execute("insert into marts.answer values (-1, 'after')")
        newest = builds.record(con, "later", datetime.now(UTC), published=True)
        assert builds.last_published(con)[0] == "later"  # type: ignore[index]
    assert first is not None
    assert published_snapshot(kept) == newest > first
    steps.maintain(kept)
    with reading(kept) as con:
        assert con.execute("select count(*) from marts.answer where n = -1").fetchone() == (1,)


@pytest.mark.parametrize("hours", [1, 1000])
def test_what_comes_after_the_clock_was_put_back_is_received_later(home: Home, hours: int) -> None:
    """But for a clock that was far ahead: its instants are not handed down."""
    ahead = datetime.now(UTC) + timedelta(hours=hours)
    taken(home, 1, at=ahead)
    folder = home.landing / "gongan"
    folder.mkdir()
    (folder / "名单.csv").write_text("姓名\n张三\n", encoding="utf-8")
    (claim,) = steps.scan(home).claims
    assert (datetime.fromisoformat(claim.received_at) > ahead) == (hours < 24)


def test_a_half_written_receipt_is_as_if_it_were_not_there(home: Home, small_city: Path) -> None:
    landing = home.root.parent / "landing"
    shutil.copytree(small_city / "landing" / "minzheng", landing / "minzheng")
    steps.ingest(home, landing)
    steps.prepare_lake(home)
    before = known_receipts(home)
    with writing(home) as con:
        deliveries.register(con, before.values())
    path = next(
        p for p in home.outbox.glob("*/*.json") if json.loads(p.read_text(encoding="utf-8"))["status"] == "taken"
    )
    path.write_text(path.read_text(encoding="utf-8")[:100], encoding="utf-8")
    assert len(known_receipts(home)) == len(before) - 1
    _, again = steps.ingest(home, landing)
    after = known_receipts(home)
    assert len(again) == 1
    assert after.keys() == before.keys()
    with writing(home) as con:
        assert deliveries.register(con, after.values()) == 0
        named = dict(con.execute("select delivery_id, raw from foundation.delivery where status = 'taken'").fetchall())
    assert named == {k: r["raw"] for k, r in after.items() if r["status"] == "taken"}, (
        "the lake reads what receipts name"
    )


def test_a_corrupt_raw_file_stops_the_build_and_is_named(home: Home, small_city: Path) -> None:
    landing = home.root.parent / "landing"
    shutil.copytree(small_city / "landing" / "canlian", landing / "canlian")
    steps.ingest(home, landing)
    (receipt,) = [r for r in known_receipts(home).values() if r["status"] == "taken"]
    path = home.root / receipt["raw"]
    path.write_bytes(path.read_bytes()[:-30])
    ended = townlake("build")
    assert ended.returncode in (1, 3), ended.stderr[-2000:]
    assert "Traceback" not in ended.stderr
    assert receipt["file"] in ended.stderr or path.name in ended.stderr
    with pytest.raises(EnvironmentFault, match="no build has been published"), reading(home):
        pass
    path.unlink()
    next(home.outbox.glob(f"*/*{receipt['delivery_id'][:12]}.json")).unlink()  # as the doctor says
    _, again = steps.ingest(home, landing)
    assert [r["delivery_id"] for r in again] == [receipt["delivery_id"]]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_runs_at_once_give_what_one_gives(tmp_path: Path, small_city: Path) -> None:
    def start(home: Home) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "townlake", "run", "--landing", str(small_city / "landing")],
            env={**os.environ, "TOWNLAKE_HOME": str(home.root)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    alone, together = Home.throwaway(tmp_path / "alone"), Home.throwaway(tmp_path / "together")
    assert start(alone).wait(1200) == 0
    both = [start(together), start(together)]
    for process in both:
        _, said = process.communicate(timeout=1800)
        assert process.returncode == 0, said.decode(errors="replace")[-2000:]
    assert fingerprint(together) == fingerprint(alone)
