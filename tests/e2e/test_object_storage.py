"""The whole road with raw, archive and lake in an object storage: the same foundation, whatever happens on the way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.receipts import known_receipts
from tests.fingerprint import fingerprint
from tests.warehouse import s3
from townlake.doctor import examine
from warehouse import store
from warehouse.home import Home

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

SEED = int(os.environ.get("TOWNLAKE_TEST_SEED", str(random.SystemRandom().randrange(10**6))))


@pytest.fixture(scope="module")
def server() -> Iterator[s3.Server]:
    with s3.running() as running:
        yield running


@pytest.fixture
def remote(server: s3.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return server.home(tmp_path / "home", monkeypatch)


def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "townlake", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, **environment}, start_new_session=True,
    )  # fmt: skip


def run(landing: Path, expected: int = 0, **environment: str) -> str:
    process = start("run", "--landing", str(landing), **environment)
    said, _ = process.communicate(timeout=900)
    assert process.returncode == expected, said[-3000:]
    assert "Traceback" not in said
    return said


def same(home: Home, undisturbed: Home, story: str = "") -> None:
    expected, found = fingerprint(undisturbed), fingerprint(home)
    wrong = {table: (found.get(table), expected[table]) for table in expected if found.get(table) != expected[table]}
    assert not wrong, f"{story} {wrong}"


def test_two_months_give_the_foundation_they_give_on_a_disk(
    remote: Home, server: s3.Server, small_city: Path, first_month: Home, two_months: Home
) -> None:
    before = server.requests
    run(small_city / "landing")
    same(remote, first_month)
    run(small_city / "landing_2")
    same(remote, two_months)
    assert server.requests > before + 100
    for name in store.KEPT:
        assert not (remote.root / name).exists()
    assert not list((remote.work / "upload").iterdir())
    secret = server.environment["AWS_SECRET_ACCESS_KEY"].encode()
    kept = [path for path in remote.root.rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert kept == []
    assert [f for f in examine(remote, deep=True) if not f["ok"]] == []
    maintained = start("maintain")
    said, _ = maintained.communicate(timeout=300)
    assert maintained.returncode == 0, said
    same(remote, two_months)
    exported = start("quarantine", "export")
    said, _ = exported.communicate(timeout=300)
    assert exported.returncode == 0, said
    assert list(remote.outbox.rglob("*.xlsx"))


KILLED_BEFORE_A_RECEIPT = """
import os, sys
from ingestion import intake
from townlake.cli import main
commit, left = intake._commit, [int(sys.argv.pop(1))]
def killed(*arguments):
    left[0] -= 1
    if left[0] == 0:
        os.killpg(0, 9)
    commit(*arguments)
intake._commit = killed
main()
"""


def test_killed_between_upload_and_receipt(
    remote: Home, server: s3.Server, small_city: Path, first_month: Home
) -> None:
    code = [sys.executable, "-c", KILLED_BEFORE_A_RECEIPT, "5", "ingest", "--landing", str(small_city / "landing")]
    killed = subprocess.run(code, check=False, capture_output=True, text=True, start_new_session=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    named = {r["raw"] for r in known_receipts(remote).values() if "raw" in r}
    assert set(store.listed(remote, "raw")) - named, "nothing was uploaded that no receipt names"
    run(small_city / "landing")
    same(remote, first_month)


@pytest.mark.long
def test_killed_at_any_request(remote: Home, server: s3.Server, small_city: Path, first_month: Home) -> None:
    """The moment is a request the server gets, so uploads and reads are hit, and not only what lies between them."""
    moments = random.Random(SEED)
    for asked in (moments.randint(5, 120), moments.randint(120, 900)):
        process = start("run", "--landing", str(small_city / "landing"))
        server.at[server.requests + asked] = lambda pid=process.pid: os.killpg(pid, signal.SIGKILL)  # type: ignore[misc]
        process.communicate(timeout=900)
        server.at.clear()
    run(small_city / "landing")
    same(remote, first_month, f"seed {SEED}")


@pytest.mark.long
def test_a_server_that_goes_away_is_waited_for(
    remote: Home, server: s3.Server, small_city: Path, first_month: Home
) -> None:
    for asked in (20, 300, 700, 1100):
        server.at[server.requests + asked] = lambda: server.away(4)
    run(small_city / "landing")
    assert not server.at, "the run was over before the server went away so often"
    same(remote, first_month)


@pytest.mark.long
def test_a_server_that_stays_away_ends_the_run_and_loses_nothing(
    remote: Home, server: s3.Server, small_city: Path, first_month: Home
) -> None:
    for asked in (30, 400):  # while files are taken; while the lake is built
        server.at[server.requests + asked] = server.stop_soon
        said = run(small_city / "landing", expected=3, TOWNLAKE_CATALOG_WAIT="1")
        assert "the object storage does not answer" in said.strip().splitlines()[-1]
        assert not server.at
        server.start()
    run(small_city / "landing")
    same(remote, first_month)
