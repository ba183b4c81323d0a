"""Chance, numbers, areas, names, people and files, each by itself."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest
import python_calamine as calamine

from sample_city import areas, codes, names, places, sources, world
from sample_city.draw import Draw
from sample_city.households import Clock
from sample_city.layouts import NUMERIC, PLAIN, XLS_MAX_ROWS, CsvWriter, XlsWriter, XlsxWriter, column_letters
from sample_city.sources.base import Source


# ---- chance -----------------------------------------------------------------------------------------------
def test_draws_depend_on_seed_stream_and_id_only() -> None:
    ids = np.arange(1000)
    assert (Draw(1).bits("a", ids)[500:] == Draw(1).bits("a", ids[500:])).all()
    assert (Draw(1).bits("a", ids) != Draw(2).bits("a", ids)).all()
    assert (Draw(1).bits("a", ids) != Draw(1).bits("b", ids)).all()


def test_draws_are_even() -> None:
    u = Draw(3).uniform("u", np.arange(200_000))
    assert u.mean() == pytest.approx(0.5, abs=0.005)
    assert np.corrcoef(u[:-1], u[1:])[0, 1] == pytest.approx(0, abs=0.01)
    counts = np.bincount(Draw(3).pick("p", np.arange(100_000), [1, 2, 7])) / 100_000
    assert counts == pytest.approx([0.1, 0.2, 0.7], abs=0.01)


# ---- numbers ----------------------------------------------------------------------------------------------
def day(text: str) -> int:
    return int((np.datetime64(text, "D") - codes.DAY_ZERO).astype(int))


def test_vectors_of_the_standards() -> None:
    made = codes.id_numbers(
        np.array([110105, 440524]), np.array([day("1949-12-31"), day("1880-01-01")]), np.array([2, 1])
    )
    assert made.to_list() == ["11010519491231002X", "440524188001010014"]


def test_many_numbers_take_another_way_to_text() -> None:
    n = 200
    made = codes.id_numbers(np.full(n, 440524), np.full(n, day("1880-01-01")), np.full(n, 1))
    assert set(made) == {"440524188001010014"}
    assert codes.padded("P", np.array([7, 12]), 7).to_list() == ["P0000007", "P0000012"]


def test_dates() -> None:
    days = np.array([day("1925-02-28"), day("2026-10-31")])
    assert codes.dates(days, "%Y%m%d").to_list() == ["19250228", "20261031"]
    assert codes.dates(days, "%Y.%m.%d").to_list() == ["1925.02.28", "2026.10.31"]


def test_credit_codes_do_not_repeat() -> None:
    n = 300_000
    made = codes.credit_codes(np.full(n, 92), np.full(n, 370602), np.arange(n))
    assert made.n_unique() == n


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (date(2026, 10, 31), ["20261031", "20261130", "20261231"]),
        (date(2027, 12, 15), ["20271215", "20280115", "20280215"]),
    ],
)
def test_clock(first: date, expected: list[str]) -> None:
    clock = Clock.of(first, 3)
    assert codes.dates(np.array(clock.days), "%Y%m%d").to_list() == expected


# ---- areas ------------------------------------------------------------------------------------------------
def test_the_seed_holds_the_whole_city() -> None:
    area = pl.read_csv(areas.SEED_FILE, infer_schema=False)
    now = area.filter(pl.col("valid_to").is_null())
    assert dict(now.group_by("level").len().iter_rows()) == {"2": 1, "3": 13, "4": 159, "5": 6509}
    assert area["area_code"].is_unique().all()
    assert set(area["parent_code"].drop_nulls()) <= set(area["area_code"])
    assert set(area["former_code"].drop_nulls()) <= set(area.filter(pl.col("valid_to").is_not_null())["area_code"])


def test_cells_of_communities_do_not_overlap() -> None:
    every = areas.load()
    assert every.height == 6509
    for _, town in every.group_by("town_code"):
        boxes = town.select("x0", "y0", "x1", "y1").unique()
        assert boxes.height == town.height
        assert boxes.select("x0", "y0").unique().height == town.height
    counties = list(areas.COUNTY_BOXES.values())
    for i, a in enumerate(counties):
        for b in counties[i + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


@pytest.mark.parametrize(("persons", "low", "high"), [(20_000, 50, 80), (200_000, 500, 800), (7_000_000, 6509, 6509)])
def test_covered_communities(persons: int, low: int, high: int) -> None:
    covered = areas.covered(Draw(1), persons)
    assert low <= covered.height <= high
    assert covered["county_code"].n_unique() >= 7
    assert 0.05 < covered["urban"].mean() < 0.7  # type: ignore[operator]


def test_short_names() -> None:
    frame = pl.DataFrame(
        {"n": ["凤凰社区居民委员会", "馆前于家村委会", "东大夼村村民委员会", "幸福居委会", "外向型工业加工区虚拟社区"]}
    )
    short = frame.select(areas.short_names(pl.col("n"))).to_series().to_list()
    assert short == ["凤凰社区", "馆前于家村", "东大夼村", "幸福社区", "外向型工业加工区社区"]


def test_numerals() -> None:
    assert [places.numeral(n) for n in (1, 10, 11, 20, 21)] == ["一", "十", "十一", "二十", "二十一"]


# ---- people -----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def made() -> world.World:
    return world.build(30_000, 11, 2, date(2026, 10, 31))


def test_exactly_as_many_persons_as_asked(made: world.World) -> None:
    assert int(made.people.homes.size.sum()) == 30_000
    assert int((made.people.arrived == 1).sum()) == 30_000


def test_ages(made: world.World) -> None:
    age = made.ages(np.arange(30_000), 1)
    assert 0.11 < (age >= 70).mean() < 0.16
    assert 0.04 < (age >= 80).mean() < 0.08
    assert (age >= 100).sum() >= 3
    assert (age < 15).mean() > 0.12


def test_kinship_is_possible(made: world.World) -> None:
    p = made.people
    ids = np.arange(p.count)
    head = made.first_of_home[p.household[:30_000]]
    gap = (p.birth[ids].astype(float) - p.birth[head]) / 365.25
    assert (gap[p.relation[ids] == 20] > 15).all()
    assert (gap[np.isin(p.relation[ids], (51, 52))] < -15).all()
    couple = p.relation[ids] == 10
    assert (p.sex[ids][couple] != p.sex[head][couple]).all()
    child = (p.relation[ids] == 20) & (p.sex[head] == 1)
    assert (p.a[ids][child] == p.a[head][child]).mean() > 0.9


def test_names_by_frequency_and_with_rare_ones(made: world.World) -> None:
    text = made.names(np.arange(30_000), 1)
    first = text.str.slice(0, 1).value_counts(sort=True)[text.name or ""].to_list()
    assert first[0] == "王"
    assert text.str.contains(f"[{names.RARE}]").sum() > 100
    assert text.str.contains("·").sum() > 10
    assert text.str.contains("^(欧阳|司马|上官|诸葛|东方)").sum() > 5


def test_equal_names_have_equal_keys() -> None:
    low, _ = names.POOLS.spans["given/1/0"]
    other, _ = names.POOLS.spans["given/1/1"]
    parts = names.POOLS.parts.to_list()
    a = parts.index("明", low)
    b = parts.index("明", other)
    keys = names.equal_keys((np.array([0, 0]), np.array([a, b]), np.array([0, 0])))
    assert a != b
    assert keys[0] == keys[1]


@pytest.mark.parametrize("source", sources.every(), ids=lambda s: s.name)
def test_rows_have_the_declared_columns(made: world.World, source: Source) -> None:
    for period in (1, 2):
        if not source.comes(period) or source.again(period):
            continue
        columns = [c.name for c in source.columns(period)]
        for chunk in source.chunks(made, period):
            assert chunk.frame.columns == columns
            assert set(chunk.frame.dtypes) == {pl.String}
            assert chunk.frame.null_count().sum_horizontal().item() == 0
            assert all(len(k) == chunk.frame.height == len(chunk.ids) for k in chunk.keys.values())


# ---- files ------------------------------------------------------------------------------------------------
def workbook(path: Path) -> None:
    book = XlsxWriter(
        path,
        headers=[["题目"], ["号", "名", "日"]],
        merges=[(0, 0, 0, 2)],
        kinds=["number", "text", "date"],
        day=date(2026, 10, 31),
    )
    rows = pl.DataFrame(
        {
            "a": ["1", "x&y", ""],
            "b": ["<甲>", NUMERIC + "370602199001011000", " 乙 "],
            "c": ["2026-10-31", "2018-02-30", ""],
        }
    )
    book.write(rows, np.full(3, PLAIN), "表", "")
    book.add_sheet("Sheet2", (("x",),))
    book.close()


def test_workbooks_open_in_two_readers(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    workbook(path)
    cells = calamine.CalamineWorkbook.from_path(path).get_sheet_by_name("表").to_python(skip_empty_area=False)
    assert cells[2] == [1.0, "<甲>", date(2026, 10, 31)]
    assert cells[3] == ["x&y", 370602199001011000.0, "2018-02-30"]
    assert cells[4] == ["", " 乙 ", ""]
    sheet = openpyxl.load_workbook(path)["表"]
    assert sheet["A1"].value == "题目"
    assert [str(r) for r in sheet.merged_cells.ranges] == ["A1:C1"]
    assert sheet["C3"].is_date
    stamps = {i.date_time for i in zipfile.ZipFile(path).infolist()}
    assert stamps == {(2026, 10, 31, 9, 0, 0)}


def test_column_letters() -> None:
    assert [column_letters(i) for i in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_an_old_workbook_goes_on_in_a_further_sheet(tmp_path: Path) -> None:
    n = XLS_MAX_ROWS + 10
    writer = XlsWriter(tmp_path / "a.xls", ["号"], ["number"])
    numbers, sheets = writer.write(pl.DataFrame({"a": [str(i) for i in range(n)]}), np.full(n, PLAIN), "镇", "题目")
    writer.close()
    assert sheets.unique(maintain_order=True).to_list() == ["镇", "镇（续1）"]
    assert numbers[XLS_MAX_ROWS - 3] == XLS_MAX_ROWS
    assert numbers[XLS_MAX_ROWS - 2] == 3
    book = calamine.CalamineWorkbook.from_path(tmp_path / "a.xls")
    last = book.get_sheet_by_name("镇（续1）").to_python(skip_empty_area=False)
    assert last[-1][0] == n - 1


def test_csv_quotes_only_what_must_be(tmp_path: Path) -> None:
    writer = CsvWriter(tmp_path / "a.csv", ["甲", "乙"], encoding="gb18030", extra_before=1)
    rows = pl.DataFrame({"a": ["一", "二,三"], "b": ['说"好"', "两\n行"]})
    numbers, _ = writer.write(rows, np.full(2, PLAIN), "", "")
    writer.close()
    assert numbers.tolist() == [2, 3]
    text = (tmp_path / "a.csv").read_bytes().decode("gb18030")
    assert text == '甲,乙\r\n一,"说""好"""\r\n"二,三","两\n行"\r\n'
