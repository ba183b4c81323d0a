"""The foundation on a real Spark is the lake's: rows and MD5 of every table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from townlake import parity
from warehouse.home import Home

pytest.importorskip("pyspark", reason="needs the spark extra: make test-spark")
pytestmark = [pytest.mark.e2e, pytest.mark.spark, pytest.mark.timeout(2400)]


def build(home: Home, out: Path, *more: str) -> dict[str, object]:
    """`townlake build --target spark` in a process of its own: one session, one JVM."""
    found = subprocess.run(
        [sys.executable, "-m", "townlake", "build", "--target", "spark", "--out", str(out), "--cores", "2", *more, "--json"],
        capture_output=True, text=True, check=False, env={**os.environ, "TOWNLAKE_HOME": str(home.root)},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-3000:]
    answer: dict[str, object] = json.loads(found.stdout)
    return answer


def test_every_table_is_the_lakes(two_months: Home, copied: Callable[[Home], Home], tmp_path: Path) -> None:
    home = copied(two_months)
    answer = build(home, tmp_path / "spark")
    compared = parity.compare(home, tmp_path / "spark")
    assert {c.table: (c.rows, c.rows_there, c.differing) for c in compared if not c.equal} == {}
    assert {"foundation.person", "foundation.person_value", "foundation.entity_tag", "marts.policy_match"} <= {
        c.table for c in compared if c.rows
    }
    rows = answer["rows"]
    assert isinstance(rows, dict)
    assert rows["foundation.person"] == next(c.rows for c in compared if c.table == "foundation.person")
