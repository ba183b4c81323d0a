"""The doctor finds each fault, names it and says what to do; on a sound home it finds nothing and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.kept import contents, files, taken
from townlake import doctor
from warehouse.home import Home
from warehouse.lake import writing


def bad(home: Home, *, deep: bool = False) -> dict[str, dict[str, Any]]:
    findings = doctor.examine(home, deep=deep)
    assert all(f["ok"] or f["remedy"] for f in findings)
    return {f["what"]: f for f in findings if not f["ok"]}


def test_a_sound_home_is_found_sound_and_left_as_it_is(kept: Home) -> None:
    before, kept_files = contents(kept), files(kept.root)
    assert bad(kept, deep=True) == {}
    assert contents(kept) == before
    assert files(kept.root) == kept_files


def test_an_empty_home_is_sound(home: Home) -> None:
    assert bad(home, deep=True) == {}


def first(home: Home, pattern: str) -> Path:
    return next(p for p in sorted(home.root.glob(pattern)) if p.stat().st_size > 200 or "lake" not in pattern)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def garble(path: Path) -> None:
    """As long as before, its footer whole, its pages not."""
    data = bytearray(path.read_bytes())
    footer = int.from_bytes(data[-8:-4], "little")
    data[4 : len(data) - 8 - footer] = b"\xff" * (len(data) - 12 - footer)
    path.write_bytes(data)


def halve(path: Path) -> None:
    path.write_text(path.read_text()[:40])


@pytest.mark.parametrize(
    ("pattern", "spoil", "finding", "deep"),
    [
        ("raw/*/*/1.parquet", Path.unlink, "raw files", False),
        ("raw/*/*/1.parquet", cut, "raw files", False),
        ("raw/*/*/1.parquet", garble, "every raw file", True),
        ("archive/*/*", Path.unlink, "archive", False),
        ("archive/*/*", cut, "every archived file", True),
        ("outbox/*/1.*.json", halve, "receipts", False),
        ("lake/marts/answer/*.parquet", Path.unlink, "lake files", False),
        ("lake/marts/answer/*.parquet", cut, "lake files", False),
        ("lake/marts/answer/*.parquet", garble, "every lake file", True),
    ],
)
def test_a_spoiled_file_is_found_and_named(
    kept: Home, pattern: str, spoil: Callable[[Path], None], finding: str, deep: bool
) -> None:
    path = first(kept, pattern)
    spoil(path)
    found = bad(kept, deep=deep)
    assert set(found) == {finding}
    named = (
        str(path.relative_to(kept.root))
        if "raw/" not in pattern and not (pattern.startswith("archive") and not deep)
        else "gongan/"
    )
    assert named in found[finding]["detail"]
    assert any(word in found[finding]["remedy"] for word in ("restore", "townlake run"))


def test_a_catalogue_that_is_gone_or_damaged(kept: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CATALOGUE_SECONDS", 1)
    path = Path(kept.catalog.removeprefix("sqlite:"))
    path.write_bytes(b"not a database" * 500)
    assert "damaged" in bad(kept)["catalogue"]["detail"]
    path.unlink()
    found = bad(kept)["catalogue"]
    assert "gone" in found["detail"]
    assert "townlake restore" in found["detail"]
    assert not path.exists(), "looking must not make a new one"


def test_a_catalogue_that_another_program_keeps_locked(kept: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CATALOGUE_SECONDS", 1)
    other = sqlite3.connect(kept.catalog.removeprefix("sqlite:"), isolation_level=None)
    other.execute("begin immediate")
    found = bad(kept)
    other.close()
    assert set(found) == {"catalogue"}
    assert "fuser" in found["catalogue"]["remedy"]


def clock(home: Home) -> dict[str, Any]:
    return doctor._finding(home, "clock", doctor._clock)


def test_a_clock_before_what_was_built_or_taken(kept: Home) -> None:
    with writing(kept) as con:
        con.execute("update foundation.build set finished_at = now() + interval 3 days")
    assert "timedatectl" in clock(kept)["remedy"]
    with writing(kept) as con:
        con.execute("update foundation.build set finished_at = now()")
    assert clock(kept)["ok"]
    taken(kept, 9, at=datetime.now(UTC) + timedelta(hours=2))
    assert not clock(kept)["ok"]


def test_a_lock_whose_holder_is_gone(kept: Home) -> None:
    code = "import fcntl, sys, time; f = open(sys.argv[1], 'a+'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    lock = kept.claims / "lake_writer.lock"
    process = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        lock.write_text(f"{gone.pid} writing the lake (building)\n")
        found = bad(kept)
        assert set(found) == {"writer lock"}
        assert str(gone.pid) in found["writer lock"]["detail"]
        lock.write_text(f"{process.pid} writing the lake (building)\n")
        assert "held by" in doctor._lock(kept)
        os.utime(lock, (0, 0))
        with pytest.raises(doctor.Unwell, match="hours"):
            doctor._lock(kept)
    finally:
        process.kill()
        process.wait()
    assert doctor._lock(kept) == "free"


@pytest.fixture
def disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A small disk of its own, mounted at the folder; `mount -o remount,…` changes it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_small_and_a_read_only_disk(template: Home, disk: Path) -> None:
    home = Home.throwaway(disk / "home")
    shutil.copytree(template.root, home.root)
    found = bad(home)
    assert set(found) == {"disk"}
    assert "GiB" in found["disk"]["remedy"]
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    found = bad(home)
    assert "cannot be written" in found["home"]["detail"]
    assert "mount" in found["home"]["remedy"]


def test_the_command_ends_with_3_and_says_bad(kept: Home) -> None:
    first(kept, "lake/marts/answer/*.parquet").unlink()
    ended = subprocess.run([sys.executable, "-m", "townlake", "doctor"], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert [line.split(":")[0] for line in ended.stdout.splitlines() if line.startswith("BAD")] == ["BAD lake files"]
    told = subprocess.run(
        [sys.executable, "-m", "townlake", "doctor", "--json"], capture_output=True, text=True, check=False
    )
    assert [f["what"] for f in json.loads(told.stdout) if not f["ok"]] == ["lake files"]
