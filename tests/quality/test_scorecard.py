"""Scores, what to mend first, freshness, and the pages: every figure can be counted again."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from quality import freshness, scorecard, scorecard_page
from quality.gates import run_gate
from warehouse.errors import EnvironmentFault
from warehouse.lake import writing

from .conftest import staged

pytest.importorskip("great_expectations")


def issue(rule: str, column: str, *, severity: str = "warning", code: str = "0302", outcome: str = "nulled") -> str:
    return (
        f"{{'rule': '{rule}', 'column': '{column}', 'header': 'h', 'severity': '{severity}', 'gbt36344': '{code}', "
        f"'outcome': '{outcome}', 'raw': 'x', 'value': null}}"
    )


def scored(
    lake: Any, build: str = "b1", missing: dict[str, int] | None = None
) -> dict[tuple[str, str], tuple[int, int]]:
    """(delivery, indicator) → (A, B), after gate and scoring."""
    run_gate(lake.home, "staging", lake.contracts, build)
    with writing(lake.home) as con:
        scorecard.score(con, lake.contracts, build, missing or {})
        rows = con.execute("select delivery_id, indicator, a, b from lake.quality.score").fetchall()
    return {(r[0], r[1]): (r[2], r[3]) for r in rows}


def test_every_a_and_b_is_a_count(lake: Any) -> None:
    lake.deliver("d1", 100, name="case when n >= 20 then '张' end", sex="case when n < 90 then '1' end",
                 issues=f"case when n >= 90 then [{issue('code_unknown', 'sex_code', code='0105')}] "
                        f"when n between 30 and 34 then [{issue('text_width', 'name', outcome='standardised')}] else [] end")  # fmt: skip
    found = scored(lake, missing={"d1": 1})
    assert found["d1", "0102"] == (2, 3)  # columns of the contract, one did not come
    assert found["d1", "0105"] == (90, 100)  # sex codes
    assert found["d1", "0201"] == (180, 200)  # required cells: id and name
    assert found["d1", "0202"] == (100, 100)
    assert found["d1", "0302"] == (275, 280)  # cells delivered: 100 ids, 80 names, 90 + 10 sexes
    assert found["d1", "0304"] == (100, 100)
    assert found["d1", "0601"] == (1, 1)
    assert found["d1", "0602"] == (100, 100)
    assert all(a <= b for a, b in found.values())


def test_levels_add_up_and_scoring_again_changes_nothing(lake: Any) -> None:
    lake.deliver("d1", 50)
    lake.deliver("d2", 40, refused=3)
    first = scored(lake)
    assert scored(lake) == first
    rows = lake.sql(
        """select level, sum(a), sum(b) from lake.quality.scorecard where dimension = '06' group by level order by level"""
    )
    assert len(rows) == 4
    assert {row[1:] for row in rows} == {(89, 92)}  # two files and 87 of 90 rows


def test_a_delivery_taken_out_is_scored_no_more(lake: Any) -> None:
    lake.deliver("d1", 50)
    lake.deliver("d2", 50)
    scored(lake)
    lake.sql("update lake.foundation.delivery set status = 'withdrawn' where delivery_id = 'd1'")
    assert {delivery for delivery, _ in scored(lake, "b2")} == {"d2"}


def test_a_refused_file_counts_against_access(lake: Any) -> None:
    lake.deliver("d1", 50)
    lake.sql(
        "insert into lake.foundation.delivery by name select 'd9' as delivery_id, 'ceshi/x.csv' as file, 'refused' as status, now() as received_at"
    )
    found = scored(lake)
    assert found["d9", "0601"] == (0, 1)
    assert [k for k in found if k[0] == "d9"] == [("d9", "0601")]


def test_what_brings_most_back_comes_first(lake: Any) -> None:
    """A refused row costs three values here, an unusable cell one."""
    lake.deliver("d1", 100, refused=5, sex="null",
                 issues=f"case when n < 5 then [{issue('id_bad_check', 'id_number', severity='quarantine', code='0301')}] "
                        f"when n < 15 then [{issue('sex_unknown', 'sex_code')}] else [{issue('phone_short', 'name', outcome='standardised')}] end")  # fmt: skip
    scored(lake)
    rows = lake.sql(
        'select "place", "rule", refused_rows, incomplete_rows, weight from lake.quality.to_mend order by "place"'
    )
    assert rows == [(1, "id_bad_check", 5, 0, 15), (2, "sex_unknown", 0, 10, 10)]


# ---- freshness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "status", "late"),
    [(0, "fresh", 0), (30, "fresh", 0), (31, "due", 0), (40, "due", 0), (41, "late", 1), (60, "late", 20)],
)
def test_a_month_later_something_is_expected(lake: Any, days: int, status: str, late: int) -> None:
    lake.deliver("d1", 5)  # of 31 October: next expected on 30 November, late from 11 December on
    with writing(lake.home) as con:
        (found,) = freshness.look(con, lake.contracts, date(2026, 10, 31) + timedelta(days))
    assert (found.expected_on, found.due_on) == (date(2026, 11, 30), date(2026, 12, 10))
    assert (found.status, found.days_late) == (status, late)


def test_once_and_never_are_not_late(lake: Any) -> None:
    day = date(2030, 1, 1)
    with writing(lake.home) as con:
        assert [f.status for f in freshness.look(con, lake.contracts, day)] == ["never"]
    lake.deliver("d1", 5)
    once = {"ceshi.renyuan": lake.contract(every="once")}
    with writing(lake.home) as con:
        assert [f.status for f in freshness.look(con, once, day)] == ["once"]
        assert freshness.late(freshness.look(con, once, day)) == []
        assert "ceshi" in freshness.look(con, lake.contracts, day)[0].dataset


# ---- pages ----------------------------------------------------------------------------------------------------------


def pages(lake: Any) -> tuple[str, bytes, str]:
    with writing(lake.home) as con:
        written = scorecard_page.write(lake.home, con, lake.contracts)
    assert [p.relative_to(lake.home.root) for p in written] == [
        Path("outbox/ceshi/数据质量评分卡.html"), Path("outbox/ceshi/数据质量评分卡.xlsx"), Path("reports/数据质量评分卡.html")
    ]  # fmt: skip
    return written[0].read_text(encoding="utf-8"), written[1].read_bytes(), written[2].read_text(encoding="utf-8")


HOSTILE = "ceshi/=cmd|' /C calc'!A1<script>alert(1)</script>.csv"


def test_pages_say_what_was_found_and_load_nothing(lake: Any) -> None:
    lake.deliver("d1", 100, refused=5, sex="null",
                 issues=f"case when n < 5 then [{issue('id_bad_check', 'id_number', severity='quarantine', code='0301')}] else [] end")  # fmt: skip
    lake.sql(f"update lake.foundation.delivery set file = '{HOSTILE.replace(chr(39), chr(39) * 2)}'")
    scored(lake)
    page, book, city = pages(lake)
    for text in (page, city):
        assert not re.search(r"https?://|<script|<link|<img|@import|url\(", text)
        assert "default-src 'none'" in text and "A4" in text
        assert "测试局" in text
    assert "校验码不符" in page and "5 行可重新进入底座" in page
    assert all(word in page for word in ("数据探查", "质量检查", "问题数据修正", "数据转换", "数据安全"))
    assert "95.0 %" in page
    sheets = openpyxl.load_workbook(io.BytesIO(book))
    assert sheets.sheetnames == ["概要", "指标", "待改正"]
    cells = [c for sheet in sheets for row in sheet.iter_rows() for c in row if c.value is not None]
    assert all(c.data_type != "f" and c.hyperlink is None for c in cells)
    assert {"A 合格", "准确性"} <= {c.value for c in cells}


def test_each_department_sees_its_own_newest_month(lake: Any) -> None:
    lake.contracts["linju.renyuan"] = lake.contract("linju.renyuan")
    lake.sql(staged("linju.renyuan"))
    lake.deliver("d1", 10)
    lake.deliver("d2", 20)
    lake.deliver("e1", 30, dataset="linju.renyuan")
    lake.sql("update lake.foundation.delivery set delivered_on = date '2026-09-30' where delivery_id in ('d1', 'e1')")
    scored(lake)
    with writing(lake.home) as con:
        scorecard_page.write(lake.home, con, lake.contracts)
    for department, month, shown, hidden, rows in (
        ("ceshi", "2026-10", "d2.csv", ("d1.csv", "e1.csv"), 20),
        ("linju", "2026-09", "e1.csv", ("d1.csv", "d2.csv"), 30),
    ):
        page = (lake.home.outbox / department / scorecard_page.PAGE).read_text(encoding="utf-8")
        assert shown in page and not any(file in page for file in hidden)
        book = openpyxl.load_workbook(lake.home.outbox / department / scorecard_page.BOOK)
        assert ("月份", month) in [row[:2] for row in book["概要"].values]
        assert (
            next(row[6] for row in book["指标"].values if row[0] == "0202") == rows
        )  # what B counts: the month's rows


def test_pages_hold_no_value_of_a_row(lake: Any) -> None:
    lake.deliver("d1", 60, name="'欧阳锋' || n", key="'37060219' || n")
    scored(lake)
    page, book, city = pages(lake)
    text = (
        page
        + city
        + "".join(str(c.value) for s in openpyxl.load_workbook(io.BytesIO(book)) for r in s.iter_rows() for c in r)
    )
    assert "欧阳锋" not in text and "37060219" not in text


def test_nearly_whole_never_reads_as_whole() -> None:
    assert scorecard_page.percent(99_999, 100_000) == "99.9 %"
    assert scorecard_page.percent(100_000, 100_000) == "100.0 %"
    assert scorecard_page.percent(0, 0) == "—"
    assert scorecard_page.total({"01": (9_999, 10_000), "02": (1, 1)}) == 99.9
    assert scorecard_page.grade(94.9)[0] == "良"


def test_a_full_disk_is_a_fault_of_the_environment(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.deliver("d1", 20)
    scored(lake)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scorecard_page, "write_atomic", full)
    with pytest.raises(EnvironmentFault, match="disk is full"), writing(lake.home) as con:
        scorecard_page.write(lake.home, con, lake.contracts)
