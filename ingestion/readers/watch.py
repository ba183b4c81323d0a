"""Another table further down a large text: seen while the rows go by, since only the head of such a file was looked at.

Rows that might begin one are picked out cheaply (after a blank row, of another width, or words where the table has numbers)
and then judged by the very rules that find the tables of a small file. A second table's rows never go into the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingestion.readers import layout
from ingestion.readers.model import AnotherTable, Decision, RawResult, TableProbe

AHEAD = 60
"""Rows below a header that are looked at to judge it."""
LEAST_AHEAD = 5
MOST_JUDGED = 5_000

Row = tuple[int, Sequence[str]]


class Watch:
    """Watches the rows of one table. Rows are given in order; a gap in the numbers means that what lay between is data."""

    def __init__(self, table: TableProbe, result: RawResult) -> None:
        self._result = result
        self._index = table.index
        header = [list(cells) for cells in table.header_cells]
        self._own = {tuple(cell.strip() for cell in cells if cell.strip()) for cells in header}
        sample = [[cell or "" for cell in row] for row in table.sample]
        self._head = [*header, *sample]
        self._width = table.usual or len(table.columns)
        typed = layout.typed_columns(layout.TextRows(list(enumerate(sample)))) if sample else []
        self.typed = [column for column in typed if column < min(self._width, len(table.columns))]
        self._tail: list[Row] = []
        self._judged = 0

    def rows(self, rows: Sequence[Row], *, last: bool = False) -> None:
        """Raises AnotherTable when one begins in ``rows`` or in the last ones given before. ``last``: none will follow."""
        tail, self._tail = self._tail, []
        if tail and (not rows or rows[0][0] == tail[-1][0] + 1):
            rows = [*tail, *rows]
        elif tail:
            self.rows(tail, last=True)
        before: Row | None = None
        for place, (number, fields) in enumerate(rows):
            adjacent = before is not None and before[0] + 1 == number
            after_blank = adjacent and before is not None and not any(before[1])
            if (after_blank or self._is_odd(fields)) and any(fields):
                if len(rows) - place <= LEAST_AHEAD and not last:
                    self._tail = list(rows[max(place - 1, 0) if adjacent else place :])
                    return
                self._judge(rows[place : place + AHEAD + 1], after_blank=after_blank)
            before = (number, fields)

    @property
    def waits(self) -> bool:
        """Whether rows given last are to be judged with those that follow."""
        return bool(self._tail)

    def _is_odd(self, fields: Sequence[str]) -> bool:
        if len(fields) != self._width:
            return sum(map(bool, fields)) > 1
        return len(self.typed) >= 2 and all(fields[c] and not fields[c][0].isdigit() for c in self.typed[:2])

    def odd_places(self, columns: Sequence[Any]) -> Any:
        """Places (a numpy array) of the rows of Arrow columns with words where the table has numbers."""
        import numpy as np

        if len(self.typed) < 2:
            return np.zeros(0, np.int64)
        first, second = (_starts_with_no_digit(columns[c]) for c in self.typed[:2])
        return np.flatnonzero(first & second)

    def _judge(self, rows: Sequence[Row], *, after_blank: bool) -> None:
        run = [rows[0]]
        for row in rows[1:]:
            if row[0] != run[-1][0] + 1:
                break
            run.append(row)
        if not any(self._may_be_header(fields) for _, fields in run[: 4 if after_blank else 1]):
            return
        self._judged += 1
        if self._judged > MOST_JUDGED:
            self._say_tired(rows[0][0])
            return
        lead = [*self._head, [""]] if after_blank else self._head
        seen = layout.TextRows([*enumerate([*lead, *(fields for _, fields in run)], start=1)])
        if layout.find_tables(seen)[0].end == len(lead):
            raise AnotherTable(self._index, rows[0][0])

    def _may_be_header(self, fields: Sequence[str]) -> bool:
        words = [f.strip() for f in fields if f.strip()]
        return len(words) > 1 and tuple(words) not in self._own and not any(w.isdigit() for w in words)

    def _say_tired(self, number: int) -> None:
        if self._judged == MOST_JUDGED + 1:
            self._result.decisions.append(
                Decision(
                    "tables_not_sought",
                    f"from row {number} on no further tables were looked for: too many rows look like a header",
                    f"从第 {number} 行起，像表头的行过多，不再判断是否另有一个表，请核对",
                )
            )


def _starts_with_no_digit(column: Any) -> Any:
    """Whether the cells of an Arrow string array have a first byte that is no digit; empty and null cells have none."""
    import numpy as np

    _, offsets, data = column.buffers()
    if data is None or offsets is None or not data.size:
        return np.zeros(len(column), bool)
    starts = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    first = np.frombuffer(data, np.uint8)[np.minimum(starts[:-1], data.size - 1)]
    return (starts[1:] > starts[:-1]) & ((first < ord("0")) | (first > ord("9")))
