"""Which place each content means, as ids: the registry follows what the address models resolved.

A place is known by its key (`int_place__standard.place_key`): a door of the address library, what stands above doors, an
area, or a text that stands for itself. Ids are minted once and stay. When the library, the divisions or the grids arrive
anew, contents may mean another place than before: they are linked anew; a place whose contents all moved to one new key
keeps its id under that key; one that is left with nothing is recorded in `foundation.entity_change` as merged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.lake import table_exists

if TYPE_CHECKING:
    import duckdb

_RESOLVED = "lake.intermediate.int_place__resolved"
_STANDARD = "lake.intermediate.int_place__standard"
_COLUMNS = (
    "place_id", "parent_place_id", "level", "standard_address", "county_code", "town_code", "community_code", "grid_code",
    "road", "number", "estate", "building", "unit", "room", "longitude", "latitude", "house_code",
)  # fmt: skip


def link(con: duckdb.DuckDBPyConnection, *, full: bool = False) -> dict[str, int]:
    """Links new contents and, after a new reference delivery or for a full look, those whose place is another now.

    Runs inside the caller's transaction. Returns the number of new places, of links made, of moved contents.
    """
    con.execute("create table if not exists lake.registry.place_reference (reference_stamp varchar)")
    stamped = con.execute(
        f"select count(*) from {_RESOLVED} where reference_stamp not in (select reference_stamp from lake.registry.place_reference)"
    ).fetchone()
    everything = full or bool(stamped and stamped[0])
    _decide(con, everything)
    _rename(con)
    new = _mint(con)
    _relink(con)
    _drop_vanished(con, everything)
    _queue(con, everything)
    con.execute("delete from lake.registry.place_reference")
    con.execute(f"insert into lake.registry.place_reference select distinct reference_stamp from {_RESOLVED}")
    return {
        "new": new,
        "linked": _count(con, "select count(*) from fresh"),
        "moved": _count(con, "select count(*) from moved"),
    }


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _decide(con: duckdb.DuckDBPyConnection, everything: bool) -> None:
    """`fresh`: contents without a link; `moved`: contents linked to a place of another key than theirs."""
    con.execute(
        f"""create or replace temp table fresh as
            select content_id, place_key, resolution_rule, first_mention from {_RESOLVED}
            where content_id not in (select content_id from lake.registry.place_link)"""
    )
    con.execute(
        f"""create or replace temp table moved as
            select link.content_id, link.place_id as old_id, resolved.place_key, resolved.resolution_rule, resolved.first_mention
            from lake.registry.place_link as link
            join lake.registry.place as known using (place_id)
            join {_RESOLVED} as resolved on resolved.content_id = link.content_id
            where {"known.cluster_key <> resolved.place_key" if everything else "false"}"""
    )


def _rename(con: duckdb.DuckDBPyConnection) -> None:
    """A place that stands for nothing any more gives its id to the new key that most of its contents moved to."""
    con.execute(
        f"""create or replace temp table renamed as
            with gone as (
                select place_id, cluster_key from lake.registry.place
                where place_id in (select old_id from moved)
                  and cluster_key not in (select place_key from {_STANDARD})),
            shares as (
                select old_id, place_key, count(*) as contents from moved
                where old_id in (select place_id from gone)
                  and place_key not in (select cluster_key from lake.registry.place)
                group by old_id, place_key),
            best as (
                select *, row_number() over (partition by old_id order by contents desc, place_key) as of_old,
                       row_number() over (partition by place_key order by contents desc, old_id) as of_key
                from shares)
            select old_id, place_key from best where of_old = 1 and of_key = 1"""
    )
    con.execute(
        """update lake.registry.place set cluster_key = renamed.place_key from renamed
           where lake.registry.place.place_id = renamed.old_id"""
    )


def _mint(con: duckdb.DuckDBPyConnection) -> int:
    """Ids for keys not met before: from the earliest content that means them, else (above a door) from the key."""
    con.execute(
        f"""create or replace temp table minted as
            with unknown as (
                select standard.place_key, min_by(said.content_id, (said.first_mention, said.content_id)) as minted_from
                from {_STANDARD} as standard
                left join (select content_id, place_key, first_mention from fresh
                           union all select content_id, place_key, first_mention from moved) as said using (place_key)
                where standard.place_key not in (select cluster_key from lake.registry.place)
                group by standard.place_key),
            hashed as (
                select *, 'L' || substr(md5('place|' || coalesce(minted_from, place_key)), 1, 20) as short_id from unknown),
            taken as (
                select place_id from lake.registry.place
                union all select old_id from lake.foundation.entity_change where entity = 'place')
            select case when short_id in (select place_id from taken)
                        then 'L' || substr(md5('place|' || minted_from || '|' || place_key), 1, 20) else short_id end as place_id,
                   place_key, minted_from
            from hashed"""
    )
    con.execute("insert into lake.registry.place select place_id, place_key, minted_from from minted")
    return _count(con, "select count(*) from minted")


def _relink(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("delete from lake.registry.place_link where content_id in (select content_id from moved)")
    con.execute(
        """insert into lake.registry.place_link
           select said.content_id, known.place_id, said.resolution_rule, 1.0
           from (select content_id, place_key, resolution_rule from fresh
                 union all select content_id, place_key, resolution_rule from moved) as said
           join lake.registry.place as known on known.cluster_key = said.place_key"""
    )


def _drop_vanished(con: duckdb.DuckDBPyConnection, everything: bool) -> None:
    """Places whose contents all went elsewhere leave the registry, and it is recorded where they went.

    What nobody says any more (a withdrawn delivery) keeps its id for the day it is said again; it only has no record.
    """
    con.execute(
        f"""create or replace temp table gone as
            select place_id from lake.registry.place
            where {"cluster_key not in (select place_key from " + _STANDARD + ")" if everything else "false"}"""
    )
    con.execute(
        """create or replace temp table vanished as
           select place_id from gone where place_id in (select old_id from moved)"""
    )
    con.execute(
        """insert into lake.foundation.entity_change
           select 'place', vanished.place_id, went.new_id, null, 'address_resolved_anew'
           from vanished left join (
               select moved.old_id, min_by(link.place_id, (-link.contents, link.place_id)) as new_id
               from moved join (
                   select moved.old_id, place_link.place_id, count(*) as contents
                   from moved join lake.registry.place_link as place_link using (content_id)
                   group by moved.old_id, place_link.place_id) as link using (old_id)
               group by moved.old_id) as went on went.old_id = vanished.place_id"""
    )
    con.execute("delete from lake.registry.place where place_id in (select place_id from vanished)")
    con.execute(
        """insert into lake.registry.place_queue
           select place_id from gone where place_id not in (select place_id from lake.registry.place_queue)"""
    )


def _queue(con: duckdb.DuckDBPyConnection, everything: bool) -> None:
    """Places to be made anew: of new and moved contents, and after a new reference all whose record would differ."""
    con.execute(
        """insert into lake.registry.place_queue
           select place_id from (
               select place_id from lake.registry.place_link where content_id in (select content_id from fresh union all select content_id from moved)
               union select place_id from minted
               union select old_id from renamed)
           where place_id not in (select place_id from lake.registry.place_queue)"""
    )
    if not everything or not _has_places(con):
        return
    # an event stands in the grid of its own point: new grids may move it though its place stays
    con.execute(
        f"""insert into lake.registry.place_queue
            select distinct link.place_id from lake.registry.place_link as link
            join {_RESOLVED} as resolved using (content_id)
            where resolved.longitude is not null and resolved.house_code is null
              and link.place_id not in (select place_id from lake.registry.place_queue)"""
    )
    names = ", ".join(f'"{c}"' for c in _COLUMNS)
    own = ", ".join(f'standard."{c}"' for c in _COLUMNS[2:])
    con.execute(
        f"""insert into lake.registry.place_queue
            select distinct place_id from (
                (select known.place_id, parent.place_id as parent_place_id, {own}
                 from lake.registry.place as known
                 join {_STANDARD} as standard on known.cluster_key = standard.place_key
                 left join lake.registry.place as parent on parent.cluster_key = standard.parent_key)
                except (select {names} from lake.foundation.place))
            where place_id not in (select place_id from lake.registry.place_queue)"""
    )


def _has_places(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the table of places is there in the form that is compared with."""
    return table_exists(con, "foundation", "place") and "house_code" in {
        row[0] for row in con.execute("describe lake.foundation.place").fetchall()
    }
