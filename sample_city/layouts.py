"""Writes rows of text in the formats departments use: CSV in any encoding, xlsx, xls, GeoJSON. Same rows, same bytes.

A writer takes chunks of rows that already stand in their final order and answers with the number of each row, as a
viewer of the file would show it. A cell that starts with NUMERIC is a number cell in workbooks, whatever its
column.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from sample_city.draw import Indices, Ints

NUMERIC = "\x01"
PLAIN, CUT_SHORT, FIELD_TOO_MANY, TRUNCATED, BLANK, HEADER = range(6)
XLS_MAX_ROWS = 65_536
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
class CsvWriter:
    """Fields quoted only where they must be; CRLF between rows, line feeds inside quoted fields."""

    def __init__(self, path: Path, headers: Sequence[str], *, encoding: str, extra_before: int) -> None:
        self._file = path.open("wb")
        self._encoding = encoding
        self._extra_before = extra_before
        self._header = ",".join(headers)
        self._next = 2
        self._put(self._header + "\r\n")

    def _put(self, text: str) -> None:
        self._file.write(text.encode(self._encoding))

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer."""
        fields = [_quoted(rows[c]) for c in rows.columns]
        lines = pl.DataFrame(fields).select(pl.concat_str(pl.all(), separator=",")).to_series()
        odd = np.flatnonzero(shape != PLAIN)
        if len(odd):
            at = pl.Series(odd.astype(np.uint32))
            changed = self._odd(pl.DataFrame([f.gather(at) for f in fields]), lines.gather(at), shape[odd])
            lines = lines.scatter(at, pl.Series(changed, dtype=pl.String))
        self._put((lines.str.join("\r\n").item() if len(lines) else "") + "\r\n")
        numbers = self._next + np.arange(len(lines))
        self._next += len(lines)
        return numbers, pl.repeat("", len(lines), dtype=pl.String, eager=True)

    def _odd(self, fields: pl.DataFrame, lines: pl.Series, shape: Ints) -> list[str]:
        """Lines that are cut, shifted, blank or a header (a handful per file)."""
        width = fields.width
        result = []
        for i, (row, line, how) in enumerate(zip(fields.iter_rows(), lines.to_list(), shape, strict=True)):
            if how == BLANK:
                result.append("")
            elif how == HEADER:
                result.append(self._header)
            elif how == CUT_SHORT:
                result.append(",".join(row[: max(2, width * 2 // 5 + i % 3)]))
            elif how == FIELD_TOO_MANY:
                result.append(",".join([*row[: self._extra_before], "", *row[self._extra_before :]]))
            else:
                result.append(line[: max(4, len(line) * 5 // 8)])
        return result

    def close(self) -> None:
        """See Writer."""
        self._file.close()


def _quoted(values: pl.Series) -> pl.Series:
    special = values.str.contains('[",\r\n]')
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
    """

    def __init__(
        self, path: Path, *, headers: Sequence[Sequence[str]], merges: Sequence[Merge], kinds: Sequence[str], day: date
    ) -> None:
        self._path, self._headers, self._merges, self._kinds, self._day = path, headers, merges, kinds, day
        self._sheets: dict[str, list[pl.DataFrame]] = {}
        self._extra: list[tuple[str, Sequence[Sequence[str]]]] = []

    def add_sheet(self, name: str, rows: Sequence[Sequence[str]]) -> None:
        """A further sheet that holds no data."""
        self._extra.append((name, rows))

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer."""
        frames = self._sheets.setdefault(sheet, [])
        first = len(self._headers) + 1 + sum(f.height for f in frames)
        frames.append(rows)
        return first + np.arange(rows.height), pl.repeat(sheet, rows.height, dtype=pl.String, eager=True)

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
            sheets.append((name, head, data, self._kinds, self._merges))
        for name, cells in self._extra:
            wide = max(len(r) for r in cells)
            sheet = pl.DataFrame([list(r) for r in cells], schema=[str(i) for i in range(wide)], orient="row")
            sheets.append((name, sheet.clear(), sheet, ["text"] * wide, ()))
        strings = _SharedStrings(
            pl.concat([frame[c] for _, h, d, *_ in sheets for frame in (h, d) for c in frame.columns])
        )
        stamp = (self._day.year, self._day.month, self._day.day, 9, 0, 0)
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as archive:

            def put(name: str, text: str) -> None:
                info = zipfile.ZipInfo(name, stamp)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, text.encode(), compresslevel=6)

            for name, text in _package([s[0] for s in sheets], self._day):
                put(name, text)
            for i, (_, head, data, kinds, merges) in enumerate(sheets, 1):
                put(f"xl/worksheets/sheet{i}.xml", _sheet_xml(head, data, kinds, merges, strings))
            put("xl/sharedStrings.xml", strings.xml())


class _SharedStrings:
    """All distinct texts of a workbook, and their numbers."""

    def __init__(self, texts: pl.Series) -> None:
        unique = texts.unique(maintain_order=True)
        self._table = pl.DataFrame({"t": unique}).with_row_index("i")
        self._count = len(texts)

    def numbers(self, texts: pl.Series) -> pl.Series:
        """The number of each text, as text."""
        frame = pl.DataFrame({"t": texts}).join(self._table, on="t", how="left", maintain_order="left")
        return frame["i"].cast(pl.String)

    def xml(self) -> str:
        """The part sharedStrings.xml."""
        safe = self._table["t"].str.replace_many(["&", "<", ">", NUMERIC], ["&amp;", "&lt;", "&gt;", ""])
        items = ('<si><t xml:space="preserve">' + safe + "</t></si>").str.join("").item()
        head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        counts = f'count="{self._count}" uniqueCount="{self._table.height}"'
        return f'{head}<sst xmlns="{_MAIN}" {counts}>{items}</sst>'


def _sheet_xml(
    head: pl.DataFrame, data: pl.DataFrame, kinds: Sequence[str], merges: Sequence[Merge], strings: _SharedStrings
) -> str:
    rows = _rows_xml(head, ["text"] * head.width, 1, strings) + _rows_xml(data, kinds, head.height + 1, strings)
    last = f"{column_letters(max(head.width, data.width) - 1)}{head.height + data.height}"
    merged = "".join(
        f'<mergeCell ref="{column_letters(b)}{a + 1}:{column_letters(d)}{c + 1}"/>' for a, b, c, d in merges
    )
    tail = f'<mergeCells count="{len(merges)}">{merged}</mergeCells>' if merges else ""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f'<dimension ref="A1:{last}"/><sheetData>{rows}</sheetData>{tail}</worksheet>'
    )


def _rows_xml(frame: pl.DataFrame, kinds: Sequence[str], first: int, strings: _SharedStrings) -> str:
    if frame.height == 0:
        return ""
    number = pl.Series("n", np.arange(first, first + frame.height)).cast(pl.String)
    cells = [
        _cells_xml(frame[c], kind, column_letters(i), number, strings).alias(str(i))
        for i, (c, kind) in enumerate(zip(frame.columns, kinds, strict=True))
    ]
    line = pl.DataFrame([number, *cells]).select(
        pl.concat_str(pl.lit('<row r="'), "n", pl.lit('">'), *[str(i) for i in range(len(cells))], pl.lit("</row>"))
    )
    return str(line.to_series().str.join("").item())


def _cells_xml(values: pl.Series, kind: str, letter: str, number: pl.Series, strings: _SharedStrings) -> pl.Series:
    """The cells of one column: shared text, number, date (style 1), nothing for an empty one."""
    frame = pl.DataFrame({"v": values, "n": number, "s": strings.numbers(values)})
    v = pl.col("v")
    at = pl.concat_str(pl.lit(f'<c r="{letter}'), "n", pl.lit('"'))
    text = pl.concat_str(at, pl.lit(' t="s"><v>'), "s", pl.lit("</v></c>"))
    plain = pl.concat_str(at, pl.lit("><v>"), v.str.strip_prefix(NUMERIC), pl.lit("</v></c>"))
    cell = pl.when(v.str.starts_with(NUMERIC)).then(plain).otherwise(text)
    if kind == "number":
        cell = pl.when(v.str.contains(r"^-?\d+(\.\d+)?$")).then(plain).otherwise(cell)
    if kind == "date":
        day = v.str.to_date("%Y-%m-%d", strict=False)
        serial = ((day - _EXCEL_ZERO).dt.total_days()).cast(pl.String)
        real = v.str.contains(r"^\d{4}-\d{2}-\d{2}$") & day.is_not_null()
        cell = pl.when(real).then(pl.concat_str(at, pl.lit(' s="1"><v>'), serial, pl.lit("</v></c>"))).otherwise(cell)
    return frame.select(pl.when(v == "").then(pl.lit("")).otherwise(cell)).to_series()


def _package(sheets: Sequence[str], day: date) -> list[tuple[str, str]]:
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
        ("xl/workbook.xml", f'{head}<workbook xmlns="{_MAIN}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>'),
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
