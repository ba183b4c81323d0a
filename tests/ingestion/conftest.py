"""A folder of contracts for one test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that TOWNLAKE_SOURCES names."""
    monkeypatch.setenv("TOWNLAKE_SOURCES", str(tmp_path / "sources"))
    return tmp_path / "sources"
