"""The notebooks on a published foundation: they run, their pages open without internet and show no one's data."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from townlake import notebooks, steps
from warehouse import builds
from warehouse.home import REPOSITORY, Home
from warehouse.lake import reading, writing

LOCATOR = "dataset varchar, file varchar, sheet varchar, row_number bigint, delivery_id varchar, delivered_on date"
TABLES = f"""
create table foundation.person (person_id varchar, name varchar, sex_code varchar, birth_date date, is_alive boolean,
    area_code varchar, grid_code varchar);
create table foundation.organisation (organisation_id varchar);
create table foundation.place (place_id varchar);
create table foundation.event (event_id varchar);
create table foundation.household (household_id varchar);
create table foundation.person_mention ({LOCATOR}, person_id varchar, content_id varchar);
create table foundation.organisation_mention ({LOCATOR}, organisation_id varchar);
create table foundation.place_mention ({LOCATOR}, place_id varchar);
create table foundation.event_mention ({LOCATOR}, event_id varchar);
create table foundation.person_value (person_id varchar, attribute varchar, value varchar, dataset varchar,
    is_chosen boolean, survivorship_rule varchar, content_id varchar);
create table foundation.area (code varchar, name varchar, parent varchar, level varchar, valid_to date);
create table foundation.grid (code varchar, parent varchar, valid_to date);
create table foundation.quarantine ({LOCATOR}, rule varchar, reason varchar, status varchar);
create table staging.repair ({LOCATOR}, "column" varchar, rule varchar, outcome varchar);
create table marts.policy_old_age_allowance (person_id varchar, name varchar, birth_date date, age_years integer,
    area_code varchar, is_paid boolean, paid_monthly_cny double, finding varchar, death_date date, as_of date);
"""
CONTENT = """
insert into foundation.delivery by name
    select 'd1' as delivery_id, 'minzheng.gaoling_jintie' as dataset, 'minzheng/津贴<script>.xls' as file, 'minzheng' as department,
        'full' as kind, date '2026-10-31' as delivered_on, now() as received_at, 'taken' as status, 10 as bytes,
        12 as data_rows, 11 as accepted, 1 as quarantined
    union all by name
    select 'd2' as delivery_id, 'x/<img src=x>.pdf' as file, 'x' as department, now() as received_at, 'refused' as status,
        'not a table <b>' as reason, 5 as bytes;
insert into foundation.area values ('370600000000', '烟台市', null, 'city', null),
    ('370602000000', '芝罘区', '370600000000', 'county', null), ('370602001000', '向阳街道', '370602000000', 'town', null),
    ('370602001001', '一社区', '370602001000', 'community', null), ('370602001002', '二社区', '370602001000', 'community', null);
insert into foundation.grid values ('01000137060200100101', '370602001001', null);
insert into foundation.person
    select 'P' || lpad(i::varchar, 20, 'a'), '欧阳志远' || i, (1 + i % 2)::varchar, date '1920-01-01' + interval (i * 2) years,
        i % 7 <> 0, '370602001001', '01000137060200100101'
    from range(50) as r(i);
insert into foundation.person_mention by name
    select person_id, 'minzheng.gaoling_jintie' as dataset, 'minzheng/津贴.xls' as file, '向阳' as sheet,
        row_number() over (order by person_id) as row_number, 'd1' as delivery_id, date '2026-10-31' as delivered_on,
        'c' || person_id as content_id
    from foundation.person;
insert into foundation.person_value by name
    select person_id, unnest(['name', 'id_number', 'phone', 'birth_date', 'sex_code', 'area_code']) as attribute,
        unnest([name, '37060219300101123X', '13812345678', '1930-01-01', sex_code, area_code]) as value,
        'minzheng.gaoling_jintie' as dataset, true as is_chosen, 'only_value' as survivorship_rule, 'c' || person_id as content_id
    from foundation.person;
insert into foundation.quarantine by name
    select 'minzheng.gaoling_jintie' as dataset, 'id_bad_check' as rule, '“身份证”校验码不符' as reason, 'open' as status;
insert into staging.repair by name
    select 'x.y' as dataset, 'date_' || i as rule, ['standardised', 'repaired', 'nulled', 'kept'][1 + i % 4] as outcome
    from range(40) as r(i);
insert into marts.policy_old_age_allowance by name
    select person_id, name, birth_date, 90 as age_years, area_code, true as is_paid, 100.0 as paid_monthly_cny,
        case when is_alive then 'paid' else 'paid_but_dead' end as finding,
        case when not is_alive then date '2026-03-04' end as death_date, date '2026-10-31' as as_of
    from foundation.person;
insert into quality.gate_result by name
    select (select max(build_id) from foundation.build) as build_id, 'staging' as layer, 'critical' as severity, true as success,
        now() as ran_at;
"""


def tiny_lake(home: Home, *, content: bool = True) -> None:
    """A published lake with the tables the notebooks read."""
    steps.prepare_lake(home)
    with writing(home) as con:
        con.execute(TABLES)
        if content:
            builds.record(con, "20261101T000000-aaaaaa", datetime(2026, 11, 1, tzinfo=UTC), published=False)
            con.execute(CONTENT)
        builds.record(con, "20261101T000000-aaaaaa", datetime(2026, 11, 1, tzinfo=UTC), published=True)


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_loads_nothing(page: str) -> None:
    """No address of another place, no script, no style sheet or picture from outside."""
    assert not re.search(r"https?:|url\((?!#)|@import", page)
    for tag, attributes in Tags(page).found:
        assert tag not in ("script", "link", "iframe", "img", "object", "embed", "base"), tag
        assert not (attributes.get("src") or attributes.get("xlink:href")), attributes
        assert (attributes.get("href") or "#").startswith("#"), attributes
    assert "default-src 'none'" in page


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The tour's page over the tiny lake."""
    folder = tmp_path_factory.mktemp("tour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOWNLAKE_HOME", str(folder / "home"))
        patch.delenv("TOWNLAKE_CATALOG", raising=False)
        home = Home.from_environment().prepare()
        tiny_lake(home)
        [page] = notebooks.render_all(home, folder / "pages", ["tour"])
        assert [p.name for p in page.parent.iterdir()] == ["tour.html"]
        yield page.read_text(encoding="utf-8")


def test_the_tour_becomes_one_page_that_loads_nothing(shown: str) -> None:
    assert_loads_nothing(shown)
    for said in ("底座导览", "守恒成立", "人口年龄结构", "向阳街道", "应领未领", "已去世仍在发", "“身份证”校验码不符", "小计" and "读到",
                 "select dataset as 数据集"):  # fmt: skip
        assert said in shown, said
    assert shown.count("<svg") == 7
    assert "x/&lt;img src=x&gt;.pdf" in shown


def test_nobody_can_be_recognised_in_the_page(shown: str) -> None:
    assert "欧*" in shown
    for secret in (
        "欧阳",
        "志远",
        "37060219300101123X",
        "19300101",
        "1930-01-01",
        "13812345678",
        "Paaaaaaaa",
        "2026-03-04",
    ):
        assert secret not in shown, secret


def test_a_foundation_without_rows_still_gives_a_page(home: Home, tmp_path: Path) -> None:
    tiny_lake(home, content=False)
    [page] = notebooks.render_all(home, tmp_path, ["tour"])
    assert "没有" in page.read_text(encoding="utf-8")


def test_every_notebook_runs_as_a_script(home: Home) -> None:
    tiny_lake(home)
    for notebook in notebooks.NOTEBOOKS.glob("*.py"):
        done = subprocess.run(
            [sys.executable, str(notebook)], capture_output=True, text=True, check=False, env=_env(home)
        )
        assert done.returncode == 0, done.stderr


def test_without_a_lake_it_says_so_in_one_sentence(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert notebooks.main([]) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "townlake run" in said
    done = subprocess.run(
        [sys.executable, str(notebooks.NOTEBOOKS / "tour.py")],
        capture_output=True,
        text=True,
        check=False,
        env=_env(home),
    )
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)


def test_nothing_published_yet_is_said_too(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    steps.prepare_lake(home)
    assert notebooks.main([]) == 3
    assert "published" in capsys.readouterr().err


def test_an_unknown_notebook_is_wrong_use(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_lake(home, content=False)
    assert notebooks.main(["--out", str(home.work), "nothing_of_the_kind"]) == 2
    assert "tour" in capsys.readouterr().err


def test_the_code_of_a_cell_is_shown_unless_hidden() -> None:
    source = (notebooks.NOTEBOOKS / "tour.py").read_text(encoding="utf-8")
    shown = notebooks.shown_code(source)
    assert len(shown) == sum(isinstance(n, ast.FunctionDef) for n in ast.parse(source).body)
    assert all("mo.md" not in code for code in shown)
    assert any(code.startswith("build = ask(") and code.endswith("build") for code in shown)


def test_markup_escapes_what_it_does_not_know() -> None:
    import polars as pl

    assert notebooks.markup("<b>") == "<pre>&lt;b&gt;</pre>"
    table = notebooks.markup(pl.DataFrame({"<i>": ["<script>", None], "n": [1234, 5]}))
    assert "&lt;script&gt;" in table
    assert "&lt;i&gt;" in table
    assert "1,234" in table
    assert "<script>" not in table
    assert "只列出前" in notebooks.markup(pl.DataFrame({"n": range(300)}))


@pytest.mark.slow
@pytest.mark.e2e
def test_the_tour_of_a_real_build(first_month: Home, home: Home, tmp_path: Path) -> None:
    """From a published foundation to the page: rows are conserved, and nobody in the foundation can be read in it."""
    shutil.copytree(first_month.root, home.root, dirs_exist_ok=True)
    [page] = notebooks.render_all(home, tmp_path, ["tour"])
    shown = page.read_text(encoding="utf-8")
    assert_loads_nothing(shown)
    assert "守恒成立" in shown
    assert not re.search(r"(?<![\d.])[1-8]\d{5}(?:18|19|20)\d{9}[\dX](?!\d)", shown), "an id number"
    assert not re.search(r"(?<![\d.])1[3-9]\d{9}(?![\d.])", shown), "a phone number"
    with reading(home) as con:
        known = con.execute("select name from foundation.person where length(name) >= 3").fetchall()
    assert known
    assert not [name for (name,) in known if name in shown]


def _env(home: Home) -> dict[str, str]:
    return {**os.environ, "TOWNLAKE_HOME": str(home.root), "PYTHONPATH": str(REPOSITORY)}
