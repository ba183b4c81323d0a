"""Detectors of personal information on texts of which it is known what they hold."""

from __future__ import annotations

import duckdb
import pytest

from tests.warehouse.classification.texts import labelled
from warehouse.classification.detectors import DETECTORS, holds, is_bare, macros


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    for statement in macros():
        con.execute(statement)
    return con


def found(con: duckdb.DuckDBPyConnection, detector: str, text: str | None) -> bool:
    row = con.execute(f"select {holds(detector, 't')} from (select ?::varchar as t)", [text]).fetchone()
    assert row is not None
    return bool(row[0])


def is_whole(con: duckdb.DuckDBPyConnection, detector: str, text: str) -> bool:
    row = con.execute(f"select {is_bare(detector, 't')} from (select ?::varchar as t)", [text]).fetchone()
    assert row is not None
    return bool(row[0])


def test_recall_and_precision_on_labelled_texts(con: duckdb.DuckDBPyConnection) -> None:
    texts = labelled(20261123, 3000)
    con.execute(
        "create or replace table text as select unnest(?::varchar[]) as t, string_split(unnest(?::varchar[]), ',') as held",
        [[t for t, _ in texts], [",".join(sorted(held)) for _, held in texts]],
    )
    for detector in DETECTORS:
        said = holds(detector.name, "t") + (f" or {is_bare(detector.name, 't')}" if detector.bare else "")
        row = con.execute(
            f"""select count(*) filter (held and said), count(*) filter (held), count(*) filter (said)
                from (select list_contains(held, '{detector.name}') as held, {said} as said from text)"""
        ).fetchone()
        assert row is not None
        right, held, claimed = row
        assert held > 300
        assert right / held >= 0.98, f"{detector.name}: {right} of {held} found"
        assert right / claimed >= 0.95, f"{detector.name}: {right} of {claimed} right"


@pytest.mark.parametrize(
    ("detector", "text"),
    [
        ("id_number", "身份证１１０１０１１９９００３０７４８５６"),  # full-width
        ("id_number", "学籍号G110101199003074856"),
        ("id_number", "残疾人证11010119900307485644"),
        ("phone", "李某，139-5350-1234"),
        ("phone", "联系电话6658123"),
        ("phone", "（0535）6658123转801"),
        ("bank_card", "请打到4111 1111 1111 1111"),
        ("plate", "鲁F·D12345停在消防通道"),
        ("address", "家住迎春大街１２８号"),
        ("address", "昆仑苑1-1-401"),
        ("person_name", "阿依古丽·买买提"),
        ("person_name", '[{"name": "董福财", "phone": "13506713679"}]'),
        ("person_name", "张某某称楼上漏水"),
    ],
)
def test_what_is_found(con: duckdb.DuckDBPyConnection, detector: str, text: str) -> None:
    assert found(con, detector, text)


@pytest.mark.parametrize(
    ("detector", "text"),
    [
        ("id_number", "110101199003074857"),  # the check digit is wrong
        ("id_number", "110101199002304850"),  # no such day
        ("id_number", "注册号370613260729369"),
        ("id_number", "91370602MA3C12345X"),
        ("phone", "水表号13812345678"),
        ("phone", "工单20261123138123456789"),
        ("phone", "121.438123456"),
        ("bank_card", "订单号6222000000000000"),
        ("bank_card", "620102199006154001"),  # of the form of an identity number
        ("plate", "鲁建发〔2026〕12号"),
        ("address", "公交101路5号车晚点"),
        ("address", "观海路拥堵，3号线延误"),
        ("person_name", "高血压患者用药贵，居民反映强烈"),
        ("person_name", "联系物业未果"),
        ("person_name", "于某日到现场查看"),
    ],
)
def test_what_only_looks_like_it(con: duckdb.DuckDBPyConnection, detector: str, text: str) -> None:
    assert not found(con, detector, text)


def test_a_missing_text_holds_nothing(con: duckdb.DuckDBPyConnection) -> None:
    assert not any(found(con, d.name, None) for d in DETECTORS)


def test_a_cell_that_is_nothing_but_a_number_is_left_to_its_column(con: duckdb.DuckDBPyConnection) -> None:
    assert not found(con, "phone", "13812345678")
    assert is_whole(con, "phone", "13812345678")
    assert is_whole(con, "phone", "05356658123")
    assert not is_whole(con, "phone", "20261123001")
    assert is_whole(con, "person_name", "欧阳建国")
    assert not is_whole(con, "person_name", "高血压")
    assert is_whole(con, "bank_card", "4111111111111111")
    assert not is_whole(con, "bank_card", "4111111111111112")
