"""Names in comparable form."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb
import pytest

from warehouse.linkage.engine.names import name_readings, reading_table


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(duckdb.connect()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "reading", "skeleton"),
    [
        ("张伟", "zhang wei", "张伟"),
        ("張偉", "zhang wei", "张伟"),
        (" 张 伟 ", "zhang wei", "张伟"),
        ("吕布", "lv bu", "吕布"),
        ("䶮玥", "yan yue", "䶮玥"),
        ("\u2ee2\u8c48", "ma qi", "马岂"),
        ("阿不都·热依木", "a bu dou re yi mu", "阿不都热依木"),
        ("Ｊｏｈｎ O'Brien", "johnobrien", "johnobrien"),
        ("José", "jose", "jose"),
        ("张A三", "zhang a san", "张a三"),
    ],
)
def test_reading_and_skeleton(con: duckdb.DuckDBPyConnection, name: str, reading: str, skeleton: str) -> None:
    con.execute('create table listed ("na me" varchar)')
    con.execute("insert into listed values (?), (?), (null), (''), (' · ')", [name, name])
    name_readings(con, "listed", "na me", "spoken names")
    assert con.execute('select name, reading, skeleton from "spoken names"').fetchall() == [(name, reading, skeleton)]


def test_the_table_of_readings_may_be_made_again(con: duckdb.DuckDBPyConnection) -> None:
    reading_table(con)
    reading_table(con)
    assert con.execute(
        "select count(*) = count(distinct character) and count(*) > 40000 from name_reading"
    ).fetchone() == (True,)
    assert con.execute(
        "select distinct reading from name_reading where character in ('玥', '月', '悦')"
    ).fetchall() == [("yue",)]
    assert con.execute(
        "select count(*) from name_reading where regexp_matches(reading, '[āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜü]')"
    ).fetchone() == (0,)


def test_a_relation_may_be_a_query(con: duckdb.DuckDBPyConnection) -> None:
    name_readings(con, "(select unnest(['王芳', '王方']) as n)", "n", "spoken")
    assert con.execute("select count(distinct reading), count(*) from spoken").fetchone() == (1, 2)
