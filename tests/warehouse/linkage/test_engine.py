"""The linkage engine: what it finds, that order and sides do not matter, that nothing in a list can break it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from tests.shared import shared_path
from warehouse.errors import WrongUse
from warehouse.linkage.engine.run import Linked, link
from warehouse.linkage.engine.spec import Spec

KINDS = {"name": "name", "born": "date", "phone": "phone", "address": "address"}
FEBRL = {
    "given_name": "name", "surname": "name", "street_number": "number", "address_1": "text", "address_2": "text",
    "suburb": "text", "postcode": "code", "state": "code", "date_of_birth": "date", "soc_sec_id": "identifier",
}  # fmt: skip


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with contextlib.closing(duckdb.connect()) as opened:
        yield opened


def people(con: duckdb.DuckDBPyConnection, table: str = "people", rows: int = 300) -> None:
    """`rows` persons of whom a third stand twice, the second time with one slip; id of the second is id + 1000."""
    con.execute(
        f"""create or replace table {table} as
            with one as (
                select i as id, substr('王李张刘陈杨黄赵周吴徐孙马朱胡', 1 + (hash(i, 'f') % 15)::int, 1)
                       || substr('伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英华', 1 + (hash(i, 'g') % 20)::int, 1)
                       || substr('玲桂兰平刚文辉红霞建国春梅志海燕飞鹏宇浩', 1 + (hash(i, 'h') % 20)::int, 1) as name,
                       strftime(date '1940-01-01' + (hash(i, 'b') % 25000)::int, '%Y-%m-%d') as born,
                       '1' || (30000000000 + hash(i, 'p') % 9999999999)::varchar as phone,
                       '幸福路' || (hash(i, 'a') % 300)::varchar || '号' || (hash(i, 'u') % 20)::varchar || '单元' || (hash(i, 'r') % 900)::varchar as address
                from range({rows}) as t(i))
            select * from one
            union all
            select id + 1000, case id % 5 when 0 then substr(name, 1, 2) || '琪' else name end,
                   case id % 5 when 1 then replace(born, '-', '') when 2 then null else born end,
                   case id % 5 when 3 then substr(phone, 1, 5) || '0' || substr(phone, 7) else phone end,
                   case id % 5 when 4 then replace(replace(address, '号', '-'), '单元', '-') else address end
            from one where id % 3 = 0"""
    )


def linked(con: duckdb.DuckDBPyConnection, *tables: str, columns: dict[str, Any] | None = None, **keys: Any) -> Linked:
    spec = Spec.model_validate({"unique_id": "id", "columns": columns or KINDS, **keys})
    return link(con, spec, [f"(from {table})" for table in tables])


def links(con: duckdb.DuckDBPyConnection) -> set[tuple[Any, Any]]:
    return set(con.execute("select left_id, right_id from found_link").fetchall())


def doubles(rows: int = 300) -> set[tuple[int, int]]:
    return {(i, i + 1000) for i in range(0, rows, 3)}


def test_one_list_finds_its_doubles_and_only_them(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    found = linked(con, "people")
    assert {tuple(sorted(pair)) for pair in links(con)} == doubles()
    assert found.links == 100
    assert found.clusters == 300


def test_the_order_of_rows_does_not_matter(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    linked(con, "people")
    first = con.execute("select * from found_link order by all").fetchall()
    con.execute("create table shuffled as select * from people order by hash(id, 'other')")
    linked(con, "shuffled")
    assert con.execute("select * from found_link order by all").fetchall() == first


def test_a_list_against_itself_is_linked_row_by_row(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute("create table alone as from people where id < 1000")
    found = linked(con, "alone", "alone")
    assert found.one_to_one
    assert links(con) == {(i, i) for i in range(300)}


def test_left_and_right_may_be_exchanged(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute("create table a as from people where id < 1000")
    con.execute("create table b as from people where id >= 1000")
    linked(con, "a", "b")
    there = con.execute("select left_id, right_id, match_probability from found_link order by all").fetchall()
    linked(con, "b", "a")
    back = con.execute("select right_id, left_id, match_probability from found_link order by all").fetchall()
    assert {pair[:2] for pair in there} == doubles()
    assert [pair[:2] for pair in back] == [pair[:2] for pair in there]
    assert [p for *_, p in back] == pytest.approx([p for *_, p in there], abs=1e-6)


def test_a_list_with_doubles_is_not_linked_one_to_one(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute("create table a as from people where id < 1000 and id % 3 = 0")
    found = linked(con, "a", "people")
    assert not found.one_to_one
    assert {(i, i) for i in range(0, 300, 3)} | doubles() <= links(con)
    assert con.execute("select count(distinct cluster_id) from found_cluster where side = 0").fetchone() == (100,)


def test_a_wrong_pair_is_not_taken_where_a_row_has_one_partner(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute("create table a as from people where id < 1000")
    con.execute(
        "create table b as from people where id < 1000 union all select 5000, name, born, null, null from people where id = 7"
    )
    linked(con, "a", "b", one_to_one=True)
    assert (7, 7) in links(con)
    assert (7, 5000) not in links(con)


@pytest.mark.parametrize(
    ("written", "also"),
    [("劉偉玥", "刘伟玥"), ("张伟玥", "張偉月"), ("阿不都·热依木", "阿不都热依木"), ("欧阳建国", "欧阳见国")],
)
def test_names_in_other_signs_of_the_same_sound(con: duckdb.DuckDBPyConnection, written: str, also: str) -> None:
    people(con)
    con.execute(
        "insert into people values (2001, ?, '1951-02-03', null, '海滨路8号3单元501'), (2002, ?, '1951-02-03', null, '海滨路8号3单元501')",
        [written, also],
    )
    linked(con, "people")
    assert {(2001, 2002), (2002, 2001)} & links(con)


def test_people_of_one_name_are_not_one_person(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute(
        "insert into people values (2001, '王伟', '1951-02-03', '13311112222', '海滨路8号3单元501'), (2002, '王伟', '1984-11-29', '15698765432', '南山路70号1单元102')"
    )
    linked(con, "people")
    assert not {(2001, 2002), (2002, 2001)} & links(con)


def test_exchanged_names_are_seen(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """create table people as
           select i as id, 'given' || hash(i, 'g') % 97 as given, 'sur' || hash(i, 's') % 997 as sur,
                  strftime(date '1940-01-01' + (hash(i, 'b') % 25000)::int, '%d/%m/%Y') as born from range(400) as t(i)
           union all
           select i + 1000, 'sur' || hash(i, 's') % 997, 'given' || hash(i, 'g') % 97,
                  strftime(date '1940-01-01' + (hash(i, 'b') % 25000)::int, '%Y%m%d') from range(0, 400, 4) as t(i)"""
    )
    linked(con, "people", columns={"given": "name", "sur": "name", "born": "date"})
    right = {tuple(sorted(pair)) for pair in links(con)} & {(i, i + 1000) for i in range(0, 400, 4)}
    assert len(right) >= 90


def test_chained_strangers_stay_apart(con: duckdb.DuckDBPyConnection) -> None:
    """Each of a chain is like the next, the first and the last are not alike: no single cluster of all."""
    people(con)
    con.execute(
        """insert into people values
           (3001, '孙建华', '1960-01-01', '13900000001', '海滨路8号3单元501'), (3002, '孙建华', '1960-01-01', '13900000001', '海滨路8号3单元501'),
           (3003, '孙建华', null, '13900000001', null), (3004, '孙建华', null, null, '南山路70号1单元102'),
           (3005, '孙建华', '1991-07-09', '15788887777', '南山路70号1单元102'), (3006, '孙建华', '1991-07-09', '15788887777', '南山路70号1单元102')"""
    )
    linked(con, "people")
    groups = dict(con.execute("select id, cluster_id from found_cluster where id > 3000").fetchall())
    assert groups[3001] == groups[3002]
    assert groups[3005] == groups[3006]
    assert groups[3001] != groups[3005]


def test_links_are_the_pairs_within_clusters(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    linked(con, "people")
    con.execute(
        "create table inside as select a.id as x, b.id as y from found_cluster as a join found_cluster as b using (cluster_id) where a.id < b.id"
    )
    assert set(con.execute("from inside").fetchall()) == {tuple(sorted(p)) for p in links(con)}
    assert con.execute(
        "select min(match_probability) >= 0.5, max(match_probability) <= 1 from found_link"
    ).fetchone() == (True, True)


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    people(con, rows=0)
    con.execute(
        "insert into people select i, '王伟', '1960-01-01', '13900000001', '海滨路8号' from range(?) as t(i)", [rows]
    )
    assert linked(con, "people").rows == [rows]
    assert con.execute("select count(*) from found_cluster").fetchone() == (rows,)


def test_an_empty_list_against_a_full_one(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute("create table nobody as from people limit 0")
    found = linked(con, "people", "nobody")
    assert (found.rows, found.links) == ([400, 0], 0)


def test_nothing_filled_in(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "create table people as select i as id, null::varchar as name, '' as born, '无' as phone, null::varchar as address from range(50) as t(i)"
    )
    found = linked(con, "people")
    assert (found.links, found.clusters) == (0, 50)


def test_one_empty_column_among_filled_ones(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute("create table emptied as select * replace (null::varchar as phone) from people")
    linked(con, "emptied")
    found = {tuple(sorted(p)) for p in links(con)}
    assert len(found & doubles()) >= 80
    assert len(found - doubles()) <= 2


def test_hostile_column_names(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    names = {'na"me': "name", "select": "date", "l.v0": "phone", "地 址'; drop table people; --": "address"}
    con.execute(
        """create table odd as select id as "gr oup", name as "na""me", born as "select", phone as "l.v0",
           address as "地 址'; drop table people; --" from people"""
    )
    linked(con, "odd", columns=names, unique_id="gr oup")
    assert {tuple(sorted(pair)) for pair in links(con)} == doubles()
    assert con.execute("select count(*) from people").fetchone() == (400,)


def test_hostile_values(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        r"""create table people as select i as id, ['''; drop table x', '\', '%', repeat('长', 3000), '😀', chr(1), '()[]{}*+?'][1 + i % 7] as name,
            ['9999-99-99', '00000000', '二〇二〇年一月一日', '1e400', repeat('1', 500)][1 + i % 5] as born, '' as phone, repeat('-', 100) as address
            from range(60) as t(i)"""
    )
    assert linked(con, "people").rows == [60]


def test_ids_must_be_there_once(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute("create table twice as select * from people union all select * from people where id = 7")
    with pytest.raises(WrongUse, match=r"LEFT: id is not unique: 1 row\(s\) repeat an id, the first is '7'"):
        linked(con, "twice")
    con.execute("create table none as select * replace (nullif(id, 7) as id) from people")
    with pytest.raises(WrongUse, match=r"RIGHT: 1 row\(s\) have no id"):
        linked(con, "people", "none")


def test_a_column_that_is_not_there(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    with pytest.raises(WrongUse, match="LEFT has no column nickname; it has id, name"):
        linked(con, "people", columns={"nickname": "name"})


def test_other_names_on_the_right(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute(
        "create table a as select id as 编号, name as 姓名, born as 出生, phone as 电话, address as 住址 from people where id < 1000"
    )
    con.execute("create table b as from people where id >= 1000")
    linked(
        con, "a", "b", unique_id="编号", columns={"姓名": "name", "出生": "date", "电话": "phone", "住址": "address"},
        right={"unique_id": "id", "columns": {"姓名": "name", "出生": "born", "电话": "phone", "住址": "address"}},
    )  # fmt: skip
    assert links(con) == doubles()


def test_text_ids_on_one_side(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    con.execute("create table a as from people where id < 1000")
    con.execute("create table b as select * replace ('P' || id as id) from people where id >= 1000")
    linked(con, "a", "b")
    assert links(con) == {(str(i), f"P{j}") for i, j in doubles()}


def test_blocking_that_is_written_is_the_blocking_used(con: duckdb.DuckDBPyConnection) -> None:
    people(con)
    found = linked(con, "people", blocking=[["phone"], ["name", "born"]])
    assert [rule["rule"] for rule in found.blocking] == ["phone", "name + born"]
    row = con.execute("select count(*) from people as a join people as b using (phone) where a.id < b.id").fetchone()
    assert row is not None
    assert found.blocking[0]["pairs"] == row[0]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "floor"), [("febrl1", 0.998), ("febrl2", 0.998)])
def test_febrl_without_labels(con: duckdb.DuckDBPyConnection, name: str, floor: float) -> None:
    table = f"read_csv('{shared_path(f'data/linkage/{name}.csv')}', all_varchar = true)"
    truth = f"read_csv('{shared_path(f'data/linkage/{name}_true_pairs.csv')}', all_varchar = true)"
    linked(con, table, columns=FEBRL, unique_id="rec_id")
    con.execute(
        f"create table truth as select least(rec_id_1, rec_id_2) as a, greatest(rec_id_1, rec_id_2) as b from {truth}"
    )
    row = con.execute(
        """select (select count(*) from truth join (select least(left_id, right_id) as a, greatest(left_id, right_id) as b from found_link) using (a, b)),
                  (select count(*) from found_link), (select count(*) from truth)"""
    ).fetchone()
    assert row is not None
    assert 2 * row[0] / (row[1] + row[2]) >= floor
