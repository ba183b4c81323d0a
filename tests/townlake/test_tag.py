"""Tags on the command line and in the reference page; rules that changed are reason for a build."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from ingestion.contracts import load_contracts
from townlake import tagging, tags
from townlake.cli import app
from warehouse.classification.facts import Fact
from warehouse.classification.tags import load_tags
from warehouse.errors import WrongUse
from warehouse.home import REPOSITORY, Home

PAGE = REPOSITORY / "docs" / "reference" / "tags.md"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("TOWNLAKE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TOWNLAKE_CATALOG", raising=False)
    return Home.from_environment()


def test_the_committed_page_is_that_of_today() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == tags.page(text), "run `townlake tag docs --out docs/reference/tags.md`"
    assert all(f"`{t.tag}`" in text for t in load_tags())


def test_a_page_without_marks_is_not_written_over(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text", encoding="utf-8")
    with pytest.raises(WrongUse, match="has no"):
        tags.write_page(page)
    assert page.read_text(encoding="utf-8") == "text"


def test_tags_are_listed_before_there_is_a_lake(nowhere: Home) -> None:
    listed = CliRunner().invoke(app, ["tag", "list", "--entity", "organisation", "--json"])
    rows = json.loads(listed.stdout)
    assert {r["entity"] for r in rows} == {"organisation"}
    assert {r["yes"] for r in rows} == {None}
    shown = CliRunner().invoke(app, ["tag", "show", "hazardous_chemicals"])
    assert shown.exit_code == 0
    assert "危化企业" in shown.stdout


@pytest.mark.parametrize(
    "words", [["show", "no_such_tag"], ["count", "no_such_tag"], ["list", "--entity", "cat"], ["count"]]
)
def test_what_cannot_be_answered_is_wrong_use(nowhere: Home, words: list[str]) -> None:
    answer = CliRunner().invoke(app, ["tag", *words])
    assert isinstance(answer.exception, WrongUse)


def test_examples_say_nothing_of_a_person() -> None:
    facts = {"birth_date": Fact(zh="出生日期", personal=True), "age_years": Fact(zh="年龄")}
    said = {"inputs": {"birth_date": "1940-01-02", "age_years": 86, "unheard_of": "x"}, "missing": []}
    shown = json.loads(tags.without_personal_data(json.dumps(said), facts))
    assert shown["inputs"] == {"birth_date": tags.HIDDEN, "age_years": 86, "unheard_of": tags.HIDDEN}


def test_models_name_only_what_is_under_contract() -> None:
    contracts = {k: c for k, c in load_contracts().items() if k in ("gongan.changzhu", "minzheng.gaoling_jintie")}
    rendered = tagging.models(contracts)
    assert "stg_gongan__changzhu" in rendered["int_person__fact.sql"]
    for text in rendered.values():
        assert "stg_minzheng__dibao" not in text
        assert "stg_shuiwudian__yongliang" not in text
    assert "'low_income'" in rendered["tag.sql"]
    assert "'low_income'" not in rendered["entity_tag.sql"]
    assert "'elderly_80'" in rendered["entity_tag.sql"]


def test_other_rules_than_the_published_ones_are_reason_for_a_build() -> None:
    con = duckdb.connect()
    con.execute("attach ':memory:' as lake; use lake; create schema lake.foundation; create schema lake.registry")
    con.execute(
        """create table lake.foundation.build (build_id varchar, started_at timestamp, finished_at timestamp, lake_snapshot bigint,
                                               published boolean, deliveries varchar[], code_version varchar, reason varchar)"""
    )
    assert not tagging.rules_changed(con)
    con.execute("insert into lake.foundation.build values ('b', now(), now(), 1, true, [], 'c', null)")
    assert tagging.rules_changed(con)
    con.execute("create table lake.foundation.tag as select 'other' as rules_version")
    assert tagging.rules_changed(con)
    con.execute("update lake.foundation.tag set rules_version = ?", [tagging.rules_today()])
    assert not tagging.rules_changed(con)
