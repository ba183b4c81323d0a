"""Recognition: by folder and header aliases, whatever the file is called."""

from __future__ import annotations

import pytest

from ingestion.contracts import SOURCES, Contracts, load_contracts
from ingestion.recognise import match, recognise


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(SOURCES)


def headers(contracts: Contracts, dataset: str) -> list[str]:
    return [c.business_name for c in contracts[dataset].columns]


@pytest.mark.parametrize("dataset", sorted(load_contracts(SOURCES)))
def test_every_dataset_is_known_by_its_declared_header(contracts: Contracts, dataset: str) -> None:
    found = recognise(contracts, dataset.split(".", maxsplit=1)[0], "随便.csv", [headers(contracts, dataset)])
    assert found.dataset == dataset
    assert found.matches[0].score == 1.0


def test_header_spelling_does_not_matter(contracts: Contracts) -> None:
    spelled = [h.replace("（", " ( ").replace("）", ")") for h in headers(contracts, "minzheng.dibao")]
    assert recognise(contracts, "minzheng", "x", [spelled]).dataset == "minzheng.dibao"


def test_a_header_of_two_rows_matches_by_its_last_part(contracts: Contracts) -> None:
    joined = [
        f"保障对象信息 {h}" if h in ("姓名", "性别", "身份证号") else h for h in headers(contracts, "minzheng.dibao")
    ]
    found = match(contracts["minzheng.dibao"], joined)
    assert found.columns["保障对象信息 身份证号"] == "id_number"


def test_a_missing_required_column_refuses_and_says_which(contracts: Contracts) -> None:
    found = recognise(
        contracts, "gongan", "常住人口.csv", [[h for h in headers(contracts, "gongan.changzhu") if h != "姓名"]]
    )
    assert found.dataset is None
    assert "姓名" in found.reason_zh
    assert found.nearest[0].dataset == "gongan.changzhu"


def test_an_extra_column_is_rescued(contracts: Contracts) -> None:
    found = recognise(contracts, "gongan", "x", [[*headers(contracts, "gongan.changzhu"), "新列"]])
    assert found.matches[0].extra == ("新列",)


def test_the_wrong_folder_is_refused_with_the_right_one(contracts: Contracts) -> None:
    found = recognise(contracts, "canlian", "x", [headers(contracts, "gongan.changzhu")])
    assert found.dataset is None
    assert found.code == "wrong_department"
    assert "gongan/" in found.reason_zh


def test_sheets_of_one_dataset_are_one_delivery_and_others_are_left(contracts: Contracts) -> None:
    sheet = headers(contracts, "minzheng.gaoling_jintie")
    found = recognise(contracts, "minzheng", "x", [sheet, ["说明"], sheet])
    assert found.dataset == "minzheng.gaoling_jintie"
    assert sorted(found.matches) == [0, 2]


def test_nothing_matches(contracts: Contracts) -> None:
    found = recognise(contracts, "gongan", "x", [["a", "b"]])
    assert found.dataset is None
    assert found.code == "unknown_dataset"


def test_a_column_that_every_list_has_makes_no_dataset_near(contracts: Contracts) -> None:
    found = recognise(contracts, "jiaoyu", "招生计划.csv", [["学校", "计划数", "备注"]])
    assert not found.nearest
    assert found.code == "unknown_dataset"


def test_of_datasets_as_near_the_own_folders_comes_first(contracts: Contracts) -> None:
    half = headers(contracts, "canlian.canjiren_zheng")[2:8]
    found = recognise(contracts, "canlian", "x", [half])
    assert found.nearest[0].dataset == "canlian.canjiren_zheng"
