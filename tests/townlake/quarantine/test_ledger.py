"""Rows that a later delivery brings in sound are closed, and only where there is one answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.contracts import Contracts, load_contract
from tests.townlake.quarantine.test_workbook import CONTRACT
from townlake import steps
from townlake.quarantine import ledger
from warehouse.home import Home
from warehouse.lake import writing

TABLES = """
create table lake.staging.checked_minzheng__huzhu as
select 'minzheng.huzhu' as dataset, 'f' || day || '.csv' as file, null::varchar as sheet, number as row_number, 'd' || day as delivery_id,
       timestamptz '2026-01-01 00:00:00+00' as received_at, date '2026-01-01' + day::int as delivered_on, key as row_key,
       id as id_number_raw, name as name_raw, level as level_raw, note as note_raw, refused as is_refused
from (values {rows}) as t(day, number, key, id, name, level, note, refused);
create table lake.intermediate.int_quarantine__refused as
select upper(substr(md5(concat_ws('|', delivery_id, coalesce(sheet, ''), row_number)), 1, 12)) as quarantine_id,
       dataset, file, sheet, row_number, delivery_id, received_at, delivered_on, row_key, 'id_bad_check' as "rule", ['id_bad_check'] as "rules",
       '号码有误' as reason, false as is_line_defect,
       [struct_pack("column" := {column}, header := '身份证号', "rule" := 'id_bad_check', severity := 'quarantine', reason := '号码有误')] as findings,
       json_object('身份证号', id_number_raw)::varchar as "raw"
from lake.staging.checked_minzheng__huzhu where is_refused;
insert into lake.foundation.delivery by name
select distinct delivery_id, dataset, file, 'taken' as status from lake.staging.checked_minzheng__huzhu;
"""


def closed(home: Home, tmp_path: Path, *rows: str, column: str = "'id_number'") -> list[tuple[str, str]]:
    """(delivery, note) of the rows closed, after `rows` (day, row, key, id, name, level, note, refused)."""
    path = tmp_path / "contract.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    contracts = Contracts({"minzheng.huzhu": load_contract(path)})
    steps.prepare_lake(home)
    with writing(home) as con:
        con.execute(TABLES.format(rows=", ".join(rows), column=column))
        ledger.settle(con, contracts)
        again = ledger.settle(con, contracts)
        assert again["closed"] == 0
        return con.execute(
            "select delivery_id, note from lake.quality.quarantine_event where event = 'dismissed' order by all"
        ).fetchall()


REFUSED = "(1, 5, 'bad', 'bad', '张三', '一级', '东街', true)"
SOUND = "(2, 9, 'good', 'good', '张三', '一级', '东街', false)"


def test_every_other_cell_equal(home: Home, tmp_path: Path) -> None:
    assert closed(home, tmp_path, REFUSED, SOUND) == [("d1", "后来的交付“f2.csv”第 9 行已是合格的同一条记录")]


def test_the_same_key(home: Home, tmp_path: Path) -> None:
    broken = "(1, 5, 'good', 'good', '张', null::varchar, null::varchar, true)"
    assert [d for d, _ in closed(home, tmp_path, broken, SOUND, column="null::varchar")] == ["d1"]


@pytest.mark.parametrize(
    "other",
    [
        "(2, 9, 'good', 'good', '张三', '二级', '东街', false)",  # another cell differs
        "(2, 9, 'good', 'good', '张三', '一级', '东街', true)",  # not sound either
        "(0, 9, 'good', 'good', '张三', '一级', '东街', false)",  # earlier
        f"{SOUND}, (2, 10, 'other', 'other', '张三', '一级', '东街', false)",  # two answers
        f"{SOUND}, (1, 6, 'worse', 'worse', '张三', '一级', '东街', true)",  # two rows ask
    ],
)
def test_nothing_less_than_one_clear_answer(home: Home, tmp_path: Path, other: str) -> None:
    assert closed(home, tmp_path, REFUSED, other) == []


def test_too_little_to_tell(home: Home, tmp_path: Path) -> None:
    assert (
        closed(home, tmp_path, REFUSED.replace("'东街'", "null::varchar"), SOUND.replace("'东街'", "null::varchar"))
        == []
    )


def test_the_second_delivery_answers_when_the_first_does_not(home: Home, tmp_path: Path) -> None:
    twice = "(2, 9, 'good', 'good', '张三', '一级', '东街', false), (2, 10, 'other', 'other', '张三', '一级', '东街', false)"
    later = "(3, 4, 'good', 'good', '张三', '一级', '东街', false)"
    assert [n for _, n in closed(home, tmp_path, REFUSED, twice, later)] == [
        "后来的交付“f3.csv”第 4 行已是合格的同一条记录"
    ]
