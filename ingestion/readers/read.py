"""Reading a file with nothing but its bytes: probe any format, tables as delivered, CSV and a report."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.readers.model import (
    BLANK,
    DATA,
    HEADER,
    NOTE,
    TOTAL,
    AnotherTable,
    Cell,
    FileProbe,
    RawResult,
    Refused,
    TableProbe,
)

REPORTED_ROWS = 1_000


def probe(path: Path) -> FileProbe:
    """What ``path`` holds: format by content, encoding, dialect, tables with headers and samples. Cheap, reads no more than it must.

    Raises:
        Refused: empty, encrypted, corrupt, hostile, an archive (see ``expand``) or no table at all.
    """
    from ingestion.readers import dbf, delimited, jsonfile, parquet, sniff, workbook

    path = Path(path)
    kind = sniff.sniff(path)
    if kind in ("zip", "gz"):
        raise Refused("archive", "这是压缩包，需先展开", "an archive: expand it and read its members")
    if kind == "csv":
        return delimited.probe(path)
    if kind in ("json", "jsonl", "geojson"):
        return jsonfile.probe(path, kind)
    if kind == "dbf":
        return dbf.probe(path)
    if kind == "parquet":
        return parquet.probe(path)
    return workbook.probe(path, kind)


def with_table_at(found: FileProbe, another: AnotherTable) -> FileProbe:
    """The probe of a large text once reading it has met another table; what was begun is to be done again with it."""
    from ingestion.readers import delimited

    return delimited.with_table_at(found, another)


@dataclass
class ReadRow:
    """A row of a table as delivered: its number, kind, cells (a ragged row keeps its own length) and defect."""

    number: int
    kind: str
    cells: list[Cell]
    defect: Cell = None
    section: Cell = None


@dataclass
class ReadTable:
    """One table with its rows still to be read. ``rows()`` may be called once."""

    probe: FileProbe
    table: TableProbe
    result: RawResult = field(default_factory=RawResult)
    left_out: list[ReadRow] = field(default_factory=list)

    def rows(self) -> Iterator[ReadRow]:
        """All rows of the body but blank ones; counts by kind are in ``result`` afterwards.

        Raises:
            AnotherTable: a large text holds one more table, which its head did not show (see ``with_table_at``).
        """
        from ingestion.readers.write import as_list, batches_of

        for batch in batches_of(self.probe, self.table, self.result):
            columns = (
                list(zip(*map(as_list, batch.columns), strict=True)) if batch.columns else [()] * len(batch.row_kinds)
            )
            for i, (number, kind) in enumerate(zip(batch.numbers, batch.row_kinds, strict=True)):
                self.result.rows_by_kind[kind] += 1
                if kind == BLANK:
                    continue
                cells: list[Cell] = list(columns[i])
                if batch.lengths is not None:
                    cells = cells[: batch.lengths[i]] + list(batch.surplus.get(i, ()))
                yield ReadRow(
                    number,
                    kind,
                    cells,
                    batch.defects[i] if batch.defects else None,
                    batch.sections[i] if batch.sections else None,
                )


def iter_tables(path: Path, probed: FileProbe | None = None) -> Iterator[ReadTable]:
    """The tables of ``path`` in order."""
    found = probed or probe(path)
    for table in found.tables:
        yield ReadTable(found, table)


def read_first(path: Path) -> ReadTable:
    """The first table of ``path`` (the first visible one, if there is one).

    Raises:
        Refused: also when the file holds no table.
    """
    found = probe(path)
    if not found.tables:
        raise Refused("no_table", "文件中没有找到数据表", "no table found")
    visible = [table for table in found.tables if not table.hidden]
    return ReadTable(found, (visible or list(found.tables))[0])


def write_csv(table: ReadTable, out: Path) -> int:
    """Write a table as UTF-8 CSV: header as delivered, then its data and total rows as parsed. Returns rows written.

    A table without a header row is written without one: names are not invented.

    Repeated headers, notes and section rows are left out and kept in ``table.left_out`` (the first thousand).
    """
    written = 0
    header = list(table.table.header) or list(table.table.columns)
    with Path(out).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if table.table.header_rows or not table.probe.dialect:
            writer.writerow(header)
        for row in table.rows():
            if row.kind in (DATA, TOTAL):
                writer.writerow(["" if cell is None else cell for cell in row.cells])
                written += 1
            elif len(table.left_out) < REPORTED_ROWS:
                table.left_out.append(row)
    return written


def report(found: FileProbe, read: list[ReadTable]) -> dict[str, Any]:
    """A JSON-able report: format, encoding, dialect, tables, rows by kind, rows left out and why."""
    done = {table.table.index: table for table in read}
    return {
        "format": found.format,
        "encoding": found.encoding,
        "dialect": found.dialect,
        "decisions": [vars(d) for d in found.decisions],
        "tables": [_describe(table, done.get(table.index)) for table in found.tables],
    }


def _describe(table: TableProbe, read: ReadTable | None) -> dict[str, Any]:
    out: dict[str, Any] = {
        "index": table.index,
        "sheet": table.sheet,
        "hidden": table.hidden,
        "columns": list(table.columns),
        "header_rows": list(table.header_rows),
        "title_rows": list(table.title_rows),
        "titles": list(table.titles),
        "rows_estimated": table.estimated_rows,
        "decisions": [vars(d) for d in table.decisions],
    }
    if read is not None:
        out["rows"] = dict(read.result.rows_by_kind)
        out["decisions"] += [vars(d) for d in read.result.decisions]
        out["left_out"] = [
            {"row_number": row.number, "kind": row.kind, "cells": row.cells, "reason": _REASONS.get(row.kind, "")}
            for row in read.left_out
        ]
        out["unread"] = [vars(row) for row in read.result.unread[:REPORTED_ROWS]]
        out["unread_count"] = read.result.unread_count
    return out


_REASONS = {HEADER: "重复的表头", NOTE: "说明、分组或表尾", "deleted": "已删除的记录", BLANK: "空行"}
