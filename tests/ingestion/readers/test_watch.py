"""Several tables in a text too large to be looked at whole: each is found, none gets a row of another."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ingestion.readers import AnotherTable, FileProbe, RawResult, TableProbe, bulk, delimited, probe, with_table_at
from tests.ingestion.readers.helpers import to_raw

PEOPLE = ["编号,姓名,出生日期,金额", *(f"{n},王{n % 7},1990-01-{n % 28 + 1:02d},{n}.5" for n in range(4_000))]
THINGS = ["设备,型号,购置日期,数量", *(f"水泵{n},甲{n % 5},2020-02-{n % 28 + 1:02d},{n}" for n in range(300))]
WIDE = ["代码,名称,日期,数,价,备注", *(f"{n},物{n},2021-03-{n % 28 + 1:02d},{n},{n}.25,无" for n in range(200))]


@pytest.fixture(autouse=True)
def every_file_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "WHOLE_FILE", 0)
    monkeypatch.setattr(delimited, "HEAD_ROWS", 500)
    monkeypatch.setattr(bulk, "SMALLEST", 0)


@pytest.fixture(params=["fast", "slow"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "slow":
        monkeypatch.setattr(bulk, "SMALLEST", 1 << 60)


def save(path: Path, *parts: list[str], newline: str = "\n") -> Path:
    path.write_bytes(newline.join(line for part in parts for line in part).encode() + newline.encode())
    return path


def read_all(path: Path, out: Path) -> tuple[FileProbe, list[tuple[TableProbe, RawResult, pl.DataFrame]]]:
    """Every table as the intake would read it, begun anew whenever another one is met."""
    found = probe(path)
    while True:
        try:
            return found, [(table, *to_raw(found, [table], out)) for table in found.tables]
        except AnotherTable as another:
            found = with_table_at(found, another)


@pytest.fixture(params=[3_000, 50_000, 1 << 24])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PIECE", request.param)


@pytest.mark.usefixtures("road", "pieces")
@pytest.mark.parametrize(
    "between",
    [[], [""], ["", ""], [",,,"], ["", "设备一览表"], ["", "设备一览表", ""]],
    ids=["nothing", "blank", "blanks", "commas", "title", "title-blank"],
)
@pytest.mark.parametrize("second", [THINGS, WIDE], ids=["same-width", "wider"])
def test_a_second_table_is_found_wherever_it_begins(tmp_path: Path, between: list[str], second: list[str]) -> None:
    path = save(tmp_path / "t.csv", PEOPLE, between, second)
    found, (first, other) = read_all(path, tmp_path / "raw.parquet")
    assert [t.columns for t in found.tables] == [tuple(PEOPLE[0].split(",")), tuple(second[0].split(","))]
    assert first[1].rows_by_kind["data"] == len(PEOPLE) - 1
    assert first[2]["编号"].to_list() == [str(n) for n in range(4_000)]
    assert other[1].rows_by_kind["data"] == len(second) - 1
    begins = len(PEOPLE) + len(between) + 1
    assert other[0].header_rows == (begins,)
    assert other[2]["row_number"].to_list() == list(range(begins + 1, begins + len(second)))
    assert "several_tables" in {d.code for d in found.decisions}


@pytest.mark.usefixtures("road")
def test_three_tables(tmp_path: Path) -> None:
    again = ["单位,电话,日期,户数", *(f"甲局{n},5{n:03d},2022-01-{n % 28 + 1:02d},{n}" for n in range(900))]
    path = save(tmp_path / "t.csv", PEOPLE, [""], again, ["", "表三"], WIDE)
    found, read = read_all(path, tmp_path / "raw.parquet")
    assert [t.columns[0] for t in found.tables] == ["编号", "单位", "代码"]
    assert [result.rows_by_kind["data"] for _, result, _ in read] == [4_000, 900, 200]


@pytest.mark.usefixtures("road")
@pytest.mark.parametrize("quote", ["", '"换\n行,""好"""'])
def test_dirty_rows_are_no_tables(tmp_path: Path, quote: str) -> None:
    """Blank lines, ragged lines, totals, repeated headers, notes, words in number columns: still one table."""
    dirty = [
        "", PEOPLE[0], "", "合计,,,99", "注：以上为全部", "5,少", "6,多,1990-01-01,1,2,3", "不详,不详,不详,不详", "测试,测试,测试,测试",
        "无,李,不详,无", "", "二、幸福街道", "x,y", f"7,{quote or '王'},1990-01-02,5",
    ]  # fmt: skip
    lines = list(PEOPLE)
    for place in range(900, 4_000, 310):
        lines[place:place] = dirty
    path = save(tmp_path / "t.csv", lines)
    found, ((_, result, _),) = read_all(path, tmp_path / "raw.parquet")
    assert len(found.tables) == 1
    assert result.rows_by_kind["data"] >= 4_000
