"""The review workbook (核对表): two rows per pair, one above the other, and a hidden sheet that seals them.

Every cell is written as text: nothing in it is ever a formula or a link.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ingestion.files import BEIJING
from ingestion.review import LEAD, MANIFEST, NOUNS, SHEET, TAIL, Manifest, Pair, answers
from ingestion.sealed import shown
from townlake.review import sides
from townlake.review.doubtful import Doubt
from townlake.sheets import explain, hide_rows, new_book

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

FOLDER = "核对"
"""Of outbox and landing: what is on the list belongs to no single department."""
_FONT = {"font_name": "等线", "font_size": 11, "valign": "vcenter", "num_format": "@"}
_LEAD_WIDTHS = (13, 15, 10, 18, 5)
_TAIL_WIDTHS = (42, 24, 24, 8, 18)
_WIDTHS = {
    "name": 14, "number": 21, "birth_date": 12, "sex": 5, "ethnic": 8, "phone": 14, "address": 32, "household": 13,
    "registration_number": 18, "status": 8, "occurred_at": 17, "kind": 12, "description": 44, "department": 12,
}  # fmt: skip
_TALLEST = 8
"""Lines of the tallest row."""


def manifest_of(workbook: str, entity: str, exported_at: str) -> Manifest:
    return Manifest(workbook, entity, exported_at, tuple(sides.titles(entity).values()))


def cells(doubt: Doubt) -> tuple[list[str], list[str]]:
    """What the two rows show behind 说明, as it is sealed. What speaks of the pair stands in the first row."""
    names = list(sides.titles(doubt.entity))
    for_it = "；".join(said for _, said, bits in doubt.evidence if bits > 0)
    against = "；".join(said for _, said, bits in doubt.evidence if bits <= 0)
    rows = []
    for title, side in (("甲", doubt.left), ("乙", doubt.right)):
        values = [sides.in_one_cell(side.get(name, ())) for name in (*names, "sources")]
        rows.append([title, *(shown(v) for v in values)])
    rows[0] += [for_it, against, percent(doubt.probability), doubt.reason]
    rows[1] += [""] * 4
    return rows[0], rows[1]


def percent(probability: float) -> str:
    """For people: what is not certain never reads as 100 %."""
    return f"{min(probability, 0.999):.1%}"


def workbook(manifest: Manifest, doubts: Sequence[Doubt], key: bytes) -> bytes:
    """The workbook as bytes (xlsx)."""
    memory = io.BytesIO()
    book = new_book(memory, f"疑似同一{NOUNS[manifest.entity]}核对表")
    sheet = book.add_worksheet(SHEET)
    _explain(book, manifest, len(doubts))
    _fill(book, sheet, manifest, doubts)
    pairs = (Pair(d.pair_id, d.left_content, d.right_content).row(key, manifest, cells(d)) for d in doubts)
    hide_rows(book, MANIFEST, [*manifest.rows(key), *pairs])
    sheet.activate()
    book.close()
    return memory.getvalue()


def _fill(book: Workbook, sheet: Worksheet, manifest: Manifest, doubts: Sequence[Doubt]) -> None:
    styles = _styles(book)
    names = list(sides.titles(manifest.entity))
    widths = [*_LEAD_WIDTHS, *(_WIDTHS.get(name, 14) for name in names), *_TAIL_WIDTHS]
    for at, header in enumerate(manifest.columns):
        sheet.write_string(0, at, header, styles["head" if 1 <= at <= 3 else "head_locked"])
        sheet.set_column(at, at, widths[at])
    for at, doubt in enumerate(doubts):
        _pair(sheet, 1 + 2 * at, doubt, styles, widths)
    noun = NOUNS[manifest.entity]
    sheet.data_validation(
        1,
        1,
        max(1, 2 * len(doubts)),
        1,
        {
            "validate": "list", "source": list(answers(manifest.entity)), "ignore_blank": True, "error_type": "stop",
            "error_title": "判断", "error_message": f"请从下拉框里选：是同一{noun}、不是同一{noun}、无法判断",
        },
    )  # fmt: skip
    sheet.set_row(0, 30)
    sheet.freeze_panes(1, 2)
    sheet.protect("", {"format_columns": True, "format_rows": True, "select_locked_cells": True})
    sheet.set_landscape()
    sheet.set_paper(8)
    sheet.set_margins(0.3, 0.3, 0.4, 0.5)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&C第 &P 页，共 &N 页　含个人信息，用后按规定保管")


def _pair(sheet: Worksheet, row: int, doubt: Doubt, styles: dict[str, Format], widths: Sequence[int]) -> None:
    both = cells(doubt)
    sheet.merge_range(row, 0, row + 1, 0, "", styles["number"])
    sheet.write_string(row, 0, doubt.pair_id, styles["number"])
    for at in range(1, len(LEAD)):
        sheet.merge_range(row, at, row + 1, at, "", styles["open"])
        sheet.write_blank(row, at, None, styles["open"])
    first, pair_wide = len(LEAD), len(TAIL) - 1
    last = first + len(both[0]) - pair_wide - 1
    for offset, told in enumerate(both):
        for at, value in enumerate(told[: len(told) - pair_wide], start=first):
            across = both[1 - offset][at - first]
            differs = first < at < last and value and across and set(value.split("\n")).isdisjoint(across.split("\n"))
            style = styles[("differs" if differs else "said") + ("_last" if offset else "")]
            if value:
                sheet.write_string(row + offset, at, value, style)
            else:
                sheet.write_blank(row + offset, at, None, style)
        sheet.set_row(row + offset, _height(told, widths[first:]))
    for at, value in enumerate(both[0][-pair_wide:], start=first + len(both[0]) - pair_wide):
        sheet.merge_range(row, at, row + 1, at, "", styles["pair"])
        sheet.write_string(row, at, value, styles["pair"])


def _height(told: Sequence[str], widths: Sequence[int]) -> float:
    """Points a row needs for its tallest cell."""
    lines = max(
        sum(-(-max(1, _wide(line)) // max(1, width - 1)) for line in value.split("\n"))
        for value, width in zip(told[: len(told) - len(TAIL) + 1], widths, strict=False)
    )
    return 17.0 * max(2, min(_TALLEST, lines))


def _wide(text: str) -> int:
    """Characters, a Chinese one counted as two."""
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text)


def _styles(book: Workbook) -> dict[str, Format]:
    head = {**_FONT, "bold": True, "text_wrap": True, "border": 1, "border_color": "#BFC7D1", "font_color": "#FFFFFF"}
    cell = {**_FONT, "border": 1, "border_color": "#D9DEE5", "text_wrap": True}
    last = {"bottom": 2, "bottom_color": "#5A6675"}
    return {
        "head": book.add_format({**head, "bg_color": "#1F4E79"}),
        "head_locked": book.add_format({**head, "bg_color": "#8B95A3"}),
        "number": book.add_format({**cell, **last, "bg_color": "#F1F3F6", "font_color": "#5A6675", "font_size": 9}),
        "open": book.add_format({**cell, **last, "locked": False, "bg_color": "#FFFDF2"}),
        "said": book.add_format(cell),
        "said_last": book.add_format({**cell, **last}),
        "differs": book.add_format({**cell, "bg_color": "#FFF2CC"}),
        "differs_last": book.add_format({**cell, **last, "bg_color": "#FFF2CC"}),
        "pair": book.add_format({**cell, **last, "bg_color": "#F1F3F6", "font_color": "#3B4754"}),
    }


def _explain(book: Workbook, manifest: Manifest, count: int) -> None:
    noun = NOUNS[manifest.entity]
    day = datetime.fromisoformat(manifest.exported_at).astimezone(BEIJING)
    lines = [
        ("这是什么", f"不同部门报来的记录，可能说的是同一{noun}，但凭现有内容不能自动认定。每一对占两行：甲、乙各一行，上下对照着看。黄色格是两边写得不一样的地方。"),
        ("第一步", "对照两行的内容，必要时查业务系统、打电话或入户核实。“相符之处”“不符之处”是系统比对的结果，“可能性”供参考，不是结论。"),
        ("第二步", f"在“判断”栏选“是同一{noun}”“不是同一{noun}”或“无法判断”，在“核对人”栏填姓名，有依据的写在“说明”栏。其他栏目不能改。"),
        ("第三步", f"直接保存（仍为 xlsx），把这个文件放进报送文件夹中的“{FOLDER}”文件夹。不用改文件名。"),
        ("然后", "系统先给出一份回执，说明收到几对、哪些没有采用、为什么；下次构建后，同一份回执会补上每一对的结果。"),
        ("没有填的", "没有填判断的对不受影响，可以下次再填。拿不准的不要猜：选“无法判断”，以后不再询问。"),
        ("填错了", "在原来的核对表里改好再放一次：同一对以最后一次判断为准，以前的判断留作记录。"),
        ("不能自相矛盾", "甲与乙相同、乙与丙相同，甲与丙就不能选不同：这样的几对都不会采用，回执里会指出来。"),
        ("请注意", "不要增删、移动或改名任何一列，不要拆开合并的格，不要删除隐藏的工作表，不要把内容复制到新文件里。"),
        ("保密", "本表含个人信息，证件号码只在两边有差异时完整显示。仅限核对人员使用，用后按规定保管。"),
        ("编号", f"{manifest.workbook}，导出时间 {day:%Y年%m月%d日 %H:%M}（北京时间）"),
    ]  # fmt: skip
    explain(book, f"疑似同一{noun}：{count:,} 对，请核对", lines)
