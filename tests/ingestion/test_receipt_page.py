"""The clerk's receipt: every status gets page and workbook, hostile text stays text, odd receipts still give a page."""

from __future__ import annotations

import io
import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import openpyxl
import pytest

from ingestion.receipt_page import advice, draw, row_advice, text
from ingestion.receipts import receipt_path, write_receipt
from warehouse.home import Home

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    '=HYPERLINK("http://example.invalid")',
    "http://example.invalid",
    "{{ 7*7 }}",
    "\u202egnp.csv",
    "\x00\x1b[31m",
    "\ud800",
    "甲" * 50_000,
]


def taken(**changes: Any) -> dict[str, Any]:
    columns = [
        {"sheet": s, "matched": {"姓名": "name", "身份证": "id_number"}, "rescued": ["录入人"], "missing": ["备注"]}
        for s in ("芝罘区", "福山区")
    ]
    decisions = [{"code": "header_levels", "detail_en": "rows 3, 4", "detail_zh": "第 3, 4 行共同组成表头"}]
    table = {
        "columns": ["姓名", "身份证", "录入人"],
        "header_rows": [3, 4],
        "titles": ["花名册"],
        "decisions": decisions,
    }
    receipt = {
        "delivery_id": "3f" * 32,
        "file": "minzheng/2026年10月低保.xlsx",
        "aliases": ["minzheng/复件 2026年10月低保.xlsx"],
        "department": "minzheng",
        "bytes": 183_422,
        "received_at": "2026-11-01T01:02:03.5+00:00",
        "dataset": "minzheng.dibao",
        "title": "民政局 低保花名册",
        "status": "taken",
        "code": None,
        "reason_zh": "",
        "reason_en": "",
        "kind": "full",
        "contract": "ab12",
        "code_version": "0a1b",
        "delivered_on": "2026-10-31",
        "delivered_on_from": "file_name",
        "format": "xlsx",
        "encoding": None,
        "dialect": None,
        "archive": "archive/3f/3f",
        "rows": {"data": 1203, "header": 4, "total": 3, "note": 5, "deleted": 0, "blank": 12},
        "tables": [{**table, "sheet": "芝罘区", "hidden": False}, {**table, "sheet": "福山区", "hidden": True}],
        "decisions": [{"code": "filled_down", "detail_en": "", "detail_zh": "合并单元格 212 处已向下填充"}],
        "unread": [
            {
                "sheet": "芝罘区",
                "row_number": 88,
                "cells": ["1", "", "张三"],
                "reason_zh": "这一行比表头少 3 格",
                "reason_en": "",
            }
        ],
        "columns": columns,
        "tables_not_taken": [{"sheet": "填表说明", "first_row": 1, "first_column": 1, "columns": ["列1"]}],
    }
    return receipt | changes


def refused(**changes: Any) -> dict[str, Any]:
    return {
        "delivery_id": "99" * 32,
        "file": "renshe/社保.txt",
        "aliases": [],
        "department": "renshe",
        "bytes": 2290,
        "received_at": "2026-11-01T01:02:03+00:00",
        "dataset": None,
        "status": "refused",
        "code": "unknown_dataset",
        "reason_zh": "未能识别。最接近“公安局 常住人口”",
        "reason_en": "not recognised",
        "rows": {},
        "format": "csv",
        "encoding": "gb18030",
        "dialect": {"delimiter": "|"},
        "decisions": [],
        "nearest": [
            {"dataset": "gongan.changzhu", "title": "公安局 常住人口", "score": 0.27, "missing": ["户号", "户籍地址"]}
        ],
        "tables": [{"sheet": None, "columns": ["社会保障号码", "险种"], "decisions": []}],
    } | changes


def drawn(home: Home, receipt: dict[str, Any]) -> tuple[str, openpyxl.Workbook]:
    draw(home, receipt)
    base = receipt_path(home, receipt["department"], receipt["file"], receipt["delivery_id"])
    return base.with_suffix(".html").read_text(encoding="utf-8"), openpyxl.load_workbook(base.with_suffix(".xlsx"))


def cells(book: openpyxl.Workbook) -> list[Any]:
    return [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def test_taken_says_what_was_read_and_what_was_decided(home: Home) -> None:
    page, book = drawn(home, taken())
    shown = Page(page).text
    for said in (
        "已接收",
        "1,203",
        "2026年10月31日（取自文件名）",
        "2026-11-01 09:02:03",
        "民政局 低保花名册",
        "复件 2026年10月低保.xlsx",
        "合计行",
        "第 3, 4 行共同组成表头",
        "合并单元格 212 处已向下填充",
        "2 张表相同：芝罘区、福山区",
        "录入人",
        "备注",
        "填表说明",
        "文件中有隐藏的工作表",
        "这一行比表头少 3 格",
        "原文件已按原样存档",
    ):
        assert said in shown, said
    assert book.sheetnames == ["概要", "未能读取的行"]
    assert [c.value for c in book["未能读取的行"][2]] == [
        "芝罘区",
        "88",
        "这一行比表头少 3 格",
        row_advice("表头"),
        "1",
        "",
        "张三",
    ]
    for sheet in book:
        assert sheet.freeze_panes
        assert sheet.column_dimensions["A"].width > 10


def test_a_column_delivered_under_another_name_shows_ours(home: Home) -> None:
    page, book = drawn(home, taken(column_titles={"name": "姓名", "id_number": "身份证号"}))
    assert "→ 身份证号" in Page(page).text
    assert "→ 姓名" not in Page(page).text
    assert "即“身份证号”" in {c.value for c in cells(book)}


def test_refused_says_why_what_is_nearest_and_what_to_do(home: Home) -> None:
    page, book = drawn(home, refused())
    shown = Page(page).text
    for said in (
        "未接收",
        "未能识别。最接近“公安局 常住人口”",
        "27%",
        "户号",
        "户籍地址",
        "社会保障号码",
        "怎么办",
        "补上缺少的列",
        "编码 GB18030",
        "以竖线分隔",
    ):
        assert said in shown, said
    values = [c.value for c in cells(book)]
    assert "怎么办" in values
    assert "缺少：户号、户籍地址" in values
    assert "没有未能读取的行" in values
    assert "原样存档" not in shown


def test_a_file_like_nothing_known_is_not_sent_to_look_at_the_nearest(home: Home) -> None:
    page, _ = drawn(home, refused(nearest=[]))
    assert "最接近的数据" not in page
    assert "登记数据契约" in page


def test_an_archive_lists_its_members_with_their_receipts(home: Home) -> None:
    inner = taken(file="yibao/医保.zip/内 层/参保#1.csv", department="yibao", delivery_id="11" * 32)
    write_receipt(home, inner)
    draw(home, inner)
    members = [
        {"member": "内 层/参保#1.csv", "delivery_id": "11" * 32},
        {"member": "../../evil.csv", "skipped": "文件路径指向压缩包以外，不安全，已拒绝"},
        {"member": "__MACOSX/x", "skipped": "系统文件"},
        {"member": "见过.csv", "delivery_id": "22" * 32},
    ]
    outer = refused(
        file="yibao/医保.zip", department="yibao", status="container", members=members, code=None, reason_zh=""
    )
    page, book = drawn(home, outer)
    shown = Page(page)
    assert "内有 4 个文件，其中 1 个已接收" in shown.text
    assert "系统文件" in shown.text
    assert shown.text.count("未接收") == 1
    assert "以前收过" in shown.text
    links = [attrs["href"] for tag, attrs in shown.tags if tag == "a"]
    assert links == ["%E5%8F%82%E4%BF%9D%231.csv.111111111111.html"]
    assert "参保#1.csv" in "".join(str(c.value) for c in cells(book))


@pytest.mark.parametrize("evil", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(home: Home, evil: str) -> None:
    receipt = taken(
        file=f"minzheng/{evil[:60].encode('utf-8', 'replace').decode()}",
        aliases=[evil],
        title=evil,
        encoding=evil,
        tables_not_taken=[{"sheet": evil, "first_row": evil, "columns": [evil, None]}, evil],
        unread=[{"sheet": evil, "row_number": 1, "cells": [evil, evil], "reason_zh": evil}],
        columns=[{"sheet": evil, "matched": {evil: evil}, "rescued": [evil], "missing": [evil]}],
        decisions=[{"code": "x", "detail_zh": evil}],
        tables=[{"sheet": evil, "columns": [evil], "hidden": True}],
    )
    page, book = drawn(home, receipt)
    shown = Page(page)
    allowed = {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "div",
        "header",
        "p",
        "b",
        "h1",
        "h2",
        "h3",
        "bdi",
        "section",
        "ul",
        "li",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "i",
        "small",
        "span",
        "em",
        "a",
        "br",
        "ol",
        "footer",
    }
    assert {tag for tag, _ in shown.tags} <= allowed
    assert not [name for _, attrs in shown.tags for name in attrs if name.startswith("on") or name == "src"]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
    for cell in cells(book):
        assert cell.data_type == "s", cell.value
        assert cell.hyperlink is None


def test_the_workbook_holds_no_formula(home: Home) -> None:
    import zipfile

    draw(home, taken(unread=[{"row_number": 1, "cells": HOSTILE, "reason_zh": "=1+1"}]))
    [path] = home.outbox.glob("*/*.xlsx")
    with zipfile.ZipFile(path) as archive:
        sheets = [archive.read(n).decode() for n in archive.namelist() if n.startswith("xl/worksheets/sheet")]
    assert sheets
    assert not [s for s in sheets if "<f>" in s or "<f " in s or "<hyperlink" in s]


def test_a_row_keeps_all_its_cells_in_the_workbook(home: Home) -> None:
    row = {"sheet": None, "row_number": 5, "cells": ["=1+1", "007", "2026-01-01", "", "1e5"], "reason_zh": "编码错误"}
    _, book = drawn(home, taken(unread=[row]))
    assert [c.value for c in book["未能读取的行"][2]][4:] == ["=1+1", "007", "2026-01-01", "", "1e5"]
    assert "GB18030" in book["未能读取的行"]["D2"].value


ODD: list[dict[str, Any]] = [
    {},
    {"status": "taken"},
    {"status": "refused"},
    {"status": "container"},
    {"status": 5, "department": 7, "file": None, "delivery_id": [], "received_at": 3, "bytes": "many"},
    {
        "status": "taken",
        "rows": [1],
        "columns": {"a": 1},
        "tables": "x",
        "decisions": [1, {"code": 3}, None],
        "unread": {"a": 1},
    },
    {
        "status": "taken",
        "rows": {"data": "many", "lost": 4, "total": float("nan"), "note": float("inf"), "blank": None},
    },
    {
        "status": "taken",
        "columns": [{"matched": [1], "rescued": 4, "missing": {"x": 1}}, None],
        "aliases": 9,
        "unread": [None, {}],
    },
    {
        "status": "container",
        "members": [{}, {"member": None, "delivery_id": 4}, {"member": "a/../../b", "delivery_id": "x"}, 3],
    },
    {"status": "refused", "nearest": [{"score": "high", "missing": None}, {}], "dialect": "comma", "code": 12},
    {"status": "held", "file": "x/\ud800.csv", "department": "x", "delivered_on": "sometime", "delivered_on_from": 4},
]


@pytest.mark.parametrize("receipt", ODD, ids=range(len(ODD)))
def test_odd_receipts_still_give_a_page(home: Home, receipt: dict[str, Any]) -> None:
    draw(home, receipt)
    assert len(list(home.outbox.rglob("*.html"))) == 1
    assert len(list(home.outbox.rglob("*.xlsx"))) == 1


def test_every_missing_key_is_borne(home: Home) -> None:
    for whole in (taken(), refused()):
        for key in whole:
            draw(home, {k: v for k, v in whole.items() if k != key})
            draw(home, {**whole, key: None})


def test_the_page_loads_nothing(home: Home) -> None:
    page, _ = drawn(home, taken())
    assert not re.search(r"https?://|//[a-z]|url\(|@import|<link|<script|<iframe|<img", page)
    assert "default-src 'none'" in page


def test_the_same_receipt_gives_the_same_bytes_and_leaves_the_json_alone(home: Home) -> None:
    path = write_receipt(home, taken())
    before = path.read_bytes()
    draw(home, json.loads(before))
    first = [p.read_bytes() for p in (path.with_suffix(".html"), path.with_suffix(".xlsx"))]
    time.sleep(1.1)
    draw(home, json.loads(before))
    assert [p.read_bytes() for p in (path.with_suffix(".html"), path.with_suffix(".xlsx"))] == first
    assert path.read_bytes() == before
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".html", ".json", ".xlsx"]


def test_it_is_fast(home: Home) -> None:
    draw(home, taken())
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        draw(home, taken())
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.03


def test_a_row_of_another_width_says_by_how_much(home: Home) -> None:
    row = {"sheet": "芝罘区", "row_number": 5, "cells": ["1", "2"], "reason_zh": "这一行的列数比表头少"}
    page, _ = drawn(home, taken(unread=[row]))
    assert "这一行的列数比表头少（2 格，表头 3 格）" in page


def test_many_unread_rows_are_all_in_the_workbook(home: Home) -> None:
    rows = [{"sheet": "一", "row_number": n, "cells": ["甲"] * 10, "reason_zh": "编码"} for n in range(3000)]
    page, _ = drawn(home, taken(unread=rows, unread_count=5000))
    base = receipt_path(home, "minzheng", "minzheng/2026年10月低保.xlsx", "3f" * 32)
    book = openpyxl.load_workbook(io.BytesIO(base.with_suffix(".xlsx").read_bytes()), read_only=True)
    values = list(book["未能读取的行"].iter_rows(values_only=True))
    assert len(values) == 3002
    assert values[-1][2] == "……另有 2,000 行没有列出"
    assert page.count("编码") < 60
    assert "前 20 行，共 5,000 行" in page


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("wrong_department", "移到"),
        ("encrypted", "密码"),
        ("archive_bomb", "超出"),
        ("no_table", "表头"),
        ("gone", "自动再读"),
        (None, "数据管理员"),
        ("never_seen", "数据管理员"),
        ("corrupt_workbook", "损坏"),
    ],
)
def test_every_refusal_says_what_to_do(code: str | None, word: str) -> None:
    assert word in "".join(advice(code))


def test_text_shows_what_cannot_be_seen() -> None:
    assert text("a\u202eb\x00c\nd") == "a\\u202eb\\u0000c d"
    assert text("x" * 400, 10) == "x" * 10 + "…"
    assert text("a\ufffeb\ud800") == "a\ufffdb\ufffd"
    assert text("x\u3000y\u00a0z") == "x\u3000y z"


def test_rare_characters_of_names_stay_as_they_are(home: Home) -> None:
    name = "张㐂\U00020bb7\U00031350\U0002ebf0\U00030edd"
    assert text(f"{name}\n") == f"{name} "
    _, book = drawn(home, taken(unread=[{"row_number": 1, "cells": [f"{name}\x00"], "reason_zh": "编码"}]))
    assert book["未能读取的行"]["E2"].value == f"{name}\\u0000"
