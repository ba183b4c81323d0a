"""Sources: every shipped contract proves itself; template and pages follow from the contracts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from ingestion.contracts import load_contracts
from ingestion.readers import read_first
from ingestion.recognise import match
from townlake.sources.check import check
from townlake.sources.pages import pages
from townlake.sources.template import write_template
from townlake.sources.wording import delivered_codes, form
from warehouse.errors import WrongUse
from warehouse.home import REPOSITORY


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_source_proves_itself() -> None:
    findings = check()
    assert {f.dataset for f in findings} == set(load_contracts())
    assert [f for f in findings if not f.ok] == []


def test_an_unknown_dataset_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match=r"no contract nowhere\.nothing"):
        check(["nowhere.nothing"])


def test_the_committed_pages_are_those_of_today() -> None:
    folder = REPOSITORY / "docs" / "reference" / "sources"
    committed = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    assert committed == pages(load_contracts()), "run `townlake source docs --out docs/reference/sources`"


@pytest.mark.parametrize("dataset", sorted(load_contracts()))
def test_the_template_is_read_back_as_its_dataset(dataset: str, tmp_path: Path) -> None:
    contract = load_contracts()[dataset]
    path = write_template(contract, tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(path)
    sheet = book["填写"]
    headers = [cell.value for cell in sheet[1]]
    assert headers == list(dict.fromkeys(c.business_name for c in contract.delivered_columns))
    listed = [c for c in contract.delivered_columns if delivered_codes(c)]
    assert len([v for v in sheet.data_validations.dataValidation if v.type == "list"]) == len(listed)
    found = match(contract, read_first(path).table.columns)
    assert found.complete and not found.missing_optional


def test_every_column_says_what_to_write() -> None:
    for contract in load_contracts().values():
        assert all(form(column) for column in contract.columns), contract.id


def test_check_ends_with_one_when_an_expectation_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    from ingestion.contracts import SOURCES

    shutil.copytree(SOURCES, tmp_path / "sources")
    expected = tmp_path / "sources" / "minzheng" / "dibao" / "expected.csv"
    lines = expected.read_text(encoding="utf-8").splitlines()
    expected.write_text("\n".join([*lines, "2,accepted,name,某某"]) + "\n", encoding="utf-8")
    monkeypatch.setenv("TOWNLAKE_SOURCES", str(tmp_path / "sources"))
    done = subprocess.run(
        [sys.executable, "-m", "townlake", "source", "check", "minzheng.dibao"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "BAD minzheng.dibao" in done.stdout and "某某" in done.stdout
