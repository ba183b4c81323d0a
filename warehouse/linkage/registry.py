"""The registry of entities: stable ids, which content belongs to which, and what a build must make anew.

Four tables per entity type in schema `registry`:

    <entity>        entity id, the cluster key it stands for, the content it was minted from
    <entity>_link   content → entity, with rule and probability
    <entity>_state  content → is it current, since when (day of the first delivery that said it)
    <entity>_queue  entities whose golden record must be made anew; emptied when a build is published

The queue outlives a killed build, so a repeated build makes exactly the records the first one owed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.linkage import places

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class EntityType:
    """How one entity type is linked. Expressions are SQL over its content table."""

    name: str
    prefix: str
    verified: str
    own: str
    """Key of a mention without verified identifier: the same record delivered again is the same entity."""
    mints: str
    """Whether a mention without verified identifier makes an entity of its own."""


_OWN_RECORD = "dataset || '|' || role || '|' || coalesce(row_key, content_id) || '|' || coalesce(name, '')"

ENTITIES = (
    EntityType("place", "L", "place_key", "content_id", "true"),
    EntityType("person", "P", "verified_identifier", _OWN_RECORD, "role = 'subject'"),
    EntityType("organisation", "O", "verified_identifier", _OWN_RECORD, "role = 'subject'"),
    EntityType("event", "E", "verified_identifier", "content_id", "role = 'subject'"),
    EntityType("facility", "F", "verified_identifier", _OWN_RECORD, "role = 'subject'"),
)

_CHANGE = """
create table if not exists lake.foundation.entity_change (
    entity varchar, old_id varchar, new_id varchar, build_id varchar, reason varchar)
"""


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the registry on an empty lake."""
    for entity in ENTITIES:
        e = entity.name
        con.execute(
            f"""create table if not exists lake.registry.{e} ({e}_id varchar, cluster_key varchar, minted_from varchar);
                create table if not exists lake.registry.{e}_link (
                    content_id varchar, {e}_id varchar, link_rule varchar, link_probability double);
                create table if not exists lake.registry.{e}_state (content_id varchar, is_current boolean, since date);
                create table if not exists lake.registry.{e}_queue ({e}_id varchar)"""
        )
    con.execute(_CHANGE)


def link(con: duckdb.DuckDBPyConnection, *, full: bool = False) -> dict[str, dict[str, int]]:
    """Links new contents, refreshes what is current, and queues the entities this touches.

    One transaction per entity type; repeating it changes nothing. `full` looks at every dataset, not only at those
    with unpublished deliveries. Returns per entity the number of new entities, new links and queued entities.
    """
    report = {}
    for entity in ENTITIES:
        con.execute("begin")
        try:
            _forget_unsaid(con, entity)
            report[entity.name] = places.link(con, full=full) if entity.name == "place" else _link_new(con, entity)
            _refresh_state(con, entity, full)
            if entity.name != "place":
                _queue_dependants(con, entity)
            report[entity.name]["queued"] = _count(
                con, f"select count(distinct {entity.name}_id) from lake.registry.{entity.name}_queue"
            )
            con.execute("commit")
        except BaseException:
            con.execute("rollback")
            raise
    return report


def queues() -> list[str]:
    """Tables emptied on publishing."""
    return [f"lake.registry.{e.name}_queue" for e in ENTITIES]


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _content(entity: EntityType) -> str:
    """Relation with the contents of an entity type; places are read after they are resolved."""
    return f"lake.intermediate.int_{entity.name}__" + ("resolved" if entity.name == "place" else "content")


def _forget_unsaid(con: duckdb.DuckDBPyConnection, entity: EntityType) -> None:
    """Contents that nobody says any more (their delivery was withdrawn or corrected) leave; their entities are queued.

    The entity's id stays in the registry: it is never given to another.
    """
    e = entity.name
    con.execute(
        f"""create or replace temp table unsaid as
            select content_id, {e}_id from lake.registry.{e}_link
            where content_id not in (select content_id from {_content(entity)})"""
    )
    con.execute(
        f"""insert into lake.registry.{e}_queue
            select distinct {e}_id from unsaid
            where {e}_id is not null and {e}_id not in (select {e}_id from lake.registry.{e}_queue)"""
    )
    con.execute(f"delete from lake.registry.{e}_link where content_id in (select content_id from unsaid)")
    con.execute(f"delete from lake.registry.{e}_state where content_id in (select content_id from unsaid)")


def _link_new(con: duckdb.DuckDBPyConnection, entity: EntityType) -> dict[str, int]:
    """Mints ids for cluster keys not met before (from the hash of the earliest content) and links every new content."""
    e = entity.name
    con.execute(
        f"""create or replace temp table fresh as
            select content_id, role, first_mention,
                   case when {entity.verified} is not null then 'id|' || {entity.verified}
                        when {entity.mints} then 'own|' || {entity.own} end as cluster_key,
                   case when {entity.verified} is not null then 'verified_identifier'
                        when {entity.mints} then 'own_record' else 'not_linked' end as link_rule
            from {_content(entity)}
            where content_id not in (select content_id from lake.registry.{e}_link)"""
    )
    con.execute(
        f"""create or replace temp table minted as
            select '{entity.prefix}' || substr(md5('{e}|' || arg_min(content_id, (first_mention, content_id))), 1, 20) as {e}_id,
                   cluster_key, arg_min(content_id, (first_mention, content_id)) as minted_from
            from fresh
            where cluster_key is not null and cluster_key not in (select cluster_key from lake.registry.{e})
            group by cluster_key"""
    )
    con.execute(f"insert into lake.registry.{e} select {e}_id, cluster_key, minted_from from minted")
    con.execute(
        f"""insert into lake.registry.{e}_link
            select fresh.content_id, known.{e}_id, fresh.link_rule,
                   case when known.{e}_id is not null then 1.0 end as link_probability
            from fresh left join lake.registry.{e} as known using (cluster_key)"""
    )
    return {"new": _count(con, "select count(*) from minted"), "linked": _count(con, "select count(*) from fresh")}


def _refresh_state(con: duckdb.DuckDBPyConnection, entity: EntityType, full: bool) -> None:
    """What is current changes only in datasets with deliveries no published build contains, or that are made anew.

    A place is said alike by many datasets: where one takes it back, any of its contents may have another first day.
    """
    e = entity.name
    full = full or (e == "place" and bool(_count(con, "select count(*) from lake.registry.redo")))
    datasets = "select dataset from lake.foundation.delivery where status = 'taken'"
    if not full:
        datasets += " and delivery_id not in (select unnest(deliveries) from lake.foundation.build where published)"
    datasets += """ union select dataset from lake.foundation.delivery
                    where delivery_id in (select delivery_id from lake.registry.redo)"""
    con.execute(
        f"""create or replace temp table state_now as
            select content_id, bool_or(is_current) as is_current, min(delivered_on) as since
            from lake.intermediate.int_{e}__located
            where content_id in (
                select content_id from lake.intermediate.int_{e}__mention where dataset in ({datasets}))
            group by content_id"""
    )
    con.execute(
        f"""create or replace temp table state_change as
            select now.* from state_now as now left join lake.registry.{e}_state as was using (content_id)
            where was.content_id is null or was.is_current <> now.is_current or was.since <> now.since"""
    )
    con.execute(
        f"""insert into lake.registry.{e}_queue
            select distinct {e}_id from state_change join lake.registry.{e}_link using (content_id)
            where {e}_id is not null and {e}_id not in (select {e}_id from lake.registry.{e}_queue)"""
    )
    con.execute(f"delete from lake.registry.{e}_state where content_id in (select content_id from state_change)")
    con.execute(f"insert into lake.registry.{e}_state select content_id, is_current, since from state_change")


def _queue_dependants(con: duckdb.DuckDBPyConnection, entity: EntityType) -> None:
    """A place carries community and grid to whoever is there: what refers to a queued place is queued too."""
    e = entity.name
    con.execute(
        f"""insert into lake.registry.{e}_queue
            select distinct link.{e}_id
            from lake.intermediate.int_{e}__content as content
            join lake.registry.{e}_link as link using (content_id)
            join lake.registry.place_link as placed on placed.content_id = content.place_content_id
            join lake.registry.place_queue as moved using (place_id)
            where link.{e}_id is not null and link.{e}_id not in (select {e}_id from lake.registry.{e}_queue)"""
    )
