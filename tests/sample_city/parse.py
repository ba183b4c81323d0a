"""Reads deliveries back with readers that know nothing of the generator: (sheet, row number) → cells."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
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


# ---- by header, in every format ---------------------------------------------------------------------------
ENCODINGS = {"bianban": "utf-16", "rexian": "utf-8", "shuiwudian": "utf-8", "weijian": "utf-8"}
_MARKED = {"单位参保缴费", "党群服务中心", "网格事件"}


def _csv_cells(text_: str, separator: str, *, quoted: bool) -> dict[int, dict[str, str]]:
    how = {"quoting": csv.QUOTE_MINIMAL} if quoted else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(io.StringIO(text_, newline=""), delimiter=separator, **how)  # type: ignore[arg-type]
    header = next(reader)
    return {i: dict(zip(header, row, strict=False)) for i, row in enumerate(reader, 2)}


def _dbf_cells(path: Path) -> dict[int, dict[str, str]]:
    data = path.read_bytes()
    start, length = (int.from_bytes(data[i : i + 2], "little") for i in (8, 10))
    fields = [data[i : i + 32] for i in range(32, start - 1, 32)]
    found: dict[int, dict[str, str]] = {}
    for number in range(1, int.from_bytes(data[4:8], "little") + 1):
        at = start + (number - 1) * length + 1
        row = {}
        for field in fields:
            name = field[:11].split(b"\0")[0].decode("gbk")
            row[name] = data[at : at + field[16]].decode("gbk")
            at += field[16]
        found[number] = row
    return found


def _flat(value: object, name: str = "") -> dict[str, str]:
    """Nested objects with dotted names."""
    if not isinstance(value, dict):
        return {name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}
    found: dict[str, str] = {}
    for key, inner in value.items():
        found |= _flat(inner, f"{name}.{key}" if name else key)
    return found


def _json_lines(path: Path) -> dict[int, dict[str, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {i: _flat(json.loads(line)) for i, line in enumerate(lines, 1) if line.endswith("}")}


def _sheet_cells(path: Path, sheet: str) -> dict[int, dict[str, str]]:
    """By the last row that names a column, over the rows above where headers are grouped."""
    found = {n: row for (s, n), row in _workbook(path).items() if s == sheet}
    first = next(n for n, row in found.items() if sum(1 for c in row if c) > len(row) // 2)
    names = found[first]
    below = found.get(first + 1, [])
    if below and not below[0] and sum(1 for c in below if c) < len(below):
        names = [low or high for low, high in zip(below, names, strict=True)]
    return {n: dict(zip(names, row, strict=False)) for n, row in found.items()}


def cells(path: Path, sheet: str) -> dict[int, dict[str, str]]:
    """Cells by row number and header; of DBF as wide as their fields, of JSON by dotted names."""
    if path.suffix == ".dbf":
        return _dbf_cells(path)
    if path.suffix == ".jsonl":
        return _json_lines(path)
    if path.suffix in (".xlsx", ".xls"):
        return _sheet_cells(path, sheet)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            text_ = archive.read(archive.infolist()[0]).decode("utf-8-sig")
        return _csv_cells(text_, ",", quoted=True)
    data = path.read_bytes()
    encoding = ENCODINGS.get(path.parent.name, "gb18030")
    if path.suffix == ".txt" or path.parent.name == "dashuju" or any(m in path.name for m in _MARKED):
        encoding = "utf-8-sig"
    return _csv_cells(
        data.decode(encoding, "replace"), "|" if path.suffix == ".txt" else ",", quoted=path.suffix != ".txt"
    )
