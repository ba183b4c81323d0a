"""`townlake build --target`: what is refused, in one sentence, before anything is written."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.home import Home


def build(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "townlake", "build", *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "TOWNLAKE_HOME": str(home.root)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--target", "presto"], "there is no target 'presto'"),
        (["--target", "spark"], "--out DIR"),
        (["--target", "spark", "--out", "x", "--layer", "marts"], "--layer"),
        (["--out", "x"], "go with --target spark"),
        (["--compare"], "go with --target spark"),
    ],
)
def test_wrong_use(home: Home, arguments: list[str], said: str) -> None:
    found = build(home, *arguments)
    assert (found.returncode, len(found.stderr.strip().splitlines())) == (2, 1)
    assert said in found.stderr


def test_a_folder_of_somebody_elses_is_left_alone(home: Home, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("years of work", encoding="utf-8")
    found = build(home, "--target", "spark", "--out", str(tmp_path / "theirs"))
    assert found.returncode == 2
    assert (tmp_path / "theirs" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


@pytest.mark.skipif(importlib.util.find_spec("pyspark") is not None, reason="Spark is installed here")
def test_without_spark_the_remedy_is_named(home: Home, tmp_path: Path) -> None:
    found = build(home, "--target", "spark", "--out", str(tmp_path / "spark"))
    assert found.returncode == 3
    assert "make setup-spark" in found.stderr
    assert not (tmp_path / "spark").exists()
