"""What a column must look like, in one Chinese sentence for the clerk: for the template, the pages and the workbooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.contracts import Column, DatasetContract
from warehouse.kinds import KINDS

_FORMS: dict[str, str] = {
    "citizen_id": "18 位，末位可为大写 X；单元格设为文本",
    "id_document": "按证件原样填写；单元格设为文本",
    "disability_certificate": "20 位：公民身份号码 + 类别 1 位 + 等级 1 位；单元格设为文本",
    "uscc": "18 位，大写字母和数字，不含 I、O、S、V、Z；单元格设为文本",
    "org_code": "9 位，不带连字符",
    "phone": "手机 11 位，或 区号-号码；单元格设为文本",
    "person_name": "全名，少数民族姓名用间隔号 ·",
    "org_name": "登记的全称，括号用中文括号（）",
    "ethnic": "民族代码两位（GB/T 3304）",
    "area_code": "区划代码，数字",
    "grid_code": "20 位网格编码",
    "house_code": "20 位：社区代码 12 位 + 序号 8 位；单元格设为文本",
    "industry_code": "国民经济行业分类代码（GB/T 4754）",
    "bank_card": "12 至 19 位数字；单元格设为文本",
    "integer": "整数",
    "decimal": "数字，不带单位",
    "usage": "不小于 0 的数字，不带单位",
    "coordinate": "度，小数",
    "text": "文字",
    "address": "尽量写到门牌和户室，例如 建设路12号3号楼2单元501室",
}
_DATE_FORMS = {"date": "YYYY-MM-DD", "timestamp": "YYYY-MM-DD HH:MM:SS", "month": "YYYY-MM"}
_ETHNIC = {"name": "民族名称，例如 汉族", "short_name": "民族名称，不带“族”字，例如 汉"}


def form(column: Column) -> str:
    """The declared form of a column."""
    standard = column.custom.standard
    if codes := delivered_codes(column):
        return "只填 " + "、".join(codes)
    return _special(standard.kind, standard.options) or _FORMS[standard.kind] + _bounds(standard.options)


def _special(kind: str, options: Mapping[str, Any]) -> str | None:
    """Forms that the options decide; None where the kind says it all."""
    said: str | None = None
    if kind in _DATE_FORMS:
        said = "写成 " + " 或 ".join(options.get("formats") or [_DATE_FORMS[kind]])
    elif kind == "amount":
        unit = "按“金额单位”栏" if options.get("unit_column") else f"单位：{options.get('unit', '元')}"
        said = f"数字，不写单位；{unit}"
    elif kind == "ethnic":
        said = _ETHNIC.get(options.get("form", ""))
    elif kind == "coordinate" and options.get("pair"):
        said = "经度,纬度，小数"
    elif kind == "code":
        said = f"代码，格式 {options['pattern']}" if options.get("pattern") else "代码"
    elif kind == "sex":
        said = "1 男，2 女"
    return said


def _bounds(options: Mapping[str, Any]) -> str:
    low, high = options.get("min"), options.get("max")
    if low is not None and high is not None:
        return f"，{low} 至 {high}"
    return f"，不小于 {low}" if low is not None else f"，不大于 {high}" if high is not None else ""


def delivered_codes(column: Column) -> tuple[str, ...]:
    """The spellings a closed code column may hold as delivered; empty for other columns."""
    standard = column.custom.standard
    if standard.kind not in ("code", "sex", "ethnic") or standard.options.get("open"):
        return ()
    codes = tuple(str(k) for k in standard.options.get("codes") or ())
    return codes or (("1", "2") if standard.kind == "sex" else ())


def kind_title(column: Column) -> str:
    """The standard data element and its standard: `公民身份号码（GB 11643）`."""
    info = KINDS[column.custom.standard.kind]
    return f"{info.title}（{info.standard}）" if info.standard else info.title


EVERY = {"once": "一次性", "day": "每天", "week": "每周", "month": "每月", "quarter": "每季度", "year": "每年"}
DELIVERY_KIND = {"full": "全量", "delta": "增量"}
PERSONAL_DATA = {"none": "否", "general": "个人信息", "sensitive": "敏感个人信息"}
GRADE = {
    "core": "核心数据",
    "important": "重要数据",
    "general_4": "一般数据 4 级",
    "general_3": "一般数据 3 级",
    "general_2": "一般数据 2 级",
    "general_1": "一般数据 1 级",
}


def rhythm(contract: DatasetContract) -> str:
    """`每月一次，全量：…`."""
    delivery = contract.custom.delivery
    how = {
        "full": "每次交付当日有效的全部记录；以后的交付中没有的记录视为失效",
        "delta": "首次交付全部，以后只交付新增和变更的记录，按主键更新",
    }[delivery.kind]
    return f"{EVERY[delivery.every]}，{DELIVERY_KIND[delivery.kind]}（{how}）"
