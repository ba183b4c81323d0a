"""A small labelled city, written once for all tests of the whole road."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `landing/`, `landing_2/` and `truth/` of 600 people over two months."""
    import sample_city

    folder = tmp_path_factory.mktemp("city")
    sample_city.generate(600, 11, folder, periods=2)
    return folder
