"""Finding the tables in rows of cells: titles, header rows, body, where one table ends and the next begins.

The rules look at shapes only, never at a contract. A title stands above the header with few cells; a header is words over
data that is not words; further header rows are seen by merged cells, by gaps that the next row fills, or by words over
columns of numbers; a new table begins at a row that is a header but not this table's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

from ingestion.readers import cells as shapes
from ingestion.readers.model import Cell, Decision

LOOK_AHEAD = 60
MOST_TITLES = 80
MOST_HEADER_ROWS = 4
FEW = 0.34

_LABELLED = re.compile(
    r"(单位|日期|时间|部门|编号|表号|文号|年度|月份|制表|填表|填报|审核|所属|地区|机构|截至|截止)[^:：]{0,12}[:：]"
)


@dataclass(frozen=True)
class Merge:
    """A merged range: row numbers (from 1) and columns (from 0), both ends included."""

    top: int
    left: int
    bottom: int
    right: int


class Rows(Protocol):
    """Rows of one sheet or text, by index; numbers are what a viewer shows."""

    ragged: bool
    merges: Sequence[Merge]
    profiles: dict[tuple[int, int], _Profile]

    def __len__(self) -> int: ...
    def number(self, index: int) -> int: ...
    def cells(self, index: int) -> Sequence[Cell]: ...
    def looks(self, index: int) -> Sequence[str]: ...
    def filled(self, index: int) -> int: ...
    def hints(self, body: int, typed: Sequence[int]) -> Iterator[tuple[int, bool]]:
        """(index, whether a blank row stands before it) of filled rows where another table might begin, a cheap choice:
        after a blank row, where the width changes, or where words stand in the ``typed`` columns."""
        ...


class TextRows:
    """Rows of delimited text: (number, fields)."""

    ragged = True
    merges: Sequence[Merge] = ()

    def __init__(self, rows: Sequence[tuple[int, Sequence[str]]]) -> None:
        self._rows = rows
        self._looks: dict[int, list[str]] = {}
        self.profiles: dict[tuple[int, int], _Profile] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def number(self, index: int) -> int:
        return self._rows[index][0]

    def cells(self, index: int) -> Sequence[Cell]:
        return self._rows[index][1]

    def looks(self, index: int) -> Sequence[str]:
        found = self._looks.get(index)
        if found is None:
            found = self._looks[index] = [shapes.shape(cell) for cell in self._rows[index][1]]
        return found

    def filled(self, index: int) -> int:
        fields = self._rows[index][1]
        return len(fields) - fields.count("") if len(fields) > 1 else int(bool(fields and fields[0].strip()))

    def hints(self, body: int, typed: Sequence[int]) -> Iterator[tuple[int, bool]]:
        blank, width = False, 0
        for index in range(body, len(self._rows)):
            count, fields = self.filled(index), self._rows[index][1]
            if not count:
                blank = True
                continue
            changed = width not in (0, len(fields)) and count > 1
            wordy = len(typed) >= 2 and all(c < len(fields) and not fields[c][:1].isdigit() for c in typed[:2])
            if blank or changed or wordy:
                yield index, blank
            blank, width = False, len(fields)


@dataclass
class Found:
    """A table in ``Rows``. Indices are row indices; ``body`` and ``end`` bound the body (end excluded)."""

    titles: list[int]
    header: list[int]
    names: list[str]
    body: int
    end: int
    width: int
    usual: int
    left: int = 0
    decisions: list[Decision] = field(default_factory=list)


@dataclass
class _Profile:
    """What the columns below a row mostly look like (None: nothing certain), and which values they hold."""

    looks: list[str | None]
    values: list[set[str]]
    rows: int

    @property
    def typed(self) -> list[int]:
        return [column for column, look in enumerate(self.looks) if look is not None and shapes.is_typed(look)]


def typed_columns(rows: Rows) -> list[int]:
    """Columns that mostly hold numbers, dates or codes."""
    return _profile(rows, 0).typed


def find_tables(rows: Rows) -> list[Found]:
    """All tables of ``rows``, from top to bottom."""
    found: list[Found] = []
    index = _next_filled(rows, 0)
    while index < len(rows):
        table = _one_table(rows, index)
        found.append(table)
        index = _next_filled(rows, max(table.end, index + 1))
    return found


def side_by_side(
    table: Found, filled: Sequence[int], part: Callable[[int, int], Rows]
) -> list[tuple[tuple[int, int], Found]]:
    """The tables that stand beside each other in ``table``: (columns of the block, table), or [] when it is one table.

    ``filled``: columns with a cell from the header down; ``part`` gives the rows of a block of columns. Blocks are parted by columns that are blank from the header down; but
    a blank column may stand in one table, too. Several tables they are when each block has a header and a body of its
    own and something shows that their rows do not belong together (``_are_apart``).
    """
    blocks = _blocks(filled) if table.header else []
    if len(blocks) < 2 or any(right - left < 2 for left, right in blocks):
        return []
    start = min([*table.titles, *table.header])
    beside: list[list[Found]] = []
    parts = [part(*block) for block in blocks]
    for own in parts:
        tables = []
        index = _next_filled(own, start)
        while index < table.end:
            found = _one_table(own, index)
            found.end = min(found.end, table.end)
            tables.append(found)
            index = _next_filled(own, max(found.end, index + 1))
        if not tables or not tables[0].header or not any(map(own.filled, range(tables[0].body, tables[0].end))):
            return []
        beside.append(tables)
    if not _are_apart(parts, [tables[0] for tables in beside]):
        return []
    return [(block, found) for block, tables in zip(blocks, beside, strict=True) for found in tables]


def _blocks(filled: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring columns (first, last + 1)."""
    blocks: list[tuple[int, int]] = []
    for column in filled:
        if blocks and blocks[-1][1] == column:
            blocks[-1] = (blocks[-1][0], column + 1)
        else:
            blocks.append((column, column + 1))
    return blocks


def _are_apart(parts: Sequence[Rows], tables: Sequence[Found]) -> bool:
    """Whether the rows of tables beside each other do not belong together: headers in different rows, most of the column
    names again, or bodies without gaps that end in different rows."""
    if not set(range(tables[0].header[0], tables[0].header[-1] + 1)).intersection(*(table.header for table in tables)):
        return True
    names = [{name.strip() for name in table.names if name.strip()} for table in tables]
    if all(
        any(2 * len(own & other) >= len(own) for place, other in enumerate(names) if place != at)
        for at, own in enumerate(names)
    ):
        return True
    extents = [
        [i for i in range(table.body, table.end) if own.filled(i)] for own, table in zip(parts, tables, strict=True)
    ]
    return len({rows[-1] for rows in extents}) > 1 and all(
        sum(bool(own.cells(i)[0]) for i in rows) >= 0.9 * (rows[-1] - table.header[-1])
        for own, table, rows in zip(parts, tables, extents, strict=True)
    )


def _next_filled(rows: Rows, index: int) -> int:
    while index < len(rows) and not rows.filled(index):
        index += 1
    return index


def _filled_after(rows: Rows, index: int, limit: int = LOOK_AHEAD) -> Iterator[int]:
    """Indices of non-blank rows from ``index`` on, at most ``limit``."""
    seen = 0
    while index < len(rows) and seen < limit:
        if rows.filled(index):
            seen += 1
            yield index
        index += 1


def _one_table(rows: Rows, start: int) -> Found:
    typical = _typical(rows, start)
    titles, head = _skip_titles(rows, start, typical)
    header = _header_rows(rows, head, typical)
    body = _next_filled(rows, header[-1] + 1) if header else head
    end = _end(rows, header, body) if header else len(rows)
    usual = _usual_width(rows, body, end)
    names = _names(rows, header, usual)
    left = _left_margin(rows, [*header, *list(_filled_after(rows, body, 30))], names)
    names = names[left:]
    found = Found(titles, header, names, body, end, max(len(names), usual - left), usual, left)
    found.decisions = _explain(rows, found)
    return found


def _typical(rows: Rows, start: int) -> float:
    """The number of filled cells of the fuller rows from ``start`` on (upper quartile), rows of one cell left out."""
    counts = [rows.filled(i) for i in _filled_after(rows, start, 200)]
    several = sorted(n for n in counts if n > 1)
    if len(several) * 4 < len(counts):  # mostly one cell a row: that is the table
        return 1
    return several[3 * (len(several) - 1) // 4]


def _skip_titles(rows: Rows, start: int, typical: float) -> tuple[list[int], int]:
    """(indices of title rows, index of the first row that is none). Without a larger row below nothing is a title."""
    titles: list[int] = []
    for index in _filled_after(rows, start, MOST_TITLES):
        if not _is_title(rows, index, typical):
            return titles, index
        titles.append(index)
    return [], start


def _is_title(rows: Rows, index: int, typical: float) -> bool:
    count = rows.filled(index)
    if typical < 2 or _merged_across(rows, index, typical):
        return typical >= 2
    following = next(iter(_filled_after(rows, index + 1, 1)), None)
    if following is None:
        return False
    if count == 1:
        return _is_lone_title(rows, index, following, typical)
    text = [cell.strip() for cell in rows.cells(index) if cell]
    labelled = any(_LABELLED.search(cell) or cell.endswith((":", "：")) for cell in text)
    if _is_comment(rows, index, following) or (labelled and count <= 0.7 * typical):
        return True
    return count <= FEW * typical and not _groups(rows, index, following)


def _is_lone_title(rows: Rows, index: int, following: int, typical: float) -> bool:
    """A row of one cell above a wider table; above a table of two columns only when a header follows."""
    row = rows.cells(index)
    if typical > 2:
        return not (rows.ragged and len(row) > typical and not row[0])
    if rows.ragged and len(row) == 1:
        return True
    return bool(row[0]) and _is_header(rows, following) and not shapes.is_typed(rows.looks(index)[0])


def _is_comment(rows: Rows, index: int, following: int) -> bool:
    """A line that starts with # above another one or above a row of words (else it may be the header itself)."""
    if not rows.ragged or not _first_cell(rows, index).startswith("#"):
        return False
    return _first_cell(rows, following).startswith("#") or _all_words(rows, following)


def _first_cell(rows: Rows, index: int) -> str:
    return next((cell.strip() for cell in rows.cells(index) if cell), "")


def _groups(rows: Rows, index: int, following: int) -> bool:
    """Whether a row of few cells holds group names over the header row that follows."""
    row = rows.cells(index)
    places = [column for column, cell in enumerate(row) if cell]
    below = rows.looks(following)
    if len(places) < 2 or any(":" in (cell or "") or "：" in (cell or "") for cell in row):
        return False
    if not all(place < len(below) and below[place] is shapes.TEXT for place in places):
        return False
    if rows.merges:
        spans = [m for m in rows.merges if m.top == rows.number(index) and m.right > m.left]
        return len(spans) >= 1 and _all_words(rows, following)
    return (
        _all_words(rows, following)
        and min(b - a for a, b in pairwise([*places, len(below)])) >= 2
        and _is_header(rows, following)
    )


def _merged_across(rows: Rows, index: int, typical: float) -> bool:
    """Whether the row's only text stands in a range merged over most of the table."""
    if rows.filled(index) != 1:
        return False
    number = rows.number(index)
    return any(m.top <= number <= m.bottom and m.right - m.left + 1 >= max(2, 0.6 * typical) for m in rows.merges)


def _all_words(rows: Rows, index: int) -> bool:
    looks = rows.looks(index)
    return any(look is shapes.TEXT for look in looks) and not any(
        look in (shapes.NUMBER, shapes.DATE) for look in looks
    )


def _profile(rows: Rows, start: int, limit: int = LOOK_AHEAD) -> _Profile:
    """The profile of the rows from ``start`` on; worked out once."""
    key = (start, limit)
    if key not in rows.profiles:
        rows.profiles[key] = _make_profile(rows, start, limit)
    return rows.profiles[key]


def _make_profile(rows: Rows, start: int, limit: int) -> _Profile:
    counts: list[Counter[str]] = []
    values: list[set[str]] = []
    seen = 0
    for index in _filled_after(rows, start, limit):
        if rows.filled(index) == 1:
            continue
        seen += 1
        row = rows.cells(index)
        for column, look in enumerate(rows.looks(index)):
            while len(counts) <= column:
                counts.append(Counter())
                values.append(set())
            if look is not shapes.EMPTY and look is not shapes.NULL_WORD:
                counts[column][look] += 1
                values[column].add((row[column] or "").strip())
    looks: list[str | None] = []
    for counter in counts:
        total = sum(counter.values())
        look, most = counter.most_common(1)[0] if counter else ("", 0)
        looks.append(look if total and most >= 0.75 * total else _mixed_code(counter, total))
    return _Profile(looks, values, seen)


def _mixed_code(counter: Counter[str], total: int) -> str | None:
    """Columns of identifiers hold numbers and codes side by side (18 digits, or 17 and an X)."""
    typed = counter[shapes.NUMBER] + counter[shapes.CODE] + counter[shapes.DATE]
    return shapes.CODE if total and typed >= 0.8 * total else None


def _is_header(rows: Rows, index: int) -> bool:
    """Whether the row names the columns of the rows below it."""
    return _header_votes(rows, index, _profile(rows, index + 1)) >= 0


def _header_votes(rows: Rows, index: int, profile: _Profile) -> float:
    """Positive: words over data that is no words. Negative: the row looks like the rows below. 0: nothing to tell."""
    votes = 0.0
    row, looks = rows.cells(index), rows.looks(index)
    typed_cells = sum(look in (shapes.NUMBER, shapes.DATE) for look in looks)
    if not profile.rows:
        return -1.0 if typed_cells * 2 > rows.filled(index) else 0.0
    for column, look in enumerate(looks):
        below = profile.looks[column] if column < len(profile.looks) else None
        text = (row[column] or "").strip()
        if look is shapes.EMPTY or look is shapes.NULL_WORD or not text:
            continue
        if look in (shapes.NUMBER, shapes.DATE) and below is not None:
            votes += (
                0.0
                if _is_year(text) and not _is_year_column(profile.values[column])
                else -1.0
                if shapes.is_typed(below)
                else -0.5
            )
        elif below is not None and shapes.is_typed(below):
            votes += (
                1.0 if look is shapes.TEXT else -1.0 if text.isdigit() or look is below is not shapes.CODE else 0.25
            )
            if look is shapes.CODE and below is shapes.CODE and _alike(text, profile.values[column]):
                votes -= 1.25
        elif (
            column < len(profile.values)
            and text in profile.values[column]
            and len(profile.values[column]) < profile.rows
        ):
            votes -= 1.0
        elif below is shapes.BOOL and look is shapes.TEXT:
            votes += 0.5
    return votes


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and "1900" <= text <= "2100"


def _is_year_column(values: set[str]) -> bool:
    return bool(values) and sum(_is_year(v) for v in values) > 0.5 * len(values)


def _alike(text: str, values: set[str]) -> bool:
    """Whether ``text`` has the length and the digits of most of the values (an identifier among identifiers)."""
    digits = sum(ch.isdigit() for ch in text)
    close = sum(len(v) == len(text) and abs(sum(ch.isdigit() for ch in v) - digits) <= 1 for v in values)
    return digits * 2 >= len(text) and close > 0.5 * len(values)


def _header_rows(rows: Rows, head: int, typical: float) -> list[int]:
    """Indices of the header rows from ``head`` on; [] when the rows have no header."""
    if head >= len(rows):
        return []
    header = [head]
    while len(header) < MOST_HEADER_ROWS and header[-1] + 1 < len(rows) and _continues_header(rows, header, typical):
        header.append(header[-1] + 1)
    if len(header) == 1 and not _is_header(rows, head):
        return []
    return header


def _continues_header(rows: Rows, header: list[int], typical: float) -> bool:
    """Whether the row after ``header`` is one more header row."""
    last, following = header[-1], header[-1] + 1
    if not rows.filled(following):
        return False
    numbers = [rows.number(index) for index in header]
    spanning = [m for m in rows.merges if m.top in numbers and (m.bottom >= rows.number(following))]
    if spanning:
        return True
    if any(rows.merges) and any(m.top == numbers[-1] and m.right > m.left for m in rows.merges):
        return _all_words(rows, following) and rows.filled(following) > 1
    if rows.filled(following) < 2 or not _all_words(rows, following) or _same_cells(rows, last, following):
        return False
    return _fills_gaps(rows, last, following, typical) or _words_over_data(rows, header, following)


def _same_cells(rows: Rows, a: int, b: int) -> bool:
    return [(c or "").strip() for c in rows.cells(a)] == [(c or "").strip() for c in rows.cells(b)]


def _fills_gaps(rows: Rows, upper: int, lower: int, typical: float) -> bool:
    """Group names with gaps over a row that fills them."""
    top, bottom = rows.cells(upper), rows.cells(lower)
    gaps = [c for c in range(min(len(top), len(bottom))) if not top[c]]
    filled = [c for c in gaps if bottom[c]]
    if not gaps or len(filled) < max(1, 0.6 * len(gaps)) or not rows.filled(upper):
        return False
    missing = [c for c in range(len(bottom)) if not bottom[c] and c < len(top) and top[c]]
    profile = _profile(rows, lower + 1)
    words = [c for c in profile.typed if c < len(bottom) and bottom[c]]
    if words:
        return all(rows.looks(lower)[c] is shapes.TEXT for c in words)
    return (
        bool(missing)
        and rows.filled(lower) >= 0.5 * typical
        and profile.rows > 0
        and not _values_recur(rows, lower, profile)
    )


def _values_recur(rows: Rows, index: int, profile: _Profile) -> bool:
    row = rows.cells(index)
    return any(cell and c < len(profile.values) and cell.strip() in profile.values[c] for c, cell in enumerate(row))


def _words_over_data(rows: Rows, header: list[int], following: int) -> bool:
    """A full row of words under the header, over at least two columns that hold numbers, dates or codes below."""
    profile = _profile(rows, following + 1)
    looks = rows.looks(following)
    typed = [c for c in profile.typed if c < len(looks)]
    if len(typed) < 2 or profile.rows < 2:
        return False
    words = sum(looks[c] is shapes.TEXT for c in typed)
    above = sum(look is shapes.TEXT for look in rows.looks(header[-1]))
    return words >= 0.8 * len(typed) and rows.filled(following) >= 0.6 * len(looks) and above >= 2


def _names(rows: Rows, header: list[int], usual: int) -> list[str]:
    """Column names: the cells of the header rows joined by one space, group names carried over what they span."""
    if not header:
        return []
    levels = [_spread(rows, index, header) for index in header]
    width = max(len(level) for level in levels)
    names: list[str] = []
    for column in range(width):
        parts: list[str] = []
        for level in levels:
            part = level[column] if column < len(level) else ""
            if part.strip() and (not parts or parts[-1] != part.strip()):
                parts.append(part.strip() if len(header) > 1 else part)
        names.append(" ".join(parts))
    floor = 1 if rows.ragged else 0
    while len(names) > max(usual, floor) and not names[-1]:
        names.pop()
    return names


def _spread(rows: Rows, index: int, header: list[int]) -> list[str]:
    """The cells of a header row, group names repeated over the columns of their group."""
    out = [cell or "" for cell in rows.cells(index)]
    if index == header[-1]:
        return out
    number = rows.number(index)
    spans = [m for m in rows.merges if m.top <= number <= m.bottom and m.right > m.left]
    if spans:
        for m in spans:
            for column in range(m.left + 1, min(m.right + 1, len(out))):
                if m.top == number:
                    out[column] = out[m.left]
        return out
    if rows.merges:
        return out
    below = rows.cells(index + 1)
    group = ""
    for column, cell in enumerate(out):
        if cell:
            group = cell if column < len(below) and below[column] else ""
        elif group and column < len(below) and below[column]:
            out[column] = group
    return out


def _usual_width(rows: Rows, body: int, end: int) -> int:
    """The usual number of fields (delimited text) or the last filled column (sheets) of the body."""
    widths: Counter[int] = Counter()
    widest = 0
    for index in _filled_after(rows, body, 500):
        if index >= end:
            break
        row = rows.cells(index)
        extent = len(row) if rows.ragged else max((c + 1 for c, cell in enumerate(row) if cell), default=0)
        widths[extent] += 1
        widest = max(widest, extent)
    if not widths:
        return 0
    return widths.most_common(1)[0][0] if rows.ragged else widest


def _left_margin(rows: Rows, indices: list[int], names: list[str]) -> int:
    """Empty columns left of the table, in sheets only."""
    if rows.ragged or not indices:
        return 0
    return min((next((c for c, cell in enumerate(rows.cells(i)) if cell), len(names)) for i in indices), default=0)


def _end(rows: Rows, header: list[int], body: int) -> int:
    """Index after the last row of the table: where another table begins, or the end of the rows."""
    own = {_key(rows, index) for index in header}
    profile = _profile(rows, body)
    for index, after_blank in rows.hints(body, profile.typed):
        if index > body and _begins_table(rows, index, own, profile, after_blank=after_blank):
            return index
    return len(rows)


def _key(rows: Rows, index: int) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in rows.cells(index) if cell and cell.strip())


def _begins_table(rows: Rows, index: int, own: set[tuple[str, ...]], profile: _Profile, *, after_blank: bool) -> bool:
    """Whether another table begins at ``index``: a header of its own, after a blank row perhaps under titles of its own."""
    steps = 4 if after_blank else 1
    for place in _filled_after(rows, index, steps):
        if _is_foreign_header(rows, place, own, profile, after_blank=after_blank):
            return True
        if rows.filled(place) > 1:
            return False
    return False


def _is_foreign_header(
    rows: Rows, index: int, own: set[tuple[str, ...]], profile: _Profile, *, after_blank: bool
) -> bool:
    looks = rows.looks(index)
    count = rows.filled(index)
    following = index + 1
    if count < 2 or following >= len(rows) or not _could_name(rows, index, following) or _key(rows, index) in own:
        return False
    under = _own_profile(rows, following)
    votes = _header_votes(rows, index, under)
    against = [c for c in profile.typed if c < len(looks) and looks[c] is not shapes.EMPTY]
    words = sum(looks[c] is shapes.TEXT for c in against)
    if against and words < 0.8 * len(against):
        return False
    if after_blank:
        return votes > 0 and (bool(against) or not profile.typed)
    if len(looks) != len(profile.looks) and rows.ragged and len(rows.cells(following)) == len(looks):
        return votes > 0
    return votes >= 2 and len(against) >= 2 and count >= 0.6 * len(profile.looks)


def _could_name(rows: Rows, index: int, following: int) -> bool:
    """Whether a row of different words is wide enough to be a header over the row that follows."""
    key, below = _key(rows, index), rows.filled(following)
    wide = below > 1 and (2 * len(key) > below or _all_words(rows, following))
    return wide and _all_words(rows, index) and len(set(key)) >= 0.8 * len(key)


def _own_profile(rows: Rows, start: int) -> _Profile:
    """The profile of the rows right below, up to the next blank row."""
    stop = start
    while stop < len(rows) and rows.filled(stop) and stop < start + LOOK_AHEAD:
        stop += 1
    return _profile(rows, start, stop - start)


def _explain(rows: Rows, found: Found) -> list[Decision]:
    """What was decided about this table, for the receipt."""
    out = []
    if found.titles:
        numbers = ", ".join(str(rows.number(i)) for i in found.titles[:10])
        out.append(
            Decision(
                "title_rows", f"rows {numbers} are titles above the header", f"第 {numbers} 行是表头上方的标题或说明"
            )
        )
    if not found.header:
        out.append(Decision("no_header", "no header row was found; columns are numbered", "没有找到表头，列以序号命名"))
    elif len(found.header) > 1:
        numbers = ", ".join(str(rows.number(i)) for i in found.header)
        out.append(Decision("header_levels", f"rows {numbers} together are the header", f"第 {numbers} 行共同组成表头"))
    return out
