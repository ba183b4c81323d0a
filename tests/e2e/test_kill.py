"""Kill `townlake run` anywhere and run it again: the foundation is that of an undisturbed run, ids included."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fingerprint import fingerprint
from warehouse.home import Home

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KILLS = int(os.environ.get("TOWNLAKE_TEST_KILLS", "3"))
SEED = int(os.environ.get("TOWNLAKE_TEST_SEED", str(random.SystemRandom().randrange(10**6))))


def start(home: Home, landing: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "townlake", "run", "--landing", str(landing)],
        env={**os.environ, "TOWNLAKE_HOME": str(home.root)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def run(home: Home, landing: Path) -> None:
    process = start(home, landing)
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out.decode(errors="replace")[-3000:]


@pytest.fixture(scope="module")
def undisturbed(first_month: Home) -> tuple[dict[str, tuple[int, int]], float]:
    """What a run that nobody disturbed leaves, and the seconds it took."""
    return fingerprint(first_month), float((first_month.work / "seconds").read_text(encoding="utf-8"))


@pytest.mark.timeout(1800)
def test_killed_anywhere_and_run_again(
    tmp_path: Path, small_city: Path, undisturbed: tuple[dict[str, tuple[int, int]], float]
) -> None:
    expected, seconds = undisturbed
    moments = random.Random(SEED)
    for attempt in range(KILLS):
        home = Home.at(tmp_path / f"home{attempt}")
        moment = moments.uniform(0.3, seconds * 0.98)
        process = start(home, small_city / "landing")
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        run(home, small_city / "landing")
        found = fingerprint(home)
        wrong = {t: (found.get(t), expected[t]) for t in expected if found.get(t) != expected[t]}
        assert not wrong, f"seed {SEED}, killed after {moment:.2f} s of {seconds:.1f}: {wrong}"
