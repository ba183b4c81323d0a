"""The standard data elements by name: what each is and which options it takes. Needs no engine: contracts are checked with it.

What the kinds do is SQL (`dbt_project/macros/standard`), rendered outside dbt by `warehouse.standard`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KindInfo:
    """What a kind is, for `--help`: title in Chinese, the standard's number, its value's DuckDB type, its options."""

    title: str
    standard: str
    value_type: str
    options: tuple[str, ...] = ()


_COMMON = ("kind_column", "null_words")
KINDS: dict[str, KindInfo] = {
    "citizen_id": KindInfo("公民身份号码", "GB 11643", "VARCHAR", ("birth", "sex", "swapped_with", "twin", *_COMMON)),
    "id_document": KindInfo(
        "其他身份证件号码",
        "GB 11643 / GA",
        "VARCHAR",
        ("document_type", "document_type_column", "birth", "sex", "twin", *_COMMON),
    ),
    "disability_certificate": KindInfo("残疾人证号", "GB 11643 + 类别 + 等级", "VARCHAR", _COMMON),
    "uscc": KindInfo("统一社会信用代码", "GB 32100", "VARCHAR", _COMMON),
    "org_code": KindInfo("组织机构代码", "GB 11714", "VARCHAR", _COMMON),
    "phone": KindInfo("电话", "YD/T", "VARCHAR", _COMMON),
    "person_name": KindInfo(
        "姓名", "GB 18030, 间隔号 U+00B7", "VARCHAR", ("swapped_with", "traditional", "mainland", *_COMMON)
    ),
    "org_name": KindInfo("单位名称", "", "VARCHAR", _COMMON),
    "date": KindInfo(
        "日期", "GB/T 7408", "DATE", ("formats", "date_order", "witness", "witness_id", "epoch_1904", *_COMMON)
    ),
    "timestamp": KindInfo(
        "时间", "GB/T 7408", "TIMESTAMP", ("formats", "date_order", "witness", "witness_id", "epoch_1904", *_COMMON)
    ),
    "month": KindInfo("年月", "GB/T 7408", "VARCHAR", ("formats", *_COMMON)),
    "sex": KindInfo("性别", "GB/T 2261.1", "VARCHAR", ("codes", "keep_unknown", *_COMMON)),
    "ethnic": KindInfo("民族", "GB/T 3304", "VARCHAR", ("codes", "form", *_COMMON)),
    "code": KindInfo("代码", "", "VARCHAR", ("codes", "width", "pattern", "open", *_COMMON)),
    "area_code": KindInfo("区划代码", "GB/T 2260 / 统计用区划代码", "VARCHAR", ("width", *_COMMON)),
    "grid_code": KindInfo("网格编码", "CJ/T 349", "VARCHAR", _COMMON),
    "house_code": KindInfo("房屋（地址）编码", "", "VARCHAR", _COMMON),
    "industry_code": KindInfo("行业代码", "GB/T 4754", "VARCHAR", ("width", *_COMMON)),
    "bank_card": KindInfo("银行卡号", "ISO/IEC 7812", "VARCHAR", _COMMON),
    "amount": KindInfo("金额（元）", "", "DECIMAL(24,2)", ("unit", "unit_column", "separators", *_COMMON)),
    "decimal": KindInfo("小数", "", "DECIMAL(28,6)", ("scale", "unit", "units", "min", "max", "separators", *_COMMON)),
    "integer": KindInfo("整数", "", "BIGINT", ("unit", "units", "min", "max", *_COMMON)),
    "usage": KindInfo("用量", "", "DECIMAL(28,3)", ("units", "max", "scale", *_COMMON)),
    "coordinate": KindInfo("经纬度（度）", "", "DOUBLE", ("axis", "other", "pair", "crs", *_COMMON)),
    "text": KindInfo("文字", "", "VARCHAR", _COMMON),
    "address": KindInfo("地址文字", "", "VARCHAR", _COMMON),
}

# An address taken apart is no expression but a chain of sets with a gazetteer: it has columns of its own.
PARTS_KIND = "address_parts"
PARTS = (
    "province", "city", "county", "town", "community", "village_group", "road", "number", "estate", "building", "unit",
    "floor", "room", "note", "rest", "is_vague",
)  # fmt: skip
