"""The correction workbook: written, changed as a clerk would (and as a clerk should not), read back."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from ingestion import intake
from ingestion.contracts import Contracts, load_contract
from ingestion.corrections import MANIFEST, SHEET, Manifest, Refused
from ingestion.files import sha256_of
from ingestion.landing import Claim
from ingestion.sealed import secret, shown
from townlake.quarantine.workbook import Finding, Line, workbook
from warehouse.home import Home

CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: minzheng.huzhu
name: 互助金
version: 1.0.0
status: active
domain: minzheng
team: [{username: a}]
schema:
  - name: huzhu
    properties:
      - {name: id_number, businessName: 身份证号, primaryKey: true, customProperties: [{property: standard, value: {kind: citizen_id}}]}
      - {name: name, businessName: 姓名}
      - {name: level, businessName: 等级, customProperties: [{property: standard, value: {kind: code, options: {codes: {一级: '1', 二级: '2'}}}}]}
      - {name: note, businessName: 备注}
customProperties:
  - {property: department, value: 民政局}
  - {property: delivery, value: {kind: full}}
"""
BAD_ID, GOOD_ID = "370602198001010010", "370602198001010018"
FILE = "minzheng/互助金.xlsx"


@pytest.fixture
def contracts(tmp_path: Path) -> Contracts:
    path = tmp_path / "contract.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return Contracts({"minzheng.huzhu": load_contract(path)})


def refused(number: int, *cells: str, is_defect: bool = False) -> Line:
    row = Refused(
        f"Q{number:011d}", "d" * 64, FILE, "名册", str(number), "id_bad_check", "“身份证号”校验码不符", is_defect, cells
    )
    return Line(row, (Finding("id_number", "校验码不符", True), Finding("level", "不在代码表里", False)), "")


LINES = (
    refused(3, BAD_ID, "张三", "一级", ""),
    refused(4, BAD_ID, "李四", "三级", '=HYPERLINK("http://x")'),
    refused(5, BAD_ID, "王五\n又名王武", "", "丙", is_defect=True),
)


@pytest.fixture
def exported(home: Home, contracts: Contracts, tmp_path: Path) -> Path:
    contract = contracts["minzheng.huzhu"]
    names = tuple(c.name for c in contract.columns)
    headers = tuple(c.business_name for c in contract.columns)
    manifest = Manifest("w1", contract.id, contract.fingerprint, "2026-11-01T00:00:00+00:00", names, headers)
    path = tmp_path / "更正表.xlsx"
    path.write_bytes(workbook(contract, manifest, LINES, secret(home)))
    return path


Change = Callable[[Any, Any], None]


def handed_in(
    home: Home, contracts: Contracts, path: Path, change: Change | None = None, department: str = "minzheng"
) -> dict[str, Any]:
    """The receipt of the workbook after `change` (sheet, cell by row and header)."""
    if change is not None:
        book = openpyxl.load_workbook(path)
        sheet = book[SHEET]
        at = {c.value: c.column for c in sheet[1]}
        change(sheet, lambda row, header: sheet.cell(row, at[header]))
        path = path.with_name(f"改{sum(1 for _ in path.parent.glob('*.xlsx'))}.xlsx")
        book.save(path)
    claim = Claim(
        sha256_of(path),
        str(path),
        f"{department}/{path.name}",
        department,
        (),
        path.stat().st_size,
        "2026-11-02T00:00:00+00:00",
    )
    return intake.take(home, claim, contracts)[0]


def records(home: Home, receipt: dict[str, Any]) -> pl.DataFrame:
    return pl.read_parquet(home.root / receipt["raw"])


def correct(cell: Any, row: int = 2, value: Any = GOOD_ID) -> None:
    cell(row, "身份证号").value = value
    cell(row, "处理").value = "更正"
    cell(row, "更正人").value = "赵六"


def test_only_changed_cells_are_taken_with_who_corrected_them(home: Home, contracts: Contracts, exported: Path) -> None:
    receipt = handed_in(home, contracts, exported, lambda sheet, cell: correct(cell))
    assert receipt["status"] == "correction"
    taken = records(home, receipt)
    assert taken.select("row_number", "column", "old_value", "new_value", "by").rows() == [
        (3, "id_number", BAD_ID, GOOD_ID, "赵六")
    ]
    said = receipt["corrections"]
    assert (said["rows"], said["cells"], said["unchanged"], said["refused"]) == (1, 1, 2, 0)
    page = next((home.outbox / "minzheng").glob("*.html")).read_text(encoding="utf-8")
    assert "数据更正回执" in page
    assert GOOD_ID not in page


def test_an_untouched_workbook_brings_nothing(home: Home, contracts: Contracts, exported: Path) -> None:
    receipt = handed_in(home, contracts, exported)
    assert (receipt["status"], receipt["raw"], receipt["corrections"]["unchanged"]) == ("correction", None, 3)


def test_the_same_corrections_twice_are_taken_once(home: Home, contracts: Contracts, exported: Path) -> None:
    handed_in(home, contracts, exported, lambda sheet, cell: correct(cell))

    def more(sheet: Any, cell: Any) -> None:
        correct(cell)
        correct(cell, 3)

    again = handed_in(
        home, contracts, exported, lambda sheet, cell: (correct(cell), setattr(cell(2, "更正说明"), "value", "再存"))
    )
    assert (again["raw"], again["corrections"]["repeated"], again["corrections"]["rows"]) == (None, 1, 0)
    third = handed_in(home, contracts, exported, more)
    assert records(home, third)["row_number"].to_list() == [4]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda sheet, cell: (correct(cell), setattr(cell(2, "来源行号"), "value", "9")), "tampered"),
        (lambda sheet, cell: (correct(cell), setattr(cell(2, "来源文件"), "value", "minzheng/别的.xlsx")), "tampered"),
        (lambda sheet, cell: (correct(cell), setattr(cell(2, "隔离编号"), "value", "Q99999999999")), "tampered"),
        (lambda sheet, cell: correct(cell, value="=1+1"), "cell"),
        (lambda sheet, cell: correct(cell, value=int(GOOD_ID)), "cell"),
        (lambda sheet, cell: (correct(cell), setattr(cell(2, "处理"), "value", "删除")), "unknown_action"),
        (lambda sheet, cell: (correct(cell), setattr(cell(2, "处理"), "value", "作废")), "contradiction"),
        (lambda sheet, cell: setattr(cell(2, "处理"), "value", "更正"), "nothing_changed"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_says_why_and_leaves_the_others(
    home: Home, contracts: Contracts, exported: Path, change: Change, code: str
) -> None:
    def both(sheet: Any, cell: Any) -> None:
        change(sheet, cell)
        correct(cell, 3)

    receipt = handed_in(home, contracts, exported, both)
    assert [p["code"] for p in receipt["corrections"]["problems"]] == [code]
    assert receipt["corrections"]["problems"][0]["row"] == 2
    assert records(home, receipt)["row_number"].to_list() == [4]


def test_a_changed_hidden_row_is_tampering(home: Home, contracts: Contracts, exported: Path) -> None:
    book = openpyxl.load_workbook(exported)
    for sheet, column in ((book[MANIFEST], 5), (book[SHEET], 12)):
        for row in sheet.iter_rows():
            if row[column - 1].value == "3":
                row[column - 1].value = "4"
    book[SHEET]["F2"].value = GOOD_ID
    book.save(exported)
    receipt = handed_in(home, contracts, exported)
    assert [p["code"] for p in receipt["corrections"]["problems"]] == ["tampered"]
    assert receipt["raw"] is None


def test_a_workbook_of_another_lakehouse_is_refused(home: Home, contracts: Contracts, exported: Path) -> None:
    (home.root / "secrets" / "quarantine.key").write_bytes(b"x" * 32)
    receipt = handed_in(home, contracts, exported, lambda sheet, cell: correct(cell))
    assert (receipt["status"], receipt["code"]) == ("refused", "correction_tampered")


def test_without_its_hidden_sheet_it_is_never_taken_for_a_delivery(
    home: Home, contracts: Contracts, exported: Path
) -> None:
    receipt = handed_in(home, contracts, exported, lambda sheet, cell: sheet.parent.remove(sheet.parent[MANIFEST]))
    assert (receipt["status"], receipt["code"]) == ("refused", "correction_without_manifest")


def test_an_altered_header_is_refused(home: Home, contracts: Contracts, exported: Path) -> None:
    receipt = handed_in(home, contracts, exported, lambda sheet, cell: sheet.delete_cols(7))
    assert (receipt["status"], receipt["code"]) == ("refused", "correction_header")


def test_the_wrong_folder_is_named(home: Home, contracts: Contracts, exported: Path) -> None:
    receipt = handed_in(home, contracts, exported, lambda sheet, cell: correct(cell), department="gongan")
    assert (receipt["status"], receipt["code"]) == ("refused", "wrong_department")
    assert "minzheng/" in receipt["reason_zh"]


def test_one_number_in_two_differing_rows_is_not_decided(home: Home, contracts: Contracts, exported: Path) -> None:
    def twice(sheet: Any, cell: Any) -> None:
        correct(cell)
        cell(3, "隔离编号").value = cell(2, "隔离编号").value

    receipt = handed_in(home, contracts, exported, twice)
    assert [p["code"] for p in receipt["corrections"]["problems"]] == ["twice"]
    assert receipt["raw"] is None


def test_a_row_can_be_dismissed_and_a_broken_line_confirmed_as_a_whole(
    home: Home, contracts: Contracts, exported: Path
) -> None:
    def decide(sheet: Any, cell: Any) -> None:
        cell(2, "处理").value, cell(2, "更正说明").value = "作废", "查无此人"
        cell(4, "处理").value = "更正"

    receipt = handed_in(home, contracts, exported, decide)
    taken = records(home, receipt)
    assert taken.select("row_number", "kind", "note", "column").rows() == [
        (3, "dismiss", "查无此人", None),
        (5, "confirm", None, None),
    ]
    assert receipt["corrections"]["unsigned"] == 2
    assert taken["by"].to_list() == ["未署名（minzheng）"] * 2


def test_typed_cells_become_text_as_deliveries_do(home: Home, contracts: Contracts, exported: Path) -> None:
    def typed(sheet: Any, cell: Any) -> None:
        cell(2, "备注").value = 12.0
        cell(3, "备注").value = datetime(2026, 3, 1)
        cell(4, "备注").value = 0.1

    receipt = handed_in(home, contracts, exported, typed)
    assert records(home, receipt)["new_value"].to_list() == ["12", "2026-03-01", "0.1"]


def test_nothing_in_the_workbook_is_a_formula_and_only_data_can_be_typed_into(exported: Path) -> None:
    book = openpyxl.load_workbook(exported)
    sheet = book[SHEET]
    assert all(c.data_type != "f" for s in book for row in s.iter_rows() for c in row)
    assert sheet.protection.sheet
    at = {c.value: c.column for c in sheet[1]}
    locked = {h for h, column in at.items() if sheet.cell(2, column).protection.locked}
    assert locked == {"隔离编号", "退回原因", "来源文件", "来源工作表", "来源行号"}
    assert "校验码不符" in sheet.cell(2, at["身份证号"]).comment.text
    assert sheet.cell(2, at["身份证号"]).fill.fgColor.rgb != sheet.cell(2, at["姓名"]).fill.fgColor.rgb
    assert any(rule.formula1 == '"一级,二级"' for rule in sheet.data_validations.dataValidation)
    assert book[MANIFEST].sheet_state == "hidden"
    assert all("http" not in name for name in zipfile.ZipFile(exported).namelist())


def test_saved_by_libreoffice_it_reads_the_same(
    home: Home, contracts: Contracts, exported: Path, tmp_path: Path
) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("needs LibreOffice")
    book = openpyxl.load_workbook(exported)
    book[SHEET]["F2"].value = GOOD_ID
    book.save(exported)
    out = tmp_path / "saved"
    subprocess.run(
        [office, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML",
         "--outdir", str(out), str(exported)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    receipt = handed_in(home, contracts, out / exported.name)
    assert receipt["corrections"]["problems"] == []
    assert records(home, receipt).select("row_number", "new_value").rows() == [(3, GOOD_ID)]


def test_the_secret_is_made_once_and_is_its_owners_alone(home: Home) -> None:
    first = secret(home)
    path = home.root / "secrets" / "quarantine.key"
    assert (len(first), path.stat().st_mode & 0o777) == (32, 0o600)
    assert secret(home) == first


def test_what_a_workbook_cannot_hold_is_shown_so_that_it_reads_back_equal() -> None:
    assert shown(None) == ""
    assert shown("a\r\nb\x00\ufffe") == "a\nb\ufffd\ufffd"
    assert len(shown("长" * 40_000)) < 32_767
