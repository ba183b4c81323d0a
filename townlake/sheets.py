"""What the workbooks that go out to clerks share: every cell text, a hidden sealed sheet, a sheet that explains."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlsxwriter import Workbook

_CHARACTERS_A_LINE = 44
"""Of the explaining sheet's second column, as far as the height of its rows goes."""


def new_book(memory: io.BytesIO, title: str) -> Workbook:
    """A workbook in memory in which nothing that is written ever becomes a formula, a link or a number."""
    import xlsxwriter

    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(memory, options)
    book.set_properties({"title": title, "author": "townlake"})
    return book


def hide_rows(book: Workbook, name: str, rows: Iterable[Sequence[str]]) -> None:
    """A hidden, protected sheet of texts."""
    sheet = book.add_worksheet(name)
    text = book.add_format({"num_format": "@"})
    for number, row in enumerate(rows):
        for at, value in enumerate(row):
            if value:
                sheet.write_string(number, at, value, text)
    sheet.protect("")
    sheet.hide()


def explain(book: Workbook, title: str, lines: Sequence[tuple[str, str]]) -> None:
    """The sheet 说明: a title and (label, explanation) pairs, on one page in width."""
    sheet = book.add_worksheet("说明")
    heading = book.add_format({"bold": True, "font_size": 15, "font_name": "等线", "font_color": "#1F4E79"})
    text = book.add_format({"font_name": "等线", "font_size": 11, "text_wrap": True, "valign": "top"})
    strong = book.add_format({"font_name": "等线", "font_size": 11, "bold": True, "valign": "top"})
    sheet.write_string(0, 0, title, heading)
    for at, (label, told) in enumerate(lines, start=2):
        sheet.write_string(at, 0, label, strong)
        sheet.write_string(at, 1, told, text)
        sheet.set_row(at, 18 * (1 + len(told) // _CHARACTERS_A_LINE))
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 88)
    sheet.protect("")
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
