"""Safety copies: the drill (destroy, restore, compare), what is copied twice, what is refused, what a kill leaves."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.warehouse.kept import contents, files, taken
from townlake import keeping
from townlake.doctor import examine
from warehouse import backup
from warehouse.errors import EnvironmentFault, WrongUse
from warehouse.home import Home
from warehouse.lake import published_snapshot, writing
from warehouse.lock import exclusive


def test_destroyed_and_restored_every_table_and_file_is_the_same(kept: Home, tmp_path: Path) -> None:
    before, bytes_before, shown = contents(kept), files(kept.root), published_snapshot(kept)
    keeping.backup(kept, tmp_path / "safe", check=True)
    shutil.rmtree(kept.root)
    done = keeping.restore(tmp_path / "safe", kept)
    assert [f for f in done["findings"] if not f["ok"]] == []
    assert contents(kept) == before
    assert files(kept.root) == bytes_before
    assert published_snapshot(kept) == shown
    with writing(kept) as con:  # and it can be gone on with
        con.execute("insert into marts.answer values (1, 'x')")


def test_only_what_is_new_is_copied(kept: Home, tmp_path: Path) -> None:
    first = backup.backup(kept, tmp_path / "safe", keeping.named_by)
    assert first.copied_bytes == pytest.approx(first.bytes, rel=0.2)
    taken(kept, 3)
    second = backup.backup(kept, tmp_path / "safe", keeping.named_by)
    assert second.files == first.files + 3  # archived bytes, raw file, receipt
    assert second.copied_files <= 4  # these, and the catalogue where its bytes changed
    for copy in (first.copy, second.copy):
        home = Home.throwaway(tmp_path / copy)
        backup.restore(tmp_path / "safe", home, name=copy)
        assert len(list(home.outbox.glob("*/*.json"))) == (2 if copy == first.copy else 3)


def test_only_so_many_copies_are_kept(kept: Home, tmp_path: Path) -> None:
    dest = tmp_path / "safe"
    backup.backup(kept, dest)
    secret = next(e for e in backup.load(dest).files if e.path.startswith("secrets/"))
    (kept.root / "secrets" / "quarantine.key").write_bytes(b"another")
    backup.backup(kept, dest)
    assert backup.backup(kept, dest, keep=2).removed_copies == 1
    assert len(list((dest / "copies").glob("*.json"))) == 2
    assert not (dest / "objects" / secret.sha256[:2] / secret.sha256).exists(), "what no copy needs is removed"
    backup.verify(dest, backup.load(dest))


def test_a_home_that_is_not_empty_is_left_alone_and_moved_aside_on_demand(kept: Home, tmp_path: Path) -> None:
    before = contents(kept)
    backup.backup(kept, tmp_path / "safe")
    (kept.outbox / "gongan" / "later.txt").write_text("written after the copy")
    with pytest.raises(WrongUse, match="not empty"):
        backup.restore(tmp_path / "safe", kept)
    made = backup.restore(tmp_path / "safe", kept, force=True)
    assert contents(kept) == before
    assert made.set_aside is not None
    assert (Path(made.set_aside) / "outbox" / "gongan" / "later.txt").exists()
    assert not (kept.outbox / "gongan" / "later.txt").exists()


def test_a_damaged_catalogue_is_replaced_on_demand(kept: Home, tmp_path: Path) -> None:
    before = contents(kept)
    backup.backup(kept, tmp_path / "safe")
    Path(kept.catalog.removeprefix("sqlite:")).write_bytes(b"not a database" * 1000)
    with pytest.raises(EnvironmentFault, match="catalogue"):
        backup.backup(kept, tmp_path / "safe")
    backup.restore(tmp_path / "safe", kept, force=True)
    assert contents(kept) == before


@pytest.mark.parametrize("spoil", ["flip", "cut", "remove"])
def test_a_spoiled_copy_is_named_and_nothing_is_touched(kept: Home, tmp_path: Path, spoil: str) -> None:
    backup.backup(kept, tmp_path / "safe")
    entry = next(e for e in backup.load(tmp_path / "safe").files if e.path.startswith("lake/"))
    path = tmp_path / "safe" / "objects" / entry.sha256[:2] / entry.sha256
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    {"flip": lambda: path.write_bytes(data), "cut": lambda: path.write_bytes(data[:-1]), "remove": path.unlink}[spoil]()
    target = Home.throwaway(tmp_path / "target")
    with pytest.raises(EnvironmentFault, match=entry.path):
        backup.restore(tmp_path / "safe", target)
    assert not any(p.is_file() for p in target.root.rglob("*") if p.suffix != ".lock")
    with pytest.raises(EnvironmentFault, match=entry.path):
        backup.verify(tmp_path / "safe", backup.load(tmp_path / "safe"))
    if spoil != "flip":  # the next copy mends what it can see
        backup.backup(kept, tmp_path / "safe")
        backup.verify(tmp_path / "safe", backup.load(tmp_path / "safe"))


def test_a_manifest_that_was_changed_is_refused(kept: Home, tmp_path: Path) -> None:
    backup.backup(kept, tmp_path / "safe")
    (path,) = (tmp_path / "safe" / "copies").glob("*.json")
    value = json.loads(path.read_text())
    value["files"].pop()
    path.write_text(json.dumps(value))
    with pytest.raises(EnvironmentFault, match="manifest"):
        backup.load(tmp_path / "safe")
    value["files"][0]["path"] = "../outside"
    del value["seal"]
    path.write_text(json.dumps({**value, "seal": backup._seal(value)}))
    with pytest.raises(EnvironmentFault, match="manifest"):
        backup.load(tmp_path / "safe")


def test_nothing_is_written_to_the_lake_while_it_is_copied(kept: Home, tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from warehouse import backup; from warehouse.home import Home; backup.backup(Home.from_environment(), Path(sys.argv[1]))"
    with exclusive(kept.claims / "lake_writer.lock", "a build"):
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "safe")])
        time.sleep(1.5)
        assert process.poll() is None
        assert list((tmp_path / "safe" / "copies").glob("*")) == []
    assert process.wait(60) == 0
    assert len(list((tmp_path / "safe" / "copies").glob("*.json"))) == 1


def test_a_file_taken_while_it_is_copied_comes_whole_or_not_at_all(
    kept: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk, walked = backup._walk, []

    def then_displace(root: Path):  # type: ignore[no-untyped-def]
        yield from walk(root)
        walked.append(1)
        if len(walked) == 1:  # between receipts and the rest: one is replaced by a receipt without a raw file
            receipt = next(kept.outbox.glob("gongan/1.*.json"))
            value = json.loads(receipt.read_text())
            (kept.root / value.pop("raw")).unlink()
            receipt.write_text(json.dumps({**value, "status": "identical"}))

    monkeypatch.setattr(backup, "_walk", then_displace)
    copy = backup.load(tmp_path / "safe", backup.backup(kept, tmp_path / "safe", keeping.named_by).copy)
    paths = {e.path for e in copy.files}
    assert "raw/gongan/changzhu/1.parquet" not in paths
    home = Home.throwaway(tmp_path / "target")
    backup.restore(tmp_path / "safe", home)
    for receipt in home.outbox.glob("*/*.json"):
        assert set(keeping.named_by(receipt.read_bytes())) <= paths


def test_a_home_that_lost_a_raw_file_is_not_copied(kept: Home, tmp_path: Path) -> None:
    (kept.raw / "gongan" / "changzhu" / "1.parquet").unlink()
    with pytest.raises(EnvironmentFault, match=r"1\.parquet"):
        backup.backup(kept, tmp_path / "safe", keeping.named_by)
    assert list((tmp_path / "safe" / "copies").glob("*")) == []


def test_folders_in_each_other_and_homes_without_anything_are_wrong_use(kept: Home, tmp_path: Path) -> None:
    for dest in (kept.root / "safe", kept.root.parent):
        with pytest.raises(WrongUse, match="in each other"):
            backup.backup(kept, dest)
    with pytest.raises(WrongUse, match="nothing"):
        backup.backup(Home.throwaway(tmp_path / "none"), tmp_path / "safe")
    with pytest.raises(WrongUse, match="no safety copy"):
        backup.restore(tmp_path / "empty", Home.throwaway(tmp_path / "target"))


KILLED = """
import os, signal, sys
from pathlib import Path
from warehouse import backup
from warehouse.home import Home
left, rename = [int(sys.argv[2])], Path.rename
def renaming(self, target):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = renaming
backup.restore(Path(sys.argv[1]), Home.from_environment(), force=True)
"""


@pytest.mark.parametrize("rename", [1, 5, 10])
def test_a_killed_restore_can_be_repeated(kept: Home, tmp_path: Path, rename: int) -> None:
    before = contents(kept)
    backup.backup(kept, tmp_path / "safe")
    process = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "safe"), str(rename)], check=False)
    assert process.returncode == -signal.SIGKILL
    finding = next(f for f in examine(kept) if f["what"] == "home")
    assert not finding["ok"]
    assert "restore" in finding["remedy"]
    backup.restore(tmp_path / "safe", kept, force=True)
    assert contents(kept) == before
    assert not (kept.root / backup.UNFINISHED).exists()
    assert list(kept.root.glob(".restore-*")) == []


def test_linked_folders_are_copied_too(kept: Home, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    shutil.move(kept.archive, tmp_path / "disk" / "archive")
    kept.archive.symlink_to(tmp_path / "disk" / "archive")
    backup.backup(kept, tmp_path / "safe", keeping.named_by)
    assert sum(e.path.startswith("archive/") for e in backup.load(tmp_path / "safe").files) == 2
