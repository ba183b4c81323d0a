"""Polluted files of our own, scored with the benchmark's measures."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from ingestion.readers import read_first, write_csv
from tests.ingestion.readers import pollution
from tests.shared import shared_path

pytestmark = pytest.mark.shared


def scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pollock_score", shared_path("bench/pollock_score.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_polluted_files_score(tmp_path: Path, quoting: int) -> None:
    """9.85 is asked of the published set; on ours, which is smaller and so weighs each damaged row more, the same."""
    bench = scorer()
    pollution.write_cases(tmp_path / "polluted_files", rows=60, seed=11, quoting=quoting, step=12)
    rows, _ = bench.score_loader(lambda i, o, _: write_csv(read_first(Path(i)), Path(o)), str(tmp_path))
    score = sum(sum(measures.values()) for _, measures in rows) / len(rows)
    assert score >= 9.95, sorted((round(sum(m.values()), 2), f) for f, m in rows)[:10]
