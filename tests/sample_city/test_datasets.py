"""Every dataset of the city: that it comes, as much of it as there should be, and that the project reads every row."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest

from sample_city import CORE, DATASETS, figures, generate, layouts, lines, projections, records, sources
from tests.ingestion.readers.helpers import rows_of

from .conftest import City
from .test_generate import digests
from .whole import RATIOS

PERSONS = 1000
SEED = 36
"""A city so small has rows of every dataset in both months with some seeds only."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Two deliveries of every dataset."""
    out = tmp_path_factory.mktemp("whole")
    generate(PERSONS, SEED, out, periods=2)
    return City(out)


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> tuple[City, int]:
    """One delivery of a city large enough for shares to show."""
    out, persons = tmp_path_factory.mktemp("larger"), 20_000
    generate(persons, 3, out)
    return City(out), persons


# ---- which and how many -----------------------------------------------------------------------------------
def test_every_dataset_has_its_contract() -> None:
    folder = Path(__file__).parents[2] / "ingestion" / "sources"
    contracts = {f"{p.parent.parent.name}.{p.parent.name}" for p in folder.glob("*/*/contract.yaml")}
    assert set(CORE) < set(DATASETS) <= contracts
    assert len(DATASETS) == len(RATIOS) == 35


def test_every_dataset_comes_and_each_delivery_as_it_should(whole: City) -> None:
    files = whole.truth("file").filter(pl.col("kind") == "data")
    first, second = (files.filter(pl.col("period") == p) for p in (1, 2))
    assert set(first["source"]) == set(RATIOS)
    once = {
        "zongzhi/网格", "gongan/警务网格", "chengguan/城管网格", "dangjian/党建网格", "huanwei/环卫网格",
        "minzheng/服务设施", "chengguan/市政部件", "dangjian/党群服务中心",
    }  # fmt: skip
    again = {"canlian/残疾人证"}
    assert set(second["source"]) == set(RATIOS) - once - again
    assert first.filter(pl.col("source") == "shuiwudian/水电气用量").height == 3
    assert second.filter(pl.col("source") == "shuiwudian/水电气用量").height == 1
    changed = {"gongan/流动人口", "shuiwu/纳税"}
    kinds = {p: dict(f.select("source", "delivery").iter_rows()) for p, f in ((1, first), (2, second))}
    assert {s for s, k in kinds[2].items() if k != kinds[1][s]} == changed
    counts = whole.truth("expected_counts").group_by("period", "source").agg(pl.col("data_rows").sum())
    rows = {(p, s): n for p, s, n in counts.iter_rows()}
    for source in changed:
        assert rows.get((2, source), 0) < 0.2 * rows[1, source]
    person = pl.concat([whole.truth("mention"), whole.truth("mention_role")], how="diagonal")
    assert {"renshe/社保参保", "zhujian/房屋", "jiaoyu/学籍"} <= set(
        person.filter(pl.col("person_key") != "")["source"]
    )


@pytest.mark.parametrize("source", sorted(RATIOS))
def test_rows_bytes_and_defects_are_those_of_the_sample(larger: tuple[City, int], source: str) -> None:
    """Within 10 %, and where there are few, within what chance allows (three standard deviations of the count)."""
    city, persons = larger
    wanted, per = RATIOS[source], persons / 1000

    def near(found: float | Decimal, share: float) -> bool:
        expected = share * per
        return abs(float(found) - expected) <= max(0.1 * expected, 3 * math.sqrt(expected * wanted.together))

    counts = city.truth("expected_counts").filter(pl.col("source") == source)
    assert near(counts["data_rows"].sum(), wanted.rows)
    assert near(city.truth("defect").filter(pl.col("source") == source).height, wanted.defects)
    if wanted.bytes is not None:
        files = city.truth("file").filter((pl.col("source") == source) & (pl.col("kind") == "data"))["file"]
        size = sum((city.out / f).stat().st_size for f in files)
        assert size / counts["data_rows"].sum() == pytest.approx(wanted.bytes / wanted.rows, rel=0.1)


def test_only_the_datasets_asked_for(tmp_path: Path) -> None:
    generate(300, 2, tmp_path / "a", datasets=["yibao.canbao", "gongan.changzhu"])
    generate(300, 2, tmp_path / "b")
    made, every = digests(tmp_path / "a" / "landing"), digests(tmp_path / "b" / "landing")
    assert {k.split("/")[0] for k in made} >= {"yibao", "gongan"}
    assert not [k for k in made if k.startswith(("renshe", "weijian", "shuiwudian"))]
    assert made.items() <= every.items()
    with pytest.raises(ValueError, match=r"no such dataset: gongan\.nobody"):
        generate(300, 2, tmp_path / "c", datasets=["gongan.nobody"])


def test_same_arguments_give_the_same_bytes(whole: City, tmp_path: Path) -> None:
    generate(PERSONS, SEED, tmp_path, periods=2)
    assert digests(tmp_path) == digests(whole.out)


@pytest.mark.parametrize("persons", [10, 40])
def test_the_smallest_whole_city(tmp_path: Path, persons: int) -> None:
    generate(persons, 2, tmp_path, periods=3)
    assert len(list((tmp_path / "landing").iterdir())) >= 20


# ---- the project's own reader -----------------------------------------------------------------------------
@pytest.mark.parametrize("period", [1, 2])
def test_the_project_reads_every_row_of_every_dataset(whole: City, tmp_path: Path, period: int) -> None:
    """File, sheet, row number and kind of every row equal the answer key; blank lines are counted only."""
    files = whole.truth("file").filter((pl.col("kind") == "data") & (pl.col("period") == period))["file"]
    mention = whole.truth("mention").partition_by("file", as_dict=True)
    wrong = {}
    for i, file in enumerate(files):
        known = mention.get((file,), mention[files[0],].clear())
        wanted = {(s, n): k for s, n, k in known.select("sheet", "row_number", "row_kind").iter_rows()}
        rows, blank = rows_of(whole.out / file, tmp_path / str(i))
        if {k: v for k, v in wanted.items() if v != "blank"} != rows or Counter(wanted.values())["blank"] != blank:
            wrong[file] = (len(wanted), len(rows), blank)
    assert not wrong
    assert len(files) > 25


def test_the_contracts_recognise_every_file(whole: City, tmp_path: Path) -> None:
    """An intake takes every delivery under the dataset that it is of, and refuses planted noise only."""
    from townlake import steps
    from warehouse.home import Home

    home = Home.throwaway(tmp_path / "home").prepare()
    found, receipts = steps.ingest(home, whole.out / "landing")
    files = whole.truth("file").filter(pl.col("period") == 1)
    noise = files.filter(pl.col("kind").is_in(["unknown", "corrupt", "password", "empty", "unsafe"]))["file"]
    refused = {f"landing/{r['file']}" for r in receipts if r["status"] == "refused"}
    assert refused <= set(noise)
    assert {r["dataset"] for r in receipts if r["status"] != "refused"} >= set(DATASETS)
    assert found.claims


# ---- cells ------------------------------------------------------------------------------------------------
def test_damage_is_in_the_files_as_logged(whole: City) -> None:
    """Of the formats the other tests do not read: bars, UTF-16, marks, DBF, JSON, zipped."""
    from .parse import cells

    defect = whole.truth("defect").filter(~pl.col("column").str.contains(r"[*+]"))
    kept = {"other_encoding", "undecodable_bytes", "date_1904_workbook"}
    checked: Counter[str] = Counter()
    for (file, sheet), logged in defect.filter(~pl.col("kind").is_in(kept)).group_by("file", "sheet"):
        found = cells(whole.out / str(file), str(sheet))
        for row, column, damaged, kind in logged.select("row_number", "column", "damaged", "kind").iter_rows():
            cell = found[row][column]
            if kind.startswith("id_excel") and cell != damaged:
                assert float(cell) == float(damaged)
            elif str(file).endswith("dbf"):  # filled up with spaces
                assert cell.rstrip(" ") == damaged.rstrip(" "), (file, row, column, kind)
            else:
                assert cell == damaged, (file, row, column, kind)
            checked[str(file).rsplit(".", 1)[1]] += 1
    assert set(checked) >= {"csv", "txt", "zip", "dbf", "jsonl", "xlsx", "xls"}


def test_the_dates_of_a_1904_workbook(whole: City) -> None:
    path = next((whole.out / "landing/jiaoyu").glob("*.xlsx"))
    book = openpyxl.load_workbook(path)
    assert book.epoch.year == 1904
    logged = whole.truth("defect").filter((pl.col("kind") == "date_1904_workbook") & (pl.col("period") == 1))
    sheet, row, original = logged.select("sheet", "row_number", "original").row(0)
    day = book[sheet].cell(row, 4).value
    assert isinstance(day, dt.datetime)
    assert day.date().isoformat() == original


def test_merged_cells_of_a_firm(whole: City) -> None:
    path = next((whole.out / "landing/yingji").glob("*.xlsx"))
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    merged = {str(r) for r in sheet.merged_cells.ranges}
    below = whole.truth("defect").filter((pl.col("kind") == "vertically_merged") & (pl.col("period") == 1))
    for row in below["row_number"]:
        assert sheet.cell(row, 2).value is None
        assert any(sheet.cell(row, 2).coordinate in r for r in sheet.merged_cells.ranges)
    assert len(merged) > below.height


# ---- the answer key ---------------------------------------------------------------------------------------
def test_keys_of_all_tables_refer_to_something(whole: City) -> None:
    mention = whole.truth("mention")
    known = {
        "org_key": whole.truth("organisation"),
        "place_key": whole.truth("place"),
        "facility_key": whole.truth("facility"),
        "event_key": whole.truth("event"),
        "person_key": whole.truth("person"),
    }
    for key, table in known.items():
        assert set(mention[key]) - {""} <= set(table[key]), key
    assert whole.truth("organisation").filter(pl.col("period") == 1)["uscc"].is_unique().all()
    person = whole.truth("person")
    assert set(person["school_org"]) - {""} <= set(whole.truth("organisation")["org_key"])
    told = mention.filter(pl.col("event_key") != "").group_by("event_key").len()
    event = whole.truth("event").join(told, on="event_key")
    assert event.height == whole.truth("event").height
    assert (event["mentions"] == event["len"]).all()
    burst = whole.truth("burst")
    assert burst["reports"].sum() == event.filter(pl.col("burst") != "")["mentions"].sum()
    tagged = whole.truth("tag").filter(pl.col("tag") == "hazardous_chemicals")["subject_key"]
    assert set(tagged) == set(mention.filter(pl.col("source") == "yingji/危化企业隐患")["org_key"])
    cluster = whole.truth("event_cluster")
    assert cluster["channels"].max() == 3
    assert set(cluster["event_key"]) == set(event.filter(pl.col("mentions") > 1)["event_key"])


def test_overlaps_add_up_to_the_area_of_the_grids(whole: City) -> None:
    """A base grid is covered by the grids of another line exactly once: both fill their towns."""
    overlap, grid = whole.truth("grid_overlap"), whole.truth("grid")
    assert set(grid["line"]) == {"zongzhi", *lines.LINES}
    base = overlap.filter((pl.col("line_a") == "zongzhi") & (pl.col("line_b") == "chengguan"))
    covered = base.group_by("grid_a").agg(pl.col("share_of_a").sum())
    assert covered["share_of_a"].max() < 1.01  # type: ignore[operator]
    assert covered["share_of_a"].min() > 0.99  # type: ignore[operator]
    areas = dict(grid.select("grid_code", "area_m2").iter_rows())
    for code, area, share in base.select("grid_a", "area_m2", "share_of_a").head(50).iter_rows():
        assert area == pytest.approx(areas[code] * share, rel=0.02, abs=200)


@pytest.mark.shared
def test_schema_of_the_other_tables_is_that_of_the_shared_city(whole: City, shared: Path) -> None:
    names = (
        "facility",
        "industry",
        "grid_overlap",
        "event_cluster",
        "organisation",
        "person",
        "grid",
        "event",
        "burst",
    )
    for name in names:
        theirs = pl.read_parquet_schema(shared / "sample_city" / "truth" / f"{name}.parquet")
        assert dict(pl.read_parquet_schema(whole.out / "truth" / f"{name}.parquet")) == dict(theirs), name


# ---- parts ------------------------------------------------------------------------------------------------
def test_common_area_of_two_trapezoids() -> None:
    square = lines.Shape(np.array([[0.0, 2.0]]), np.array([[0.0, 2.0, 0.0, 2.0]]))
    leaning = lines.Shape(np.array([[0.0, 2.0]]), np.array([[0.0, 2.0, 2.0, 4.0]]))
    apart = lines.Shape(np.array([[5.0, 6.0]]), np.array([[0.0, 2.0, 0.0, 2.0]]))
    assert lines.common_area(square, square)[0] == pytest.approx(4.0)
    assert lines.common_area(square, leaning)[0] == pytest.approx(2.0)
    assert lines.common_area(square, apart)[0] == 0.0


def test_vendors_coordinates_lie_as_far_off_as_published() -> None:
    """GCJ-02 is some hundreds of metres off, BD-09 about a kilometre; known values to a few metres."""
    lon, lat = np.array([116.404]), np.array([39.915])
    x, y = projections.gcj02(lon, lat)
    assert (x[0], y[0]) == (pytest.approx(116.41024, abs=5e-5), pytest.approx(39.91640, abs=5e-5))
    x, y = projections.bd09(lon, lat)
    assert (x[0], y[0]) == (pytest.approx(116.41662, abs=5e-5), pytest.approx(39.92269, abs=5e-5))


def test_a_field_of_a_dbf_is_as_wide_as_it_says(tmp_path: Path) -> None:
    from datetime import date

    writer = records.DbfWriter(tmp_path / "a.dbf", [("名", "C", 6, 0), ("数", "N", 5, 1)], date(2026, 10, 31))
    rows = pl.DataFrame({"名": ["王伟", "王𬭎", "欧阳王伟", "ab"], "数": ["1.5", "22.0", "3.0", "4.0"]})
    writer.write(rows, np.array([layouts.PLAIN, layouts.PLAIN, layouts.DELETED, layouts.PLAIN]), "", "")
    writer.close()
    data = (tmp_path / "a.dbf").read_bytes()
    body = data[int.from_bytes(data[8:10], "little") : -1]
    assert int.from_bytes(data[4:8], "little") == 4
    assert [body[i : i + 12].decode("gbk") for i in range(0, 48, 12)] == [
        " 王伟    1.5", " 王?    22.0", "*欧阳王  3.0", " ab      4.0",
    ]  # fmt: skip


def test_a_workbook_goes_on_in_a_further_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import date

    monkeypatch.setattr(layouts, "XLSX_MAX_ROWS", 10)
    book = layouts.XlsxWriter(tmp_path / "a.xlsx", headers=[["号"]], merges=[], kinds=["text"], day=date(2026, 10, 31))
    numbers, sheets = [], []
    for low in (0, 7):
        rows = pl.DataFrame({"号": [str(i) for i in range(low, low + 7)]})
        n, s = book.write(rows, np.zeros(7, dtype=np.int64), "册", "")
        numbers += n.tolist()
        sheets += s.to_list()
    book.close()
    assert numbers == [*range(2, 11), *range(2, 7)]
    assert sheets == ["册"] * 9 + ["册（续1）"] * 5
    found = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert found["册（续1）"].cell(6, 1).value == "13"


def test_numbers_of_units_do_not_repeat() -> None:
    assert figures.numbers(np.arange(400_000)).n_unique() == 400_000


def test_sources_are_found_by_the_names_of_their_contracts() -> None:
    assert [s.name for s in sources.every(["yibao.canbao"])] == ["yibao/医保参保"]
    assert len(sources.every()) == len(DATASETS) + 2  # three months of meters


def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    """Eight times as many people may need no more than three times the memory, in processes of their own."""
    peaks = []
    for persons in (5_000, 40_000):
        code = (
            "import pathlib, re, sample_city;"
            f"sample_city.generate({persons}, 1, pathlib.Path({str(tmp_path / str(persons))!r}));"
            # the kernel's own maximum would be that of the process that started this one
            "print(re.search(r'VmHWM:\\s*(\\d+)', pathlib.Path('/proc/self/status').read_text())[1])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < 3 * peaks[0]
    assert peaks[1] < 1_500_000
