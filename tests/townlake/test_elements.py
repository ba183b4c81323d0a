"""The catalogue: themes, and every data element of every contract in one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion.contracts import load_contracts
from townlake import elements
from townlake.cli import app
from warehouse.classification.sensitivity import SENSITIVE_KINDS, exceeds, held
from warehouse.errors import WrongUse
from warehouse.home import REPOSITORY
from warehouse.kinds import KINDS

PAGE = REPOSITORY / "docs" / "reference" / "catalogue.md"


def test_every_element_of_every_contract_has_a_sub_theme() -> None:
    book = elements.themes()
    assert {t.name for t in book.values() if not t.parent} == {"人", "房", "企", "事", "物", "情", "地", "组织"}
    placed = elements.elements(load_contracts())
    assert [e for e in placed if not e.theme or not book[e.theme].parent] == []
    assert {k for t in book.values() for k in t.kinds} <= set(KINDS)


def test_the_committed_page_is_that_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == elements.page(load_contracts()), (
        "run `townlake catalogue --page docs/reference/catalogue.md`"
    )


def test_a_column_goes_before_its_kind_and_its_kind_before_the_dataset() -> None:
    found = {(e.dataset, e.column): (e.theme, e.placed_by) for e in elements.elements(load_contracts())}
    assert found["rexian.gongdan", "content"] == ("I01", "column")
    assert found["rexian.gongdan", "address"] == ("D01", "kind")
    assert found["rexian.gongdan", "order_number"] == ("S01", "dataset")


def test_coverage_is_told(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["catalogue", "--json", "--page", str(tmp_path / "page.md")])
    told = json.loads(answer.stdout)
    assert told["elements"] == told["placed"] == sum(len(c.columns) for c in load_contracts().values())
    assert told["elements"] == sum(t["elements"] for t in told["themes"] if not t["parent"])
    assert (tmp_path / "page.md").exists()


def test_a_theme_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="there is no theme"):
        elements.elements(load_contracts(), {})
    seed = tmp_path / "data_theme.csv"
    seed.write_text("theme_code,name,parent_code,definition,kinds\nR01,身份,R,x,\n", encoding="utf-8")
    with pytest.raises(WrongUse, match="R01"):
        elements.themes(seed)


def test_sensitive_columns_say_why_and_are_graded_accordingly() -> None:
    columns = [(c.id, column) for c in load_contracts().values() for column in c.columns]
    for dataset, column in columns:
        custom = column.custom
        assert (custom.personal_data == "sensitive") == (custom.sensitive_kind in SENSITIVE_KINDS), (
            dataset,
            column.name,
        )
        floor = held("general_1", custom.personal_data, "").level
        assert not exceeds(floor, custom.grade), f"{dataset}.{column.name}: {custom.grade} is below {floor}"
        assert custom.personal_data == "none" or "grade" in custom.model_fields_set, (dataset, column.name)


def test_columns_of_people_are_declared_personal() -> None:
    kinds = {
        "citizen_id",
        "id_document",
        "disability_certificate",
        "person_name",
        "phone",
        "sex",
        "ethnic",
        "bank_card",
    }
    # heads of institutions and officials are people too
    bare = [f"{c.id}.{x.name}" for c in load_contracts().values() for x in c.columns
            if x.custom.standard.kind in kinds and x.custom.personal_data == "none"]  # fmt: skip
    assert bare == []
