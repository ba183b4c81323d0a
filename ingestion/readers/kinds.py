"""What each row of a table's body is: data, a repeated header, a total, a note or section row, or blank."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestion.readers import cells as shapes
from ingestion.readers.model import BLANK, DATA, HEADER, NOTE, TOTAL, Cell

_BLANKS = re.compile(r"\s+")
_TOTAL = re.compile(
    r"(?:.{0,16}?(?:合计|小计|总计|共计|累计|总合计)(?:数|额|人数|金额)?(?:[:：(（\[【].*|[\d.,，]*(?:人|户|元|万元|家|个|件|项|条)?)?)|(?i:(?:grand|sub)?-?totals?:?)"
)
_NOTE = re.compile(
    r"[*＊※]?\s*(?:备?\s*注\s*\d*|说\s*明|填表说明|附\s*注|填表[人日单]|制表[人日单]?|填报[人日单]|审核[人日单]?|复核[人日]?|审批[人]?|经办[人]|负责人签|单位负责人|分管领导|主要领导|联系人|联系电话|数据来源|资料来源|统计时间|打印时间|导出时间|制表时间|报送单位|盖\s*章|单位[（(]盖章"
    r"|(?i:notes?|source|sources|footnote|remarks?|generated|printed))\s*[^:：.、\d]{0,8}\s*[:：.、\d]"
)
_SECTION = re.compile(
    r"[（(]?第?[一二三四五六七八九十百]{1,4}[)）]?[、.章节部分 ].*|.*[（(]\s*(?:共|计)?\s*\d+\s*[所个家人户条项名件类]?\s*[)）]|.*[:：]"
)
_SENTENCE = re.compile(r"[。；：！？]")
_FIRST_CELLS = 3
LONGEST_LABEL = 200


class Classifier:
    """Classifies rows of one table.

    Rows are to be given in order. ``header``: cells of each header row (a repeated header may be any
    of them, or the lowest name of each column); ``ragged``: delimited text, where a row of one
    field is damage unless it stands apart, after a blank row, or reads like a section or a sentence;
    ``full_width``: rows (numbers) whose only cell is merged over the table.
    """

    def __init__(
        self, header: Sequence[Sequence[str]], width: int, *, ragged: bool, full_width: frozenset[int] = frozenset()
    ) -> None:
        lowest = [
            next((row[c] for row in reversed(header) if c < len(row) and row[c].strip()), "") for c in range(width)
        ]
        self._headers = {
            key for row in [*header, lowest] if (key := tuple(cell.strip() for cell in row if cell.strip()))
        }
        self._first = {key[0] for key in self._headers}
        self._width = width
        self._ragged = ragged
        self._full_width = full_width
        self.apart = False  # after a blank row, and as long as rows of one field follow it

    def skip(self) -> None:
        """Say that rows were left out because they can only be data."""
        self.apart = False

    def kind(self, number: int, row: Sequence[Cell]) -> tuple[str, str | None]:
        """(row kind, section text when the row opens a section)."""
        filled = [(column, cell) for column, cell in enumerate(row) if cell and not cell.isspace()]
        if not filled:
            self.apart = True
            return BLANK, None
        apart, self.apart = self.apart, self.apart and len(filled) == 1
        first = filled[0][1].strip()
        if (
            first in self._first
            and tuple(cell.strip() for _, cell in filled) in self._headers
            and (len(filled) > 1 or self._width == 1)
        ):
            return HEADER, None
        if is_total(filled):
            return TOTAL, None
        if self._width > 2 and self._is_note(len(filled), first):
            return NOTE, None
        if len(filled) == 1 and self._width > 2:
            return self._single(number, filled[0][0], first, apart=apart)
        return DATA, None

    def _is_note(self, count: int, first: str) -> bool:
        """Few cells, the first of which says note, source, made by …"""
        few = count <= max(3, self._width // 3) and (count < self._width or self._ragged)
        return few and _NOTE.match(first) is not None

    def _single(self, number: int, column: int, text: str, *, apart: bool) -> tuple[str, str | None]:
        """A row of one cell: a section or note, or a record that lost the rest."""
        if number in self._full_width:
            return NOTE, text
        if column > 0 or shapes.is_typed(shapes.shape(text)):
            return DATA, None
        if self._ragged and not apart and not _SECTION.fullmatch(text[:LONGEST_LABEL]) and not _SENTENCE.search(text):
            return DATA, None
        return NOTE, text


def is_total(filled: Sequence[tuple[int, str]]) -> bool:
    """Whether one of the first cells says total or subtotal, running numbers before it left out of account."""
    for _, cell in filled[:_FIRST_CELLS]:
        text = _BLANKS.sub("", cell)
        if len(text) <= 40 and _TOTAL.fullmatch(text):
            return True
        if not (text.isdigit() and len(text) <= 6):
            return False
    return False


def suspicious(cell: object, names: frozenset[str]) -> bool:
    """A cheap test of one of a row's first cells: could the row be a total or a repeated header?"""
    return isinstance(cell, str) and ("计" in cell or "otal" in cell.lower() or cell.strip() in names)
