"""Workbooks: cells, kinds, headers of several levels, sections, totals, merged cells, several tables, hidden things."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.readers import Refused, probe
from ingestion.readers.workbook import duration_text, number_text
from tests.ingestion.readers.helpers import cells_of, raw_of, to_raw

PROPERTY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.sampled_from("烟台市芝罘区王伟李芳䶮abcXYZ 019-/.，（）\n"), max_size=8).filter(
    lambda t: not t or not t.isspace()
)


def save_xlsx(
    path: Path,
    rows: list[list[Any]],
    *,
    sheet: str = "表",
    date1904: bool = False,
    merges: tuple[tuple[int, int, int, int, Any], ...] = (),
) -> Path:
    book = xlsxwriter.Workbook(
        str(path), {"default_date_format": "yyyy-mm-dd", "strings_to_numbers": False, "date_1904": date1904}
    )
    page = book.add_worksheet(sheet)
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if isinstance(value, str):
                page.write_string(r, c, value) if value else None
            elif value is not None:
                page.write(r, c, value)
    for top, left, bottom, right, value in merges:
        page.merge_range(top, left, bottom, right, value)
    book.close()
    return path


@st.composite
def sheets(draw: st.DrawFn) -> list[list[Any]]:
    width = draw(st.integers(2, 6))
    header = ["序号", *[f"列名{chr(65 + i)}" for i in range(width - 1)]]
    value = st.one_of(
        TEXT,
        st.integers(-(10**9), 10**9),
        st.floats(-1e6, 1e6).map(lambda f: round(f, 4)),
        st.dates(dt.date(1950, 1, 1), dt.date(2040, 1, 1)),
        st.booleans(),
    )
    count = draw(st.integers(2, 20))
    return [header, *[[n + 1, *[draw(value) for _ in range(width - 1)]] for n in range(count)]]


def as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return number_text(float(value))
    return value.isoformat() if isinstance(value, dt.date) else value or None


def kind(value: Any) -> str | None:
    return {bool: "bool", int: "number", float: "number", dt.date: "date"}.get(type(value))


@PROPERTY
@given(sheets(), st.booleans())
def test_any_sheet_comes_back(tmp_path: Path, rows: list[list[Any]], date1904: bool) -> None:
    path = save_xlsx(tmp_path / "t.xlsx", rows, date1904=date1904)
    found, result, frame = raw_of(path, tmp_path / "raw.parquet")
    if len(found.columns) != len(rows[0]) or found.header_rows != (
        1,
    ):  # words only: nothing tells a header from its rows
        assert all(isinstance(v, str) for row in rows for v in row[1:])
    assert found.columns == tuple(rows[0])
    assert cells_of(frame, found.columns) == [tuple(map(as_text, row)) for row in rows[1:]]
    for row, kinds in zip(rows[1:], frame["_kinds"], strict=True):
        assert json.loads(kinds or "{}") == {name: kind(v) for name, v in zip(rows[0], row, strict=True) if kind(v)}
    assert ("date_1904" in {d.code for d in probe(path).decisions}) == date1904
    assert result.rows_by_kind["data"] == len(rows) - 1


@PROPERTY
@given(sheets())
def test_any_old_sheet_comes_back(tmp_path: Path, rows: list[list[Any]]) -> None:
    book = xlwt.Workbook()
    page = book.add_sheet("表")
    style = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            if value != "":
                page.write(r, c, value, style) if isinstance(value, dt.date) else page.write(r, c, value)
    path = tmp_path / "t.xls"
    book.save(str(path))
    found, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert cells_of(frame, found.columns) == [tuple(map(as_text, row)) for row in rows[1:]]


def test_header_of_three_levels_titles_sections_totals_and_footers(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["某某县救助对象花名册（2026年10月）", "", "", "", "", ""],
        ["填报单位：民政局", "", "", "", "", "单位：元"],
        ["序号", "人员信息", "", "", "补助", ""],
        ["", "基本", "", "联系", "类别", "金额"],
        ["", "姓名", "身份证号", "电话", "", ""],
        ["一、幸福街道", "", "", "", "", ""],
        [1, "王伟", "370602199001011234", "0535-1234567", "低保", 500],
        [2, "李芳", "37060219900101123X", "", "低保", 620.5],
        ["小计", "", "", "", "", 1120.5],
        [],
        ["序号", "姓名", "身份证号", "电话", "类别", "金额"],
        ["二、和平街道", "", "", "", "", ""],
        [3, "张敏", "370602199001011255", "13812345678", "特困", 900],
        ["合 计", "", "3人", "", "", 2020.5],
        ["注：本表一式两份", "", "", "", "", ""],
        ["审核人：", "", "", "制表人：赵", "", ""],
    ]
    merges = (
        (0, 0, 0, 5, rows[0][0]),
        (2, 0, 4, 0, "序号"),
        (2, 1, 2, 3, "人员信息"),
        (2, 4, 2, 5, "补助"),
        (3, 1, 3, 2, "基本"),
        (3, 4, 4, 4, "类别"),
        (3, 5, 4, 5, "金额"),
        (5, 0, 5, 5, "一、幸福街道"),
    )
    path = save_xlsx(tmp_path / "t.xlsx", rows, merges=merges)
    found, result, frame = raw_of(path, tmp_path / "raw.parquet")
    assert found.header_rows == (3, 4, 5)
    assert found.columns == (
        "序号",
        "人员信息 基本 姓名",
        "人员信息 基本 身份证号",
        "人员信息 联系 电话",
        "补助 类别",
        "补助 金额",
    )
    assert found.titles == (rows[0][0], "填报单位：民政局 单位：元")
    data = frame.filter(pl.col("row_kind") == "data")
    assert data.select("row_number", "_section").rows() == [
        (7, "一、幸福街道"),
        (8, "一、幸福街道"),
        (13, "二、和平街道"),
    ]
    assert frame.filter(pl.col("row_kind") == "total")["row_number"].to_list() == [9, 14]
    assert frame.filter(pl.col("row_kind") == "note")["row_number"].to_list() == [6, 12, 15, 16]
    assert result.rows_by_kind["blank"] == 1


def test_header_levels_without_merged_ranges(tmp_path: Path) -> None:
    rows = [
        ["序号", "人员", None, "补助", None],
        [None, "姓名", "身份证号", "类别", "金额"],
        [1, "王伟", "370602199001011234", "低保", 500],
        [2, "李芳", "370602199001011235", "低保", 600],
    ]
    found, _, frame = raw_of(save_xlsx(tmp_path / "t.xlsx", rows), tmp_path / "raw.parquet")
    assert found.columns == ("序号", "人员 姓名", "人员 身份证号", "补助 类别", "补助 金额")
    assert cells_of(frame, found.columns)[0] == ("1", "王伟", "370602199001011234", "低保", "500")


def test_merged_data_is_filled_down_and_said(tmp_path: Path) -> None:
    rows = [
        ["企业", "检查日期", "隐患"],
        ["甲厂", dt.date(2026, 1, 2), "一"],
        ["", dt.date(2026, 1, 3), "二"],
        ["乙厂", dt.date(2026, 1, 4), "三"],
    ]
    path = save_xlsx(tmp_path / "t.xlsx", rows, merges=((1, 0, 2, 0, "甲厂"),))
    _, result, frame = raw_of(path, tmp_path / "raw.parquet")
    assert frame["企业"].to_list() == ["甲厂", "甲厂", "乙厂"]
    assert [d.code for d in result.decisions] == ["merged_filled"]
    assert json.loads(frame["_kinds"][0]) == {"检查日期": "date"}


def test_several_sheets_go_into_one_file(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    for town, shift in (("初家街道", 0), ("黄山馆镇", 3)):
        page = book.add_worksheet(town)
        for r, row in enumerate([["姓名", "年龄"], ["王", 80], ["李", 81]]):
            page.write_row(r + shift, 0, row)
    book.add_worksheet("空表")
    hidden = book.add_worksheet("隐藏")
    hidden.write_row(0, 0, ["姓名", "年龄"])
    hidden.write_row(1, 0, ["张", 82])
    hidden.hide()
    book.close()
    found = probe(tmp_path / "t.xlsx")
    assert [(t.sheet, t.hidden, t.header_rows) for t in found.tables] == [
        ("初家街道", False, (1,)),
        ("黄山馆镇", False, (4,)),
        ("隐藏", True, (1,)),
    ]
    assert "empty_sheet" in {d.code for d in found.decisions}
    _, frame = to_raw(found, list(found.tables), tmp_path / "raw.parquet", [{"姓名": "name"}] * 3, ["name", "missing"])
    assert frame.select("sheet", "row_number", "name", "missing", "_extra").rows() == [
        ("初家街道", 2, "王", None, '{"年龄": "80"}'), ("初家街道", 3, "李", None, '{"年龄": "81"}'),
        ("黄山馆镇", 5, "王", None, '{"年龄": "80"}'), ("黄山馆镇", 6, "李", None, '{"年龄": "81"}'), ("隐藏", 2, "张", None, '{"年龄": "82"}'),
    ]  # fmt: skip


def test_two_tables_on_a_sheet(tmp_path: Path) -> None:
    rows = [
        ["姓名", "年龄"],
        ["王", 80],
        ["李", 81],
        [],
        ["设备一览表"],
        ["设备", "数量", "单价"],
        ["水泵", 2, 30.5],
        ["电机", 1, 99],
    ]
    found = probe(save_xlsx(tmp_path / "t.xlsx", rows))
    assert [(t.columns, t.header_rows, t.titles) for t in found.tables] == [
        (("姓名", "年龄"), (1,), ()),
        (("设备", "数量", "单价"), (6,), ("设备一览表",)),
    ]
    _, frame = to_raw(found, [found.tables[1]], tmp_path / "raw.parquet")
    assert frame["row_number"].to_list() == [7, 8]


def beside(path: Path, left: list[list[Any]], right: list[list[Any]], gap: int = 1, down: int = 0) -> Path:
    """Two tables beside each other, the right one ``down`` rows lower."""
    width = max(map(len, left))
    height = max(len(left), len(right) + down)
    left = [*left, *[[]] * (height - len(left))]
    right = [*[[]] * down, *right, *[[]] * (height - len(right) - down)]
    return save_xlsx(path, [[*a, *[""] * (width + gap - len(a)), *b] for a, b in zip(left, right, strict=True)])


PEOPLE: list[list[Any]] = [["姓名", "年龄", "电话"], ["王", 80, "01"], ["李", 81, "02"], ["张", 82, "03"]]
THINGS: list[list[Any]] = [["设备", "数量", "单价"], ["水泵", 2, 30.5], ["电机", 1, 99]]


@pytest.mark.parametrize(("gap", "down"), [(1, 0), (2, 0), (1, 1), (1, 3)])
def test_tables_beside_each_other(tmp_path: Path, gap: int, down: int) -> None:
    found = probe(beside(tmp_path / "t.xlsx", PEOPLE, THINGS, gap, down))
    assert [(t.columns, t.header_rows) for t in found.tables] == [
        (("姓名", "年龄", "电话"), (1,)),
        (("设备", "数量", "单价"), (1 + down,)),
    ]
    _, left = to_raw(found, [found.tables[0]], tmp_path / "raw.parquet")
    assert cells_of(left, ("姓名", "年龄", "电话")) == [("王", "80", "01"), ("李", "81", "02"), ("张", "82", "03")]
    result, right = to_raw(found, [found.tables[1]], tmp_path / "raw.parquet")
    assert cells_of(right, ("设备", "数量", "单价")) == [("水泵", "2", "30.5"), ("电机", "1", "99")]
    assert right["row_number"].to_list() == [2 + down, 3 + down]
    assert result.rows_by_kind["data"] == 2
    assert json.loads(right["_kinds"][0]) == {"数量": "number", "单价": "number"}


def test_a_list_set_in_two_columns_is_two_tables_of_one_kind(tmp_path: Path) -> None:
    other = [PEOPLE[0], ["赵", 83, "04"], ["钱", 84, "05"], ["孙", 85, "06"]]
    found = probe(beside(tmp_path / "t.xlsx", PEOPLE, other))
    assert [t.columns for t in found.tables] == [("姓名", "年龄", "电话")] * 2
    _, frame = to_raw(found, list(found.tables), tmp_path / "raw.parquet")
    assert frame["姓名"].to_list() == ["王", "李", "张", "赵", "钱", "孙"]


def test_beside_and_below(tmp_path: Path) -> None:
    """A wide table on top; below it two side by side, the left one with another under it."""
    left = [*PEOPLE, [], ["月份", "户数", "金额"], ["一月", 5, 100], ["二月", 6, 120]]
    lower = beside(tmp_path / "lower.xlsx", left, THINGS)
    top = [
        ["企业", "地址", "人数", "产值", "税额", "电话", "备注"],
        ["甲厂", "东街", 5, 10.5, 3, "1", "无"],
        ["乙厂", "西街", 6, 11.5, 4, "2", "无"],
    ]
    rows = [[c or "" for c in row] for row in probe_rows(lower)]
    found = probe(save_xlsx(tmp_path / "t.xlsx", [*top, [], *rows]))
    assert [(t.columns, t.header_rows) for t in found.tables] == [
        (tuple(top[0]), (1,)), (("姓名", "年龄", "电话"), (5,)), (("设备", "数量", "单价"), (5,)), (("月份", "户数", "金额"), (10,)),
    ]  # fmt: skip


def probe_rows(path: Path) -> list[list[Any]]:
    import python_calamine

    return python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=False)


@pytest.mark.parametrize(
    "rows",
    [
        [["花名册"], *([a, b, "", c, d] for a, b, c, d in (("姓名", "年龄", "住址", "电话"), ("王", 80, "东街", "01"), ("李", 81, "西街", "02")))],
        [[*row, "", note, other] for row, note, other in zip(PEOPLE, ("备注", "", "已迁出", ""), ("说明", "", "x", ""), strict=True)],
        [[*row, "", note] for row, note in zip(PEOPLE, ("备注", "无", "", ""), strict=True)],
        [["填报单位：甲", "", "", "", "单位：元", ""], *([*row, "", n, n] for row, n in zip(PEOPLE, ("低保", 1, 2, 3), strict=True))],
    ],
)  # fmt: skip
def test_a_blank_column_alone_parts_no_table(tmp_path: Path, rows: list[list[Any]]) -> None:
    assert len(probe(save_xlsx(tmp_path / "t.xlsx", rows)).tables) == 1


def test_a_wrong_dimension_hides_nothing(tmp_path: Path) -> None:
    source, path = save_xlsx(tmp_path / "s.xlsx", [["a", "b"], [1, "x"], [2, "y"]]), tmp_path / "t.xlsx"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, data.replace(b'<dimension ref="A1:B3"/>', b'<dimension ref="A1:A1"/>'))
    _, result, _ = raw_of(path, tmp_path / "raw.parquet")
    assert result.rows_by_kind["data"] == 2


def test_errors_formulas_and_hidden_rows_are_reported(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    page = book.add_worksheet()
    page.write_row(0, 0, ["编号", "结果"])
    page.write_row(1, 0, [1, "好"])
    page.write_number(2, 0, 2)
    page.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    page.write_row(3, 0, [3, "好"])
    page.set_row(3, None, None, {"hidden": True})
    book.close()
    found, _, frame = raw_of(tmp_path / "t.xlsx", tmp_path / "raw.parquet")
    assert frame["结果"].to_list() == ["好", "#DIV/0!", "好"]
    assert json.loads(frame["_kinds"][1])["结果"] == "error"
    assert {"error_cells", "formulas", "hidden_rows"} <= {d.code for d in found.decisions}


def test_errors_and_hidden_rows_of_an_old_workbook(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    page = book.add_sheet("表")
    for c, name in enumerate(("编号", "结果")):
        page.write(0, c, name)
    page.write(1, 0, 1)
    page.row(1).set_cell_error(1, "#DIV/0!")
    page.write(2, 0, 2)
    page.write(2, 1, "好")
    page.row(2).hidden = True
    book.dates_1904 = True
    book.save(str(tmp_path / "t.xls"))
    found, _, frame = raw_of(tmp_path / "t.xls", tmp_path / "raw.parquet")
    assert frame["结果"].to_list() == ["#DIV/0!", "好"]
    assert json.loads(frame["_kinds"][0]) == {"编号": "number", "结果": "error"}
    assert {"error_cells", "hidden_rows"} <= {d.code for d in found.decisions}
    assert "date_1904" in {d.code for d in probe(tmp_path / "t.xls").decisions}


def test_ods_merged_cells_are_filled_down(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="string"{0}><text:p>{1}</text:p></table:table-cell>'
    rows = [
        "".join(cell.format("", name) for name in ("企业", "数量")),
        cell.format(' table:number-rows-spanned="2" table:number-columns-spanned="1"', "甲厂")
        + '<table:table-cell office:value-type="float" office:value="5"><text:p>5</text:p></table:table-cell>',
        '<table:covered-table-cell/><table:table-cell office:value-type="float" office:value="6.5"><text:p>6.5</text:p></table:table-cell>',
    ]
    names = {"office": "office", "table": "table", "text": "text"}
    spaces = " ".join(f'xmlns:{k}="urn:oasis:names:tc:opendocument:xmlns:{v}:1.0"' for k, v in names.items())
    body = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    content = f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} office:version="1.2"><office:body><office:spreadsheet><table:table table:name="表">{body}</table:table></office:spreadsheet></office:body></office:document-content>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    with zipfile.ZipFile(tmp_path / "t.ods", "w") as package:
        package.writestr("mimetype", kind)
        package.writestr("content.xml", content)
        package.writestr("META-INF/manifest.xml", manifest)
    found, _, frame = raw_of(tmp_path / "t.ods", tmp_path / "raw.parquet")
    assert cells_of(frame, found.columns) == [("甲厂", "5"), ("甲厂", "6.5")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (3.70602199001011e17, "370602199001011000"),
        (float(371302199703125104), "371302199703125120"),
        (2023.1, "2023.1"),
        (-12.50, "-12.5"),
    ],
)
def test_numbers_as_text(value: float, text: str) -> None:
    assert number_text(value) == text


def test_durations() -> None:
    assert duration_text(dt.timedelta(days=1, seconds=3661.5)) == "25:01:01.5"


def test_bombs_and_doctypes_are_refused(tmp_path: Path) -> None:
    source = save_xlsx(tmp_path / "s.xlsx", [["a", "b"], [1, 2]])
    for name, change, code in (
        (
            "x.xlsx",
            lambda n, d: (
                d.replace(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet', 1) if "sheet1" in n else d
            ),
            "xml_entities",
        ),
        ("b.xlsx", lambda n, d: b" " * (300 << 20) if "sheet1" in n else d, "archive_bomb"),
    ):
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as new:
            for info in old.infolist():
                new.writestr(info.filename, change(info.filename, old.read(info)))
        with pytest.raises(Refused) as refused:
            probe(tmp_path / name)
        assert refused.value.code == code
    half = tmp_path / "h.xlsx"
    half.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    with pytest.raises(Refused) as refused:
        probe(half)
    assert refused.value.code == "corrupt"
