"""Delimited text in any dialect and encoding: probing, and the body batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from ingestion.readers import cells, layout
from ingestion.readers import dialect as dialects
from ingestion.readers import encoding as enc
from ingestion.readers import text as texts
from ingestion.readers.dialect import Dialect
from ingestion.readers.kinds import Classifier
from ingestion.readers.model import (
    DATA,
    RAGGED_BLANK,
    RAGGED_EXTRA,
    RAGGED_MISSING,
    TRUNCATED,
    UNDECODABLE,
    AnotherTable,
    Batch,
    Cell,
    Decision,
    FileProbe,
    RawResult,
    Refused,
    TableProbe,
    UnreadRow,
    unique_names,
)
from ingestion.readers.watch import Watch

WHOLE_FILE = 8 << 20
WHOLE_ROWS = 100_000
HEAD_ROWS = 5_000
SAMPLE_ROWS = 50
BATCH_ROWS = 20_000
WIDEST = 20_000
MOST_TABLES = 50
DEFECT_REASONS = {
    RAGGED_EXTRA: ("这一行的列数比表头多", "the row has more fields than the header"),
    RAGGED_BLANK: ("这一行末尾多出空的列", "the row ends in blank fields beyond the header"),
    RAGGED_MISSING: ("这一行的列数比表头少", "the row has fewer fields than the header"),
    TRUNCATED: ("这一行的引号没有闭合，按行尾截断", "a quote was left open; the row was ended at its line"),
    UNDECODABLE: (
        "这一行含无法识别的字节（显示为“\ufffd”）",
        "the row holds bytes that are no text, or U+FFFD where an earlier program lost them",
    ),
}


def probe(path: Path) -> FileProbe:
    """Encoding, dialect and tables of a delimited text. Files up to 8 MiB and 100,000 rows are looked at whole,
    larger ones at their head.

    Raises:
        Refused: binary content, or rows wider than any table.
    """
    encoding = enc.detect(path)
    head = _head_text(path, encoding)
    if "\x00" in head and head.count("\x00") > 0.1 * len(head):
        raise Refused("binary", "文件是二进制内容，不是文本表格", "the file is binary, not text")
    found_dialect = dialects.detect(head)
    small = path.stat().st_size <= WHOLE_FILE
    rows = _rows(path, encoding, found_dialect, WHOLE_ROWS if small else HEAD_ROWS)
    whole = small and len(rows) < WHOLE_ROWS - found_dialect.skip_lines
    if found_dialect.width < 2:
        found_dialect = replace(found_dialect, width=1)
    text_rows = layout.TextRows(rows)
    found = layout.find_tables(text_rows)
    decisions = _file_decisions(encoding, found_dialect, len(found))
    tables = []
    for index, table in enumerate(found):
        last = table is found[-1]
        tables.append(
            _table(
                text_rows,
                rows,
                table,
                path,
                index=index,
                last_row=None if last else rows[table.end - 1][0],
                whole=whole,
                dialect=found_dialect,
            )
        )
    hints: dict[str, str | int | None] = {
        "bom": encoding.bom,
        "damaged": int(encoding.damaged),
        "whole": int(whole),
    }
    return FileProbe(
        path,
        "csv",
        encoding.name,
        found_dialect.as_dict() | {"width": found_dialect.width},
        tuple(tables),
        tuple(decisions),
        hints,
    )


def with_table_at(probed: FileProbe, another: AnotherTable) -> FileProbe:
    """The probe of a large text once it is known that after table ``another.index`` another begins at ``another.number``.

    Raises:
        Refused: more tables than anybody reads.
    """
    if another.index + 1 >= MOST_TABLES:
        raise Refused(
            "too_many_tables",
            f"文件中的表多于 {MOST_TABLES} 个，请分成几个文件",
            f"more than {MOST_TABLES} tables in one text",
        )
    dialect = dialect_of(probed)
    records = texts.records(probed.path, encoding_of(probed), dialect)
    later = (record for record in records if record[0] >= another.number)
    rows = [(number, fields) for number, fields, _ in islice(later, HEAD_ROWS)]
    whole = len(rows) < HEAD_ROWS
    text_rows = layout.TextRows(rows)
    found = layout.find_tables(text_rows)
    known = [*probed.tables[: another.index], replace(probed.tables[another.index], last_row=another.number - 1)]
    more = [
        _table(
            text_rows,
            rows,
            table,
            probed.path,
            index=len(known) + position,
            last_row=None if table is found[-1] else rows[table.end - 1][0],
            whole=whole,
            dialect=dialect,
        )
        for position, table in enumerate(found)
    ]
    said = [d for d in probed.decisions if d.code != "several_tables"]
    return replace(
        probed,
        tables=(*known, *more),
        decisions=(*said, _several(len(known) + len(more))),
        hints=probed.hints | {"whole": int(whole)},
    )


def _several(tables: int) -> Decision:
    return Decision("several_tables", f"the file holds {tables} tables", f"文件中有 {tables} 个表")


def watch_of(probed: FileProbe, table: TableProbe, result: RawResult) -> Watch | None:
    """Who looks out for another table below this one; None where all rows have been looked at or nothing can be told."""
    is_open = table.last_row is None and not probed.hints.get("whole")
    return Watch(table, result) if is_open and table.header_rows else None


def _head_text(path: Path, encoding: enc.Encoding) -> str:
    parts: list[str] = []
    size = 0
    for block in enc.blocks(path, encoding, block=512 << 10):
        parts.append(block.text)
        size += len(block.text)
        if size >= 256 << 10:
            break
    return "".join(parts)


def _rows(path: Path, encoding: enc.Encoding, dialect: Dialect, limit: int) -> list[tuple[int, list[str]]]:
    rows = []
    for number, fields, _ in islice(texts.records(path, encoding, dialect), limit):
        if len(fields) > WIDEST:
            raise Refused(
                "too_many_columns",
                f"第 {number} 行有 {len(fields)} 列，不是正常的数据表",
                f"row {number} has {len(fields)} fields",
            )
        if number > dialect.skip_lines:
            rows.append((number, fields))
    return rows


def _file_decisions(encoding: enc.Encoding, dialect: Dialect, tables: int) -> list[Decision]:
    said = [Decision("encoding", f"read as {encoding.name}", f"按 {encoding.name} 编码读取")]
    if dialect.skip_lines:
        said.append(
            Decision("sep_line", "the first line names the delimiter and is no data", "首行“sep=”声明分隔符，不是数据")
        )
    if tables > 1:
        said.append(_several(tables))
    return said


def _table(
    rows: layout.TextRows,
    raw: Sequence[tuple[int, Sequence[str]]],
    found: layout.Found,
    path: Path,
    *,
    index: int,
    last_row: int | None,
    whole: bool,
    dialect: Dialect,
) -> TableProbe:
    delivered = _delivered_header(raw, found)
    if not found.header and (names := _header_in_other_dialect(rows, found, dialect)):
        found.header, found.titles, found.names = found.titles[-1:], found.titles[:-1], names
        found.decisions = [
            Decision(
                "header_delimiter",
                "the header row uses another delimiter than the data",
                "表头行使用的分隔符与数据行不同",
            )
        ]
        delivered = list(raw[found.header[0]][1])
    width = found.width
    header = [*found.names, *[""] * (width - len(found.names))]
    count = sum(1 for i in range(found.body, found.end) if rows.filled(i))
    estimated = count if whole or last_row is not None else _estimate(path, raw, count)
    table = TableProbe(
        index=index,
        sheet=None,
        columns=unique_names(header),
        header_rows=tuple(rows.number(i) for i in found.header),
        estimated_rows=estimated,
        hidden=False,
        sample=[],
        titles=tuple(" ".join(cell.strip() for cell in rows.cells(i) if cell) for i in found.titles),
        decisions=tuple(found.decisions),
        header=tuple(delivered),
        title_rows=tuple(rows.number(i) for i in found.titles),
        first_row=rows.number(found.body) if found.body < len(rows) else (raw[-1][0] + 1 if raw else 1),
        last_row=last_row,
        header_cells=tuple(tuple(cell or "" for cell in rows.cells(i)) for i in found.header),
        usual=found.usual,
    )
    classify = classifier(table)
    for number, fields in raw[found.body : found.body + 4 * SAMPLE_ROWS]:
        if len(table.sample) >= SAMPLE_ROWS or (last_row and number > last_row):
            break
        if classify.kind(number, fields)[0] == DATA:
            table.sample.append([field or None for field in fields])
    return table


def _delivered_header(raw: Sequence[tuple[int, Sequence[str]]], found: layout.Found) -> list[str]:
    """The header as parsed: a single row cell by cell, trailing empty ones too; several rows joined."""
    return list(raw[found.header[0]][1]) if len(found.header) == 1 else list(found.names)


def _header_in_other_dialect(rows: layout.TextRows, found: layout.Found, dialect: Dialect) -> list[str] | None:
    """Column names when the line right above data without header splits into as many words by another delimiter."""
    if not found.titles or found.titles[-1] + 1 != found.body or rows.filled(found.titles[-1]) != 1:
        return None
    line = next(cell for cell in rows.cells(found.titles[-1]) if cell)
    for mark in (*dialects.COMMON, " "):
        parts = [part.strip().strip("\"'") for part in line.split(mark)]
        if (
            mark != dialect.delimiter
            and len(parts) == found.width
            and not any(cells.is_typed(cells.shape(part)) for part in parts)
        ):
            return parts
    return None


def _estimate(path: Path, raw: Sequence[tuple[int, Sequence[str]]], count: int) -> int | None:
    chars = sum(sum(map(len, fields)) + len(fields) for _, fields in raw[:1_000])
    per_row = chars * 1.6 / max(len(raw[:1_000]), 1)
    return max(count, int(path.stat().st_size / max(per_row, 1)))


def classifier(table: TableProbe) -> Classifier:
    """The row classifier of one table of a text."""
    return Classifier(table.header_cells, len(table.columns), ragged=True)


def dialect_of(probed: FileProbe) -> Dialect:
    """The dialect a probe found."""
    d = probed.dialect or {}
    escape, quote = d.get("escape"), d.get("quote")
    return Dialect(
        str(d.get("delimiter", ",")),
        None if quote is None else str(quote),
        None if escape is None else str(escape),
        str(d.get("newline", "\n")),
        int(d.get("width") or 1),
        int(d.get("skip_lines") or 0),
    )


def encoding_of(probed: FileProbe) -> enc.Encoding:
    """The encoding a probe found."""
    return enc.Encoding(
        probed.encoding or "utf-8", int(probed.hints.get("bom") or 0), bool(probed.hints.get("damaged"))
    )


class Body:
    """Turns records of one table into batches: row kinds, sections, defects, surplus fields."""

    def __init__(self, table: TableProbe, result: RawResult, watch: Watch | None) -> None:
        self.table, self.result, self.watch = table, result, watch
        self.width = len(table.columns)
        self.least = min(self.width, table.usual or self.width)
        self.section: str | None = None
        self.classify = classifier(table)

    @property
    def is_apart(self) -> bool:
        """Whether the last row was blank (or one of the lone rows after it)."""
        return self.classify.apart

    def batch(self, rows: Sequence[tuple[int, list[str], str | None]]) -> Batch:
        """One batch of records (row number, fields, defect).

        Raises:
            AnotherTable: one begins here.
        """
        if self.watch:
            self.watch.rows([(number, fields) for number, fields, _ in rows])
        kinds: list[str] = []
        sections: list[Cell] = []
        defects: list[Cell] = []
        surplus: dict[int, list[str]] = {}
        lengths: list[int] = []
        padded: list[list[str]] = []
        width = self.width
        for position, (number, fields, hurt) in enumerate(rows):
            kind, opened = self.classify.kind(number, fields)
            length = len(fields)
            kinds.append(kind)
            sections.append(self.section)
            if opened:
                self.section = opened
            defect = hurt or (self._shape(length, fields) if kind == DATA else None)
            defects.append(defect)
            if defect:
                self._unread(number, fields, defect)
            lengths.append(length)
            if length > width:
                surplus[position] = fields[width:]
            padded.append(fields[:width] if length >= width else fields + [""] * (width - length))
        columns = (
            [[cell or None for cell in column] for column in zip(*padded, strict=True)]
            if padded
            else [[] for _ in range(width)]
        )
        return Batch(
            [r[0] for r in rows],
            kinds,
            columns,
            None,
            sections if any(sections) else None,
            defects if any(defects) else None,
            surplus,
            lengths,
        )

    def _shape(self, length: int, fields: list[str]) -> str | None:
        if length > self.width:
            return RAGGED_EXTRA if any(field.strip() for field in fields[self.width :]) else RAGGED_BLANK
        if length < self.least:
            return RAGGED_MISSING
        return UNDECODABLE if any("\ufffd" in field for field in fields) else None

    def _unread(self, number: int, fields: list[str], defect: str) -> None:
        zh, en = DEFECT_REASONS[defect]
        self.result.add_unread(UnreadRow(None, number, tuple(fields), zh, en))


def batches(probed: FileProbe, table: TableProbe, result: RawResult) -> Iterator[Batch]:
    """The body of one table, record by record through the tolerant splitter."""
    damage = texts.Damage()
    encoding = encoding_of(probed)
    watch = watch_of(probed, table, result)
    body = Body(table, result, watch)
    buffer: list[tuple[int, list[str], str | None]] = []
    for record in texts.records(probed.path, encoding, dialect_of(probed), damage):
        if record[0] < table.first_row:
            continue
        if table.last_row is not None and record[0] > table.last_row:
            break
        buffer.append(record)
        if len(buffer) >= BATCH_ROWS:
            yield body.batch(buffer)
            buffer = []
    if buffer:
        yield body.batch(buffer)
    if watch:
        watch.rows([], last=True)
    result.decisions += enc.decisions(damage.foreign, damage.damaged, encoding)
