"""Workbooks (xls, xlsx, xlsm, xlsb, ods) through calamine: cells as text, with what each typed cell was.

Numbers read as Excel shows them without formatting: integers without ".0", other numbers in their shortest digits, never
with an exponent. Dates are ISO, in the workbook's own date system. Ranges of data cells merged downwards are filled down.
"""

from __future__ import annotations

import datetime as dt
import gc
import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from ingestion.readers import cells as shapes
from ingestion.readers import layout, ooxml, spans
from ingestion.readers.kinds import Classifier, suspicious
from ingestion.readers.model import BLANK, DATA, Batch, Cell, Decision, FileProbe, Refused, TableProbe, unique_names

MARKUP = ("html", "xmlss")
ZIP_FORMATS = ("xlsx", "xlsm", "xlsb", "ods")
SAMPLE_ROWS = 50
BATCH_ROWS = 50_000
LARGEST_GRID = 60_000_000
KEEP_CELLS = 20_000_000

_KIND_OF: dict[type, str] = {
    float: "number", int: "number", bool: "bool", dt.date: "date", dt.datetime: "datetime", dt.time: "time", dt.timedelta: "time",
}  # fmt: skip
_LOOK_OF = {
    "number": shapes.NUMBER,
    "date": shapes.DATE,
    "datetime": shapes.DATE,
    "time": shapes.DATE,
    "bool": shapes.BOOL,
}


class ErrorCell(str):
    """The text of an error cell, such as ``#DIV/0!``."""

    __slots__ = ()


class NumberCell(str):
    """A number that is delivered as text (in an XML Spreadsheet)."""

    __slots__ = ()


_KIND_OF[NumberCell] = "number"


@dataclass
class Sheet:
    """One sheet: raw cells by row (a row number is its index + 1), merged ranges, and what was found beside the cells. A web page
    is a sheet without a name."""

    name: str | None
    hidden: bool
    rows: list[list[Any]]
    merges: list[layout.Merge]
    facts: ooxml.SheetFacts
    decisions: list[Decision] = field(default_factory=list)

    def part(self, left: int, right: int) -> Sheet:
        """The columns from ``left`` to ``right`` (excluded) as a sheet of its own; rows keep their numbers."""
        merges = [
            layout.Merge(m.top, max(m.left, left) - left, m.bottom, min(m.right, right - 1) - left)
            for m in self.merges
            if m.left < right and m.right >= left
        ]
        rows = [row[left:right] for row in self.rows]
        return Sheet(
            self.name, self.hidden, rows, [m for m in merges if (m.top, m.left) != (m.bottom, m.right)], self.facts
        )

    @cached_property
    def columns(self) -> list[tuple[Any, ...]]:
        """The cells column by column."""
        return list(zip(*self.rows, strict=True))

    @cached_property
    def filled(self) -> list[int]:
        """Filled cells of every row; a cell of blanks alone is not filled."""
        counts = [len(row) - row.count("") for row in self.rows]
        for index, count in enumerate(counts):
            if 0 < count <= 3:
                counts[index] = sum(not (isinstance(v, str) and (not v or v.isspace())) for v in self.rows[index])
        return counts


def number_text(value: float) -> str:
    """A number without exponent and without ".0": shortest digits that give the same number back.

    Beyond 2**53 a number written with 15 digits (Excel's own precision) is completed with zeros; one written with more
    is given exactly: what a program that stored an identifier as a double really stored.
    """
    if not math.isfinite(value):
        return str(value)
    if value.is_integer():
        if abs(value) < 2**53:
            return str(int(value))
        digits = repr(value).lower()
        mantissa = digits.split("e")[0].replace(".", "").replace("-", "")
        return format(Decimal(digits), "f") if len(mantissa.rstrip("0")) <= 15 and "e" in digits else str(int(value))
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text


def cell_text(value: Any) -> Cell:
    """The text of one calamine cell, None when it is empty."""
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return number_text(float(value)) if isinstance(value, float) else str(value)
    if isinstance(value, dt.timedelta):
        return duration_text(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def duration_text(value: dt.timedelta) -> str:
    """A duration as hours, minutes and seconds (hours may pass 24)."""
    seconds = round(value.total_seconds(), 6)
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    whole = int(seconds)
    fraction = f"{seconds - whole:.6f}"[1:].rstrip("0").rstrip(".")
    return f"{sign}{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{fraction}"


def kind_of(value: Any) -> str | None:
    """What a cell was, when it was not text."""
    if type(value) is str:
        return None
    if isinstance(value, ErrorCell):
        return "error"
    return _KIND_OF.get(type(value))


class SheetRows:
    """The rows of a sheet for ``layout``; cells become text only when they are asked for."""

    ragged = False

    def __init__(self, sheet: Sheet) -> None:
        self._raw = sheet.rows
        self.merges: Sequence[layout.Merge] = sheet.merges
        self.sheet = sheet
        self._looks: dict[int, list[str]] = {}
        self.profiles: dict[tuple[int, int], layout._Profile] = {}
        self._filled = sheet.filled

    def __len__(self) -> int:
        return len(self._raw)

    def number(self, index: int) -> int:
        return index + 1

    def cells(self, index: int) -> Sequence[Cell]:
        return [cell_text(value) for value in self._raw[index]]

    def looks(self, index: int) -> Sequence[str]:
        found = self._looks.get(index)
        if found is None:
            found = self._looks[index] = [_look(value) for value in self._raw[index]]
        return found

    def filled(self, index: int) -> int:
        return self._filled[index]

    def filled_counts(self) -> list[int]:
        """Filled cells of every row."""
        return self._filled

    def filled_columns(self, first: int, last: int) -> list[int]:
        """Columns with a cell in the rows from ``first`` to ``last`` (excluded)."""
        return [
            place
            for place, column in enumerate(self.sheet.columns)
            if any(not isinstance(v, str) or (v and not v.isspace()) for v in islice(column, first, last))
        ]

    def hints(self, body: int, typed: Sequence[int]) -> Iterator[tuple[int, bool]]:
        filled = self._filled
        after_blank = (
            {i for i in range(body + 1, len(filled)) if not filled[i - 1] and filled[i]}
            if 0 in filled[body:]
            else set()
        )
        wordy: set[int] = set()
        if len(typed) >= 2:
            first, second = self.sheet.columns[typed[0]], self.sheet.columns[typed[1]]
            wordy = {
                i
                for i in range(body, len(filled))
                if type(first[i]) is str and type(second[i]) is str and _is_word(first[i]) and _is_word(second[i])
            }
        for index in sorted(after_blank | wordy):
            if filled[index]:
                yield index, index in after_blank


def _is_word(text: str) -> bool:
    return bool(text) and not text[0].isdigit()


def _look(value: Any) -> str:
    kind = kind_of(value)
    if kind is None:
        return shapes.shape(value)
    return _LOOK_OF.get(kind, shapes.NULL_WORD)


def load(path: Path, file_format: str) -> tuple[list[Sheet], list[Decision]]:
    """All sheets of a workbook and what to say about the file.

    Raises:
        Refused: encrypted, corrupt, a bomb, or a grid too large to hold.
    """
    if file_format in MARKUP:
        return _marked_up(path, file_format)
    if file_format in ZIP_FORMATS:
        ooxml.check_package(path)
    book = _open(path)
    decisions: list[Decision] = []
    package = None
    with suppress(Exception):
        package = ooxml.Package(path) if file_format in ("xlsx", "xlsm") else None
    beside = spans.BookFacts() if package else spans.facts_of(path, file_format)
    sheets: list[Sheet] = []
    try:
        if beside.date1904 or (package and package.date1904):
            decisions.append(
                Decision("date_1904", "the workbook counts dates from 1904", "工作簿使用 1904 日期系统，日期已按此换算")
            )
        if package and package.macros:
            decisions.append(
                Decision("macros_ignored", "the workbook holds macros; they are never run", "工作簿含宏，宏不会被执行")
            )
        for position, meta in enumerate(book.sheets_metadata):
            kind = str(meta.typ).rpartition(".")[2]
            if kind != "WorkSheet":
                decisions.append(
                    Decision(
                        "sheet_without_cells",
                        f"sheet {meta.name!r} is a {kind}, not a table",
                        f"工作表“{meta.name}”不是数据表，已跳过",
                    )
                )
                continue
            sheets.append(_sheet(book, meta, package, beside.sheet(position), beside.merges.get(position, [])))
    finally:
        if package:
            package.close()
    return sheets, decisions


def _marked_up(path: Path, file_format: str) -> tuple[list[Sheet], list[Decision]]:
    """Sheets of a page or an XML Spreadsheet."""
    from ingestion.readers import markup

    if file_format == "html":
        grid, is_whole = markup.page(path)
        said = [
            Decision(
                "html",
                "a web page: its tables and texts are read as one sheet",
                "这是网页，其中的表和文字按一张工作表读取",
            )
        ]
        if not is_whole:
            said.append(
                Decision(
                    "html_open",
                    "the last table has no end: the file may be cut off",
                    "最后一个表没有结束标记，文件可能没有传完",
                )
            )
        return [Sheet(None, False, grid.filled(), grid.merges, ooxml.SheetFacts())], said
    sheets = []
    for found in markup.spreadsheet(path):
        facts = ooxml.SheetFacts(hidden_rows=found.grid.hidden_rows, errors=found.errors, formulas=found.formulas)
        sheet = Sheet(found.name, found.hidden, found.grid.filled(), found.grid.merges, facts)
        _put_errors(sheet)
        _say_facts(sheet)
        sheets.append(sheet)
    return sheets, []


def _put_errors(sheet: Sheet) -> None:
    rows = sheet.rows
    for (number, column), text in sheet.facts.errors.items():
        if number <= len(rows) and column < len(rows[number - 1]) and rows[number - 1][column] == "":
            rows[number - 1][column] = ErrorCell(text)


def _open(path: Path) -> Any:
    import python_calamine as calamine

    try:
        return calamine.CalamineWorkbook.from_path(str(path))
    except calamine.PasswordError as error:
        raise Refused(
            "encrypted", "文件有打开密码，请取消密码后重新报送", "the workbook is password protected"
        ) from error
    except BaseException as error:
        raise _corrupt(error) from error


def _corrupt(error: BaseException) -> Refused:
    if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
        raise error
    text = f"{error}".splitlines()[0][:200] if f"{error}" else type(error).__name__
    if "Cell limit" in text:
        return Refused("too_large", "工作表范围异常大，无法读取，请删除多余的空行空列", text)
    return Refused("corrupt", "文件已损坏或格式不受支持，无法打开，请重新导出", f"calamine: {text}")


def _sheet(
    book: Any, meta: Any, package: ooxml.Package | None, facts: ooxml.SheetFacts, merges: list[layout.Merge]
) -> Sheet:
    beside = threading.Thread(target=lambda: package and package.sheet_facts(meta.name, facts))
    beside.start()  # calamine parses without the interpreter lock
    try:
        sheet = book.get_sheet_by_name(meta.name)
    except BaseException as error:
        raise _corrupt(error) from error
    finally:
        beside.join()
    height, width = (sheet.end[0] + 1, sheet.end[1] + 1) if sheet.end else (0, 0)
    if height * width > LARGEST_GRID:
        raise Refused(
            "too_large",
            f"工作表“{meta.name}”范围过大（{height} 行 × {width} 列），请删除多余的空行空列",
            f"sheet {meta.name!r} spans {height} x {width} cells",
        )
    rows: list[list[Any]] = sheet.to_python(skip_empty_area=False) if height else []
    merges = merges or [
        layout.Merge(a[0] + 1, a[1], b[0] + 1, b[1]) for a, b in sheet.merged_cell_ranges or [] if a != b
    ]
    out = Sheet(meta.name, str(meta.visible).rpartition(".")[2] != "Visible", rows, merges, facts)
    _put_errors(out)
    _say_facts(out)
    return out


def _say_facts(sheet: Sheet) -> None:
    facts, say = sheet.facts, sheet.decisions.append
    if sheet.hidden:
        say(Decision("hidden_sheet", f"sheet {sheet.name!r} is hidden", f"工作表“{sheet.name}”是隐藏的"))
    if facts.hidden_rows:
        say(
            Decision(
                "hidden_rows",
                f"{len(facts.hidden_rows)} hidden rows were read, first {facts.hidden_rows[:5]}",
                f"有 {len(facts.hidden_rows)} 个隐藏行，已一并读取",
            )
        )
    if facts.hidden_columns:
        say(
            Decision(
                "hidden_columns",
                f"{len(facts.hidden_columns)} hidden columns were read",
                f"有 {len(facts.hidden_columns)} 个隐藏列，已一并读取",
            )
        )
    if facts.errors:
        say(
            Decision(
                "error_cells",
                f"{len(facts.errors)} cells hold errors such as {next(iter(facts.errors.values()))}",
                f"有 {len(facts.errors)} 个单元格是错误值（如 {next(iter(facts.errors.values()))}）",
            )
        )
    if facts.formulas:
        say(
            Decision(
                "formulas",
                f"{facts.formulas} cells are formulas; their stored results were read",
                f"有 {facts.formulas} 个单元格是公式，读取的是其保存的结果",
            )
        )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of cells become objects that all stay: the cyclic collector would only look at them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Kept:
    """The workbook read last, so that probing and writing parse it once."""

    key: tuple[str, int, int] | None = None
    content: tuple[list[Sheet], list[Decision]] | None = None


def _load_once(path: Path, file_format: str) -> tuple[list[Sheet], list[Decision]]:
    stat = path.stat()
    key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
    if _Kept.key == key and _Kept.content is not None:
        return _Kept.content
    forget()
    with _collector_paused():
        content = load(path, file_format)
    if sum(len(s.rows) * len(s.rows[0]) for s in content[0] if s.rows) <= KEEP_CELLS:
        _Kept.key, _Kept.content = key, content
    return content


def forget() -> None:
    """Drop the workbook kept in memory."""
    _Kept.key = _Kept.content = None


def probe(path: Path, file_format: str) -> FileProbe:
    """The tables of every sheet; sheets without a filled cell are left out and said so."""
    sheets, decisions = _load_once(path, file_format)
    with _collector_paused():
        return _probe(path, file_format, sheets, decisions)


def _probe(path: Path, file_format: str, sheets: list[Sheet], decisions: list[Decision]) -> FileProbe:
    tables: list[TableProbe] = []
    said = list(decisions)
    for sheet in sheets:
        rows = SheetRows(sheet)
        found = [part for table in layout.find_tables(rows) for part in _beside(rows, table)]
        if not found:
            said.append(Decision("empty_sheet", f"sheet {sheet.name!r} holds no cells", f"工作表“{sheet.name}”是空的"))
        if len(found) > 1:
            sheet.decisions.append(
                Decision(
                    "several_tables",
                    f"sheet {sheet.name!r} holds {len(found)} tables",
                    f"工作表“{sheet.name}”上有 {len(found)} 个表",
                )
            )
        for rows_of, block, table in found:
            tables.append(_table(rows_of, table, len(tables), sheet.decisions, block))
    return FileProbe(path, file_format, None, None, tuple(tables), tuple(said))


def _beside(rows: SheetRows, table: layout.Found) -> list[tuple[SheetRows, tuple[int, int] | None, layout.Found]]:
    """(rows of the sheet or of a part of it, columns of the part, table): one table, or those beside each other."""
    parts: dict[tuple[int, int], SheetRows] = {}

    def part(left: int, right: int) -> SheetRows:
        return parts.setdefault((left, right), SheetRows(rows.sheet.part(left, right)))

    several = layout.side_by_side(table, rows.filled_columns(min(table.header, default=0), table.end), part)
    return [(parts[block], block, found) for block, found in several] or [(rows, None, table)]


def _table(
    rows: SheetRows, found: layout.Found, index: int, said: Sequence[Decision], block: tuple[int, int] | None
) -> TableProbe:
    sheet = rows.sheet
    width = found.width
    header = [*found.names, *[""] * (width - len(found.names))]
    table = TableProbe(
        index=index,
        sheet=sheet.name,
        columns=unique_names(header),
        header_rows=tuple(rows.number(i) for i in found.header),
        estimated_rows=sum(map(bool, rows.filled_counts()[found.body : found.end])),
        hidden=sheet.hidden,
        sample=[],
        titles=tuple(" ".join(cell.strip() for cell in rows.cells(i) if cell) for i in found.titles),
        decisions=(*found.decisions, *said),
        header=tuple(found.names),
        title_rows=tuple(rows.number(i) for i in found.titles),
        first_row=found.body + 1,
        last_row=found.end,
        header_cells=tuple(tuple((cell or "") for cell in rows.cells(i)[found.left :]) for i in found.header),
        first_column=found.left,
        block=block,
    )
    for batch in _batches(sheet, table, limit=SAMPLE_ROWS * 4):
        columns = [column.to_pylist() if hasattr(column, "to_pylist") else column for column in batch.columns]
        for position, kind in enumerate(batch.row_kinds):
            if kind == DATA and len(table.sample) < SAMPLE_ROWS:
                table.sample.append([column[position] for column in columns])
    return table


def batches(path: Path, file_format: str, table: TableProbe) -> Iterator[Batch]:
    """The body of one table, batch by batch."""
    yield from _batches(_sheet_of(path, file_format, table), table)


def _sheet_of(path: Path, file_format: str, table: TableProbe) -> Sheet:
    """The sheet a table stands on, or the part of it that is the table's."""
    sheets, _ = _load_once(path, file_format)
    sheet = next(s for s in sheets if s.name == table.sheet)
    return sheet.part(*table.block) if table.block else sheet


def _batches(sheet: Sheet, table: TableProbe, limit: int | None = None) -> Iterator[Batch]:
    start, end = table.first_row - 1, min(table.last_row or len(sheet.rows), len(sheet.rows))
    if limit is not None:
        end = min(end, start + limit)
    left = table.first_column
    columns = sheet.columns[left : left + len(table.columns)] if end > start else []
    fills = _fill_down(sheet, table)
    kinds, sections = _row_kinds(sheet, table, columns, start, end)
    for first in range(start, end, BATCH_ROWS):
        last = min(first + BATCH_ROWS, end)
        filled: dict[int, list[tuple[int, Any]]] = {}
        for (number, below), value in fills.items():
            if first < number <= last:
                filled.setdefault(below, []).append((number - 1 - first, value))
        texts: list[Any] = []
        cell_kinds: list[str | Sequence[str | None] | None] = []
        for place, column in enumerate(columns):
            values: Sequence[Any] = column[first:last]
            if place in filled:
                values = list(values)
                for offset, value in filled[place]:
                    if values[offset] == "":
                        values[offset] = value
            text, kind = _column(values)
            texts.append(text)
            cell_kinds.append(kind)
        width = len(table.columns)
        texts += [[None] * (last - first)] * (width - len(texts))
        cell_kinds += [None] * (width - len(cell_kinds))
        part = slice(first - start, last - start)
        yield Batch(
            range(first + 1, last + 1),
            kinds[part],
            texts,
            cell_kinds if any(cell_kinds) else None,
            sections[part] if sections else None,
        )


def _row_kinds(
    sheet: Sheet, table: TableProbe, columns: Sequence[tuple[Any, ...]], start: int, end: int
) -> tuple[list[str], list[Cell] | None]:
    """(kind, section) of every row from ``start`` to ``end``; only rows that could be more than data are judged."""
    count, width = end - start, len(columns)
    kinds = [DATA] * count
    few = max(3, width // 3)
    places = {i for i, filled in enumerate(sheet.filled[start:end]) if filled <= few} if width else set()
    names = frozenset(cell.strip() for row in table.header_cells for cell in row[:3] if cell.strip())
    for column in columns[:3]:
        part = column[start:end]
        odd = {value for value in set(part) if suspicious(value, names)}
        if odd:
            places.update(i for i, value in enumerate(part) if value in odd)
    classify = _classifier(sheet, table)
    opened: list[tuple[int, str]] = []
    previous = -2
    for place in sorted(places):
        if place != previous + 1:
            classify.skip()
        previous = place
        row = sheet.rows[start + place]
        if row.count("") == len(row):
            kinds[place], classify.apart = BLANK, True
            continue
        kinds[place], section = classify.kind(
            start + place + 1, [cell_text(column[start + place]) for column in columns]
        )
        if section:
            opened.append((place, section))
    if not opened:
        return kinds, None
    sections: list[Cell] = [None] * count
    for (place, section), following in zip(opened, [*(p for p, _ in opened[1:]), count - 1], strict=True):
        sections[place + 1 : following + 1] = [section] * (following - place)
    return kinds, sections


def _column(values: Sequence[Any]) -> tuple[Any, str | Sequence[str | None] | None]:
    """(texts, kinds) of a column: kinds are None when all cells are text or empty, one word when none is."""
    types = set(map(type, values))
    if types <= {str}:
        return ([value or None for value in values] if "" in values else list(values)), None
    if types <= {str, float} and {value for value in values if type(value) is str} <= {""}:
        return _numbers(values), "number" if types == {float} else [
            "number" if type(value) is float else None for value in values
        ]
    other = types - {str}
    if len(other) == 1 and (kind := _KIND_OF.get(next(iter(other)))):
        known = {value: cell_text(value) for value in set(values)}
        return [known[value] for value in values], kind if str not in types else [
            None if type(value) is str else kind for value in values
        ]
    return [cell_text(value) for value in values], [kind_of(value) for value in values]


def _numbers(values: Sequence[Any]) -> Any:
    """Floats and empty cells as text, by the rule of ``number_text``, column-wise where it is plain."""
    import numpy as np
    import pyarrow as pa

    if "" in values:
        empty = np.fromiter((value == "" for value in values), bool, len(values))
        numbers = np.fromiter((0.0 if value == "" else value for value in values), float, len(values))
    else:
        empty, numbers = np.zeros(len(values), bool), np.array(values, float)
    with np.errstate(invalid="ignore"):
        whole = (numbers == np.floor(numbers)) & (np.abs(numbers) < 2**53)
    if whole.all():
        return pa.array(numbers.astype(np.int64), mask=empty).cast(pa.string())
    texts = pa.array(numbers, mask=empty).cast(pa.string())
    with np.errstate(invalid="ignore"):
        plain = (
            (np.abs(numbers) >= 1e-3) & (np.abs(numbers) < 1e9) & ~whole
        )  # there Arrow writes the shortest digits, too
    odd = ~plain & ~empty
    if odd.any():
        texts = texts.to_pylist()
        for place in np.flatnonzero(odd).tolist():
            texts[place] = number_text(float(numbers[place]))
    return texts


def _classifier(sheet: Sheet, table: TableProbe) -> Classifier:
    width = len(table.columns)
    across = frozenset(
        m.top for m in sheet.merges if m.right - m.left + 1 >= max(2, 0.6 * width) and m.left <= table.first_column
    )
    return Classifier(table.header_cells, width, ragged=False, full_width=across)


def _fill_down(sheet: Sheet, table: TableProbe) -> dict[tuple[int, int], Any]:
    """(row number, column of the table) -> value, for the covered cells of ranges merged downwards in the body."""
    fills: dict[tuple[int, int], Any] = {}
    last = table.last_row or len(sheet.rows)
    for m in sheet.merges:
        if m.top < table.first_row or m.bottom > last or m.top == m.bottom or m.top > len(sheet.rows):
            continue
        row = sheet.rows[m.top - 1]
        value = row[m.left] if m.left < len(row) else ""
        if value == "":
            continue
        for number in range(m.top + 1, m.bottom + 1):
            fills[number, m.left - table.first_column] = value
    return fills


def decisions_of(path: Path, file_format: str, table: TableProbe) -> list[Decision]:
    """What writing decided about one table: cells filled down."""
    fills = _fill_down(_sheet_of(path, file_format, table), table)
    if not fills:
        return []
    columns = sorted({column for _, column in fills if 0 <= column < len(table.columns)})
    names = "、".join(table.columns[c] for c in columns[:10])
    return [
        Decision(
            "merged_filled",
            f"{len(fills)} cells merged downwards were filled in columns {names}",
            f"合并单元格已向下填充 {len(fills)} 格（{names}）",
        )
    ]
