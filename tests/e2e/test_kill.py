"""Killed at random moments in every step and run again: everything is as after an undisturbed road, ids included.

TOWNLAKE_TEST_KILLS kills (20 unless named; `make kills` makes 200), TOWNLAKE_TEST_SEED chooses where and when.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from warehouse.home import REPOSITORY

KILLS = int(os.environ.get("TOWNLAKE_TEST_KILLS", "20"))
RUN = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
"""Another for every run, the same in all workers of one."""
SEED = int(os.environ.get("TOWNLAKE_TEST_SEED") or RUN.randrange(10**6))
PARTS = 2

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900 + 60 * KILLS)]


@pytest.mark.parametrize("part", range(1, PARTS + 1))
def test_killed_anywhere_and_run_again(road_to_kill: Path, part: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.killing", str(road_to_kill), f"--kills={KILLS}", f"--seed={SEED}", f"--part={part}/{PARTS}"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    attempts = [json.loads(line) for line in ended.stdout.splitlines()]
    wrong = [a for a in attempts if a["wrong"]]
    assert not wrong, "\n".join(json.dumps(a, ensure_ascii=False) for a in wrong)
    assert ended.returncode == 0, ended.stderr[-3000:]
    killed = Counter(kill["at"] for a in attempts for kill in a["kills"])
    print(f"seed {SEED}, part {part}: {len(attempts)} attempts, {killed.total()} kills:", dict(killed.most_common()))
    assert sum(len(a["kills"]) for a in attempts) >= KILLS // PARTS
