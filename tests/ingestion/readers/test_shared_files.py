"""The shared sample files: the labelled city row for row, 171 odd files, the ministry's list of universities."""

from __future__ import annotations

import csv
import datetime as dt
import importlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion.readers import Refused, is_noise, iter_tables, probe, read_first
from ingestion.readers.sandbox import PRELOADED, run_limited
from tests.ingestion.readers.helpers import raw_of, rows_of
from tests.shared import shared_path

pytestmark = pytest.mark.shared


def test_every_row_of_the_sample_city(tmp_path: Path) -> None:
    """File, sheet, row number and kind of every row equal the answer key; blank rows are counted only."""
    city = shared_path("sample_city")
    wanted: dict[str, dict[tuple[str, int], str]] = defaultdict(dict)
    for file, sheet, number, kind in (
        pl.read_parquet(city / "truth/mention.parquet").select("file", "sheet", "row_number", "row_kind").iter_rows()
    ):
        wanted[file][sheet, number] = kind
    files = pl.read_parquet(city / "truth/file.parquet")
    wrong = {}
    for file, kind in files.select("file", "kind").iter_rows():
        if kind != "data":
            continue
        rows, blank = rows_of(city / file, tmp_path / Path(file).stem)
        expected = {key: value for key, value in wanted[file].items() if value != "blank"}
        if rows != expected or blank != sum(value == "blank" for value in wanted[file].values()):
            wrong[file] = {
                key: (expected.get(key), rows.get(key))
                for key in expected.keys() | rows.keys()
                if expected.get(key) != rows.get(key)
            }
    assert not wrong


def test_the_citys_other_files_are_refused_or_named() -> None:
    city = shared_path("sample_city")
    for file, kind in pl.read_parquet(city / "truth/file.parquet").select("file", "kind").iter_rows():
        path = city / file
        if kind in ("lock", "system", "empty"):
            assert is_noise(path.name, path.stat().st_size), file
        if kind in ("corrupt", "password"):
            with pytest.raises(Refused) as refused:
                probe(path)
            assert refused.value.code == {"corrupt": "corrupt", "password": "protected_or_damaged"}[kind]


def test_damaged_rows_of_the_city_are_marked(tmp_path: Path) -> None:
    city = shared_path("sample_city")
    defects = pl.read_parquet(city / "truth/defect.parquet").filter(pl.col("period") == 1)
    expected = {
        "ragged_extra_field": "ragged_extra",
        "ragged_missing_fields": "ragged_missing",
        "undecodable_bytes": "undecodable",
    }
    for kind, defect in expected.items():
        for file, rows in defects.filter(pl.col("kind") == kind).group_by("file").agg("row_number").iter_rows():
            _, _, frame = raw_of(city / file, tmp_path / "raw.parquet")
            marked = frame.filter(pl.col("row_number").is_in(rows))["_defect"].to_list()
            assert marked == [defect] * len(rows), (file, kind)
    vertical = defects.filter(pl.col("kind") == "vertically_merged")
    _, _, frame = raw_of(city / vertical["file"][0], tmp_path / "raw.parquet")
    for number, column, original in vertical.select("row_number", "column", "original").iter_rows():
        assert frame.filter(pl.col("row_number") == number)[column].item() == original
    mixed = defects.filter(pl.col("kind") == "other_encoding")
    _, result, frame = raw_of(city / mixed["file"][0], tmp_path / "raw.parquet")
    for number, column, original in mixed.select("row_number", "column", "original").iter_rows():
        assert frame.filter(pl.col("row_number") == number)[column].item() == original
    assert "mixed_encoding" in {d.code for d in result.decisions}


def test_university_list_has_every_school_under_its_province(tmp_path: Path) -> None:
    table, result, frame = raw_of(shared_path("data/tables/university.xls"), tmp_path / "raw.parquet")
    data = frame.filter(pl.col("row_kind") == "data")
    assert result.rows_by_kind["data"] == data.height == 2631
    assert table.header_rows == (3,)
    assert data["_section"].null_count() == 0
    assert data["_section"].n_unique() == 31
    first = data.row(0, named=True)
    assert (first["row_number"], first["学校名称"], first["_section"], first["序号"]) == (
        5,
        "北京大学",
        "北京市（92所）",
        "1",
    )
    counts = dict(data.group_by("_section").len().iter_rows())
    for section, n in counts.items():
        assert section.endswith(f"（{n}所）")


def test_divisions_keep_their_twelve_digits(tmp_path: Path) -> None:
    folder = shared_path("data/admin_divisions")
    _, result, frame = raw_of(folder / "yantai_divisions_2023.csv", tmp_path / "raw.parquet")
    assert result.rows_by_kind["data"] == 6509
    assert frame["community_code"].str.len_chars().unique().to_list() == [12]


def _look(path: Path) -> dict[str, Any]:
    found = probe(path)
    cells = rows = 0
    for table in iter_tables(path, found):
        cells += sum(1 for row in table.table.header_cells for cell in row if cell) + len(table.table.titles)
        for row in table.rows():
            rows += 1
            cells += sum(cell is not None for cell in row.cells)
    return {"format": found.format, "cells": cells, "rows": rows}


@pytest.mark.slow
def test_messy_files_load_or_say_why() -> None:
    """No crash, no hang; every valid workbook gives at least the cells two readers agree on (filled-down cells may add)."""
    root = shared_path("data/messy_files")
    for (
        name
    ) in PRELOADED:  # the function is sent to the server, or forked from here: then what it needs is imported once
        importlib.import_module(name)
    wrong = []
    for entry in csv.DictReader((root / "manifest.csv").open(encoding="utf-8")):
        path = root / entry["path"]
        try:
            answer = run_limited(_look, path, seconds=20, memory_bytes=2 << 30)
        except Refused as refused:
            assert refused.reason_zh
            assert refused.reason_en
            answer = {"refused": refused.code}
        if entry["expected"] == "valid" and "refused" in answer and path.suffix.lower() not in (".fpt", ".zip"):
            wrong.append((entry["path"], answer))
        if (
            entry["expected"] == "valid"
            and entry["cells_calamine"]
            and answer.get("cells", 0) < int(entry["cells_calamine"]) - 2
        ):
            wrong.append((entry["path"], answer, entry["cells_calamine"]))
        if entry["expected"] == "encrypted" and answer.get("refused") != "encrypted":
            wrong.append((entry["path"], answer))
    assert not wrong


def test_csv_spectrum() -> None:
    folder = shared_path("data/messy_files/files/csv-spectrum")
    for truth in sorted((folder / "json").glob("*.json")):
        path = folder / "csvs" / (truth.stem + ".csv")
        if not path.exists() or truth.stem == "location_coordinates":  # its published answer holds another number
            continue
        table = read_first(path)
        names = table.table.header
        rows = [{name: cell or "" for name, cell in zip(names, row.cells, strict=True)} for row in table.rows()]
        assert rows == json.loads(truth.read_text(encoding="utf-8")), truth.stem


def test_1904_dates_are_converted(tmp_path: Path) -> None:
    folder = shared_path("data/messy_files/files/calamine/tests")
    for suffix in ("xlsx", "xls", "xlsb"):
        assert "date_1904" in {d.code for d in probe(folder / f"date_1904.{suffix}").decisions}
        dates = {
            cell for table in iter_tables(folder / f"date_1904.{suffix}") for row in table.rows() for cell in row.cells
        }
        assert dt.date(2021, 1, 1).isoformat() in dates
