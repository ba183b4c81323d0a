"""The review workbook: written, filled in as a clerk would (and as a clerk should not), read back and taken up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from ingestion import intake
from ingestion.contracts import Contracts
from ingestion.files import sha256_of
from ingestion.landing import Claim
from ingestion.review import MANIFEST, SHEET
from ingestion.sealed import secret
from townlake import steps
from townlake.review import answer, ledger
from townlake.review.doubtful import Doubt, pair_id
from townlake.review.workbook import manifest_of, workbook
from warehouse import builds, reviews
from warehouse.home import Home
from warehouse.lake import writing

HOSTILE = '=HYPERLINK("http://x","y")'


def doubt(left: str, right: str, **said: Any) -> Doubt:
    told = {"name": ["张三"], "phone": ["13812345678"], "sources": ["民政局 低保对象，2026-10-31"], **said}
    return Doubt(
        pair_id("person", left, right), "person", left, right, None, f"P{right}", 0.87, "相符之处还不够多，不能自动归并",
        (("姓名", "姓名相同", 20.0), ("电话", "电话不同", -1.8)), told, {**told, "name": ["张三", HOSTILE], "phone": ["1\n2"]},
    )  # fmt: skip


A, B, C, D, E = (letter * 32 for letter in "abcde")
AB, BC, AC, DE = doubt(A, B), doubt(B, C), doubt(A, C), doubt(D, E)


def written(home: Home, folder: Path, name: str = "核对表.xlsx", workbook_id: str = "w1") -> Path:
    path = folder / name
    manifest = manifest_of(workbook_id, "person", "2026-11-01T00:00:00+00:00")
    path.write_bytes(workbook(manifest, (AB, BC, AC, DE), secret(home)))
    return path


@pytest.fixture
def exported(home: Home, tmp_path: Path) -> Path:
    return written(home, tmp_path)


Cells = Callable[[Doubt, str], Any]
Change = Callable[[Any, Cells], None]


def handed_in(
    home: Home, path: Path, change: Change | None = None, at: str = "2026-11-02T00:00:00+00:00"
) -> dict[str, Any]:
    """The receipt of the workbook after `change` (book, cell by pair and heading)."""
    if change is not None:
        book = openpyxl.load_workbook(path)
        sheet = book[SHEET]
        column = {c.value: c.column for c in sheet[1]}
        row = {sheet.cell(r, 1).value: r for r in range(2, sheet.max_row + 1)}
        change(book, lambda pair, header: sheet.cell(row[pair.pair_id], column[header]))
        path = path.with_name(f"填{sum(1 for _ in path.parent.glob('*.xlsx'))}.xlsx")
        book.save(path)
    file = f"核对/{path.name}"
    claim = Claim(sha256_of(path), str(path), file, "核对", (), path.stat().st_size, at)
    return intake.take(home, claim, Contracts({}))[0]


def say(cell: Cells, pair: Doubt, verdict: str = "是同一人", by: str = "王核", reason: str = "") -> None:
    cell(pair, "判断").value, cell(pair, "核对人").value, cell(pair, "说明").value = verdict, by or None, reason or None


def problems(receipt: dict[str, Any]) -> dict[str, str]:
    return {p["pair_id"]: p["code"] for p in receipt["review"]["problems"]}


def test_decisions_are_taken_with_who_and_why(home: Home, exported: Path) -> None:
    def fill(book: Any, cell: Cells) -> None:
        say(cell, AB, reason="电话核实")
        say(cell, DE, "不是同一人", "李审")
        say(cell, BC, "无法判断")

    receipt = handed_in(home, exported, fill)
    assert receipt["status"] == "review"
    taken = pl.read_parquet(home.root / receipt["raw"])
    assert set(taken.select("left_content", "right_content", "verdict", "by", "reason").rows()) == {
        (A, B, "same", "王核", "电话核实"), (D, E, "other", "李审", None), (B, C, "unsure", "王核", None),
    }  # fmt: skip
    said = receipt["review"]
    assert (said["same"], said["other"], said["unsure"], said["blank"], said["refused"]) == (1, 1, 1, 1, 0)
    page = next((home.outbox / "核对").glob("*.html")).read_text(encoding="utf-8")
    assert "核对回执" in page
    assert AB.pair_id in page
    assert "13812345678" not in page
    assert "13812345678" not in json.dumps(receipt, ensure_ascii=False)


def test_an_untouched_workbook_brings_nothing(home: Home, exported: Path) -> None:
    receipt = handed_in(home, exported)
    assert (receipt["status"], receipt["raw"], receipt["review"]["blank"]) == ("review", None, 4)


def test_nothing_in_the_workbook_is_a_formula(exported: Path) -> None:
    book = openpyxl.load_workbook(exported)
    assert book[MANIFEST].sheet_state == "hidden"
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    assert any(HOSTILE in str(c.value) for c in cells)
    assert all(c.data_type == "s" for c in cells)
    assert all(c.protection.locked for row in book[SHEET].iter_rows(min_row=2, min_col=5) for c in row)
    assert not book[SHEET]["B2"].protection.locked


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("是同一人", "", ""), "unsigned"),
        (("", "王核", ""), "no_verdict"),
        (("", "", "看着像"), "no_verdict"),
        (("大概是", "王核", ""), "unknown_verdict"),
        (("=1+1", "王核", ""), "cell"),
    ],
)
def test_half_filled_pairs_are_not_taken(home: Home, exported: Path, given: tuple[str, str, str], code: str) -> None:
    def fill(book: Any, cell: Cells) -> None:
        say(cell, AB, *given)
        say(cell, DE)

    receipt = handed_in(home, exported, fill)
    assert problems(receipt) == {AB.pair_id: code}
    assert receipt["review"]["same"] == 1


@pytest.mark.parametrize("header", ["姓名", "证件号码", "来源", "可能性", "哪一方", "核对编号"])
def test_what_the_decision_rests_on_must_be_as_exported(home: Home, exported: Path, header: str) -> None:
    def fill(book: Any, cell: Cells) -> None:
        say(cell, AB)
        say(cell, DE)
        cell(AB, header).value = "FFFFFFFFFF"

    receipt = handed_in(home, exported, fill)
    assert set(problems(receipt).values()) == {"tampered"}
    assert receipt["review"]["same"] == 1


def test_the_hidden_sheet_is_sealed(home: Home, exported: Path) -> None:
    def swap(book: Any, cell: Cells) -> None:
        say(cell, AB)
        book[MANIFEST].cell(3, 3).value = E  # another content under the pair that was looked at

    assert problems(handed_in(home, exported, swap)) == {AB.pair_id: "tampered"}

    def other_entity(book: Any, cell: Cells) -> None:
        book[MANIFEST].cell(1, 3).value = "organisation"

    assert handed_in(home, exported, other_entity)["code"] == "review_tampered"

    def gone(book: Any, cell: Cells) -> None:
        del book[MANIFEST]

    assert handed_in(home, exported, gone)["code"] == "review_without_manifest"

    def renamed(book: Any, cell: Cells) -> None:
        book[SHEET]["B1"].value = "结论"

    assert handed_in(home, exported, renamed)["code"] == "review_header"


def test_another_lakehouses_workbook_is_refused(home: Home, exported: Path, tmp_path: Path) -> None:
    other = Home.throwaway(tmp_path / "other").prepare()
    assert handed_in(other, exported)["code"] == "review_tampered"


def test_a_pair_that_stands_twice_is_not_taken(home: Home, exported: Path) -> None:
    def copy(book: Any, cell: Cells) -> None:
        say(cell, AB)
        sheet = book[SHEET]
        for at in (0, 1):
            sheet.append([c.value for c in sheet[2 + at]])

    assert problems(handed_in(home, exported, copy))[AB.pair_id] == "twice"


def test_of_decisions_that_cannot_all_hold_none_is_taken(home: Home, exported: Path) -> None:
    def fill(book: Any, cell: Cells) -> None:
        say(cell, AB)
        say(cell, BC)
        say(cell, AC, "不是同一人")
        say(cell, DE)

    receipt = handed_in(home, exported, fill)
    assert problems(receipt) == {d.pair_id: "contradiction" for d in (AB, BC, AC)}
    assert all(BC.pair_id in p["reason_zh"] for p in receipt["review"]["problems"] if p["pair_id"] != BC.pair_id)
    assert receipt["review"]["same"] == 1


def test_the_same_workbook_twice_is_taken_once_and_a_changed_mind_again(home: Home, exported: Path) -> None:
    handed_in(home, exported, lambda book, cell: say(cell, AB))
    again = handed_in(home, exported, lambda book, cell: say(cell, AB, reason="又存了一次"))
    assert (again["raw"], again["review"]["repeated"]) == (None, 1)
    changed = handed_in(home, exported, lambda book, cell: say(cell, AB, "不是同一人"), at="2026-11-03T00:00:00+00:00")
    assert (changed["review"]["other"], changed["review"]["repeated"]) == (1, 0)


# ---- taken up by the lake -----------------------------------------------------------------------------------------------

UNITS = f"""
insert into lake.registry.person_link (content_id, unit_key, person_id)
select c, 'own|' || c, 'P' || c[1] from (values ('{A}'), ('{B}'), ('{C}'), ('{D}'), ('{E}')) as t(c)
"""


def decisions(con: Any) -> set[tuple[str, ...]]:
    return set(
        con.execute(
            "select left_content, right_content, verdict, decided_by from lake.registry.link_decision"
        ).fetchall()
    )


def test_a_workbook_is_taken_up_once_and_is_work_until_published(home: Home, exported: Path) -> None:
    steps.prepare_lake(home)
    receipt = handed_in(home, exported, lambda book, cell: say(cell, AB))
    with writing(home) as con:
        con.execute(UNITS)
        assert not builds.unpublished_work(con)
        assert ledger.waiting(con, [receipt]) == [receipt]
        assert (ledger.apply(con, home, [receipt]), ledger.apply(con, home, [receipt])) == (1, 0)
        assert decisions(con) == {(A, B, "same", "王核")}
        assert builds.unpublished_work(con)
        reviews.note_linked(con)
        assert builds.unpublished_work(con), "a build that was stopped after linkage owes it still"
        reviews.note_published(con)
        assert not builds.unpublished_work(con)
        ledger.decide(con, "person", D, E, verdict="other", by="李审", reason="问过")
        assert builds.unpublished_work(con)


def test_a_workbook_cannot_contradict_what_others_decided(home: Home, exported: Path) -> None:
    steps.prepare_lake(home)
    receipt = handed_in(home, exported, lambda book, cell: (say(cell, AC, "不是同一人"), say(cell, DE)))
    with writing(home) as con:
        con.execute(UNITS)
        ledger.decide(con, "person", A, B, verdict="same", by="李审", reason="问过")
        ledger.decide(con, "person", B, C, verdict="same", by="李审", reason="问过")
        ledger.apply(con, home, [receipt])
        assert decisions(con) == {(A, B, "same", "李审"), (B, C, "same", "李审"), (D, E, "same", "王核")}
        con.execute("update lake.registry.person_link set person_id = 'Pd' where content_id = ?", [E])
        assert answer.answer(home, con, "b1") == 1
        assert answer.answer(home, con, "b2") == 0
    said = json.loads(next((home.outbox / "核对").glob("*.json")).read_text(encoding="utf-8"))["outcome"]
    assert {r["pair_id"]: r["state"] for r in said["rows"]} == {AC.pair_id: "declined", DE.pair_id: "merged"}
    page = next((home.outbox / "核对").glob("*.html")).read_text(encoding="utf-8")
    assert "李审" in page
    assert "已归为同一个" in page


def test_two_workbooks_decide_the_same_pair_and_the_later_one_counts(home: Home, tmp_path: Path) -> None:
    steps.prepare_lake(home)
    first, second = written(home, tmp_path), written(home, tmp_path, "另一份.xlsx", "w2")
    later = handed_in(home, second, lambda b, cell: say(cell, AB, "不是同一人"), at="2026-11-05T00:00:00+00:00")
    earlier = handed_in(home, first, lambda b, cell: say(cell, AB), at="2026-11-04T00:00:00+00:00")
    with writing(home) as con:
        con.execute(UNITS)
        assert ledger.apply(con, home, [later, earlier]) == 2
        found = con.execute("select verdict from lake.registry.link_decision order by decided_at").fetchall()
        assert found == [("same",), ("other",)]
        (now,) = con.execute(f"select verdict from ({reviews.in_force('person')})").fetchall()
        assert now == ("other",)


def test_pairs_have_the_same_number_whichever_side_comes_first() -> None:
    assert pair_id("person", "a", "b") == pair_id("person", "b", "a") != pair_id("event", "a", "b")
