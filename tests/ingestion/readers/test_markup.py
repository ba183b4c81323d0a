"""Workbooks that are none: web pages and XML Spreadsheets under the name .xls."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from xml.sax.saxutils import escape as xml_escape

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.readers import Refused, probe
from tests.ingestion.readers.helpers import cells_of, raw_of

TEXT = st.text(st.sampled_from("烟台王伟䶮abX019-<>&;\"'/"), min_size=1, max_size=8)
PAGE = """<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta charset=gb2312><title>导出</title>
<style>td {mso-number-format:"\\@"}</style><!--[if gte mso 9]><xml><x:Name>表</x:Name></xml><![endif]--></head><body>
<h3>某县&nbsp;补助名单</h3><table border=1>
<tr><th rowspan=2>序号<th colspan=2>人员<th rowspan=2>金额
<tr><th>姓名<th>身份证号
<tr><td>1<td>王&#20255;<td>037060219900101123<td>1,200.50
<tr><td rowspan="2">2</td><td>李<br>芳</td><td></td><td> 300 </td></tr>
<tr><td>赵&lt;六&gt;</td><td>x</td><td>5</td></tr>
</table><p>制表人：甲</p><script>var a = "<td>9</td>"</script></body></html>"""


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16"])
def test_a_page_is_read_as_a_spreadsheet_shows_it(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "名单.xls"
    path.write_bytes(PAGE.encode(encoding))
    table, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert probe(path).format == "html"
    assert (table.sheet, table.columns, table.header_rows) == (
        None,
        ("序号", "人员 姓名", "人员 身份证号", "金额"),
        (2, 3),
    )
    assert table.titles == ("某县 补助名单",)
    assert cells_of(frame, table.columns) == [
        ("1", "王伟", "037060219900101123", "1,200.50"), ("2", "李\n芳", None, "300"), ("2", "赵<六>", "x", "5"),
    ]  # fmt: skip
    assert frame["row_number"].to_list() == [4, 5, 6, 7]
    assert frame["row_kind"].to_list() == ["data"] * 3 + ["note"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, TEXT), min_size=3, max_size=12), st.booleans())
def test_any_table_of_a_page_comes_back(tmp_path: Path, rows: list[tuple[str, str]], closed: bool) -> None:
    cells = [("序号", "甲列", "乙列"), *((str(n), a, b) for n, (a, b) in enumerate(rows, start=1))]
    end = ("</td>", "</tr>") if closed else ("", "")
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}{end[0]}" for c in row) + end[1] for row in cells)
    path = tmp_path / "t.xls"
    path.write_text(f"<table>{body}</table>", encoding="utf-8")
    table, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert cells_of(frame, table.columns) == cells[1:]


def test_several_tables_and_a_file_cut_off(tmp_path: Path) -> None:
    people = "<tr><th>姓名<th>年龄<tr><td>王<td>80<tr><td>李<td>81"
    things = "<tr><th>设备<th>数量<th>单价<tr><td>水泵<td>2<td>30.5<tr><td>电机<td>1<td>99"
    path = tmp_path / "t.xls"
    path.write_text(f"<html><table>{people}</table><h4>设备表</h4><table>{things}", encoding="utf-8")
    found = probe(path)
    assert [t.columns for t in found.tables] == [("姓名", "年龄"), ("设备", "数量", "单价")]
    assert "html_open" in {d.code for d in found.decisions}


XML = """<?xml version="1.0" encoding="{0}"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:x="urn:schemas-microsoft-com:office:excel"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="花名册"><Table>
<Row><Cell ss:MergeAcross="3"><Data ss:Type="String">名单（2026年）</Data></Cell></Row>
<Row ss:Index="3"><Cell><Data ss:Type="String">编号</Data></Cell><Cell><Data ss:Type="String">姓名</Data></Cell>
<Cell><Data ss:Type="String">日期</Data></Cell><Cell><Data ss:Type="String">金额</Data></Cell></Row>
<Row><Cell><Data ss:Type="String">007</Data></Cell><Cell><ss:Data ss:Type="String"><B>王</B>伟</ss:Data></Cell>
<Cell><Data ss:Type="DateTime">2026-10-31T00:00:00.000</Data></Cell><Cell><Data ss:Type="Number">1200.50</Data></Cell></Row>
<Row ss:Hidden="1"><Cell ss:MergeDown="1"><Data ss:Type="String">008</Data></Cell><Cell ss:Index="4" ss:Formula="=1/0"><Data ss:Type="Error">#DIV/0!</Data></Cell></Row>
<Row><Cell ss:Index="2"><Data ss:Type="String">李&#10;芳</Data></Cell><Cell/><Cell><Data ss:Type="Number">370602199001011234</Data></Cell></Row>
</Table></Worksheet><Worksheet ss:Name="隐藏"><Table><Row><Cell><Data ss:Type="String">x</Data></Cell></Row></Table>
<x:WorksheetOptions><x:Visible>SheetHidden</x:Visible></x:WorksheetOptions></Worksheet></Workbook>"""


@pytest.mark.parametrize(("named", "encoding"), [("UTF-8", "utf-8"), ("gb2312", "gb18030"), ("utf-16", "utf-16")])
def test_an_xml_spreadsheet_keeps_text_and_kinds(tmp_path: Path, named: str, encoding: str) -> None:
    path = tmp_path / "t.xls"
    path.write_bytes(XML.format(named).encode(encoding))
    found = probe(path)
    assert [(t.sheet, t.hidden) for t in found.tables] == [("花名册", False), ("隐藏", True)]
    table, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert cells_of(frame, table.columns) == [
        ("007", "王伟", "2026-10-31", "1200.50"),
        ("008", None, None, "#DIV/0!"),
        ("008", "李\n芳", None, "370602199001011234"),
    ]
    assert frame["row_number"].to_list() == [4, 5, 6]
    assert [json.loads(k) for k in frame["_kinds"]] == [
        {"日期": "date", "金额": "number"}, {"金额": "error"}, {"金额": "number"},
    ]  # fmt: skip
    assert {"hidden_rows", "error_cells", "formulas"} <= {d.code for d in table.decisions}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, st.integers(-(10**9), 10**9)), min_size=3, max_size=10))
def test_any_xml_sheet_comes_back(tmp_path: Path, rows: list[tuple[str, int]]) -> None:
    def cell(value: object, kind: str = "String") -> str:
        return f'<Cell><Data ss:Type="{kind}">{xml_escape(str(value))}</Data></Cell>'

    lines = [cell("名称") + cell("数量"), *(cell(a) + cell(n, "Number") for a, n in rows)]
    head = XML.format("UTF-8").split("<Row>")[0]
    path = tmp_path / "t.xml"
    path.write_text(
        head + "".join(f"<Row>{line}</Row>" for line in lines) + "</Table></Worksheet></Workbook>", encoding="utf-8"
    )
    table, _, frame = raw_of(path, tmp_path / "raw.parquet")
    assert cells_of(frame, table.columns) == [(a, str(n)) for a, n in rows]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (XML.format("UTF-8")[:900], "corrupt"),
        (XML.format("UTF-8").replace("<Workbook", '<!DOCTYPE x [<!ENTITY a "b">]><Workbook', 1), "xml_entities"),
        (XML.format("UTF-8").replace('ss:Index="3"', 'ss:Index="99999999"'), "too_large"),
        ("<table>" + "<tr>" + "<td rowspan=5000 colspan=16000>x" * 400, "too_large"),
    ],
)
def test_hostile_markup_is_refused(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "t.xls"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as refused:
        probe(path)
    assert refused.value.code == code


def test_a_large_page_is_read_in_time(tmp_path: Path) -> None:
    body = "".join(f"<tr><td>{n}</td><td>王{n}</td><td>1990-01-01</td></tr>" for n in range(60_000))
    path = tmp_path / "t.xls"
    path.write_text(f"<table><tr><th>编号</th><th>姓名</th><th>日期</th></tr>{body}</table>", encoding="utf-8")
    _, result, frame = raw_of(path, tmp_path / "raw.parquet")
    assert result.rows_by_kind["data"] == 60_000
    assert frame.filter(pl.col("编号") == "59999")["row_number"].to_list() == [60_001]
