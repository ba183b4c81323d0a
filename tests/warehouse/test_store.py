"""Raw, archive and lake in an object storage: a real S3 server on the loopback address, that checks every signature."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from ingestion.landing import Claim
from ingestion.sealed import read_raw, write_raw
from tests.warehouse import s3
from tests.warehouse.kept import built, contents
from townlake import keeping, steps
from townlake.doctor import examine
from warehouse import backup, maintenance, store
from warehouse.errors import EnvironmentFault, WrongUse
from warehouse.home import Home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[s3.Server]:
    with s3.running() as running:
        yield running


@pytest.fixture
def remote(server: s3.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose raw, archive and lake are in a folder of their own on the server."""
    monkeypatch.setenv("TOWNLAKE_CATALOG_WAIT", "1")
    return server.home(tmp_path / "home", monkeypatch)


def folder(home: Home) -> str:
    return home.store.removeprefix(f"s3://{s3.BUCKET}/") + "/"


def townlake(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "townlake", *arguments], capture_output=True, text=True, check=False)


def ended_in_one_sentence(ended: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert ended.returncode == code, ended.stdout[-2000:] + ended.stderr[-2000:]
    assert "Traceback" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    assert not secret or secret not in ended.stderr + ended.stdout


def test_a_lake_lives_there_and_nothing_of_it_here(remote: Home, server: s3.Server) -> None:
    there, here = contents(built(remote)), contents(built(Home.throwaway(remote.root.with_name("local"))))
    assert there.keys() == here.keys()
    assert there["marts.answer"] == here["marts.answer"]
    for name in store.KEPT:
        assert not (remote.root / name).exists()
        assert any(key.startswith(folder(remote) + name + "/") for key in server.objects(folder(remote)))
    secret = os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for path in remote.root.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path


def test_a_safety_copy_goes_to_disk_and_comes_back_to_either(
    remote: Home, server: s3.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(built(remote))
    assert keeping.backup(remote, tmp_path / "safe", check=True)["copied_files"] > 5
    assert keeping.backup(remote, tmp_path / "safe")["copied_bytes"] < 1 << 20  # the catalogue at most
    disk = Home.throwaway(tmp_path / "disk")
    assert all(f["ok"] for f in keeping.restore(tmp_path / "safe", disk)["findings"])
    assert contents(disk) == before
    with pytest.raises(WrongUse, match="holds the files of a home"):
        backup.restore(tmp_path / "safe", Home(tmp_path / "other", f"sqlite:{tmp_path}/o.sqlite", remote.store))
    for path in (folder(remote) + "lake/", folder(remote) + "raw/"):
        for key in server.objects(path):
            server.boto("s3").delete_object(Bucket=s3.BUCKET, Key=key)
    assert not all(f["ok"] for f in examine(remote))
    again = Home(tmp_path / "again", f"sqlite:{tmp_path}/again/catalog/catalog.sqlite", remote.store + "-again")
    assert all(f["ok"] for f in keeping.restore(tmp_path / "safe", again)["findings"])
    assert contents(again) == before
    assert not (again.root / "raw").exists()


def test_a_lake_on_disk_moves_there_by_a_safety_copy(
    remote: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = built(Home.throwaway(tmp_path / "here"))
    monkeypatch.setenv("TOWNLAKE_HOME", str(here.root))
    ended_in_one_sentence(townlake("run"), 2, "townlake backup", "townlake restore")
    backup.backup(here, tmp_path / "safe")
    assert all(f["ok"] for f in keeping.restore(tmp_path / "safe", remote)["findings"])
    assert contents(remote) == contents(here)


def test_maintenance_removes_what_nobody_names_and_nothing_else(remote: Home, server: s3.Server) -> None:
    before = contents(built(remote))
    for path in ("raw/gongan/changzhu/left.parquet", "lake/marts/answer/ducklake-left.parquet"):
        written = store.place(remote, path)
        written.write_bytes(b"left by a killed attempt")
        store.put(remote, path, written)
    unsent = store.place(remote, "raw/never/sent.parquet")
    unsent.write_bytes(b"x")
    os.utime(unsent, (0, 0))
    assert steps.maintain(remote)["removed_raw_files"] == 0  # it is not a day old
    assert not unsent.exists()
    left = [key for key in server.objects(folder(remote)) if "left" in key]
    assert left == [folder(remote) + "raw/gongan/changzhu/left.parquet"]
    named = [path for path in store.listed(remote, "raw") if "left" not in path]
    done = maintenance.Maintenance()
    maintenance.remove_leftovers(remote, named, done, older_than_seconds=-60)
    assert done.removed_raw_files == 1
    assert sorted(store.listed(remote, "raw")) == sorted(named)
    assert contents(remote) == before
    assert all(f["ok"] for f in examine(remote, deep=True))


def bad(home: Home, *, deep: bool = False) -> dict[str, str]:
    return {f["what"]: f["detail"] for f in examine(home, deep=deep) if not f["ok"]}


def test_the_doctor_names_what_is_wrong_with_the_store(
    remote: Home, server: s3.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(remote)
    assert bad(remote, deep=True) == {}
    with monkeypatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", "not the one")
        store._claimed.clear()
        assert set(found := bad(remote)) == {"object storage"}
        assert "AWS_SECRET_ACCESS_KEY" in found["object storage"]
        ended = townlake("doctor")
        assert ended.returncode == 3
        assert "not the one" not in ended.stdout + ended.stderr
    with monkeypatch.context() as patch:
        patch.delenv("AWS_ACCESS_KEY_ID")
        assert "set AWS_ACCESS_KEY_ID" in bad(remote)["object storage"]
    nowhere = Home(remote.root.with_name("nowhere"), remote.catalog, "s3://nowhere/x")
    assert "no bucket nowhere" in bad(nowhere)["object storage"]
    server.stop()
    try:
        assert "does not answer" in bad(remote)["object storage"]
    finally:
        server.start()

    client = server.boto("s3")
    raw = next(key for key in server.objects(folder(remote) + "raw/"))
    whole = client.get_object(Bucket=s3.BUCKET, Key=raw)["Body"].read()
    client.put_object(Bucket=s3.BUCKET, Key=raw, Body=whole[:-1])
    assert set(bad(remote)) == {"raw files"}
    client.delete_object(Bucket=s3.BUCKET, Key=raw)
    assert "gone" in bad(remote)["raw files"]
    client.put_object(Bucket=s3.BUCKET, Key=raw, Body=whole)
    archived = next(key for key in server.objects(folder(remote) + "archive/"))
    client.put_object(Bucket=s3.BUCKET, Key=archived, Body=b"something else")
    assert set(bad(remote, deep=True)) == {"every archived file"}
    lake = next(key for key in server.objects(folder(remote) + "lake/"))
    client.delete_object(Bucket=s3.BUCKET, Key=lake)
    assert lake.removeprefix(folder(remote)) in bad(remote)["lake files"]


WRONG = (
    ("AWS_SECRET_ACCESS_KEY", "not the one", 3, "refuses the key"),
    ("AWS_SECRET_ACCESS_KEY", "", 3, "set AWS_ACCESS_KEY_ID"),
    ("TOWNLAKE_STORE", "s3://nowhere/x", 2, "set TOWNLAKE_STORE to it"),
    ("TOWNLAKE_STORE", "", 2, "set TOWNLAKE_STORE to it"),
    ("TOWNLAKE_STORE", "file:///x", 2, "s3://BUCKET/FOLDER"),
    ("AWS_ENDPOINT_URL", "127.0.0.1:9", 2, "AWS_ENDPOINT_URL"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9", 3, "does not answer"),
)


def test_a_wrong_setting_ends_in_one_sentence_and_changes_nothing(
    remote: Home, server: s3.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(built(remote))
    held = server.objects(folder(remote))
    for name, value, code, words in WRONG:
        for verb in (("run",), ("query", "from marts.answer")):
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                ended_in_one_sentence(townlake(*verb), code, words)
    assert server.objects(folder(remote)) == held
    assert contents(remote) == before


def test_a_reader_waits_for_a_server_that_comes_back(
    remote: Home, server: s3.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(remote)
    monkeypatch.setenv("TOWNLAKE_CATALOG_WAIT", "30")
    server.stop()
    threading.Timer(5, server.start).start()
    assert townlake("query", "from marts.answer").returncode == 0


def test_what_a_workbook_brought_is_read_back(remote: Home, tmp_path: Path) -> None:
    brought = pl.DataFrame({"at_row": [1, 2], "verdict": ["同一", None]})
    claim = Claim("0" * 64, "", "wenti/核对.xlsx", "wenti", (), 1, "2026-11-23T00:00:00+00:00")
    for home in (remote.prepare(), Home.throwaway(tmp_path / "here").prepare()):
        path = write_raw(home, "_reviews/person", claim, brought)
        store.put(home, path, store.place(home, path))
        store.forget(home, store.place(home, path))
        assert list(store.listed(home, "raw")) == [path]
        assert read_raw(home, path).equals(brought)


def test_two_homes_never_share_a_folder(remote: Home, tmp_path: Path) -> None:
    built(remote)
    store._claimed.clear()
    with pytest.raises(EnvironmentFault, match="belongs to another home"):
        Home(tmp_path / "second", f"sqlite:{tmp_path}/second.sqlite", remote.store).prepare()


def test_an_upload_that_breaks_off_is_sent_again(
    remote: Home, server: s3.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty parts: the server goes away in the middle and comes back."""
    monkeypatch.setenv("TOWNLAKE_CATALOG_WAIT", "30")
    remote.prepare()
    path = "raw/large.bin"
    written = store.place(remote, path)
    written.write_bytes(os.urandom(1 << 20) * 100)
    server.at[server.requests + 7] = lambda: server.away(4)
    started = time.monotonic()
    store.put(remote, path, written)
    assert time.monotonic() - started > 3
    with store.opened(remote, path) as source:
        assert source.read() == written.read_bytes()
