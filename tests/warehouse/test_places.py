"""Ids of places follow what addresses are resolved to: stable, moved, merged, never doubled."""

from __future__ import annotations

import duckdb
import pytest

from warehouse.linkage import places


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("attach ':memory:' as lake")
    for schema in ("registry", "intermediate", "foundation"):
        con.execute(f"create schema lake.{schema}")
    con.execute(
        """create table lake.registry.place (place_id varchar, cluster_key varchar, minted_from varchar);
           create table lake.registry.place_link (content_id varchar, place_id varchar, link_rule varchar, link_probability double);
           create table lake.registry.place_queue (place_id varchar);
           create table lake.foundation.entity_change (entity varchar, old_id varchar, new_id varchar, build_id varchar, reason varchar);
           create table lake.intermediate.int_place__resolved (
               content_id varchar, place_key varchar, resolution_rule varchar, first_mention varchar, reference_stamp varchar,
               longitude double, house_code varchar);
           create table lake.intermediate.int_place__standard (place_key varchar, parent_key varchar)"""
    )
    return con


def resolve(
    con: duckdb.DuckDBPyConnection, stamp: str, keys: dict[str, str], nodes: tuple[str, ...] = ()
) -> dict[str, int]:
    """Content → key as the models would have it under one state of the references, then a linkage."""
    con.execute("delete from lake.intermediate.int_place__resolved; delete from lake.intermediate.int_place__standard")
    for content, key in keys.items():
        con.execute(
            "insert into lake.intermediate.int_place__resolved values (?, ?, 'rule', ?, ?, null, null)",
            [content, key, content, stamp],
        )
    for key in sorted({*keys.values(), *nodes}):
        con.execute("insert into lake.intermediate.int_place__standard values (?, null)", [key])
    con.execute("delete from lake.registry.place_queue")
    return places.link(con)


def ids(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(con.execute("select content_id, place_id from lake.registry.place_link order by all").fetchall())


def changes(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str | None]]:
    return con.execute("select old_id, new_id from lake.foundation.entity_change order by all").fetchall()


def test_a_second_look_changes_nothing(con: duckdb.DuckDBPyConnection) -> None:
    resolve(con, "1", {"a": "k1", "b": "k1", "c": "k2"}, nodes=("above",))
    before = ids(con)
    assert before["a"] == before["b"] != before["c"]
    assert resolve(con, "1", {"a": "k1", "b": "k1", "c": "k2"}, nodes=("above",)) == {"new": 0, "linked": 0, "moved": 0}
    assert ids(con) == before
    assert con.execute("select count(*), count(distinct place_id) from lake.registry.place").fetchone() == (3, 3)


def test_a_place_whose_key_alone_changed_keeps_its_id(con: duckdb.DuckDBPyConnection) -> None:
    resolve(con, "1", {"a": "text", "b": "text", "c": "other"})
    before = ids(con)
    resolve(con, "2", {"a": "door", "b": "door", "c": "other"})
    assert ids(con) == before
    assert changes(con) == []


def test_a_place_that_falls_to_another_is_recorded_as_merged(con: duckdb.DuckDBPyConnection) -> None:
    resolve(con, "1", {"a": "door", "b": "text"})
    before = ids(con)
    resolve(con, "2", {"a": "door", "b": "door"})
    assert ids(con) == {"a": before["a"], "b": before["a"]}
    assert changes(con) == [(before["b"], before["a"])]
    assert con.execute("select count(*) from lake.registry.place").fetchone() == (1,)
    queued = {row[0] for row in con.execute("select place_id from lake.registry.place_queue").fetchall()}
    assert queued == set(before.values()), "the merged place must leave the table, the other be made anew"


def test_a_split_keeps_the_old_id_on_one_side_and_mints_a_new_one(con: duckdb.DuckDBPyConnection) -> None:
    resolve(con, "1", {"a": "estate", "b": "estate", "c": "estate"})
    (old,) = set(ids(con).values())
    resolve(con, "2", {"a": "door1", "b": "door2", "c": "door2"})
    now = ids(con)
    assert now["b"] == now["c"] == old != now["a"]
    assert changes(con) == []
    resolve(con, "3", {"a": "estate", "b": "estate", "c": "estate"})
    assert len(set(ids(con).values())) == 1
    assert len(changes(con)) == 1


def test_no_id_is_given_twice(con: duckdb.DuckDBPyConnection) -> None:
    """The earliest content of a place moves away: what it moves to may not get the id it once gave."""
    resolve(con, "1", {"a": "k1", "b": "k1"})
    first = ids(con)["a"]
    resolve(con, "2", {"a": "k2", "b": "k1"})
    assert ids(con)["b"] == first != ids(con)["a"]


def test_under_the_same_references_links_are_not_looked_at_again(con: duckdb.DuckDBPyConnection) -> None:
    resolve(con, "1", {"a": "k1"})
    assert resolve(con, "1", {"a": "k2"})["moved"] == 0
    assert places.link(con, full=True)["moved"] == 1
