"""The generator as a whole: same arguments same bytes, bad arguments, and how long it takes."""

from __future__ import annotations

import hashlib
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sample_city import generate


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    generate(600, 3, tmp_path / "a", periods=2)
    generate(600, 3, tmp_path / "b", periods=2)
    first = digests(tmp_path / "a")
    assert first == digests(tmp_path / "b")
    assert len(first) > 30


def test_another_seed_gives_another_city(tmp_path: Path) -> None:
    generate(300, 3, tmp_path / "a")
    generate(300, 4, tmp_path / "b")
    key = "landing/gongan/常住人口_20261031.csv"
    assert digests(tmp_path / "a")[key] != digests(tmp_path / "b")[key]


def test_first_delivery_does_not_depend_on_the_number_of_deliveries(tmp_path: Path) -> None:
    generate(2500, 5, tmp_path / "a", periods=1)
    generate(2500, 5, tmp_path / "b", periods=3)
    one, three = digests(tmp_path / "a" / "landing"), digests(tmp_path / "b" / "landing")
    assert one == three
    assert (tmp_path / "b" / "landing_3").is_dir()


def test_delivery_days_are_month_ends(tmp_path: Path) -> None:
    generate(200, 5, tmp_path / "a", periods=4, date=date(2026, 10, 31))
    assert (tmp_path / "a/landing_2/gongan/常住人口_20261130.csv").exists()
    assert (tmp_path / "a/landing_4/gongan/常住人口_20270131.csv").exists()


def test_a_city_of_villages_has_no_estates(tmp_path: Path) -> None:
    generate(1000, 15, tmp_path)
    place = pl.read_parquet(tmp_path / "truth/place.parquet")
    assert place.height > 100
    assert place.filter(pl.col("place_key").str.starts_with("B")).is_empty()


@pytest.mark.parametrize("persons", [10, 60])
def test_a_source_without_rows_sends_no_file(tmp_path: Path, persons: int) -> None:
    generate(persons, 3, tmp_path, periods=2)
    files = pl.read_parquet(tmp_path / "truth/file.parquet")
    data, named = set(files.filter(kind="data")["file"]), set(files["file"])
    told = set(pl.read_parquet(tmp_path / "truth/mention.parquet")["file"])
    assert data <= told
    assert 10 < len(data) < 63  # 37 and 26 files of a large city
    lying = {
        str(p.relative_to(tmp_path)) for landing in tmp_path.glob("landing*") for p in landing.rglob("*") if p.is_file()
    }
    assert lying == named


@pytest.mark.parametrize(("persons", "periods"), [(9, 1), (1000, 0)])
def test_impossible_arguments_are_refused(tmp_path: Path, persons: int, periods: int) -> None:
    with pytest.raises(ValueError, match="at least 10 persons"):
        generate(persons, 1, tmp_path / "a", periods=periods)


def test_an_existing_city_is_not_overwritten(tmp_path: Path) -> None:
    generate(200, 1, tmp_path)
    with pytest.raises(ValueError, match="already holds a city"):
        generate(200, 1, tmp_path)


@pytest.mark.parametrize("persons", [10, 37, 150])
def test_the_smallest_city(tmp_path: Path, persons: int) -> None:
    assert generate(persons, 2, tmp_path / "a", periods=2).files > 15


@pytest.mark.slow
def test_twenty_thousand_persons_in_ten_seconds(tmp_path: Path) -> None:
    """Processor seconds of all threads, so that a busy machine does not decide."""
    began = time.process_time()
    generate(20_000, 1, tmp_path / "a")
    assert time.process_time() - began < 10
