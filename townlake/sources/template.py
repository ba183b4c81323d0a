"""`townlake source template`: the Excel workbook a department fills in, made from the contract.

Columns, drop-downs and explanations are those of the contract; identifiers are text cells, so that Excel cannot round
them. The intake reads the filled workbook back like any delivery.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.contracts import Column, DatasetContract
from townlake.sources.wording import delivered_codes, form, kind_title, rhythm

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

ROWS = 5_000
"""Rows prepared with formats and drop-downs; more may be filled in."""
_TEXT_KINDS = frozenset(
    ["citizen_id", "house_code", "id_document", "disability_certificate", "uscc", "org_code", "phone", "bank_card", "code", "area_code",
     "grid_code", "industry_code", "date", "timestamp", "month", "ethnic", "sex"]
)  # fmt: skip
_FIXED_LENGTH = {"citizen_id": 18, "uscc": 18, "org_code": 9, "disability_certificate": 20, "grid_code": 20}
_LONGEST_LIST = 250


def write_template(contract: DatasetContract, out: Path) -> Path:
    """Writes the workbook. Returns its path."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(out), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet("填写")
        _explain(book, contract)
        _fill(book, sheet, contract)
    return out


def _fill(book: Workbook, sheet: Worksheet, contract: DatasetContract) -> None:
    base = {"bold": True, "text_wrap": True, "valign": "vcenter", "border": 1}
    required = book.add_format({**base, "bg_color": "#FCE4D6"})
    optional = book.add_format({**base, "bg_color": "#EDEDED"})
    text = book.add_format({"num_format": "@"})
    lists: list[tuple[str, ...]] = []
    for at, column in enumerate(contract.delivered_columns):
        sheet.write_string(0, at, column.business_name, required if column.required else optional)
        sheet.write_comment(0, at, _note(column), {"x_scale": 2, "font_name": "宋体", "font_size": 10})
        as_text = column.custom.standard.kind in _TEXT_KINDS
        sheet.set_column(at, at, max(10, 2 * len(column.business_name) + 2), text if as_text else None)
        if rule := _validation(column, lists):
            sheet.data_validation(1, at, ROWS, at, rule)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, 0)
    if lists:
        hidden = book.add_worksheet("代码")
        for at, codes in enumerate(lists):
            hidden.write_column(0, at, codes)
        hidden.hide()


def _note(column: Column) -> str:
    must = "必填" if column.required else "可空"
    key = "；主键" if column.primary_key else ""
    return f"{column.description or column.business_name}\n{must}{key}\n{form(column)}"


def _validation(column: Column, lists: list[tuple[str, ...]]) -> dict[str, Any] | None:
    warn = {"error_type": "warning", "ignore_blank": True, "error_title": column.business_name[:32]}
    if codes := delivered_codes(column):
        source: Any = list(codes)
        if sum(len(c) + 1 for c in codes) > _LONGEST_LIST:
            lists.append(codes)
            name = _column_letters(len(lists) - 1)
            source = f"=代码!${name}$1:${name}${len(codes)}"
        return {**warn, "validate": "list", "source": source, "error_message": form(column)[:255]}
    if length := _FIXED_LENGTH.get(column.custom.standard.kind):
        return {
            **warn,
            "validate": "length",
            "criteria": "==",
            "value": length,
            "error_message": f"应为 {length} 位",
        }
    return None


def _column_letters(index: int) -> str:
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(index))


def _explain(book: Workbook, contract: DatasetContract) -> None:
    sheet = book.add_worksheet("填写说明")
    bold = book.add_format({"bold": True, "border": 1, "bg_color": "#EDEDED"})
    cell = book.add_format({"text_wrap": True, "valign": "top", "border": 1})
    title = book.add_format({"bold": True, "font_size": 14})
    sheet.write_string(0, 0, f"{contract.title}：填写说明", title)
    lines = [
        f"交付频率：{rhythm(contract)}",
        f"放入文件夹：{contract.domain}/",
        "请填写第一张表，不要改动表头；橙色表头为必填项。不要合并单元格，不要写合计行。",
    ]
    for at, line in enumerate(lines, start=1):
        sheet.write_string(at, 0, line)
    head = ["栏目", "必填", "含义", "填写要求", "数据元"]
    top = len(lines) + 2
    sheet.write_row(top, 0, head, bold)
    for at, column in enumerate(contract.delivered_columns, start=top + 1):
        row = [
            column.business_name,
            "是" if column.required else "",
            column.description,
            form(column),
            kind_title(column),
        ]
        for position, value in enumerate(row):
            sheet.write_string(at, position, value, cell)
    for at, width in enumerate((24, 6, 40, 44, 28)):
        sheet.set_column(at, at, width)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
