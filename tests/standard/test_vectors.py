"""Known answers: the standards' own examples, and the damages real deliveries show."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.standard import engine
from tests.standard import reference as ref
from warehouse import standard

SEEDS = Path(standard.MACROS).parents[1] / "seeds"

VECTORS: list[tuple[str, dict[str, Any], str, Any, str | None]] = [
    # GB 11643 and its published examples; a birth in 1880 is no fault
    ("citizen_id", {}, "11010519491231002X", "11010519491231002X", None),
    ("citizen_id", {}, "440524188001010014", "440524188001010014", None),
    ("citizen_id", {}, "370101190102039973", "370101190102039973", None),
    ("citizen_id", {}, "34052419800101001X", "34052419800101001X", None),
    ("citizen_id", {}, "440308199901101512", "440308199901101512", None),
    ("citizen_id", {}, "810000199408230021", "810000199408230021", None),
    ("citizen_id", {}, "830000199201300022", "830000199201300022", None),
    ("citizen_id", {}, "610104620927690", "610104196209276908", "id_15_digit"),
    ("citizen_id", {}, "370602199001011264", None, "id_excel_float"),
    ("citizen_id", {}, "370681195402120000", None, "id_excel_000"),
    ("citizen_id", {}, "3.70681E+17", None, "id_sci_text"),
    ("citizen_id", {}, "11010519491231002ⅹ", "11010519491231002X", "id_lower_x"),
    ("citizen_id", {}, "11010519491231002*", "11010519491231002X", "id_star_x"),
    ("citizen_id", {}, "44030819990110151*", None, "id_bad_check"),
    ("citizen_id", {}, "'440308199901101512", "440308199901101512", "id_apostrophe"),
    ("citizen_id", {}, "440308 19990110 1512", "440308199901101512", "id_spaces"),
    ("citizen_id", {}, "440308199901101512.0", "440308199901101512", "id_dot_zero"),
    ("citizen_id", {}, "４４０３０８１９９９０１１０１５１２", "440308199901101512", "id_width"),
    ("citizen_id", {}, "440308199901101521", None, "id_bad_check"),
    ("citizen_id", {}, "44030819990110151", None, "id_short"),
    ("citizen_id", {}, "4403081999011015123", None, "id_long"),
    ("citizen_id", {}, "无身份证号码", None, "null_word"),
    ("citizen_id", {}, "370681750314997", None, "id_15_century"),
    ("citizen_id", {"kind_column": "'number'"}, "440308199901101512", None, "id_excel_float"),
    ("citizen_id", {"birth": "date '1999-01-11'"}, "440308199901101512", "440308199901101512", "id_birth_mismatch"),
    ("citizen_id", {"sex": "'2'"}, "440308199901101512", "440308199901101512", "id_sex_mismatch"),
    ("citizen_id", {"swapped_with": "'440308199901101512'"}, "刘熙皓", "440308199901101512", "swapped_columns"),
    ("citizen_id", {"twin": "'G440308199901101512'"}, "440308199901101000", "440308199901101512", "id_from_twin"),
    ("citizen_id", {"twin": "'G440308199901101512'"}, "4.40308E+17", "440308199901101512", "id_from_twin"),
    ("citizen_id", {"twin": "'G440308199901101512'"}, "110105194912310021", None, "id_bad_check"),
    ("citizen_id", {"twin": "'L3706020001'"}, "440308199901101000", None, "id_excel_000"),
    ("citizen_id", {"twin": "'G440308199901032238'"}, "440308199901032000", "440308199901032238", "id_from_twin"),
    ("citizen_id", {"twin": "'G440308199901032000'"}, "440308199901032000", "440308199901032000", "id_tail_000"),
    ("person_name", {"swapped_with": "'刘熙皓'"}, "440308199901101512", "刘熙皓", "swapped_columns"),
    ("disability_certificate", {}, "11010519491231002x43", "11010519491231002X43", "id_lower_x"),
    ("disability_certificate", {}, "11010519491231002X43B1", "11010519491231002X43B1", None),
    ("id_document", {"document_type": "hk_macau_permit"}, "h12345678", "H12345678", "id_lower_case"),
    ("id_document", {"document_type": "taiwan_permit"}, "12345678", "12345678", None),
    ("id_document", {"document_type": "passport"}, "Ｅ12345678", "E12345678", "id_width"),
    ("id_document", {"document_type": "foreign_permanent"}, "USA370012345678", "USA370012345678", None),
    ("id_document", {"document_type": "residence_permit"}, "810000199408230021", "810000199408230021", None),
    ("id_document", {"document_type": "citizen_id"}, "11010519491231002ⅹ", "11010519491231002X", "id_lower_x"),
    (
        "id_document",
        {"document_type": "citizen_id", "birth": "date '1999-01-11'"},
        "440308199901101512",
        "440308199901101512",
        "id_birth_mismatch",
    ),
    (
        "id_document",
        {"document_type": "citizen_id", "twin": "'G440308199901101512'"},
        "440308199901101000",
        "440308199901101512",
        "id_from_twin",
    ),
    ("id_document", {"document_type": "passport", "twin": "'G440308199901101512'"}, "E12345678", "E12345678", None),
    # GB 32100: all registers, the zero remainder, letters that are none
    ("uscc", {}, "91350100M000100Y43", "91350100M000100Y43", None),
    ("uscc", {}, "91110000600037341L", "91110000600037341L", None),
    ("uscc", {}, "91370600MA30000170", "91370600MA30000170", None),
    ("uscc", {}, "9I35O100M000100Y43", "91350100M000100Y43", "uscc_letter"),
    ("uscc", {}, "91350100m000100y43", "91350100M000100Y43", "uscc_lower"),
    ("uscc", {}, "370602210441939", None, "uscc_old_number"),
    ("uscc", {}, "440308199901101512", None, "uscc_person_id"),
    ("uscc", {}, "91350100M000100Y4", None, "uscc_short"),
    ("org_code", {}, "M000100Y4", "M000100Y4", None),
    ("org_code", {}, "60003734-1", "600037341", "org_code_dash"),
    ("org_code", {}, "D2143569X", "D2143569X", None),
    ("org_code", {}, "D21435691", None, "org_code_bad_check"),
    ("phone", {}, "018576073697", "18576073697", "phone_prefix"),
    ("phone", {}, "86-15811978934", "15811978934", "phone_prefix"),
    ("phone", {}, "183-5653-9581", "18356539581", "phone_dash"),
    ("phone", {}, "6835540", "6835540", "phone_old7"),
    ("phone", {}, "1867954573", None, "phone_short"),
    ("phone", {}, "（0535）6612345", "0535-6612345", "phone_dash"),
    ("phone", {}, "0000", None, "null_word"),
    ("person_name", {}, "艾力－阿不都热合曼", "艾力·阿不都热合曼", "name_dot"),
    ("person_name", {}, "艾力·阿不都热合曼", "艾力·阿不都热合曼", None),
    ("person_name", {}, "张　辉", "张辉", "name_space"),
    ("person_name", {}, "⾼梓皓", "高梓皓", "name_radical"),
    ("person_name", {}, "张\ue863", "张䶮", "name_radical"),
    ("person_name", {}, "彭洪山（已故）", "彭洪山", "name_note"),
    ("person_name", {}, "杨建軍", "杨建军", "name_traditional"),
    ("person_name", {}, "陳家豪", "陳家豪", "name_traditional_kept"),
    ("person_name", {"traditional": "simplify"}, "陳家豪", "陈家豪", "name_traditional"),
    ("person_name", {}, "李喆昇", "李喆昇", None),
    ("person_name", {}, "宫海■", "宫海■", "name_rare_lost"),
    ("person_name", {}, "侯祥hong", "侯祥hong", "name_rare_lost"),
    ("person_name", {}, "MÜLLER ANNA", "MÜLLER ANNA", None),
    ("person_name", {}, "无", None, "null_word"),
    ("person_name", {}, "无心", "无心", None),
    ("person_name", {}, "李国𬭎", "李国𬭎", None),
    ("org_name", {}, "烟台金顺達(莱山)公司", "烟台金顺達（莱山）公司", "org_name_brackets"),
    ("date", {}, "20261031", date(2026, 10, 31), "date_format"),
    ("date", {"formats": ["YYYYMMDD"]}, "20261031", date(2026, 10, 31), None),
    ("date", {}, "2026年10月31日", date(2026, 10, 31), "date_format"),
    ("date", {}, "二〇二六年十月三十一日", date(2026, 10, 31), "date_format"),
    ("date", {}, "45047", date(2023, 5, 1), "date_serial"),
    ("date", {"epoch_1904": True}, "40527", date(2014, 12, 16), "date_serial"),
    ("date", {}, "27/07/1989", date(1989, 7, 27), "date_dmy"),
    ("date", {}, "06/01/1971", None, "date_ambiguous"),
    ("date", {"date_order": "dmy"}, "06/01/1971", date(1971, 1, 6), "date_dmy"),
    ("date", {"witness": "date '1971-01-06'"}, "06/01/1971", date(1971, 1, 6), "date_dmy"),
    ("date", {}, "70.4.21", None, "date_two_digit_year"),
    ("date", {"witness": "date '1970-04-21'"}, "70.4.21", date(1970, 4, 21), "date_two_digit_year_confirmed"),
    ("date", {"witness_id": "'110105194912310021'"}, "49.12.31", date(1949, 12, 31), "date_two_digit_year_confirmed"),
    ("date", {"witness_id": "'110105800101000'"}, "06/01/1971", None, "date_ambiguous"),
    ("date", {"witness_id": "'110105710106000'"}, "06/01/1971", date(1971, 1, 6), "date_dmy"),
    ("date", {"witness_id": "'A12345678'"}, "70.4.21", None, "date_two_digit_year"),
    ("date", {}, "1999-02-30", None, "date_impossible"),
    ("date", {}, "2007.7", None, "date_month_only"),
    ("date", {}, "2026-10-31T16:30:00Z", date(2026, 11, 1), "date_with_time"),
    ("timestamp", {}, "2026年08月02日 07时13分", datetime(2026, 8, 2, 7, 13), "timestamp_format"),
    ("timestamp", {}, "2026-09-15T09:47:00+08:00", datetime(2026, 9, 15, 9, 47), "timestamp_zone"),
    ("timestamp", {}, "2026.08.03", datetime(2026, 8, 3), "timestamp_date_only"),
    ("timestamp", {}, "2024-03-01 10:11:10.0500", datetime(2024, 3, 1, 10, 11, 10, 50_000), None),
    ("timestamp", {}, "2024.03.01 10:11:10.1234", datetime(2024, 3, 1, 10, 11, 10, 123_400), "timestamp_format"),
    ("timestamp", {}, "2024-03-01 10:11:10-0500", datetime(2024, 3, 1, 23, 11, 10), "timestamp_zone"),
    ("timestamp", {}, "20240301T10:11:10.463-0500", datetime(2024, 3, 1, 23, 11, 10, 463_000), "timestamp_zone"),
    ("timestamp", {}, "20240301 20:11:10Z", datetime(2024, 3, 2, 4, 11, 10), "timestamp_zone"),
    ("timestamp", {}, "2024-03-01T10:11-05:00", datetime(2024, 3, 1, 23, 11), "timestamp_zone"),
    ("timestamp", {}, "2024-03-01 09:00-11:30", None, "date_impossible"),
    ("date", {}, "20240301T20:11:10Z", date(2024, 3, 2), "date_with_time"),
    ("month", {}, "2023.1", None, "month_zero_lost"),
    ("month", {"formats": ["YYYY.M"]}, "2023.1", "2023-01", None),
    ("month", {"formats": ["YYYY.M"], "kind_column": "'number'"}, "2023.1", None, "month_zero_lost"),
    ("month", {"formats": ["YYYYMM"]}, "202310", "2023-10", None),
    ("sex", {}, "男", "1", "sex_other_code"),
    ("sex", {"codes": {"0": "1", "1": "2"}}, "0", "1", None),
    ("sex", {"codes": {"0": "1", "1": "2"}}, "2", None, "code_unknown"),
    ("sex", {}, "9", None, "sex_unknown"),
    ("sex", {"keep_unknown": True}, "未知", "0", "sex_unstated"),
    ("ethnic", {}, "5", "05", "ethnic_zero_lost"),
    ("ethnic", {}, "维吾尔", "05", "ethnic_as_text"),
    ("ethnic", {"form": "name"}, "汉族", "01", None),
    ("code", {"codes": {"01": "01"}, "width": 2}, "1", "01", "code_zero_lost"),
    ("area_code", {"width": 12}, "370602", "370602000000", "area_other_level"),
    ("grid_code", {}, "1010137060201100203", "01010137060201100203", "grid_zero_lost"),
    ("grid_code", {}, "'01010137060201100401", "01010137060201100401", "code_apostrophe"),
    ("house_code", {}, "'37061300201300000001", "37061300201300000001", "code_apostrophe"),
    ("house_code", {}, "3706130020130000001", None, "house_bad_code"),
    ("house_code", {}, "37061300201300000000", None, "house_excel_000"),
    ("house_code", {"kind_column": "'number'"}, "37061300201300012345", None, "house_excel_000"),
    ("industry_code", {"width": 4}, "111", "0111", "code_zero_lost"),
    ("bank_card", {}, "6222021234567890000", None, "bank_excel_000"),
    ("amount", {"unit": "万元"}, "438.46", Decimal("4384600.00"), None),
    ("amount", {}, "438.46万元", Decimal("4384600.00"), "amount_unit_in_value"),
    ("amount", {"separators": True}, "(105,672.93)", Decimal("-105672.93"), "amount_brackets"),
    ("amount", {"unit_column": "'万元'"}, "12.5", Decimal("125000.00"), None),
    ("amount", {}, "US$100", None, "amount_foreign"),
    ("amount", {}, "1,23", None, "number_bad_form"),
    ("usage", {}, "-38.5", None, "usage_negative"),
    ("integer", {}, "12.0", 12, "integer_dot_zero"),
    ("coordinate", {"axis": "lon", "other": "'121.5'"}, "37.33", 121.5, "coordinate_swapped"),
    ("coordinate", {"axis": "lon"}, "0", None, "coordinate_zero"),
    ("coordinate", {"axis": "lat", "pair": True}, "121.362022,37.335180", 37.33518, None),
    ("text", {}, "无", "无", None),
    ("address", {}, "世回尧街道阳光\ufffd\ufffd", "世回尧街道阳光\ufffd\ufffd", "text_lost"),
    ("address", {}, "馆前于家村２２７号　", "馆前于家村227号", "text_width"),
]


@pytest.mark.parametrize(("kind", "opts", "raw", "value", "rule"), VECTORS, ids=lambda v: str(v)[:40])
def test_known_answers(kind: str, opts: dict[str, Any], raw: str, value: Any, rule: str | None) -> None:
    (found,) = engine.run(kind, [raw], opts)
    assert (found[1], found[2]) == (value, rule)


def test_check_characters_of_the_reference() -> None:
    assert ref.mod11_2("11010519491231002") == "X"
    assert ref.mod11_2("81000019940823002") == "1"
    assert ref.gb11714("60003734") == "1"
    assert ref.sound_uscc("91370600MA30000170")


def test_what_a_float_reader_leaves_is_recognised() -> None:
    """370602199001011234 read as a double is …264: no multiple of the step is ever taken for a sound number."""
    assert int(float("370602199001011234")) == 370602199001011264
    bodies = [f"3706021990010{n:04d}" for n in range(1000, 1400)]
    sound = [body + ref.mod11_2(body) for body in bodies]
    damaged = [str(int(float(text))) for text in sound if text[-1] != "X"]
    for raw, value, rule, _ in engine.run("citizen_id", damaged):
        if raw in sound:  # the number was a multiple of the step: nothing was lost
            assert value == raw
        else:
            assert rule in ("id_excel_float", "id_excel_000") or (value == raw and ref.sound_id(raw))


def test_rules_are_explained() -> None:
    rules = standard.rules()
    assert standard.used_rules() <= set(rules)
    for code, rule in rules.items():
        assert rule["outcome"] in {"standardised", "repaired", "nulled", "kept"}, code
        assert rule["severity"] in {"info", "warning"}
        assert rule["gbt36344"] in {"0105", "0201", "0301", "0302", "0305", "0402"}
        assert rule["zh"] and rule["en"]


def test_seeds_and_macros_name_the_same_ethnic_groups() -> None:
    with (SEEDS / "ethnic_group.csv").open(encoding="utf-8") as file:
        seed = [(row["ethnic_code"], row["letters"], row["name"]) for row in csv.DictReader(file)]
    assert [tuple(group) for group in standard.macros()["std_ethnic_groups"]()] == seed
    assert len(seed) == 56


def test_seeds_of_counties_and_industries() -> None:
    with (SEEDS / "county.csv").open(encoding="utf-8") as file:
        counties = {row["county_code"]: row for row in csv.DictReader(file)}
    assert counties["370602"]["name"] == "芝罘区"
    for code, successor in (("370634", "370614"), ("370684", "370614"), ("370672", "370676")):
        assert counties[code]["status"] == "abolished"
        assert counties[code]["successor_code"] == successor
        assert counties[successor]["status"] == "current"
    with (SEEDS / "industry_class.csv").open(encoding="utf-8") as file:
        industries = list(csv.DictReader(file))
    assert [sum(row["level"] == level for row in industries) for level in "1234"] == [20, 97, 473, 1381]
    raws = [row["industry_code"] for row in industries]
    assert all(rule is None for _, _, rule, _ in engine.run("industry_code", raws))


def test_sign_tables() -> None:
    """Every pair has one answer that is not itself to be changed; Unicode's own decompositions are all there."""
    facts = engine.facts()
    traditional, signs = facts["traditional_forms"], facts["sign_forms"]
    assert not set(traditional) & set(traditional.values())
    for ch in traditional:
        with pytest.raises(UnicodeEncodeError):
            ch.encode("gb2312")
    for ch, plain in ref.unicode_sign_forms().items():
        if unicodedata_is_ideograph(plain):
            assert signs[ch] == plain
    assert signs["\ue863"] == "䶮"


def unicodedata_is_ideograph(ch: str) -> bool:
    return ref.is_han(ch)
