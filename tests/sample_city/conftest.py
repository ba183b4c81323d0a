"""A small city, made once for all tests of this folder."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from sample_city import CORE, generate

PERSONS, SEED, PERIODS = 2500, 7, 2


class City:
    """A generated city and its answer key."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def truth(self, name: str) -> pl.DataFrame:
        """A table of the answer key."""
        return pl.read_parquet(self.out / "truth" / f"{name}.parquet")


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Two deliveries of a small city."""
    out = tmp_path_factory.mktemp("city")
    generate(PERSONS, SEED, out, periods=PERIODS, datasets=CORE)
    return City(out)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of files shared beside the repository."""
    folder = Path(os.environ.get("TOWNLAKE_SHARED", Path(__file__).parents[3] / "shared"))
    if not (folder / "sample_city" / "evaluate.py").exists():
        pytest.skip(f"no shared files at {folder}")
    return folder
