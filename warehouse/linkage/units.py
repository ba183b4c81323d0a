"""Which units a build looks at: those with news, and those whose entity can change because of them.

An entity is made of units that pairs or decisions tie together. News of a unit can reach whatever is tied to it, directly
or through others, today or before the news; nothing else can change, and nothing else is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.spec import Spec

MANY = 0.25
"""Share of units with news from which on looking at all of them costs less than finding those they reach."""


def know(con: duckdb.DuckDBPyConnection, spec: Spec, wanted: str) -> None:
    """Temp table `unit`: every unit with contents under the condition `wanted` on `link` (a row of `linked`), whether it makes
    and anchors an entity, and whether it is compared.
    """
    e = spec.entity
    con.execute(
        f"""create or replace temp table unit as
            with said as (
                select link.unit_key, bool_or({spec.mints}) as mints, coalesce(bool_or({spec.loose}), false) as may_be_loose,
                       link.unit_key like 'id|%' and {str(spec.exclusive).lower()} and bool_and({spec.anchors}) as is_anchor
                from linked as link join lake.intermediate.int_{e}__content as content using (content_id)
                where link.unit_key not like 'none|%' and {wanted} group by link.unit_key)
            select unit_key, unit_key like 'id|%' or mints as mints, is_anchor, may_be_loose and not is_anchor as is_loose,
                   case when unit_key like 'id|%' then 'verified_identifier' when mints then 'own_record' else 'not_linked' end as rule
            from said"""
    )


def are_many(con: duckdb.DuckDBPyConnection, spec: Spec) -> bool:
    """Whether the units of `touched` are so many of all that a build looks at all."""
    row = con.execute(
        f"select (select count(*) from touched) > ? * (select count(*) from lake.registry.{spec.entity})", [MANY]
    ).fetchone()
    return bool(row and row[0])


def start(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp table `reached(unit)`, hashes of unit keys: the units of `touched`, those that pairs tie to them so far, and those
    that people decided about, whenever they did.

    To be called before the pairs are compared anew.
    """
    e = spec.entity
    pair = f"lake.registry.{e}_pair"
    con.execute(
        f"""create or replace temp table reached as
            select hash(unit_key) as unit from touched
            union select hash(right_key) from {pair} where left_key in (from touched)
            union select hash(left_key) from {pair} where right_key in (from touched)
            union select hash(unit_key) from linked where content_id in (
                select unnest([left_content, right_content]) from lake.registry.link_decision where entity = '{e}')"""
    )


def reach(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Completes `reached`: whatever pairs, decisions or the entity of before tie to a unit in it, through any number of others."""
    e = spec.entity
    con.execute(
        f"""create or replace temp table tie as
            with tied as (
                select left_key, right_key from lake.registry.{e}_pair where match_probability >= {spec.link_at}
                union all
                select l.unit_key, r.unit_key from lake.registry.link_decision as said
                join linked as l on l.content_id = said.left_content
                join linked as r on r.content_id = said.right_content
                where said.entity = '{e}')
            select hash(left_key) as a, hash(right_key) as b from tied
            union all select hash(right_key), hash(left_key) from tied;
            create or replace temp table was_in as
            select hash(cluster_key) as unit, hash({e}_id) as entity from lake.registry.{e} where {e}_id is not null;
            create or replace temp table latest as from reached"""
    )
    while True:
        con.execute(
            """create or replace temp table next_round as
               select b as unit from tie where a in (from latest)
               union select unit from was_in where entity in (select entity from was_in where unit in (from latest))
               except select unit from reached"""
        )
        row = con.execute("insert into reached from next_round").fetchone()
        if not row or not row[0]:
            break
        con.execute("create or replace temp table latest as from next_round")
    for table in ("tie", "was_in", "latest", "next_round"):
        con.execute(f"drop table temp.{table}")
