"""The words every reader shares: what a file was found to hold, what was decided about it, and why it was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DATA, HEADER, TOTAL, NOTE, DELETED, BLANK = "data", "header", "total", "note", "deleted", "blank"
ROW_KINDS = (DATA, HEADER, TOTAL, NOTE, DELETED, BLANK)

RAGGED_EXTRA, RAGGED_BLANK, RAGGED_MISSING = "ragged_extra", "ragged_blank", "ragged_missing"
TRUNCATED, UNDECODABLE = "truncated", "undecodable"

Cell = str | None


class Refused(Exception):
    """A file (or a member of an archive) that is not read, with the reason for a clerk and for the log.

    ``code`` is snake_case and stable; receipts and tests name it.
    """

    def __init__(self, code: str, reason_zh: str, reason_en: str) -> None:
        super().__init__(code, reason_zh, reason_en)
        self.code, self.reason_zh, self.reason_en = code, reason_zh, reason_en

    def __str__(self) -> str:
        return f"{self.code}: {self.reason_en}"


class AnotherTable(Exception):
    """While table ``index`` of a large text was read, another one was seen to begin at row ``number``.

    ``delimited.with_table_at`` gives the probe that knows both; what was begun is to be done again with it.
    """

    def __init__(self, index: int, number: int) -> None:
        super().__init__(index, number)
        self.index, self.number = index, number


@dataclass(frozen=True)
class Decision:
    """One thing a reader decided by itself; every one ends up in the receipt."""

    code: str
    detail_en: str
    detail_zh: str


@dataclass(frozen=True)
class TableProbe:
    """One table of a file, as found.

    ``columns``: the header as delivered, several header rows joined by one space, made unique ("" -> "列3", a second
    "姓名" -> "姓名_2"). ``header``: the same before it was made unique. ``header_rows``: sheet or line row numbers.
    ``sample``: the first data rows, cell by cell as parsed (a ragged row keeps its own length). ``first_row`` and
    ``last_row`` bound the rows of the table, titles and header left out; ``last_row`` is None when it runs to the end.
    ``block``: columns of the sheet (from 0, end excluded) that are this table's where others stand beside it.
    """

    index: int
    sheet: str | None
    columns: tuple[str, ...]
    header_rows: tuple[int, ...]
    estimated_rows: int | None
    hidden: bool
    sample: list[list[str | None]]
    titles: tuple[str, ...]
    decisions: tuple[Decision, ...]
    header: tuple[str, ...] = ()
    title_rows: tuple[int, ...] = ()
    first_row: int = 1
    last_row: int | None = None
    header_cells: tuple[tuple[str, ...], ...] = ()
    first_column: int = 0
    usual: int = 0
    block: tuple[int, int] | None = None


@dataclass(frozen=True)
class FileProbe:
    """What one file holds. ``encoding`` and ``dialect`` only for text formats."""

    path: Path
    format: str
    encoding: str | None
    dialect: dict[str, str | int | None] | None
    tables: tuple[TableProbe, ...]
    decisions: tuple[Decision, ...]
    hints: dict[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class UnreadRow:
    """A row whose cells could not be read as they should be; kept for the receipt's workbook."""

    sheet: str | None
    row_number: int
    cells: tuple[str, ...]
    reason_zh: str
    reason_en: str


@dataclass
class RawResult:
    """What ``write_raw`` wrote: rows by kind (blank rows counted though not written), decisions, unread rows, and the shape
    of the data (ingestion.identity)."""

    rows_by_kind: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROW_KINDS, 0))
    decisions: list[Decision] = field(default_factory=list)
    unread: list[UnreadRow] = field(default_factory=list)
    unread_count: int = 0
    shape: str = ""

    def add_unread(self, row: UnreadRow, limit: int = 10_000) -> None:
        """Keep ``row`` unless ``limit`` rows are kept already; count it always."""
        self.unread_count += 1
        if len(self.unread) < limit:
            self.unread.append(row)


@dataclass
class Batch:
    """Rows of one table, column by column. All lists have one entry per row, ``columns`` one list per table column.

    A column may be an Arrow string array. ``kinds``: per column None (all text), one kind (every row), or one per row. ``surplus``: row index -> fields beyond
    the last column. ``sections`` may be None when no row stands under a section row.
    """

    numbers: Sequence[int]
    row_kinds: Sequence[str]
    columns: Sequence[Any]
    kinds: Sequence[str | Sequence[str | None] | None] | None = None
    sections: Sequence[Cell] | None = None
    defects: Sequence[Cell] | None = None
    surplus: dict[int, list[str]] = field(default_factory=dict)
    lengths: Sequence[int] | None = None  # fields a row really had, where that can differ (delimited text)


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Header cells made unique: blank -> ``列<n>`` (counted from 1), a repeated name gets ``_2``, ``_3`` …"""
    taken: set[str] = set()
    given = {name.strip() for name in names}
    out: list[str] = []
    for position, name in enumerate(names, start=1):
        base = name.strip() or f"列{position}"
        candidate, n = base, 1
        while candidate in taken or (n > 1 and candidate in given):
            n += 1
            candidate = f"{base}_{n}"
        taken.add(candidate)
        out.append(candidate)
    return tuple(out)
