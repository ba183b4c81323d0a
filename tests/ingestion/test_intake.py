"""Taking files: drift of columns, several tables, and the same table saved again under other bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion import landing
from ingestion.receipts import known_receipts
from tests.ingestion.helpers import drop, write_contract
from townlake import report, steps
from warehouse.home import Home

AS_OF = {"asOf": [{"from": "file_name", "pattern": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"}]}
HEADER = ["编号", "姓名", "born", "changed_at"]
ROWS = [[f"{n:03d}", f"王{n}", f"19{n:02d}-01-02", f"2026-10-{n:02d}"] for n in range(1, 21)]


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "STABLE_SECONDS", 0.1)


def text_of(rows: list[list[str]], *, delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL, end: str = "\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    return out.getvalue()


def xlsx_of(rows: list[list[str]], top: int = 0) -> bytes:
    memory = io.BytesIO()
    book = xlsxwriter.Workbook(memory, {"in_memory": True})
    page = book.add_worksheet("花名册")
    for r, row in enumerate(rows, start=top):
        for c, cell in enumerate(row):
            page.write_string(r, c, cell) if cell else None
    book.close()
    return memory.getvalue()


def xls_of(rows: list[list[str]]) -> bytes:
    book = xlwt.Workbook()
    page = book.add_sheet("表一")
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            if cell:
                page.write(r, c, cell)
    memory = io.BytesIO()
    book.save(memory)
    return memory.getvalue()


def page_of(home: Home, receipt: dict[str, Any]) -> str:
    return next(home.outbox.glob(f"ceshi/*{receipt['delivery_id'][:12]}.html")).read_text(encoding="utf-8")


# ---- the same table under other bytes -----------------------------------------------------------------------------------

RE_SAVINGS: dict[str, Callable[[list[list[str]]], bytes]] = {
    "gb18030": lambda rows: text_of(rows, end="\r\n").encode("gb18030"),
    "bom": lambda rows: text_of(rows).encode("utf-8-sig"),
    "utf16": lambda rows: text_of(rows).encode("utf-16"),
    "semicolons": lambda rows: text_of(rows, delimiter=";", quoting=csv.QUOTE_ALL).encode(),
    "tabs": lambda rows: text_of(rows, delimiter="\t").encode(),
    "xlsx": xlsx_of,
    "moved": lambda rows: xlsx_of([["花名册（合并前）", "", "", ""], *rows], 2),
    "xls": xls_of,
    "sorted": lambda rows: text_of([rows[0], *rows[:0:-1]]).encode(),
    "columns": lambda rows: text_of([row[::-1] for row in rows]).encode(),
}


@pytest.mark.parametrize("saving", sorted(RE_SAVINGS))
def test_a_table_saved_again_is_an_alias_of_the_first(home: Home, sources: Path, saving: str) -> None:
    write_contract(sources, None, delivery=AS_OF)
    (first,) = drop(home, {"表_20261031.csv": text_of([HEADER, *ROWS]).encode()}).values()
    (again,) = drop(home, {f"另存_20261031.{saving}": RE_SAVINGS[saving]([HEADER, *ROWS])}).values()
    assert (first["status"], again["status"]) == ("taken", "identical")
    assert again["same_content_as"]["delivery_id"] == first["delivery_id"]
    assert "raw" not in again
    assert len(list(home.raw.rglob("*.parquet"))) == 1
    known = known_receipts(home)[first["delivery_id"]]
    assert known["aliases"] == [f"ceshi/另存_20261031.{saving}"]
    assert "完全相同" in page_of(home, again)
    assert f"另存_20261031.{saving}" in page_of(home, known)
    assert drop(home, {}) == {}


CELL = st.text(st.sampled_from("烟台王伟䶮abX 019-,;'\"\n|"), max_size=6).filter(lambda t: t == t.strip())


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=3, max_size=12), st.data())
def test_any_table_saved_again_is_recognised_and_any_change_is_not(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    cells: list[tuple[str, ...]],
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("again")
    monkeypatch.setenv("TOWNLAKE_SOURCES", str(folder / "sources"))
    write_contract(folder / "sources", None, delivery=AS_OF)
    home = Home.at(folder / "home").prepare()
    rows = [HEADER, *([f"{n:03d}", *row] for n, row in enumerate(cells, start=1))]
    changed = [list(row) for row in rows]
    at = data.draw(st.integers(1, len(cells))), data.draw(st.integers(1, 3))
    changed[at[0]][at[1]] = "改" + changed[at[0]][at[1]][1:]
    first, again = (
        RE_SAVINGS[data.draw(st.sampled_from(["gb18030", "bom", "semicolons", "xlsx", "xls"]))] for _ in "ab"
    )
    if first(rows) == again(rows):
        return
    assert drop(home, {"a_20261031": first(rows)})["a_20261031"]["status"] == "taken"
    assert drop(home, {"b_20261031": again(rows)})["b_20261031"]["status"] == "identical"
    assert drop(home, {"c_20261031": again(changed)})["c_20261031"]["status"] == "taken"
    assert drop(home, {"d_20261031": again([*rows, rows[1]])})["d_20261031"]["status"] == "taken"


def test_two_savings_in_one_intake_are_one_delivery(home: Home, sources: Path) -> None:
    write_contract(sources, None, delivery=AS_OF)
    rows = [HEADER, *ROWS]
    saved = {f"表_20261031.{name}": save(rows) for name, save in RE_SAVINGS.items()}
    receipts = drop(home, saved).values()
    assert sorted(r["status"] for r in receipts) == ["identical"] * (len(saved) - 1) + ["taken"]
    (first,) = [r for r in known_receipts(home).values() if r["status"] == "taken"]
    assert len(first["aliases"]) == len(saved) - 1
    assert steps.register(home)


def test_the_same_content_on_a_later_day_is_a_delivery_that_says_so(home: Home, sources: Path) -> None:
    write_contract(sources, None, delivery=AS_OF)
    drop(home, {"表_20261031.csv": text_of([HEADER, *ROWS]).encode()})
    (later,) = drop(home, {"表_20261130.xlsx": xlsx_of([HEADER, *ROWS])}).values()
    assert (later["status"], later["delivered_on"]) == ("taken", "2026-11-30")
    assert later["same_content_as"]["delivered_on"] == "2026-10-31"
    page = page_of(home, later)
    assert "完全相同" in page
    assert "2026年10月31日" in page


def test_tables_without_rows_are_not_alike(home: Home, sources: Path) -> None:
    write_contract(sources, None, delivery=AS_OF)
    drop(home, {"a_20261031.csv": text_of([HEADER]).encode()})
    (second,) = drop(home, {"b_20261031.csv": text_of([HEADER], quoting=csv.QUOTE_ALL).encode()}).values()
    assert second["status"] != "identical"


def test_the_summary_names_what_came_again(home: Home, sources: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_contract(sources, None, delivery=AS_OF)
    folder = home.landing / "ceshi"
    folder.mkdir(parents=True)
    (folder / "a_20261031.csv").write_text(text_of([HEADER, *ROWS]), encoding="utf-8")
    (folder / "b_20261031.csv").write_text(text_of([HEADER, *ROWS]), encoding="gb18030")
    answer = report.ingest_summary(home, *steps.ingest(home))
    assert (answer["taken"], len(answer["identical"])) == (1, 1)
    report.print_ingest(answer)
    assert "内容完全相同" in capsys.readouterr().out


# ---- drift ------------------------------------------------------------------------------------------------------------------


def test_an_extra_column_is_rescued_and_reported(home: Home, sources: Path) -> None:
    write_contract(sources, None)
    (receipt,) = drop(
        home, {"a.csv": text_of([[*HEADER, "录入人"], *([*row, f"录{row[0]}"] for row in ROWS)]).encode()}
    ).values()
    assert receipt["columns"][0]["rescued"] == ["录入人"]
    frame = pl.read_parquet(home.root / receipt["raw"])
    assert json.loads(frame["_extra"][0]) == {"录入人": "录001"}
    page = page_of(home, receipt)
    assert "多出的列" in page
    assert "录入人" in page


def test_the_two_roads_write_the_same_rescued_text(home: Home, sources: Path) -> None:
    """A text of more than a megabyte takes another road than a workbook; what they rescue is the same text."""
    write_contract(sources, None)
    more = ['说 "好"', "换\n行", "反\\斜", "䶮", "", "a/b"]
    rows = [
        [*HEADER, "甲", "乙"],
        *([f"{n}", f"王{n}", "x" * 40, "y", more[n % 6], more[n % 5]] for n in range(15_000)),
    ]
    receipts = drop(home, {"a.csv": text_of(rows).encode(), "b.xlsx": xlsx_of(rows)})
    assert sorted(r["status"] for r in receipts.values()) == ["identical", "taken"]


def test_a_renamed_column_is_matched_only_through_an_alias(home: Home, sources: Path) -> None:
    renamed = text_of([["编号", "称谓", *HEADER[2:]], *ROWS]).encode()
    write_contract(sources, None)
    (receipt,) = drop(home, {"a.csv": renamed}).values()
    assert (receipt["status"], receipt["code"]) == ("refused", "unknown_dataset")
    assert "姓名" in receipt["reason_zh"]
    assert receipt["nearest"][0]["missing"] == ["姓名"]
    page = page_of(home, receipt)
    assert "测试表" in page
    assert "姓名" in page
    write_contract(sources, None, aliases={"name": ["称谓"]})
    (receipt,) = drop(home, {}).values()
    assert receipt["status"] == "taken"
    assert receipt["columns"][0]["matched"]["称谓"] == "name"
    assert "称谓" in page_of(home, receipt)


def test_a_missing_optional_column_is_accepted_and_reported(home: Home, sources: Path) -> None:
    write_contract(sources, None)
    (receipt,) = drop(home, {"a.csv": text_of([HEADER[:3], *(row[:3] for row in ROWS)]).encode()}).values()
    assert (receipt["status"], receipt["columns"][0]["missing"]) == ("taken", ["changed_at"])
    assert "约定的列没有出现" in page_of(home, receipt)


@pytest.mark.parametrize(
    ("drift", "rows", "told"),
    [
        ({"extraColumn": "refuse"}, [[*HEADER, "录入人"], *([*row, "x"] for row in ROWS)], ("extra_column", "录入人")),
        ({"missingOptionalColumn": "refuse"}, [row[:3] for row in [HEADER, *ROWS]], ("missing_column", "changed_at")),
    ],
)
def test_a_strict_contract_refuses_and_names_the_column(
    home: Home, sources: Path, drift: dict[str, str], rows: list[list[str]], told: tuple[str, str]
) -> None:
    code, named = told
    write_contract(sources, None, drift=drift)
    (receipt,) = drop(home, {"a.csv": text_of(rows).encode()}).values()
    assert (receipt["status"], receipt["code"]) == ("refused", code)
    assert named in receipt["reason_zh"]
    assert named in page_of(home, receipt)


# ---- several tables -----------------------------------------------------------------------------------------------------------


def test_of_tables_beside_and_below_those_of_the_dataset_are_taken_and_the_others_named(
    home: Home, sources: Path
) -> None:
    write_contract(sources, None)
    other = [["设备", "数量", "单价"], ["水泵", "2", "30.5"], ["电机", "1", "99"]]
    beside = [[*row, "", *(other[n] if n < 3 else ["", "", ""])] for n, row in enumerate([HEADER, *ROWS])]
    below = [[], ["月份", "户数", "金额"], ["一月", "5", "100"], ["二月", "6", "120"]]
    (receipt,) = drop(home, {"a.xlsx": xlsx_of([*beside, *below])}).values()
    assert (receipt["status"], receipt["rows"]["data"]) == ("taken", len(ROWS))
    assert [(t["first_row"], t["first_column"], t["columns"]) for t in receipt["tables_not_taken"]] == [
        (1, 6, other[0]), (23, 1, below[1]),
    ]  # fmt: skip
    assert pl.read_parquet(home.root / receipt["raw"])["_extra"].null_count() == len(ROWS)
    page = page_of(home, receipt)
    assert "第 23 行起：月份、户数、金额" in page
    assert "第 6 列起：设备、数量、单价" in page


def test_a_second_table_deep_in_a_large_text_is_named_and_not_mixed_in(home: Home, sources: Path) -> None:
    write_contract(sources, None)
    rows = [
        HEADER,
        *([f"{n}", f"王{n % 9}", "1990-01-02", f"2026-10-{n % 28 + 1:02d}" + "x" * 50] for n in range(120_000)),
    ]
    other = [["设备", "型号", "日期", "数量"], *([f"泵{n}", "甲", "2020-01-02", f"{n}"] for n in range(50))]
    (receipt,) = drop(home, {"a.csv": (text_of(rows) + "\n" + text_of(other)).encode()}).values()
    assert receipt["bytes"] > 8 << 20
    assert receipt["rows"]["data"] == 120_000
    assert [(t["first_row"], t["columns"]) for t in receipt["tables_not_taken"]] == [(120_003, other[0])]
