"""Reads deliveries back with readers that know nothing of the generator: (sheet, row number) → cells."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path

import python_calamine as calamine

Rows = dict[tuple[str, int], list[str]]


def text(cell: object) -> str:
    """A cell as text: whole numbers without a point, dates as ISO."""
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell)


def _csv(path: Path) -> Rows:
    data = path.read_bytes()
    encoding = "utf-8" if path.parent.name == "rexian" else "gb18030"
    reader = csv.reader(io.StringIO(data.decode(encoding), newline=""))
    return {("", i): row for i, row in enumerate(reader, 1)}


def _workbook(path: Path) -> Rows:
    book = calamine.CalamineWorkbook.from_path(path)
    rows: Rows = {}
    for sheet in book.sheet_names:
        cells = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
        rows |= {(sheet, i): [text(c) for c in row] for i, row in enumerate(cells, 1)}
    return rows


def _geojson(path: Path) -> Rows:
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return {("", i): [f["properties"]["网格编码"]] for i, f in enumerate(features, 1)}


def rows(path: Path) -> Rows:
    """All rows of a file, header included."""
    if path.suffix == ".csv":
        return _csv(path)
    return _geojson(path) if path.suffix == ".geojson" else _workbook(path)
