"""What a source declares: its columns with their defects, its files, and how its rows follow from the city."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from sample_city.defects import Defect, Log
from sample_city.draw import Ints
from sample_city.world import World

CHUNK = 200_000  # rows made and written at a time


@dataclass(frozen=True)
class Column:
    """A delivered column. `kind`: text, number (a number cell in workbooks) or date (a date cell)."""

    name: str
    defects: Sequence[Defect] = ()
    kind: str = "text"


@dataclass(frozen=True)
class RowDefects:
    """Structural defects as shares of rows; blank lines and repeated headers as shares too, at least one per chunk.

    near: the column that gets a trailing space in a near-duplicate; extra_before: the column before which a ragged
    row has an empty field too many; swap: two columns that exchange their values in some rows.
    """

    duplicate_exact: float = 0.0
    duplicate_near: float = 0.0
    near: str = ""
    ragged_missing: float = 0.0
    ragged_tail: float = 0.0
    ragged_extra: float = 0.0
    extra_before: str = ""
    swap: tuple[str, str] = ("", "")
    swapped: float = 0.0
    truncate_last: bool = False
    blank_lines: float = 0.0
    repeated_headers: float = 0.0


@dataclass(frozen=True)
class Line:
    """A row that is no data: where it stands in the chunk (0 … 1; 2 and more: at the end), its kind, its cells."""

    at: float
    row_kind: str
    cells: dict[str, str]


@dataclass
class Chunk:
    """Some rows of a delivery, before damage.

    frame: all columns as text; ids: one number per row, the same in every delivery; keys: columns of the answer key
    (person_key, org_key, place_key, event_key); roles: other persons of the rows (role, positions, person keys)
    logs: damage the frame already holds, by positions in the chunk; merged: first row and last row plus one of the
    records whose first columns (Source.merged_columns) are one cell each
    """

    frame: pl.DataFrame
    ids: Ints
    keys: dict[str, pl.Series]
    roles: Sequence[tuple[str, Ints, pl.Series]] = ()
    sheet: str = ""
    title: str = ""
    lines: Sequence[Line] = ()
    logs: Sequence[Log] = ()
    merged: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class Source:
    """A dataset of a department. Functions of a period (1, 2, …) say what differs from delivery to delivery.

    name: department/dataset as in the answer key
    file: path below landing/
    columns, chunks: the delivered columns, and the rows
    key: the column whose damage makes a row untrustworthy
    number: a column with a person's or firm's number beside a sound key, whose damage leaves a row doubtful
    kind: full or delta
    layout: csv, zip (one CSV), xlsx, xls, dbf, json, jsonl or geojson; encoding: of a CSV
    separator, quoting, line_end: of a CSV; member: the file inside a zip
    widths: type, width and decimals of the fields of a DBF; render: rows as lines of JSON
    date_1904, dimension, merged_columns: of an xlsx: date system, declared extent, columns merged downwards
    rows: defects of whole rows; shuffled: rows in random order, the same in every delivery
    register: whether a person whose row here must be refused cannot be judged
    header_rows: rows above the data, titles included; note: of the file in the answer key
    titles: title lines of a workbook; groups: label, first column and width of grouped columns (a second header row)
    other_sheets: further sheets that hold no data
    comes: whether it is delivered; again: the period whose bytes a delivery repeats, or 0
    renamed: delivered headers by declared ones, where they differ
    """

    name: str
    file: Callable[[World, int], str]
    columns: Callable[[int], Sequence[Column]]
    chunks: Callable[[World, int], Iterator[Chunk]]
    key: str = ""
    number: str = ""
    kind: Callable[[int], str] = lambda period: "full"
    layout: str = "csv"
    encoding: str = "utf-8"
    separator: str = ","
    quoting: bool = True
    line_end: str = "\r\n"
    member: Callable[[World, int], str] = lambda world, period: ""
    widths: Sequence[tuple[str, int, int]] = ()
    render: Callable[[pl.DataFrame], pl.Series] | None = None
    date_1904: bool = False
    dimension: str = ""
    merged_columns: int = 0
    rows: RowDefects = RowDefects()
    shuffled: bool = False
    register: bool = False
    header_rows: int = 1
    note: str = ""
    titles: Callable[[World, int], Sequence[str]] = lambda world, period: ()
    groups: Sequence[tuple[str, int, int]] = ()
    other_sheets: Sequence[tuple[str, Sequence[Sequence[str]]]] = ()
    comes: Callable[[int], bool] = lambda period: True
    again: Callable[[int], int] = lambda period: 0
    renamed: Callable[[int], dict[str, str]] = lambda period: {}
