"""The correction workbook (更正表) of one dataset: refused rows as delivered, what is wrong with which cell, what is expected.

A clerk sees one sheet to fill in and one that explains; two hidden sheets hold the codes of drop-downs and the sealed
rows (ingestion.sealed). Every cell is written as text: nothing in it is ever a formula or a link.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ingestion.contracts import Column, DatasetContract
from ingestion.corrections import CORRECT, DISMISS, LEAD, MANIFEST, SHEET, TAIL, Manifest, Refused
from ingestion.files import BEIJING
from ingestion.sealed import shown
from townlake.sheets import explain, hide_rows, new_book
from townlake.sources.wording import delivered_codes, form

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

EXTRA = "表外内容（仅供参考）"
_FONT = {"font_name": "等线", "font_size": 11, "valign": "top", "num_format": "@"}
_LEAD_WIDTHS = (16, 34, 8, 10, 16)
_TAIL_WIDTHS = (28, 12, 9)
_WIDEST, _PAGE_WIDTH = 30, 170
"""Widths in characters: of a column at most, of a printed page in landscape."""
_LONGEST_LIST = 250
"""Excel takes a list of at most 255 characters in the rule itself; longer ones stand on a hidden sheet."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with one column of a row; `refuses` tells what keeps the row out from what should be looked at too."""

    column: str | None
    reason: str
    refuses: bool


@dataclass(frozen=True)
class Line:
    """One row of the workbook: the sealed row, its findings, and what stood beyond the columns of the table."""

    refused: Refused
    findings: tuple[Finding, ...]
    extra: str


def workbook(contract: DatasetContract, manifest: Manifest, lines: Sequence[Line], key: bytes) -> bytes:
    """The workbook as bytes (xlsx)."""
    memory = io.BytesIO()
    book = new_book(memory, f"{contract.title} 更正表")
    sheet = book.add_worksheet(SHEET)
    _explain(book, contract, manifest, len(lines))
    codes = _Codes(book)
    _fill(book, sheet, contract, manifest=manifest, lines=lines, codes=codes)
    hide_rows(book, MANIFEST, [*manifest.rows(key), *(line.refused.row(key, manifest) for line in lines)])
    codes.hide()
    sheet.activate()
    book.close()
    return memory.getvalue()


class _Codes:
    """Lists of codes too long for a drop-down's own text, each a column of one hidden sheet."""

    def __init__(self, book: Workbook) -> None:
        self._book, self._count = book, 0
        self._sheet: Worksheet | None = None

    def source(self, codes: Sequence[str]) -> Any:
        """What a drop-down takes as its source."""
        from xlsxwriter.utility import xl_col_to_name

        if sum(len(c) + 1 for c in codes) <= _LONGEST_LIST and not any("," in c for c in codes):
            return list(codes)
        self._sheet = self._sheet or self._book.add_worksheet("代码")
        for at, code in enumerate(codes):
            self._sheet.write_string(at, self._count, code)
        name = xl_col_to_name(self._count)
        self._count += 1
        return f"=代码!${name}$1:${name}${len(codes)}"

    def hide(self) -> None:
        if self._sheet is not None:
            self._sheet.hide()


def _fill(
    book: Workbook,
    sheet: Worksheet,
    contract: DatasetContract,
    *,
    manifest: Manifest,
    lines: Sequence[Line],
    codes: _Codes,
) -> None:
    styles = _styles(book)
    columns = {c.name: c for c in contract.columns}
    headers = [*LEAD, *manifest.headers, *TAIL]
    has_extra = any(line.extra for line in lines)
    if has_extra:
        headers.append(EXTRA)
    first, last = len(LEAD), len(LEAD) + len(manifest.columns) - 1
    for at, header in enumerate(headers):
        ours = first <= at <= last or at in (2, 3, 4)
        sheet.write_string(0, at, header, styles["head" if ours else "head_locked"])
    widths = [
        *_LEAD_WIDTHS,
        *(min(_WIDEST, max(8, 2 * len(header) + 2, _widest(lines, at))) for at, header in enumerate(manifest.headers)),
        *_TAIL_WIDTHS,
        *([28] if has_extra else []),
    ]
    for at, width in enumerate(widths):
        sheet.set_column(at, at, width)
    for at, name in enumerate(manifest.columns, start=first):
        column = columns[name]
        sheet.write_comment(0, at, _expected(column), _BALLOON)
        if accepted := delivered_codes(column):
            sheet.data_validation(
                1, at, len(lines), at, _drop_down(column.business_name, codes.source(accepted), form(column))
            )
    sheet.data_validation(
        1,
        2,
        len(lines),
        2,
        _drop_down("处理", [CORRECT, DISMISS], f"改好选“{CORRECT}”；这一行本来就不该有，选“{DISMISS}”"),
    )
    for number, line in enumerate(lines, start=1):
        _line(sheet, number, line, manifest=manifest, columns=columns, styles=styles)
        sheet.set_row(number, _height(line, widths))
    sheet.set_row(0, 34)
    sheet.freeze_panes(1, 2)
    sheet.protect("", {"format_columns": True, "format_rows": True, "select_locked_cells": True})
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(max(1, round(sum(widths) / _PAGE_WIDTH)), 0)
    sheet.repeat_rows(0)
    sheet.repeat_columns(0, 1)


def _line(
    sheet: Worksheet,
    number: int,
    line: Line,
    *,
    manifest: Manifest,
    columns: Mapping[str, Column],
    styles: Mapping[str, Format],
) -> None:
    row = line.refused
    for at, value in enumerate((row.quarantine_id, row.reason)):
        sheet.write_string(number, at, shown(value), styles["locked_reason" if at else "locked"])
    for at in (2, 3, 4):
        sheet.write_blank(number, at, None, styles["open"])
    by_column: dict[str | None, list[Finding]] = {}
    for finding in line.findings:
        by_column.setdefault(finding.column, []).append(finding)
    for at, (name, value) in enumerate(zip(manifest.columns, row.cells, strict=True), start=len(LEAD)):
        found = by_column.get(name, ())
        style = "bad" if any(f.refuses for f in found) else "doubt" if found else "open"
        if row.is_defect and style == "open":
            style = "doubt"
        if value:
            sheet.write_string(number, at, value, styles[style])
        else:
            sheet.write_blank(number, at, None, styles[style])
        if found:
            told = "；".join(dict.fromkeys(f.reason for f in found))
            sheet.write_comment(number, at, f"{told}\n应填：{_form(columns[name])}", _BALLOON)
    where = [row.file, row.sheet, row.row_number, line.extra]
    for at, value in enumerate(where[: 4 if line.extra else 3], start=len(LEAD) + len(row.cells)):
        sheet.write_string(number, at, shown(value), styles["locked"])


def _height(line: Line, widths: Sequence[int]) -> int:
    """Points a row needs for its longest wrapped cell, five lines at most."""
    texts = ["", line.refused.reason, "", "", "", *line.refused.cells, line.refused.file, line.refused.sheet]
    wrapped = max(-(-_wide(text) // (width - 1)) for text, width in zip(texts, widths, strict=False))
    return 17 * max(1, min(5, wrapped))


_BALLOON = {"x_scale": 1.8, "y_scale": 1.1, "font_name": "等线", "font_size": 10, "author": "townlake"}


def _styles(book: Workbook) -> dict[str, Format]:
    head = {**_FONT, "bold": True, "text_wrap": True, "valign": "vcenter", "border": 1, "border_color": "#BFC7D1"}
    cell = {**_FONT, "border": 1, "border_color": "#D9DEE5", "text_wrap": True}
    return {
        "head": book.add_format({**head, "bg_color": "#1F4E79", "font_color": "#FFFFFF"}),
        "head_locked": book.add_format({**head, "bg_color": "#8B95A3", "font_color": "#FFFFFF"}),
        "locked": book.add_format({**cell, "bg_color": "#F1F3F6", "font_color": "#5A6675"}),
        "locked_reason": book.add_format({**cell, "bg_color": "#F1F3F6", "font_color": "#B3342B"}),
        "open": book.add_format({**cell, "locked": False}),
        "bad": book.add_format({**cell, "locked": False, "bg_color": "#F8CBAD", "font_color": "#B3342B"}),
        "doubt": book.add_format({**cell, "locked": False, "bg_color": "#FFF2CC"}),
    }


def _widest(lines: Sequence[Line], at: int) -> int:
    """Width of the widest of the first rows."""
    return max((_wide(line.refused.cells[at]) for line in lines[:200]), default=0) + 2


def _wide(text: str) -> int:
    """Characters, a Chinese one counted as two."""
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text[: _WIDEST * 10])


def _drop_down(title: str, source: Any, message: str) -> dict[str, Any]:
    return {
        "validate": "list", "source": source, "error_type": "warning", "ignore_blank": True, "error_title": title[:32],
        "error_message": message[:255],
    }  # fmt: skip


def _form(column: Column) -> str:
    return form(column) + ("" if not column.required else "；必填")


def _expected(column: Column) -> str:
    return f"{column.description or column.business_name}\n{_form(column)}"[:1000]


def _explain(book: Workbook, contract: DatasetContract, manifest: Manifest, count: int) -> None:
    day = datetime.fromisoformat(manifest.exported_at).astimezone(BEIJING)
    lines = [
        ("这是什么", "这些行报来时有错，没有进入数据底座，原样保留着。改好放回来，就会重新检查；合格的行自动入库。"),
        ("第一步", "看“更正”表：红色格是退回的原因，必须改；黄色格有疑问，请一并核对。鼠标停在格子上，可以看到哪里不对、应该怎样填。"),
        ("第二步", "直接在格子里改成正确的内容。不要填公式。证件号码、代码等都按文本填。灰色的栏目不能改。"),
        ("第三步", f"在“处理”栏选“{CORRECT}”，在“更正人”栏填姓名。这一行本来就不该有的（例如重复、查无此人），不改数据，“处理”选“{DISMISS}”，并在“更正说明”写明原因。"),
        ("第四步", f"直接保存（仍为 xlsx），把这个文件放进 {contract.domain} 文件夹，和平时报送一样。不用改文件名。"),
        ("然后", "系统会给出回执，逐行说明：已入库、仍不合格（为什么）、没有采用（为什么）。没有改的行不受影响，可以下次再改。"),
        ("整行错位的", "退回原因是“字段多于表头”“字段少于表头”“被截断”的，请对照原件把整行核对一遍，每一格都要改对。"),
        ("查不清的", "查不清的不要猜，空着不改即可，这一行会继续保留。"),
        ("请注意", "不要增删、移动或改名任何一列，不要删除隐藏的工作表，不要把内容复制到新文件里：那样系统认不出来源，不会采用。"),
        ("保密", "本表含个人信息，仅限经办人员使用，用后按规定保管。"),
        ("编号", f"{manifest.workbook}，导出时间 {day:%Y年%m月%d日 %H:%M}（北京时间），数据集 {manifest.dataset}"),
    ]  # fmt: skip
    explain(book, f"{contract.title}：被退回的 {count:,} 行，请更正", lines)
