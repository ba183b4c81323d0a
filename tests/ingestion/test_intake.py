"""Taking files: drift of columns, several tables, and the same table saved again under other bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion import intake, landing
from ingestion.receipts import known_receipts
from tests.ingestion.helpers import drop, write_contract
from townlake import report, steps
from warehouse.home import Home
from warehouse.lake import reading

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


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_copies_in_one_intake_the_best_name_is_the_delivery(
    home: Home, sources: Path, order: tuple[int, ...]
) -> None:
    """Whichever is read first; receipts and raw are those of an intake in the best order."""
    write_contract(sources, None, delivery=AS_OF)
    rows = [HEADER, *ROWS]
    copies = {
        "表_20261031.csv": text_of(rows).encode(),
        "复件 表_20261031.csv": text_of(rows).encode("gb18030"),
        "表（另存）_20261031.xlsx": xlsx_of(rows),
    }
    folder = home.landing / "ceshi"
    folder.mkdir(parents=True)
    for name, data in copies.items():
        (folder / name).write_bytes(data)
    (folder / "表_20261031(1).csv").write_bytes(copies["表_20261031.csv"])
    claims = {c.file.removeprefix("ceshi/"): c for c in steps.scan(home).claims}
    names = list(copies)
    for n in order:
        steps.take(home, claims[names[n]])
    known = {r["file"].removeprefix("ceshi/"): r for r in known_receipts(home).values()}
    assert {name: r["status"] for name, r in known.items()} == dict(
        zip(names, ["taken", "identical", "identical"], strict=True)
    )
    assert known[names[0]]["aliases"] == sorted(f"ceshi/{n}" for n in ("表_20261031(1).csv", *names[1:]))
    for name in names[1:]:
        assert known[name]["same_content_as"]["file"] == f"ceshi/{names[0]}"
        assert known[name]["aliases"] == []
        assert "raw" not in known[name]
        assert names[0] in page_of(home, known[name])
    assert [str(p.relative_to(home.root)) for p in home.raw.rglob("*.parquet")] == [known[names[0]]["raw"]]
    assert steps.scan(home).claims == []


def test_a_copy_that_comes_later_never_displaces_the_delivery(home: Home, sources: Path) -> None:
    write_contract(sources, None, delivery=AS_OF)
    drop(home, {"一个很长的名字_20261031.csv": text_of([HEADER, *ROWS]).encode()})
    (later,) = drop(home, {"表_20261031.csv": text_of([HEADER, *ROWS]).encode("gb18030")}).values()
    assert later["status"] == "identical"


def test_a_registered_delivery_that_became_an_alias_is_withdrawn(home: Home, sources: Path) -> None:
    """A build may have begun while an intake was still going on."""
    write_contract(sources, None, delivery=AS_OF)
    folder = home.landing / "ceshi"
    folder.mkdir(parents=True)
    (folder / "表_20261031.csv").write_bytes(text_of([HEADER, *ROWS]).encode())
    (folder / "复件 表_20261031.csv").write_bytes(text_of([HEADER, *ROWS]).encode("gb18030"))
    good, copy = sorted(steps.scan(home).claims, key=lambda c: "复件" in c.file)
    steps.take(home, copy)
    steps.register(home)
    steps.take(home, good)
    steps.register(home)
    with reading(home, tip=True) as con:
        found = con.execute("select file, status from lake.foundation.delivery order by status").fetchall()
    assert found == [(good.file, "taken"), (copy.file, "withdrawn")]


# ---- the same bytes for another day ------------------------------------------------------------------------------------------

SAME = text_of([HEADER, *ROWS]).encode()


def by_name(home: Home) -> dict[str, dict[str, Any]]:
    return {str(r["file"]).removeprefix("ceshi/"): r for r in known_receipts(home).values()}


def days_in_raw(home: Home, receipt: dict[str, Any]) -> list[tuple[str, str, str]]:
    frame = pl.read_parquet(home.root / receipt["raw"])
    return frame.select("file", "delivery_id", pl.col("delivered_on").cast(pl.Utf8)).unique().rows()


def test_the_same_bytes_under_a_later_day_are_a_statement_of_their_own(home: Home, sources: Path) -> None:
    write_contract(sources, None, delivery=AS_OF)
    (first,) = drop(home, {"表_20261031.csv": SAME}).values()
    (later,) = drop(home, {"表_20261130.csv": SAME}).values()
    sha = hashlib.sha256(SAME).hexdigest()
    assert first["delivery_id"] == sha
    assert (later["status"], later["delivered_on"], later["sha256"]) == ("taken", "2026-11-30", sha)
    assert later["delivery_id"] == hashlib.sha256(f"{sha}|2026-11-30".encode()).hexdigest()
    assert later["same_content_as"]["delivery_id"] == sha
    assert later["archive"] == first["archive"]
    assert len([p for p in home.archive.rglob("*") if p.is_file()]) == 1
    assert days_in_raw(home, later) == [("ceshi/表_20261130.csv", later["delivery_id"], "2026-11-30")]
    page = page_of(home, later)
    assert "2026年10月31日" in page
    assert sha in page
    assert by_name(home)["表_20261031.csv"]["aliases"] == []
    assert drop(home, {}) == {}
    assert drop(home, {"表_20261130(1).csv": SAME, "复件 表_20261031.csv": SAME, "表.csv": SAME}) == {}
    assert by_name(home)["表_20261130.csv"]["aliases"] == ["ceshi/表_20261130(1).csv"]
    assert by_name(home)["表_20261031.csv"]["aliases"] == ["ceshi/复件 表_20261031.csv", "ceshi/表.csv"]


def test_what_came_without_a_day_is_stated_again_only_for_a_later_one(home: Home, sources: Path) -> None:
    write_contract(sources, None, delivery=AS_OF)
    (first,) = drop(home, {"表.csv": SAME}).values()
    assert first["delivered_on_from"] == "intake"
    assert drop(home, {"表_20001031.csv": SAME}) == {}
    assert [r["delivered_on"] for r in drop(home, {"表_29991031.csv": SAME}).values()] == ["2999-10-31"]


def test_names_of_several_days_may_come_at_once(home: Home, sources: Path) -> None:
    write_contract(sources, None, delivery=AS_OF)
    names = ["表_20261031.csv", "表_20261130.csv", "复件 表_20261130.csv", "表_20261231.csv"]
    receipts = drop(home, dict.fromkeys(names, SAME))
    assert {n: (r["status"], r["delivered_on"], r["aliases"]) for n, r in receipts.items()} == {
        "表_20261031.csv": ("taken", "2026-10-31", []),
        "表_20261130.csv": ("taken", "2026-11-30", ["ceshi/复件 表_20261130.csv"]),
        "表_20261231.csv": ("taken", "2026-12-31", []),
    }
    assert drop(home, {}) == {}


def test_killed_between_two_days_the_second_is_taken_up_again(
    home: Home, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_contract(sources, None, delivery=AS_OF)
    with monkeypatch.context() as patch:
        patch.setattr(intake, "_stated_again", lambda *_: [])
        drop(home, {"表_20261031.csv": SAME, "表_20261130.csv": SAME})
    assert sorted(by_name(home)) == ["表_20261031.csv"]
    assert sorted(drop(home, {})) == ["表_20261130.csv"]
    assert drop(home, {}) == {}


def test_changes_and_days_in_the_title_are_stated_once(home: Home, sources: Path) -> None:
    """A delta says what happened, not what holds; a day in the title is in the bytes."""
    write_contract(sources, None, delivery={**AS_OF, "kind": "delta"})
    drop(home, {"表_20261031.csv": SAME})
    assert drop(home, {"表_20261130.csv": SAME}) == {}
    titled = [{"from": "title", "pattern": r"(?P<year>\d{4})年(?P<month>\d{1,2})月"}, *AS_OF["asOf"]]
    write_contract(sources, None, delivery={"asOf": titled})
    data = text_of([["截至2026年10月的花名册", "", "", ""], *[HEADER, *ROWS]]).encode()
    (first,) = drop(home, {"册_20261031.csv": data}).values()
    assert first["delivered_on_from"] == "title"
    assert drop(home, {"册_20261130.csv": data}) == {}


def test_a_member_of_an_archive_states_its_day(home: Home, sources: Path) -> None:
    write_contract(sources, None, delivery=AS_OF)
    drop(home, {"表_20261031.csv": SAME})
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("表_20261130.csv", SAME)
    drop(home, {"十一月.zip": memory.getvalue()})
    later = by_name(home)["十一月.zip/表_20261130.csv"]
    assert (later["status"], later["delivered_on"]) == ("taken", "2026-11-30")
    assert by_name(home)["十一月.zip"]["members"][0]["delivery_id"] == later["delivery_id"]


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
