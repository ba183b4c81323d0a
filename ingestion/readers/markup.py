"""What business systems call .xls and is none: a web page with a table, or an XML Spreadsheet of 2003. Both become sheets.

A page is one sheet, as a spreadsheet shows it: table rows and the texts between tables, from top to bottom. Its cells are
text as written. The XML format says of each cell what it is, so kinds are known as in any workbook.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.parsers import expat

from ingestion.readers import encoding as enc
from ingestion.readers.layout import Merge
from ingestion.readers.model import Refused
from ingestion.readers.workbook import NumberCell, number_text

LARGEST = 256 << 20
MOST_CELLS = 20_000_000
MOST_COLUMNS, MOST_ROWS, MOST_COVERED = 16_384, 1_048_576, 5_000

_IGNORED = frozenset(["script", "style", "head", "title", "xml", "select", "textarea", "noscript"])
_BLOCKS = frozenset(["p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "caption", "center", "body", "html"])
_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")
_SHEET = "urn:schemas-microsoft-com:office:spreadsheet "
_EXCEL = "urn:schemas-microsoft-com:office:excel "


class Grid:
    """Cells by place, growing; covered places of merged ranges are skipped when cells are put one after another."""

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self.merges: list[Merge] = []
        self.covered: dict[int, set[int]] = {}
        self.hidden_rows: list[int] = []
        self._cells = 0

    def row(self, index: int | None = None) -> None:
        """Begins row ``index`` (from 0; the next one when None)."""
        index = len(self.rows) if index is None else index
        if index >= MOST_ROWS:
            raise _too_large()
        self.rows += [[] for _ in range(index + 1 - len(self.rows))]

    def put(self, value: Any, down: int, across: int, column: int | None = None) -> None:
        """Puts a cell into the last row, merged over ``down`` rows and ``across`` columns."""
        place = len(self.rows) - 1
        row, taken = self.rows[place], self.covered.get(place, set())
        if column is None:
            column = len(row)
            while column in taken:
                column += 1
        across, down = max(1, min(across, MOST_COLUMNS - column)), max(1, min(down, MOST_ROWS - place))
        self._cells += column + across - len(row) + (min(down, MOST_COVERED) - 1) * across
        if column + across > MOST_COLUMNS or self._cells > MOST_CELLS:
            raise _too_large()
        row += [""] * (column + across - len(row))
        row[column] = value
        if down > 1 or across > 1:
            self.merges.append(Merge(place + 1, column, place + down, column + across - 1))
        for below in range(place + 1, place + min(down, MOST_COVERED)):
            self.covered.setdefault(below, set()).update(range(column, column + across))

    def filled(self) -> list[list[Any]]:
        """The rows, all as wide as the widest."""
        width = max(map(len, self.rows), default=0)
        if width * len(self.rows) > MOST_CELLS:
            raise _too_large()
        return [row + [""] * (width - len(row)) for row in self.rows]


def _too_large() -> Refused:
    return Refused("too_large", "表格范围异常大，无法读取", "the table spans more cells than are read")


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        raise Refused("too_large", "文件过大，请另存为 xlsx 或 csv 后重新报送", "a markup file of more than 256 MiB")
    return "".join(block.text for block in enc.blocks(path, enc.detect(path)))


# ---- web pages ------------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.grid = Grid()
        self.tables = 0
        self.open_tables = 0
        self._ignored = 0
        self._parts: list[str] = []
        self._span: tuple[int, int] | None = None
        self._in_row = False
        self._ended = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _IGNORED:
            self._ignored += 1
        elif tag == "table":
            self._end_cell()
            self._end_text()
            self.open_tables += 1
            self._in_row = False
            if self._ended and self.open_tables == 1:  # what stands between two tables belongs to the second
                self.grid.rows.insert(self._ended, [])
                self.grid.covered.clear()
        elif tag == "tr" and self.open_tables:
            self._end_cell()
            self.grid.row()
            self._in_row = True
        elif tag in ("td", "th") and self.open_tables:
            self._end_cell()
            self._end_text()
            if not self._in_row:
                self.grid.row()
                self._in_row = True
            given = dict(attrs)
            self._span = (_span(given.get("rowspan")), _span(given.get("colspan")))
        elif tag == "br":
            self._parts.append("\n")
        elif tag in _BLOCKS and not self.open_tables:
            self._end_text()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _IGNORED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _IGNORED:
            self._ignored = max(0, self._ignored - 1)
        elif tag in ("td", "th", "tr", "table"):
            self._end_cell()
            if tag not in {"td", "th"}:
                self._in_row = False
            if tag == "table":
                self.open_tables = max(0, self.open_tables - 1)
                self._ended = len(self.grid.rows)
        elif tag in _BLOCKS and not self.open_tables:
            self._end_text()

    def handle_data(self, data: str) -> None:
        if not self._ignored:
            self._parts.append(_SPACE.sub(" ", data))

    def _taken(self) -> str:
        text, self._parts = "".join(self._parts), []
        return "\n".join(line.strip() for line in text.split("\n")).strip()

    def _end_cell(self) -> None:
        if self._span is not None:
            text = self._taken()
            self.tables += bool(text)
            self.grid.put(text, *self._span)
            self._span = None

    def _end_text(self) -> None:
        """A text outside of tables is a row of one cell."""
        if self._span is None and (text := self._taken()) and not self.open_tables:
            self.grid.row()
            self.grid.put(text, 1, 1)

    def close(self) -> None:
        super().close()
        self._end_cell()
        self._end_text()


def _span(text: str | None) -> int:
    return min(int(text), MOST_ROWS) if text and text.strip().isdecimal() and len(text) < 9 else 1


def page(path: Path) -> tuple[Grid, bool]:
    """The tables of a web page as one grid, and whether the last one is closed (if not, the file may have been cut off).

    Raises:
        Refused: a page without a table.
    """
    parser = _Page()
    parser.feed(_text(path))
    is_whole = not parser.open_tables
    parser.close()
    if not parser.tables:
        raise Refused("html", "这是网页（HTML），里面没有数据表；请重新导出", "an HTML page without a table")
    return parser.grid, is_whole


# ---- XML Spreadsheet 2003 ---------------------------------------------------------------------------------------------------


class XmlSheet:
    """One worksheet of an XML Spreadsheet."""

    def __init__(self, name: str) -> None:
        self.name, self.grid, self.hidden, self.formulas = name, Grid(), False, 0
        self.errors: dict[tuple[int, int], str] = {}


class _Book:
    def __init__(self) -> None:
        self.sheets: list[XmlSheet] = []
        self._parts: list[str] | None = None
        self._kind = ""
        self._cell: Mapping[str, str] | None = None
        self._value: Any = ""

    def start(self, name: str, attrs: dict[str, str]) -> None:
        if name == _SHEET + "Worksheet":
            self.sheets.append(XmlSheet(attrs.get(_SHEET + "Name", f"Sheet{len(self.sheets) + 1}")))
        elif not self.sheets:
            return
        elif name == _SHEET + "Row":
            grid = self.sheets[-1].grid
            grid.row(_number(attrs, "Index", len(grid.rows) + 1) - 1)
            if attrs.get(_SHEET + "Hidden") == "1":
                grid.hidden_rows.append(len(grid.rows))
        elif name == _SHEET + "Cell":
            self._cell, self._value = attrs, ""
        elif name == _SHEET + "Data":
            self._parts, self._kind = [], attrs.get(_SHEET + "Type", "String")
        elif name == _EXCEL + "Visible":
            self._parts = []

    def data(self, text: str) -> None:
        if self._parts is not None:
            self._parts.append(text)

    def end(self, name: str) -> None:
        if name == _SHEET + "Data" and self._parts is not None:
            self._value, self._parts = "".join(self._parts), None
        elif name == _SHEET + "Cell" and self._cell is not None:
            self._put(self._cell)
            self._cell = None
        elif name == _EXCEL + "Visible" and self._parts is not None:
            self.sheets[-1].hidden = "".join(self._parts).strip() in ("SheetHidden", "SheetVeryHidden")
            self._parts = None

    def _put(self, attrs: Mapping[str, str]) -> None:
        sheet = self.sheets[-1]
        if not sheet.grid.rows:
            sheet.grid.row()
        index = _number(attrs, "Index", 0)
        sheet.formulas += _SHEET + "Formula" in attrs
        down, across = _number(attrs, "MergeDown", 0) + 1, _number(attrs, "MergeAcross", 0) + 1
        value = _typed(self._value, self._kind) if self._value else ""
        sheet.grid.put("" if self._kind == "Error" else value, down, across, index - 1 if index else None)
        if self._kind == "Error" and self._value:
            at = (index or len(sheet.grid.rows[-1]) - across + 1) - 1
            sheet.errors[len(sheet.grid.rows), at] = str(self._value)
        self._kind = ""


def _number(attrs: Mapping[str, str], name: str, default: int) -> int:
    text = attrs.get(_SHEET + name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else default


def _typed(text: str, kind: str) -> Any:
    """A cell's value by the type it declares; what does not fit its type stays text. A number keeps the digits it is
    written with: systems that write such files do not count in doubles."""
    try:
        if kind == "Number":
            return NumberCell(number_text(float(text)) if "e" in text.lower() else text.strip())
        if kind == "Boolean":
            return text.strip() == "1"
        if kind == "DateTime":
            value = dt.datetime.fromisoformat(text.strip())
            return value.date() if value.time() == dt.time() else value
    except ValueError:
        return text
    return text


def spreadsheet(path: Path) -> list[XmlSheet]:
    """The worksheets of an XML Spreadsheet.

    Raises:
        Refused: not well formed, or a document that declares entities.
    """
    book = _Book()
    parser = expat.ParserCreate("utf-8", " ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = book.start, book.end, book.data
    parser.StartDoctypeDeclHandler = _refuse_declaration
    try:
        parser.Parse(_text(path).encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise Refused("corrupt", "文件已损坏（XML 不完整），请重新导出", f"not well-formed XML: {error}") from error
    return book.sheets


def _refuse_declaration(*_: Any) -> None:
    raise Refused("xml_entities", "文件含有不安全的 XML 声明，拒绝读取", "the document declares a document type")
