"""Writes rows of text as CSV in any encoding, xlsx, xls and GeoJSON (others: `records`). Same rows, same bytes.

A writer takes chunks of rows that already stand in their final order and answers with the number of each row, as a
viewer of the file would show it. A cell that starts with NUMERIC is a number cell in workbooks, whatever its
column.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import polars as pl

from sample_city.behind import Behind
from sample_city.draw import Indices, Ints

NUMERIC = "\x01"
PLAIN, CUT_SHORT, FIELD_TOO_MANY, TRUNCATED, BLANK, HEADER, EMPTY_TAIL, DELETED = range(8)
XLS_MAX_ROWS = 65_536
XLSX_MAX_ROWS = 1_048_576
XML_ROWS = 50_000  # rows of a sheet turned into text at a time
BYTE = 0xF0000
"""The character of a text that stands for one raw byte of the file: BYTE + byte (a private plane)."""
_EXCEL_ZERO = date(1899, 12, 30)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column of a merged cell, from 0."""


class Writer(Protocol):
    """What every layout offers."""

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """Writes rows; gives the row number and the sheet name of each."""
        ...

    def close(self) -> None:
        """Completes the file."""
        ...


# ---- CSV --------------------------------------------------------------------------------------------------
def as_bytes(text: str, encoding: str) -> bytes:
    """Encodes text in which some characters stand for raw bytes (BYTE)."""
    escaped = re.sub(f"[{chr(BYTE + 0x80)}-{chr(BYTE + 0xFF)}]", lambda m: chr(0xDC00 + ord(m[0]) - BYTE), text)
    return escaped.encode(encoding, "surrogateescape")


class CsvWriter:
    """Fields quoted only where they must be (never without `quoting`), line feeds inside quoted fields.

    encoding: any of Python's; utf-8-sig and utf-16 have their mark at the head of the file
    thread: where the rows are turned into bytes while the next ones are made
    """

    def __init__(
        self,
        file: Path | IO[bytes],
        headers: Sequence[str],
        *,
        encoding: str,
        extra_before: int,
        separator: str = ",",
        quoting: bool = True,
        line_end: str = "\r\n",
        thread: Executor | None = None,
    ) -> None:
        self._behind = Behind(thread)
        self._file = file.open("wb") if isinstance(file, Path) else file
        self._separator, self._quoting, self._end = separator, quoting, line_end
        self._extra_before = extra_before
        self._header = separator.join(headers)
        self._next = 2
        self._encoding = encoding
        self._put(self._header + self._end)
        self._encoding = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(encoding, encoding)

    def _put(self, text: str) -> None:
        try:
            self._file.write(text.encode(self._encoding))
        except UnicodeEncodeError:
            self._file.write(as_bytes(text, self._encoding))

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer."""
        self._behind.do(lambda: self._write(rows, shape))
        numbers = self._next + np.arange(rows.height)
        self._next += rows.height
        return numbers, pl.repeat("", rows.height, dtype=pl.String, eager=True)

    def _write(self, rows: pl.DataFrame, shape: Ints) -> None:
        fields = [_quoted(rows[c], self._separator) if self._quoting else rows[c] for c in rows.columns]
        lines = pl.DataFrame(fields).select(pl.concat_str(pl.all(), separator=self._separator)).to_series()
        odd = np.flatnonzero(shape != PLAIN)
        if len(odd):
            at = pl.Series(odd.astype(np.uint32))
            changed = self._odd(pl.DataFrame([f.gather(at) for f in fields]), lines.gather(at), shape[odd])
            lines = lines.scatter(at, pl.Series(changed, dtype=pl.String))
        if self._encoding == "utf-8":
            lines.to_frame().write_csv(self._file, include_header=False, quote_style="never", line_terminator=self._end)
        elif len(lines):
            self._put(lines.str.join(self._end).item() + self._end)

    def _odd(self, fields: pl.DataFrame, lines: pl.Series, shape: Ints) -> list[str]:
        """Lines that are cut, shifted, blank or a header (a handful per file)."""
        width, mark = fields.width, self._separator
        result = []
        for i, (row, line, how) in enumerate(zip(fields.iter_rows(), lines.to_list(), shape, strict=True)):
            if how == BLANK:
                result.append("")
            elif how == HEADER:
                result.append(self._header)
            elif how == CUT_SHORT:
                result.append(mark.join(row[: max(2, width * 2 // 5 + i % 3)]))
            elif how == FIELD_TOO_MANY:
                result.append(mark.join([*row[: self._extra_before], "", *row[self._extra_before :]]))
            elif how == EMPTY_TAIL:
                result.append(line + mark)
            else:
                result.append(line[: max(4, len(line) * 5 // 8)])
        return result

    def close(self) -> None:
        """See Writer."""
        self._behind.wait()
        self._file.close()


def _quoted(values: pl.Series, separator: str) -> pl.Series:
    special = values.str.contains(f'["{separator}\r\n]')
    if not special.any():
        return values
    frame = pl.DataFrame({"v": values, "s": special})
    quoted = pl.lit('"') + pl.col("v").str.replace_all('"', '""', literal=True) + pl.lit('"')
    return frame.select(pl.when("s").then(quoted).otherwise("v").alias(values.name)).to_series()


# ---- GeoJSON ----------------------------------------------------------------------------------------------
class GeoJsonWriter:
    """A FeatureCollection; the only column holds the features as JSON text, counted from 1."""

    def __init__(self, path: Path, name: str) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write(
            f'{{"type": "FeatureCollection", "name": "{name}", '
            '"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}, "features": ['
        )
        self._next = 1

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer."""
        text = rows.to_series(0).str.join(",\n").item() if rows.height else ""
        self._file.write((",\n" if self._next > 1 and rows.height else "\n") + text)
        numbers = self._next + np.arange(rows.height)
        self._next += rows.height
        return numbers, pl.repeat("", rows.height, dtype=pl.String, eager=True)

    def close(self) -> None:
        """See Writer."""
        self._file.write("\n]}\n")
        self._file.close()


# ---- workbooks --------------------------------------------------------------------------------------------
def column_letters(index: int) -> str:
    """0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


class XlsxWriter:
    """Office Open XML with shared strings, made column by column; number and date cells where the columns say so.

    headers: rows above the data of every sheet, with merges (first row, first column, last row, last column; from 0)
    date_1904: days are counted from 1904; dimension: the extent a sheet claims, where it is a wrong one
    A sheet that would grow past 1,048,576 rows goes on in a further one.
    """

    def __init__(
        self,
        path: Path,
        *,
        headers: Sequence[Sequence[str]],
        merges: Sequence[Merge],
        kinds: Sequence[str],
        day: date,
        date_1904: bool = False,
        dimension: str = "",
    ) -> None:
        self._path, self._headers, self._merges, self._kinds, self._day = path, headers, merges, kinds, day
        self._zero = date(1904, 1, 1) if date_1904 else _EXCEL_ZERO
        self._dimension = dimension
        self._sheets: dict[str, list[pl.DataFrame]] = {}
        self._row_merges: dict[str, list[Merge]] = {}
        self._extra: list[tuple[str, Sequence[Sequence[str]]]] = []

    def add_sheet(self, name: str, rows: Sequence[Sequence[str]]) -> None:
        """A further sheet that holds no data."""
        self._extra.append((name, rows))

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer."""
        numbers: list[Indices] = [np.zeros(0, dtype=np.int64)]
        names = [pl.Series([], dtype=pl.String)]
        part = 0
        while True:
            name = sheet if part == 0 else f"{sheet}（续{part}）"
            frames = self._sheets.setdefault(name, [])
            first = len(self._headers) + 1 + sum(f.height for f in frames)
            piece = rows.head(max(XLSX_MAX_ROWS + 1 - first, 0))
            frames.append(piece)
            numbers.append(first + np.arange(piece.height))
            names.append(pl.repeat(name, piece.height, dtype=pl.String, eager=True))
            rows, part = rows.slice(piece.height), part + 1
            if not rows.height:
                return np.concatenate(numbers), pl.concat(names)

    def merge(self, sheet: str, first: int, last: int, columns: int) -> None:
        """Merges each of the first columns over some rows (as numbered by `write`)."""
        cells = [(first - 1, i, last - 1, i) for i in range(columns)]
        self._row_merges.setdefault(sheet, []).extend(cells)

    def close(self) -> None:
        """See Writer."""
        width = len(self._kinds)
        sheets = []
        for name, frames in self._sheets.items():
            head = pl.DataFrame(
                [[*h, *[""] * (width - len(h))] for h in self._headers],
                schema=[str(i) for i in range(width)],
                orient="row",
            )
            head = head.cast(pl.String)
            data = pl.concat(frames)
            data.columns = head.columns
            sheets.append((name, head, data, self._kinds, [*self._merges, *self._row_merges.get(name, [])]))
        for name, cells in self._extra:
            wide = max(len(r) for r in cells)
            sheet = pl.DataFrame([list(r) for r in cells], schema=[str(i) for i in range(wide)], orient="row")
            sheets.append((name, sheet.clear(), sheet, ["text"] * wide, []))
        strings = _SharedStrings([frame for _, h, d, *_ in sheets for frame in (h, d)])
        stamp = (self._day.year, self._day.month, self._day.day, 9, 0, 0)
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as archive:

            def put(name: str, parts: Iterator[str]) -> None:
                info = zipfile.ZipInfo(name, stamp)
                info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w") as member:
                    for text in parts:
                        member.write(text.encode())

            for name, text in _package([s[0] for s in sheets], self._day, self._zero):
                put(name, iter([text]))
            for i, (_, head, data, kinds, merges) in enumerate(sheets):
                top = _Part(head, strings.numbers(2 * i), ["text"] * head.width, self._zero)
                rest = _Part(data, strings.numbers(2 * i + 1), kinds, self._zero)
                put(f"xl/worksheets/sheet{i + 1}.xml", _sheet_xml(top, rest, merges, self._dimension))
            put("xl/sharedStrings.xml", strings.xml())


class _SharedStrings:
    """All distinct texts of a workbook, and for the frames given the numbers of their texts, column by column."""

    def __init__(self, frames: Sequence[pl.DataFrame]) -> None:
        texts = pl.concat([frame[c].alias("t") for frame in frames for c in frame.columns])
        self._table = pl.DataFrame({"t": texts.unique(maintain_order=True)}).with_row_index("i")
        self._count = len(texts)
        # one look-up for the whole workbook: a look-up per sheet would build the table again for each
        found = texts.to_frame().join(self._table, on="t", how="left", maintain_order="left")["i"]
        self._numbers: list[pl.DataFrame] = []
        start = 0
        for frame in frames:
            columns = []
            for c in frame.columns:
                columns.append(found.slice(start, frame.height).alias(c))
                start += frame.height
            self._numbers.append(pl.DataFrame(columns))

    def numbers(self, frame: int) -> pl.DataFrame:
        """Numbers of the texts of one of the frames given."""
        return self._numbers[frame]

    def xml(self) -> Iterator[str]:
        """The part sharedStrings.xml, piece by piece."""
        counts = f'count="{self._count}" uniqueCount="{self._table.height}"'
        yield f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<sst xmlns="{_MAIN}" {counts}>'
        for piece in self._table["t"].to_frame().iter_slices(XML_ROWS * 8):
            safe = piece["t"].str.replace_many(["&", "<", ">", NUMERIC], ["&amp;", "&lt;", "&gt;", ""])
            yield ('<si><t xml:space="preserve">' + safe + "</t></si>").str.join("").item()
        yield "</sst>"


@dataclass(frozen=True)
class _Part:
    """Rows of a sheet, the numbers of their texts, the kinds of the columns, the day dates count from."""

    rows: pl.DataFrame
    numbers: pl.DataFrame
    kinds: Sequence[str]
    zero: date


def _sheet_xml(head: _Part, data: _Part, merges: Sequence[Merge], dimension: str) -> Iterator[str]:
    height = head.rows.height + data.rows.height
    last = f"{column_letters(max(head.rows.width, data.rows.width) - 1)}{height}"
    yield (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<dimension ref="{dimension or f"A1:{last}"}"/><sheetData>'
    )
    yield _rows_xml(head, 0, 1)
    for low in range(0, data.rows.height, XML_ROWS):
        yield _rows_xml(data, low, head.rows.height + 1)
    merged = "".join(
        f'<mergeCell ref="{column_letters(b)}{a + 1}:{column_letters(d)}{c + 1}"/>' for a, b, c, d in merges
    )
    tail = f'<mergeCells count="{len(merges)}">{merged}</mergeCells>' if merges else ""
    yield f"</sheetData>{tail}</worksheet>"


def _rows_xml(part: _Part, low: int, first: int) -> str:
    """Some rows of a part from `low` on; `first` is the number of the part's first row in the sheet."""
    rows = part.rows.slice(low, XML_ROWS)
    if rows.height == 0:
        return ""
    number = pl.Series("n", np.arange(first + low, first + low + rows.height)).cast(pl.String)
    cells: list[pl.Expr | str] = []
    columns: list[pl.Series] = [number]
    for i, (c, kind) in enumerate(zip(rows.columns, part.kinds, strict=True)):
        columns.append(rows[c].alias(f"v{i}"))
        columns.append(part.numbers[c].slice(low, XML_ROWS).alias(f"s{i}"))
        cells.append(_cell_xml(i, kind, part.zero))
    line = pl.DataFrame(columns).select(pl.concat_str(pl.lit('<row r="'), "n", pl.lit('">'), *cells, pl.lit("</row>")))
    return str(line.to_series().str.join("").item())


def _cell_xml(i: int, kind: str, zero: date) -> pl.Expr:
    """The cell of column `i` (text v, number s of the text): shared text, number, date (style 1), nothing for none."""
    v = pl.col(f"v{i}")
    at = pl.concat_str(pl.lit(f'<c r="{column_letters(i)}'), "n", pl.lit('"'))
    text = pl.concat_str(at, pl.lit(' t="s"><v>'), pl.col(f"s{i}").cast(pl.String), pl.lit("</v></c>"))
    plain = pl.concat_str(at, pl.lit("><v>"), v.str.strip_prefix(NUMERIC), pl.lit("</v></c>"))
    cell = pl.when(v.str.starts_with(NUMERIC)).then(plain).otherwise(text)
    if kind == "number":
        cell = pl.when(v.str.contains(r"^-?\d+(\.\d+)?$")).then(plain).otherwise(cell)
    if kind == "date":
        day = v.str.to_date("%Y-%m-%d", strict=False)
        serial = ((day - zero).dt.total_days()).cast(pl.String)
        real = v.str.contains(r"^\d{4}-\d{2}-\d{2}$") & day.is_not_null()
        cell = pl.when(real).then(pl.concat_str(at, pl.lit(' s="1"><v>'), serial, pl.lit("</v></c>"))).otherwise(cell)
    return pl.when(v == "").then(pl.lit("")).otherwise(cell)


def _package(sheets: Sequence[str], day: date, zero: date) -> list[tuple[str, str]]:
    """The fixed parts of a workbook."""
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    rels = "http://schemas.openxmlformats.org/package/2006/relationships"
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{kinds}.worksheet+xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    links = "".join(
        f'<Relationship Id="rId{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    n = len(sheets)
    days = "" if zero == _EXCEL_ZERO else '<workbookPr date1904="1"/>'
    names = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(sheets, 1))
    return [
        (
            "[Content_Types].xml",
            f'{head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kinds}.sheet.main+xml"/>{overrides}'
            f'<Override PartName="/xl/styles.xml" ContentType="{kinds}.styles+xml"/>'
            f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kinds}.sharedStrings+xml"/>'
            '<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>',
        ),
        (
            "_rels/.rels",
            f'{head}<Relationships xmlns="{rels}"><Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
            '<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" '
            'Target="docProps/core.xml"/></Relationships>',
        ),
        (
            "docProps/core.xml",
            f'{head}<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
            'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f'<dcterms:created xsi:type="dcterms:W3CDTF">{day.isoformat()}T09:00:00Z</dcterms:created></cp:coreProperties>',
        ),
        (
            "xl/workbook.xml",
            f'{head}<workbook xmlns="{_MAIN}" xmlns:r="{office}">{days}<sheets>{names}</sheets></workbook>',
        ),
        (
            "xl/_rels/workbook.xml.rels",
            f'{head}<Relationships xmlns="{rels}">{links}<Relationship Id="rId{n + 1}" Type="{office}/styles" Target="styles.xml"/>'
            f'<Relationship Id="rId{n + 2}" Type="{office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        ),
        (
            "xl/styles.xml",
            f'{head}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy/m/d"/></numFmts>'
            '<fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts>'
            '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
            '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
            '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
            '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
            '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
            '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
        ),
    ]


class XlsWriter:
    """The old binary workbook, through xlwt. A sheet that would grow past 65,536 rows goes on in a further one."""

    def __init__(self, path: Path, headers: Sequence[str], kinds: Sequence[str]) -> None:
        import xlwt

        self._path, self._headers, self._kinds = path, headers, kinds
        self._book = xlwt.Workbook(encoding="utf-8")

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer: a title line over the whole width, the headers, the rows."""
        room = XLS_MAX_ROWS - 2
        numbers, names = [], []
        for part, start in enumerate(range(0, max(rows.height, 1), room)):
            name = sheet if part == 0 else f"{sheet}（续{part}）"
            piece = rows.slice(start, room)
            self._sheet(name, title, piece)
            numbers.append(3 + np.arange(piece.height))
            names.append(pl.repeat(name, piece.height, dtype=pl.String, eager=True))
        return np.concatenate(numbers), pl.concat(names)

    def _sheet(self, name: str, title: str, rows: pl.DataFrame) -> None:
        sheet = self._book.add_sheet(name)
        sheet.write_merge(0, 0, 0, len(self._headers) - 1, title)
        for j, header in enumerate(self._headers):
            sheet.write(1, j, header)
        for j, (column, kind) in enumerate(zip(rows.columns, self._kinds, strict=True)):
            for i, cell in enumerate(rows[column].to_list(), 2):
                if cell:
                    sheet.write(i, j, _xls_value(cell, kind))
        sheet.flush_row_data()

    def close(self) -> None:
        """See Writer."""
        self._book.save(str(self._path))


def _xls_value(cell: str, kind: str) -> str | int | float:
    if cell.startswith(NUMERIC):
        return float(cell[1:])
    if kind == "number":
        try:
            return int(cell)
        except ValueError:
            try:
                return float(cell)
            except ValueError:
                return cell
    return cell


def ole_header() -> bytes:
    """The first bytes of a compound document, as in Thumbs.db: enough to be recognised, not enough to be read."""
    return (
        struct.pack("<Q", 0xE11AB1A1E011CFD0)
        + b"\x00" * 16
        + struct.pack("<HHH", 0x3E, 3, 0xFFFE)
        + b"\x09\x00"
        + b"\x00" * 480
    )
