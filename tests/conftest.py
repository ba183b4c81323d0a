"""Fixtures for every test: a home of its own, nothing from the developer's environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An empty home, also named by TOWNLAKE_HOME for commands run in child processes."""
    monkeypatch.setenv("TOWNLAKE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TOWNLAKE_CATALOG", raising=False)
    yield Home.from_environment().prepare()
