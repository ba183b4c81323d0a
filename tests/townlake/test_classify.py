"""`townlake classify`: answers for people and programs, wrong use, models kept for one lake."""

from __future__ import annotations

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from townlake.cli_classify import app
from warehouse.classification import classified, industry, text
from warehouse.errors import WrongUse
from warehouse.home import Home

run = CliRunner()


def test_a_program_reads_class_probability_and_words(home: Home) -> None:
    done = run.invoke(app, ["industry", "--name", "青山市老张粮油店", "--scope", "粮油零售", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["industry_code"], found["industry_source"]) == ("5221", "classified")
    assert len(found["suggestions"]) == 3
    assert found["suggestions"][0]["words"]


def test_a_person_reads_that_nothing_can_be_said(home: Home) -> None:
    done = run.invoke(app, ["industry", "--name", "青山市鑫源有限公司"])
    assert "无法确定" in done.output


def test_a_text_gets_category_department_place_and_alarm(home: Home) -> None:
    done = run.invoke(app, ["text", "青山市东湖区滨海路12号海韵小区3号楼楼道里煤气泄漏", "--json"])
    found = json.loads(done.output)
    assert (found["category"], found["urgency"]) == ("燃气异味", "immediate")
    assert "泄漏" in found["alarm"]
    assert found["place"].endswith("3号楼")
    assert "报警词" in run.invoke(app, ["text", "煤气泄漏"]).output


@pytest.mark.parametrize("arguments", [["industry", "--name", " "], ["text", ""]])
def test_nothing_to_judge_is_wrong_use(home: Home, arguments: list[str]) -> None:
    assert isinstance(run.invoke(app, arguments).exception, WrongUse)


def test_a_lakes_own_model_stands_before_the_one_that_came_with_the_program(home: Home) -> None:
    told = pl.DataFrame(
        [("name", "粮油店", "5221", 1.0), ("name", "大药房", "5251", 1.0)],
        schema=["field", "text", "label", "weight"], orient="row",
    )  # fmt: skip
    (home.root / "models").mkdir()
    text.fit(told, settings={"version": "own"}).save(home.root / "models" / industry.MODEL.name)
    assert classified.model_file(home.root / "models", industry.MODEL).parent == home.root / "models"
    found = json.loads(run.invoke(app, ["industry", "--name", "青山市老张粮油店", "--json"]).output)
    assert found["model_version"] == "own"
