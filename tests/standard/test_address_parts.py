"""Addresses taken apart: nothing is invented, nothing is lost on the way, and the time stays linear."""

from __future__ import annotations

import random
import time
import unicodedata
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from warehouse import standard

# a failing list is shown as it is: shrinking two hundred texts takes minutes
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)

TEXT_PARTS = tuple(p for p in standard.PARTS if p != "is_vague")


def parse(texts: list[str]) -> list[dict[str, Any]]:
    """Raw, value and parts of each text, in order."""
    table = pa.table({"n": range(len(texts)), "t": pa.array(texts, pa.string())})
    with duckdb.connect() as con:
        con.register("given", table)
        con.execute("create table texts as select n || '|' || t as both_of, n, t from given")
        found = con.execute(standard.select_parts("texts", "t")).pl()
    by_raw = {row["raw"]: row for row in found.to_dicts()}
    return [by_raw[t] for t in texts]


def parts(text: str) -> dict[str, str]:
    """The components that are there."""
    return {k: v for k, v in parse([text])[0].items() if k in TEXT_PARTS and v is not None}


# ---- what addresses look like; expectations written by hand -----------------------------------------------------------

EXAMPLES: list[tuple[str, dict[str, str]]] = [
    ("山东省烟台市莱山区初家街道凤凰社区工商大街103号大连小区1号楼1单元101号",
     {"province": "山东省", "city": "烟台市", "county": "莱山区", "town": "初家街道", "community": "凤凰社区", "road": "工商大街", "number": "103号",
          "estate": "大连小区", "building": "1号楼", "unit": "1单元", "room": "101号"}),
    ("烟台芝罘区月亮国际1号楼1单元401室", {"city": "烟台", "county": "芝罘区", "estate": "月亮国际", "building": "1号楼", "unit": "1单元", "room": "401室"}),
    ("联华社区永达街248号怡和府2-3-502", {"community": "联华社区", "road": "永达街", "number": "248号", "estate": "怡和府", "building": "2", "unit": "3", "room": "502"}),
    ("大连小区3#2-501", {"estate": "大连小区", "building": "3#", "unit": "2", "room": "501"}),
    ("绿色花园2#楼2单元201号", {"estate": "绿色花园", "building": "2#楼", "unit": "2单元", "room": "201号"}),
    ("阳光府一号楼二单元三零二室", {"estate": "阳光府", "building": "一号楼", "unit": "二单元", "room": "三零二室"}),
    ("山东省烟台市山东省烟台市芝罘区幸福街道12号", {"province": "山东省", "city": "烟台市", "county": "芝罘区", "town": "幸福街道", "number": "12号"}),
    ("龙口市黄山馆镇政府馆前于家村127号", {"county": "龙口市", "town": "黄山馆镇政府", "community": "馆前于家村", "number": "127号"}),
    ("栖霞市观里镇大韩家村3组12号", {"county": "栖霞市", "town": "观里镇", "community": "大韩家村", "village_group": "3组", "number": "12号"}),
    ("新疆维吾尔自治区伊犁哈萨克自治州伊宁市上海城徐汇苑3号楼",
     {"province": "新疆维吾尔自治区", "city": "伊犁哈萨克自治州", "county": "伊宁市", "estate": "上海城徐汇苑", "building": "3号楼"}),
    ("上海徐汇区漕溪路250弄3号501室", {"province": "上海", "county": "徐汇区", "road": "漕溪路", "number": "250弄", "building": "3号", "room": "501室"}),
    ("荆州市沙市区北京路12号", {"city": "荆州市", "county": "沙市区", "road": "北京路", "number": "12号"}),
    ("山东路12号", {"road": "山东路", "number": "12号"}),
    ("山东烟台南大街12号", {"province": "山东", "city": "烟台", "road": "南大街", "number": "12号"}),
    ("外省（已撤销行政区划）西杨村99号", {"community": "西杨村", "number": "99号", "note": "已撤销行政区划"}),
    ("烟台市芝罘区幸福新村3号楼2单元", {"city": "烟台市", "county": "芝罘区", "estate": "幸福新村", "building": "3号楼", "unit": "2单元"}),
    ("莱州市城港路街道办事处路宿曲家村55号", {"county": "莱州市", "town": "城港路街道办事处", "community": "路宿曲家村", "number": "55号"}),
    ("南山新村四号楼", {"estate": "南山新村", "building": "四号楼"}),
    ("北京市海淀区中关村大街27号", {"province": "北京市", "county": "海淀区", "road": "中关村大街", "number": "27号"}),
    ("２号楼３单元５０１室", {"building": "2号楼", "unit": "3单元", "room": "501室"}),
    ("凯里市大十字街道凯里小镇3号楼", {"county": "凯里市", "town": "大十字街道", "estate": "凯里小镇", "building": "3号楼"}),
    ("阳光100小区3号楼", {"estate": "阳光100小区", "building": "3号楼"}),
    ("成都市武侯区一环路南三段15号附2号", {"city": "成都市", "county": "武侯区", "road": "一环路南三段", "number": "15号附2号"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), EXAMPLES, ids=[t for t, _ in EXAMPLES])
def test_components(text: str, expected: dict[str, str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text", ["永达街119号附近", "大连小区门口", "北关大街与西关路交叉口", "馆前于家村以东200米", "凤凰社区(3号楼对面)"]
)
def test_near_is_not_at(text: str) -> None:
    assert parse([text])[0]["is_vague"]


@pytest.mark.parametrize("text", ["永达街119号", "东边家园3号楼", "工商大街103号大连小区1号楼", "侧田村12号"])
def test_a_place_is_not_near(text: str) -> None:
    assert not parse([text])[0]["is_vague"]


# ---- nothing is invented ------------------------------------------------------------------------------------------------


def bare(text: str) -> str:
    """Letters and digits in one width, nothing else: an independent way of saying two texts have the same signs."""
    kept = "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalnum())
    return kept


def invented(row: dict[str, Any]) -> list[str]:
    """Components that are no piece of the delivered text, or that take a sign of it twice."""
    if row["raw"] is None or row["value"] is None:
        return [p for p in TEXT_PARTS if row[p]]
    said = bare(row["raw"])
    wrong = [p for p in TEXT_PARTS if row[p] and (row[p] not in row["value"] or bare(row[p]) not in said)]
    if sum(len(bare(row[p])) for p in TEXT_PARTS if row[p]) > len(said):
        wrong.append("together")
    return wrong


PIECES = [
    "山东省", "烟台市", "烟台", "北京市", "上海", "芝罘区", "莱山区", "龙口市", "长岛县", "开发区", "初家街道", "街道办事处", "黄山馆镇", "镇政府",
    "红旗满族乡", "凤凰社区", "社区居委会", "馆前于家村", "村委会", "新村", "工商大街", "永达街", "二环路", "三里巷", "103号", "12弄", "号", "附2号",
    "大连小区", "昆仑苑", "阳光100", "万达广场", "A座", "B区", "3号楼", "3#", "3-2-501", "2-501", "1单元", "单元", "二单元", "501室", "三零二", "西户",
    "12层", "10号商铺", "（附近）", "（）", "(原莱山镇", "【南门】", "-", "--", "#", " ", "　", "，", "。", "路", "村", "镇", "0", "999999999999", "一二三四五",
    "３号楼", "Ａ栋", "省", "市", "区", "县", "对面", "交叉口", "第", "之", "\u200b", "'", '"', "\\", "%", "_", "😀", "䶮",
]  # fmt: skip


def made(n: int, seed: int) -> list[str]:
    """Addresses put together from pieces, half of them in a sensible order, some damaged, all different."""
    draw = random.Random(seed)
    texts: set[str] = set()
    while len(texts) < n:
        chosen = draw.sample(range(len(PIECES)), draw.randint(1, 9))
        text = "".join(PIECES[i] for i in (sorted(chosen) if draw.random() < 0.5 else chosen))
        if draw.random() < 0.2 and text:
            at = draw.randrange(len(text))
            text = text[:at] + draw.choice(["", text[at] * 2, "号", "-", "街"]) + text[at + 1 :]
        texts.add(text)
    return sorted(texts)


def test_no_component_is_invented_in_made_addresses() -> None:
    """14,000 addresses, sensible and senseless."""
    texts = made(14_000, seed=3)
    rows = parse(texts)
    assert len(rows) == len(texts)
    assert [(r["raw"], invented(r)) for r in rows if invented(r)][:5] == []


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
def test_no_component_is_invented_in_a_million_made_addresses() -> None:
    for seed in range(100, 120):
        assert [(r["raw"], invented(r)) for r in parse(made(50_000, seed)) if invented(r)][:5] == []


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=UNSHRUNK)
@given(
    st.lists(
        st.text(st.sampled_from(sorted(set("".join(PIECES)))), max_size=40), min_size=50, max_size=200, unique=True
    )
)
def test_no_component_is_invented_in_any_text(texts: list[str]) -> None:
    assert [(r["raw"], invented(r)) for r in parse(texts) if invented(r)] == []


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), phases=UNSHRUNK)
@given(st.lists(st.text(max_size=20), min_size=50, max_size=200, unique=True))
def test_any_unicode_is_survived(texts: list[str]) -> None:
    sound = sorted({t.encode("utf-8", "ignore").decode() for t in texts})
    assert len(parse(sound)) == len(sound)


def test_long_texts_take_linear_time() -> None:
    """A hundred times the length may not take a thousand times as long: no pattern runs away."""

    def seconds(length: int) -> float:
        texts = [
            unit * (length // len(unit))
            for unit in ("路", "村镇", "3-", "一", "号楼", "山东省", "（", "a", "社区街道", "新村3", "附近")
        ]
        began = time.process_time()
        assert len(parse(texts)) == len(texts)
        return time.process_time() - began

    seconds(100)
    assert seconds(20_000) < 100 * max(seconds(200), 0.02)


def test_empty_cells_have_no_components() -> None:
    for row in parse(["", "  ", "无", "-"]):
        assert not any(row[p] for p in standard.PARTS)


# ---- keys ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "spellings", "key"),
    [
        ("building", ["3号楼", "3#", "3#楼", "3栋", "3幢", "三号楼", "03号楼", "第3号楼", "3"], "3"),
        ("building", ["A座", "a座", "A栋"], "A"),
        ("building", ["十二号楼", "12号楼"], "12"),
        ("unit", ["2单元", "二单元", "2门", "2"], "2"),
        ("room", ["501号", "501室", "501户", "501", "五零一室"], "501"),
        ("room", ["10号商铺"], "10商铺"),
        ("number", ["103号", "103", "一百零三号", "103号院"], "103"),
        ("number", ["250弄"], "250弄"),
    ],
)
def test_spellings_of_one_thing_have_one_key(kind: str, spellings: list[str], key: str) -> None:
    sql = standard.macros()[f"std_{kind}_key"]("x")
    assert {duckdb.execute(f"select {sql} from (select ? as x)", [s]).fetchone() for s in spellings} == {(key,)}


def test_chinese_numerals_to_999() -> None:
    digits = "零一二三四五六七八九"

    def spoken(n: int) -> str:
        hundreds, rest = divmod(n, 100)
        tens, ones = divmod(rest, 10)
        head = digits[hundreds] + "百" if hundreds else ""
        if tens:
            head += ("" if tens == 1 and not hundreds else digits[tens]) + "十"
        elif hundreds and ones:
            head += "零"
        return head + (digits[ones] if ones else "")

    table = pa.table({"x": [spoken(n) for n in range(1, 1000)], "n": [str(n) for n in range(1, 1000)]})
    with duckdb.connect() as con:
        con.register("t", table)
        wrong = con.execute(f"select x, n from t where {standard.macros()['std_arabic']('x')} <> n").fetchall()
    assert wrong == []


# ---- command line's kind ------------------------------------------------------------------------------------------------


def test_standardise_gives_components(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("地址\n烟台市芝罘区幸福街道12号\n无\n", encoding="utf-8")
    counts = standard.standardise(standard.PARTS_KIND, source, "地址", tmp_path / "o.parquet")
    found = pl.read_parquet(tmp_path / "o.parquet")
    assert sum(counts.values()) == 2
    assert found.columns == ["raw", "value", "rule", "outcome", *standard.PARTS]
    assert found.filter(pl.col("raw") != "无")["town"].to_list() == ["幸福街道"]
