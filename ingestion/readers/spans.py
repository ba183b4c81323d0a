"""What calamine does not tell of xls, xlsb and ods: merged ranges, the date system, error cells, hidden rows.

Only the records and tags needed are looked at, in bounded time; whatever is odd is left out, never raised.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.readers.layout import Merge
from ingestion.readers.ooxml import SheetFacts, attributes

STREAM_LIMIT = 64 << 20
MOST_RECORDS = 4_000_000
_XLSB_MERGE, _XLSB_BOOK, _XLSB_ERROR, _XLSB_FORMULA_ERROR, _XLSB_ROW = 176, 153, 3, 11, 0
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
_ODS_TAG = re.compile(
    rb"<(/?)table:(table|table-row|table-cell|covered-table-cell)(?=[\s/>])((?:[^>\"']|\"[^\"]*\"|'[^']*')*?)(/?)>"
)


@dataclass
class BookFacts:
    """Facts of a workbook, by sheet position."""

    date1904: bool = False
    merges: dict[int, list[Merge]] = field(default_factory=dict)
    sheets: dict[int, SheetFacts] = field(default_factory=dict)

    def sheet(self, position: int) -> SheetFacts:
        """The facts of one sheet, made when first asked for."""
        return self.sheets.setdefault(position, SheetFacts())


def facts_of(path: Path, file_format: str) -> BookFacts:
    """Facts of an xls, xlsb or ods; an empty answer for anything that cannot be understood."""
    facts = BookFacts()
    readers = {"xls": _read_xls, "xlsb": _read_xlsb, "ods": _read_ods}
    with suppress(Exception):
        readers[file_format](path, facts)
    return facts


# ---- xls: a compound file whose Workbook stream is a list of records ------------------------------------------------------


def workbook_stream(path: Path) -> bytes:
    """The Workbook (or Book) stream of a compound file; b"" when there is none or it is larger than the limit."""
    data = path.read_bytes()
    if len(data) > STREAM_LIMIT or data[:8] != b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return b""
    sector = 1 << struct.unpack_from("<H", data, 30)[0]
    first_directory, cutoff = struct.unpack_from("<I", data, 48)[0], struct.unpack_from("<I", data, 56)[0]
    table = _allocation_table(data, sector)
    directory = _chain(data, table, first_directory, sector)
    for start in range(0, len(directory) - 127, 128):
        entry = directory[start : start + 128]
        name = entry[: max(struct.unpack_from("<H", entry, 64)[0] - 2, 0)].decode("utf-16-le", "replace").lower()
        if name in ("workbook", "book"):
            first, size = struct.unpack_from("<I", entry, 116)[0], struct.unpack_from("<I", entry, 120)[0]
            if size >= cutoff:
                return _chain(data, table, first, sector)[:size]
            return _small_stream(data, table, directory, sector, first)[:size]
    return b""


def _small_stream(data: bytes, table: list[int], directory: bytes, sector: int, first: int) -> bytes:
    """A stream kept in the small sectors of the root entry."""
    small = 1 << struct.unpack_from("<H", data, 32)[0]
    block = _chain(data, table, struct.unpack_from("<I", data, 60)[0], sector)
    links = list(struct.unpack(f"<{len(block) // 4}I", block[: len(block) // 4 * 4]))
    root = _chain(data, table, struct.unpack_from("<I", directory, 116)[0], sector)
    return _chain(bytes(small) + root, links, first, small)


def _allocation_table(data: bytes, sector: int) -> list[int]:
    places = [s for s in struct.unpack_from("<109I", data, 76) if s < 0xFFFFFFFA]
    following, seen = struct.unpack_from("<I", data, 68)[0], 0
    while following < 0xFFFFFFFA and seen < 10_000:
        block = data[(following + 1) * sector : (following + 2) * sector]
        numbers = struct.unpack(f"<{len(block) // 4}I", block)
        places += [s for s in numbers[:-1] if s < 0xFFFFFFFA]
        following, seen = numbers[-1], seen + 1
    table: list[int] = []
    for place in places:
        block = data[(place + 1) * sector : (place + 2) * sector]
        table += struct.unpack(f"<{len(block) // 4}I", block[: len(block) // 4 * 4])
    return table


def _chain(data: bytes, table: list[int], first: int, sector: int) -> bytes:
    parts, place, steps = [], first, 0
    while place < len(table) and steps <= len(table):
        parts.append(data[(place + 1) * sector : (place + 2) * sector])
        place, steps = table[place], steps + 1
    return b"".join(parts)


def _read_xls(path: Path, facts: BookFacts) -> None:
    stream = workbook_stream(path)
    position, seen, sheet, depth = 0, 0, -2, 0
    starts: list[int] = []
    at: dict[int, int] = {}
    while position + 4 <= len(stream) and seen < MOST_RECORDS:
        record, length = struct.unpack_from("<HH", stream, position)
        body = position + 4
        seen += 1
        if record == 0x0809:
            depth += 1
            if depth == 1:
                sheet = at.get(position, -1)
        elif record == 0x000A:
            depth -= 1
        elif record == 0x0085:
            at[struct.unpack_from("<I", stream, body)[0]] = len(starts)
            starts.append(position)
        elif record == 0x0022 and length == 2:
            facts.date1904 = facts.date1904 or stream[body] == 1
        elif sheet >= 0 and depth == 1:
            _xls_cell(stream, record, body, facts.sheet(sheet))
        position = body + length


def _xls_cell(stream: bytes, record: int, body: int, facts: SheetFacts) -> None:
    if record == 0x0205 and stream[body + 7] == 1:  # BOOLERR
        row, column = struct.unpack_from("<HH", stream, body)
        facts.errors[row + 1, column] = _ERRORS.get(stream[body + 6], "#N/A")
    elif record == 0x0006:  # FORMULA
        facts.formulas += 1
        if stream[body + 6] == 2 and stream[body + 12 : body + 14] == b"\xff\xff":
            row, column = struct.unpack_from("<HH", stream, body)
            facts.errors[row + 1, column] = _ERRORS.get(stream[body + 8], "#N/A")
    elif record == 0x0208 and stream[body + 12] & 0x20:  # ROW, hidden
        facts.hidden_rows.append(struct.unpack_from("<H", stream, body)[0] + 1)


# ---- xlsb: parts made of records with lengths of seven bits a byte --------------------------------------------------------


def _read_xlsb(path: Path, facts: BookFacts) -> None:
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
        book = next(n for n in names if n.lower().endswith("workbook.bin"))
        for record, body in _records(_part(package, book)):
            if record == _XLSB_BOOK:
                facts.date1904 = bool(body[0] & 1)
        parts = sorted(
            (n for n in names if re.search(r"worksheets/[^/]*\d+\.bin$", n, re.IGNORECASE)),
            key=lambda n: int(re.findall(r"\d+", n)[-1]),
        )
        for position, name in enumerate(parts):
            _xlsb_sheet(_part(package, name), position, facts)


def _part(package: zipfile.ZipFile, name: str) -> bytes:
    with package.open(name) as part:
        data = part.read(STREAM_LIMIT + 1)
    return data if len(data) <= STREAM_LIMIT else b""


def _xlsb_sheet(data: bytes, position: int, facts: BookFacts) -> None:
    row = 0
    for record, body in _records(data):
        if record == _XLSB_ROW and len(body) >= 4:
            row = struct.unpack_from("<I", body)[0] + 1
        elif record in (_XLSB_ERROR, _XLSB_FORMULA_ERROR) and len(body) >= 9:
            facts.sheet(position).errors[row, struct.unpack_from("<I", body)[0]] = _ERRORS.get(body[8], "#N/A")
        elif record == _XLSB_MERGE and len(body) >= 16:
            top, bottom, left, right = struct.unpack_from("<4I", body)
            facts.merges.setdefault(position, []).append(Merge(top + 1, left, bottom + 1, right))


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    position, seen = 0, 0
    while position < len(data) and seen < MOST_RECORDS:
        record, position = _number(data, position, 2)
        length, position = _number(data, position, 4)
        yield record, data[position : position + length]
        position += length
        seen += 1


def _number(data: bytes, position: int, most: int) -> tuple[int, int]:
    value = 0
    for step in range(most):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << (7 * step)
        if not byte & 0x80:
            break
    return value, position


# ---- ods: tags of content.xml in order ---------------------------------------------------------------------------------------


def _read_ods(path: Path, facts: BookFacts) -> None:
    with zipfile.ZipFile(path) as package:
        data = _part(package, "content.xml")
    facts.date1904 = b'table:date-value="1904-01-01"' in data
    if b"-spanned=" not in data and b"visibility=" not in data:
        return
    sheet, row, column = -1, 0, 0
    for closing, name, text, _ in _ODS_TAG.findall(data):
        if closing:
            continue
        if name == b"table":
            sheet, row = sheet + 1, 0
            continue
        found = attributes(text)
        if name == b"table-row":
            row, column = row + 1, 0
            if found.get("table:visibility") in ("collapse", "filter"):
                facts.sheet(sheet).hidden_rows.append(row)
            row += max(int(found.get("table:number-rows-repeated", "1")), 1) - 1
            continue
        down, across = (
            int(found.get("table:number-rows-spanned", "1")),
            int(found.get("table:number-columns-spanned", "1")),
        )
        if down > 1 or across > 1:
            facts.merges.setdefault(sheet, []).append(Merge(row, column, row + down - 1, column + across - 1))
        column += max(int(found.get("table:number-columns-repeated", "1")), 1)
