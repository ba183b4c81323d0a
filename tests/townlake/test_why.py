"""The why card: ids that moved lead on, the page is whole and harmless, bars add up."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from townlake import why, why_page
from warehouse.errors import EnvironmentFault, WrongUse

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute(
        """create schema foundation; create schema registry;
           create table foundation.person (person_id varchar); create table foundation.place (place_id varchar);
           create table foundation.entity_change (entity varchar, old_id varchar, new_id varchar, build_id varchar, reason varchar);
           create table registry.person (person_id varchar, own_id varchar);
           insert into foundation.person values ('P3'), ('P9'); insert into foundation.place values ('L3');"""
    )
    return made


def test_a_record_that_is_there_is_itself(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into foundation.entity_change values ('person', 'P3', 'P9', 'b1', 'split')")
    assert why._living(con, "person", "P3") == "P3"


def test_a_merged_id_leads_to_where_its_own_unit_is_now(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """insert into foundation.entity_change values
               ('person', 'P1', 'P9', 'b1', 'merged'), ('person', 'P1', 'P2', 'b2', 'merged'), ('person', 'P2', 'P3', 'b3', 'merged');
           insert into registry.person values ('P3', 'P1')"""
    )
    assert why._living(con, "person", "P1") == "P3"


def test_changes_are_followed_to_their_end_and_rings_do_not_hold_it_up(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """insert into foundation.entity_change values
               ('place', 'L1', 'L2', 'b1', 'merged'), ('place', 'L2', 'L1', 'b2', 'merged'), ('place', 'L2', 'L3', 'b3', 'merged')"""
    )
    assert why._living(con, "place", "L1") == "L3"


def test_an_id_that_leads_nowhere_is_wrong_use(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into foundation.entity_change values ('person', 'P1', null, 'b1', 'split')")
    for name in ("P1", "P0"):
        with pytest.raises(WrongUse, match="there is no person"):
            why._living(con, "person", name)


def card(**more: Any) -> dict[str, Any]:
    row = {
        "dataset": "minzheng.dibao", "file": "minzheng/a.xlsx", "sheet": HOSTILE, "row_number": 7, "delivered_on": date(2026, 10, 31),
        "role": "guardian", "is_current": True,
    }  # fmt: skip
    mention = {
        **row,
        "link_rule": "probabilistic",
        "link_probability": 0.99999,
        "content_id": "c" * 32,
        "unit": "own|x",
    }
    pair = {
        "other": "id|111:1", "match_weight": 11.0, "match_probability": 0.9995, "start": -22.7,
        "evidence": [{"comparison": "姓名", "level": "姓名相同（常见）", "bits": 35.5}, {"comparison": "电话", "level": "电话不同", "bits": -1.8}],
        "weights_changed_since": False, "this_says": {"name": [HOSTILE], "sources": ["甲"]}, "other_says": {"name": ["张三"], "phone": ["1"]},
    }  # fmt: skip
    unit = {"unit": "own|x", "link_rule": "probabilistic", "link_probability": 0.9995, "mentions": 1, "pair": pair}
    value = {"value": HOSTILE, "is_chosen": True, "survivorship_rule": "only_value", "rows": [row]}
    lost = {"value": "张山", "is_chosen": False, "survivorship_rule": None, "rows": [{**row, "is_current": False}]}
    answer = {
        "entity": "person", "id": "P1", "asked_for": "P1", "record": {"person_id": "P1", "name": HOSTILE, "sex_code": "1", "is_alive": True},
        "attributes": {"name": [value, lost], "residence_place_id": [{**value, "value": "L1"}]}, "mentions": [mention], "units": [unit],
        "decisions": [], "changes": [], "names": {"residence_place_id": {"L1": "建设路1号"}},
    }  # fmt: skip
    return {**answer, **more}


class _Loads(HTMLParser):
    """Collects what a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "embed"):
            self.found.append(tag)
        self.found += [
            f"{k}={v}" for k, v in attrs if k in ("src", "srcset") or (k == "href" and not str(v).startswith("#"))
        ]


def test_the_page_opens_without_internet_and_runs_nothing() -> None:
    page = why_page.render(card(), {})
    loads = _Loads()
    loads.feed(page)
    assert loads.found == []
    assert "url(" not in page
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") >= 4


def test_the_page_says_where_each_value_comes_from_in_chinese() -> None:
    page = why_page.render(card(), {})
    for said in (
        "minzheng/a.xlsx",
        "第 7 行",
        "唯一的值",
        "监护人",
        "现住址",
        "建设路1号",
        "男",
        "按证据归并",
        "99.99%",
        "c" * 32,
    ):
        assert said in page
    assert "100.00%" not in page  # what is not certain never reads as certain
    assert re.search(r'class="lost">张山', page)
    linked = set(re.findall(r'href="#(m\d+)"', page))
    assert linked == set(re.findall(r'<tr id="(m\d+)"', page)) == {"m1"}


def test_bars_are_drawn_to_one_scale_on_both_sides_of_the_middle() -> None:
    page = why_page.render(card(), {})
    bars = re.findall(r'<i class="(yes|no)" style="width:([\d.]+)%"></i></div><span class="bit">([+-][\d.]+)', page)
    assert bars == [("no", "32.0", "-22.7"), ("yes", "50.0", "+35.5"), ("no", "2.5", "-1.8")]
    assert "权重有过调整" not in page


def test_units_that_say_the_same_are_drawn_once() -> None:
    unit = card()["units"][0]
    page = why_page.render(card(units=[unit, {**unit, "unit": "own|y"}]), {})
    assert page.count('class="pair"') == 1
    assert "涉及 2 条记录" in page


def test_the_page_tells_who_decided_and_what_became_of_the_id() -> None:
    at = datetime(2026, 11, 1, 16, 30, tzinfo=UTC)
    decision = {
        "verdict": "other", "reason": HOSTILE, "decided_by": "王核", "decided_at": at, "left_content": "a" * 32,
        "right_content": "b" * 32, "other_entity": "P7",
    }  # fmt: skip
    change = {"reason": "merged", "old_id": "P0", "new_id": "P1", "build_id": "b1", "published_at": at}
    page = why_page.render(card(decisions=[decision], changes=[change], asked_for="P0"), {})
    for said in ("王核", "不是同一个", "另一方现在是 P7", "合并", "2026-11-02 00:30", "已并入本记录"):
        assert said in page
    assert HOSTILE not in page


@pytest.mark.parametrize("entity", why.ENTITIES)
def test_every_entity_type_has_a_page(entity: str) -> None:
    answer = card(
        entity=entity,
        units=[],
        record={f"{entity}_id": "X1", "name": None, "unforeseen": 3},
        attributes={"unforeseen": []},
    )
    assert "unforeseen" in why_page.render(answer, {})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentFault, match="card"):
        why_page.write(tmp_path / "file" / "card.html", card(), {})
