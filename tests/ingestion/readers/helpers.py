"""What several tests of the readers share: reading a file through to raw, and back as rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl

from ingestion.readers import FileProbe, RawResult, TableProbe, expand, is_archive, probe, write_raw

RECEIVED = dt.datetime(2026, 11, 1, 8, 30, tzinfo=dt.UTC)
CONSTANTS = {
    "dataset": "test.set",
    "file": "test/文件.csv",
    "delivery_id": "d" * 64,
    "received_at": RECEIVED,
    "delivered_on": dt.date(2026, 10, 31),
}


def to_raw(
    found: FileProbe,
    tables: list[TableProbe],
    out: Path,
    columns: list[dict[str, str]] | None = None,
    targets: list[str] | None = None,
) -> tuple[RawResult, pl.DataFrame]:
    """Write tables with their own header names as target columns; returns the result and the raw rows."""
    mapping = columns or [{name: name for name in table.columns} for table in tables]
    names = targets if targets is not None else list(tables[0].columns)
    result = write_raw(found, tables, out, columns=mapping, target_columns=names, constants=CONSTANTS)
    return result, pl.read_parquet(out)


def raw_of(path: Path, out: Path, table: int = 0) -> tuple[TableProbe, RawResult, pl.DataFrame]:
    """One table of a file, to raw and back."""
    found = probe(path)
    chosen = found.tables[table]
    result, frame = to_raw(found, [chosen], out)
    return chosen, result, frame


def cells_of(frame: pl.DataFrame, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The cells of the data rows, row by row."""
    return frame.filter(pl.col("row_kind") == "data").select(columns).rows()


def rows_of(path: Path, folder: Path) -> tuple[dict[tuple[str, int], str], int]:
    """Kind of every row by sheet (or member) and number, and how many lines are blank, as the project reads them.

    An archive is expanded into `folder`, raw is written beside it.
    """
    members = [(path, "")]
    if is_archive(path):
        folder.mkdir(exist_ok=True)
        members = [(m.path, m.name) for m in expand(path, folder) if m.path]
    rows: dict[tuple[str, int], str] = {}
    blank = 0
    for member, name in members:
        found = probe(member)
        for table in found.tables:
            result, frame = to_raw(found, [table], folder.with_name(f"{folder.name}.parquet"))
            blank += result.rows_by_kind["blank"]
            for sheet, number, kind in frame.select("sheet", "row_number", "row_kind").iter_rows():
                rows[name or sheet or "", number] = kind
    return rows, blank
