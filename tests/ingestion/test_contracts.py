"""Contracts: the shipped ones are valid; what is wrong in one is named with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingestion.contracts import SOURCES, load_contract, load_contracts
from ingestion.recognise import match
from warehouse.errors import WrongUse

MINIMAL = """\
apiVersion: v3.0.2
kind: DataContract
id: shuiwu.nashui
name: 纳税
version: 1.0.0
status: active
domain: shuiwu
team:
  - {username: shuiwu}
schema:
  - name: nashui
    properties:
      - name: taxpayer
        businessName: 纳税人识别号
        required: true
        primaryKey: true
        customProperties:
          - {property: standard, value: {kind: uscc}}
      - name: revenue_cny
        businessName: 营业收入
        customProperties:
          - {property: aliases, value: [收入]}
customProperties:
  - {property: department, value: 市税务局}
  - {property: delivery, value: {kind: full}}
"""


def write(folder: Path, text: str, dataset: str = "shuiwu/nashui") -> Path:
    path = folder / dataset / "contract.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_contracts_are_valid_and_in_their_folders() -> None:
    contracts = load_contracts(SOURCES)
    assert {"gongan.changzhu", "minzheng.dibao", "zongzhi.wangge"} <= set(contracts)
    for contract in contracts.values():
        assert all(column.description for column in contract.columns), contract.id


def test_minimal_contract(tmp_path: Path) -> None:
    contract = load_contract(write(tmp_path, MINIMAL))
    assert contract.key == ("taxpayer",)
    assert contract.columns[1].headers == ("营业收入", "收入")
    assert contract.model_name == "shuiwu__nashui"


def test_fingerprint_follows_the_content(tmp_path: Path) -> None:
    one = load_contract(write(tmp_path / "a", MINIMAL))
    same = load_contract(write(tmp_path / "b", MINIMAL + "# a comment\n"))
    other = load_contract(write(tmp_path / "c", MINIMAL.replace("[收入]", "[收入, 销售收入]")))
    assert one.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("find", "replace", "line", "says"),
    [
        ("required: true", "requird: true", 15, "unknown key"),
        ("{property: aliases, value: [收入]}", "{property: alias, value: [收入]}", 22, "unknown key"),
        ("kind: full", "kind: complete", 25, "full"),
        ("name: revenue_cny", "name: taxpayer", 0, "stands twice"),
        ("value: [收入]", "value: [纳税人识别号]", 0, "stands twice"),
        ("id: shuiwu.nashui", "id: shuiwu.Nashui", 3, "pattern"),
        ("name: revenue_cny", "name: dataset", 0, "reserved"),
        ("status: active", "status: active: no", 6, "not valid YAML"),
    ],
)
def test_a_fault_is_named_with_its_line(tmp_path: Path, find: str, replace: str, line: int, says: str) -> None:
    text = MINIMAL.replace(find, replace)
    assert text != MINIMAL
    with pytest.raises(WrongUse, match=re.escape("shuiwu/nashui/contract.yaml")) as caught:
        load_contract(write(tmp_path, text))
    assert says in str(caught.value)
    if line:
        assert f"line {line}:" in str(caught.value)


PAIR = """\
      - name: longitude
        businessName: 经纬度
      - name: latitude
        businessName: 经纬度
        customProperties:
          - {property: sameCellAs, value: longitude}
customProperties:
  - {property: department"""


def test_two_columns_may_stand_in_one_cell(tmp_path: Path) -> None:
    text = MINIMAL.replace("customProperties:\n  - {property: department", PAIR)
    contract = load_contract(write(tmp_path, text))
    assert [c.name for c in contract.delivered_columns] == ["taxpayer", "revenue_cny", "longitude"]
    found = match(contract, ["纳税人识别号", "收入", "经纬度"])
    assert found.score == 1.0
    assert found.columns["经纬度"] == "longitude"
    assert found.missing_optional == ()


@pytest.mark.parametrize("other", ["nothing", "latitude"])
def test_a_shared_cell_must_be_delivered(tmp_path: Path, other: str) -> None:
    text = MINIMAL.replace(
        "customProperties:\n  - {property: department", PAIR.replace("value: longitude", f"value: {other}")
    )
    with pytest.raises(WrongUse, match="sameCellAs"):
        load_contract(write(tmp_path, text))


def test_id_must_match_the_folder(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL, "shuiwu/other")
    with pytest.raises(WrongUse, match="does not match its folder"):
        load_contracts(tmp_path)


def test_mentions_and_rules_may_name_only_known_columns(tmp_path: Path) -> None:
    rule = "  - {property: rules, value: [{rule: r, severity: info, column: nothing, mustHold: 'true', reason: 无}]}\n"
    with pytest.raises(WrongUse, match="columns the schema has not"):
        load_contract(write(tmp_path, MINIMAL + rule))
