"""The registry of entities: stable ids, which content belongs to which, and what a build must make anew.

Tables per entity type in schema `registry`:

    <entity>        one row per unit (what needs no judgement): its key, the id it would have on its own, the content this
                    was minted from, the entity it belongs to, by which rule and how probable
    <entity>_pair   pairs of units compared, with weight and levels (pairs.py)
    <entity>_link   content → unit and entity, with rule and probability
    <entity>_state  content → is it current, since when (day of the first delivery that said it)
    <entity>_queue  entities whose golden record must be made anew; emptied when a build is published
    link_decision   what people decided about two contents: must-link and cannot-link

An entity's id is the own id of one of its units, so no id can come to mean two entities; it stays as long as that unit is
in it. The queue outlives a killed build, so a repeated build makes exactly the records the first one owed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.lake import transaction
from warehouse.linkage import clusters, names, pairs, places, units
from warehouse.linkage.spec import LINKED, Spec, load

if TYPE_CHECKING:
    import duckdb

_CHANGE = """
create table if not exists lake.foundation.entity_change (
    entity varchar, old_id varchar, new_id varchar, build_id varchar, reason varchar)
"""
_DECISION = """
create table if not exists lake.registry.link_decision (
    entity varchar, left_content varchar, right_content varchar, verdict varchar, reason varchar, decided_by varchar,
    decided_at timestamptz)
"""


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the registry on an empty lake."""
    for e in LINKED:
        con.execute(
            f"""create table if not exists lake.registry.{e} ({e}_id varchar, cluster_key varchar, minted_from varchar);
                create table if not exists lake.registry.{e}_link (
                    content_id varchar, {e}_id varchar, link_rule varchar, link_probability double);
                create table if not exists lake.registry.{e}_state (content_id varchar, is_current boolean, since date);
                create table if not exists lake.registry.{e}_queue ({e}_id varchar)"""
        )
        if e != "place":
            _add_units(con, e)
    con.execute(_CHANGE)
    con.execute(_DECISION)


def _add_units(con: duckdb.DuckDBPyConnection, e: str) -> None:
    """What a unit has beyond its key. A registry from before there were units keeps its ids: each cluster was one unit."""
    con.execute(
        f"""alter table lake.registry.{e} add column if not exists own_id varchar;
            alter table lake.registry.{e} add column if not exists link_rule varchar;
            alter table lake.registry.{e} add column if not exists link_probability double;
            alter table lake.registry.{e} add column if not exists minted_on varchar;
            alter table lake.registry.{e}_link add column if not exists unit_key varchar"""
    )
    pairs.prepare(con, e)
    con.execute(f"update lake.registry.{e} set own_id = {e}_id where own_id is null")
    con.execute(
        f"""update lake.registry.{e}_link set unit_key = coalesce(
                (select any_value(known.cluster_key) from lake.registry.{e} as known
                 where known.{e}_id = lake.registry.{e}_link.{e}_id), 'none|' || content_id)
            where unit_key is null"""
    )


def link(con: duckdb.DuckDBPyConnection, *, full: bool = False) -> dict[str, dict[str, int]]:
    """Links new contents, refreshes what is current, and queues the entities this touches.

    One transaction per entity type; repeating it changes nothing. `full` looks at every dataset and compares every unit
    anew, not only those of unpublished deliveries. Returns per entity the number of new entities, new links and queued entities.
    """
    report = {}
    for entity in LINKED:
        with transaction(con):
            spec = load(entity)
            _forget_unsaid(con, spec)
            report[entity] = places.link(con, full=full) if entity == "place" else _link(con, spec, full)
            _refresh_state(con, spec, full)
            if entity != "place":
                _queue_dependants(con, spec)
            report[entity]["queued"] = _count(
                con, f"select count(distinct {entity}_id) from lake.registry.{entity}_queue"
            )
    return report


def queues() -> list[str]:
    """Tables emptied on publishing."""
    return [f"lake.registry.{e}_queue" for e in LINKED]


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _content(entity: str) -> str:
    """Relation with the contents of an entity type; places are read after they are resolved."""
    return f"lake.intermediate.int_{entity}__" + ("resolved" if entity == "place" else "content")


def _forget_unsaid(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Contents that nobody says any more (their delivery was withdrawn or corrected) leave; their entities are queued.

    The entity's id stays in the registry: it is never given to another.
    """
    e = spec.entity
    unit = "null" if e == "place" else "unit_key"
    con.execute(
        f"""create or replace temp table unsaid as
            select content_id, {e}_id, {unit} as unit_key from lake.registry.{e}_link
            where content_id not in (select content_id from {_content(e)})"""
    )
    con.execute(
        f"""insert into lake.registry.{e}_queue
            select distinct {e}_id from unsaid
            where {e}_id is not null and {e}_id not in (select {e}_id from lake.registry.{e}_queue)"""
    )
    con.execute(f"delete from lake.registry.{e}_link where content_id in (select content_id from unsaid)")
    con.execute(f"delete from lake.registry.{e}_state where content_id in (select content_id from unsaid)")


def _link(con: duckdb.DuckDBPyConnection, spec: Spec, full: bool) -> dict[str, int]:
    """New contents become or join units, units are compared and clustered, and whose entity changed is linked anew."""
    e = spec.entity
    con.execute(
        f"""create or replace temp table unlinked as select content_id, {e}_id, unit_key from unsaid limit 0;
            create or replace temp table newcomer as
            select content_id from {_content(e)} where content_id not in (select content_id from lake.registry.{e}_link)"""
    )
    _disown(con, spec, full)
    if full:
        _forget_rekeyed(con, spec)
    report = {"new": _new_contents(con, spec)}
    report["linked"] = _count(con, "select count(*) from fresh")
    con.execute(
        f"""create or replace temp table touched as
            select distinct unit_key from lake.registry.{e}_link where {str(full).lower()}
            union select unit_key from fresh union select unit_key from unsaid
            union select link.unit_key from lake.registry.{e}_link as link
                  join lake.intermediate.int_{e}__content as content using (content_id)
                  where content.place_content_id in (
                      select content_id from lake.registry.place_link where place_id in (from lake.registry.place_queue))"""
    )
    everything = full or units.are_many(con, spec) or not pairs.knows_keys(con, spec)
    units.know(con, spec, "true" if everything else "link.unit_key in (from touched)")
    if not everything:
        units.start(con, spec)
    if spec.compares:
        report |= pairs.refresh(con, spec)
    if not everything:
        units.reach(con, spec)
        units.know(con, spec, "hash(link.unit_key) in (from reached)")
    if spec.compares:
        clusters.cluster(con, spec)
    else:
        con.execute(
            """create or replace temp table clustered as
               select unit_key, unit_key as cluster, rule as link_rule, 1.0 as link_probability from unit"""
        )
    _identify(con, spec)
    report["changed"] = _count(con, "select count(*) from regrouped where was <> entity_id")
    return report


def _disown(con: duckdb.DuckDBPyConnection, spec: Spec, full: bool) -> None:
    """Temp table `disowned(content_id)`: contents whose identifier may be another's; each becomes a unit without one.

    A decision that two contents under one identifier are two entities takes the right one out. A register that gives one
    identifier to two rows of one delivery with names that are not alike does not know whose it is: all its rows with it go.
    """
    e = spec.entity
    con.execute(
        f"""create or replace temp table disowned as
            with said as (
                select left_content, right_content, arg_max(verdict, decided_at) as verdict
                from lake.registry.link_decision where entity = '{e}' group by all)
            select distinct r.content_id from said
            join {_content(e)} as l on l.content_id = said.left_content
            join {_content(e)} as r on r.content_id = said.right_content
            where said.verdict = 'other' and l.{spec.verified} = r.{spec.verified}"""
    )
    if spec.disowns:
        _disown_shared(con, spec, full)
    _unlink(con, spec, "link.unit_key like 'id|%' and link.content_id in (select content_id from disowned)")


def _unlink(con: duckdb.DuckDBPyConnection, spec: Spec, wanted: str) -> None:
    """Takes the links (`link` in the condition `wanted`) of contents that are to be linked anew.

    What was taken stands in temp table `unlinked`, as in `unsaid`.
    """
    e = spec.entity
    con.execute(
        f"""insert into unlinked
            select link.content_id, link.{e}_id, link.unit_key from lake.registry.{e}_link as link
            where {wanted}"""
    )
    con.execute("insert into unsaid from unlinked where content_id not in (select content_id from unsaid)")
    con.execute(f"delete from lake.registry.{e}_link where content_id in (select content_id from unlinked)")


def _forget_rekeyed(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Contents that belong to another unit by the spec of today: it was changed since they were linked."""
    e = spec.entity
    _unlink(
        con,
        spec,
        f"""link.content_id in (
                select content_id from {_content(e)} as content
                join lake.registry.{e}_link as known using (content_id) where known.unit_key <> {_unit_key(spec)})""",
    )


def _unit_key(spec: Spec) -> str:
    """SQL over the content table and temp table `disowned`: the unit a content belongs to."""
    return f"""case when {spec.verified} is not null and content_id not in (select content_id from disowned)
                         then 'id|' || {spec.verified}
                    when {spec.mints} or {spec.loose} then 'own|' || {spec.own}
                    else 'none|' || content_id end"""


def _disown_shared(con: duckdb.DuckDBPyConnection, spec: Spec, full: bool) -> None:
    """Adds to `disowned` what a register says under one identifier with names that are not alike, of identifiers with news."""
    e = spec.entity
    news = f"""{spec.verified} in (
                select {spec.verified} from {_content(e)} where content_id in (from newcomer))"""
    con.execute(
        f"""create or replace temp table claimed as
            select content_id, {spec.verified} as identifier, dataset, name
            from {_content(e)} as content
            where role = 'subject' and name is not null and {"true" if full else news}
            window same as (partition by dataset, {spec.verified})
            qualify min(name) over same <> max(name) over same"""
    )
    names.read_names(con, "claimed", "name")
    con.execute(
        f"""insert into disowned
            with row_of as (
                select distinct claimed.*, mention.delivery_id, read.skeleton, read.reading
                from claimed
                join lake.intermediate.int_{e}__mention as mention using (content_id)
                join name_read as read on read.name = claimed.name),
            shared as (
                select distinct a.identifier, a.dataset
                from row_of as a join row_of as b using (identifier, dataset, delivery_id)
                where a.reading <> b.reading and levenshtein(a.skeleton, b.skeleton) >= 2
                  and not contains(a.skeleton, b.skeleton) and not contains(b.skeleton, a.skeleton))
            select content_id from claimed semi join shared using (identifier, dataset)"""
    )


def _new_contents(con: duckdb.DuckDBPyConnection, spec: Spec) -> int:
    """Temp table `fresh` (contents without a link, with the unit of each) and view `linked` (these and all others); returns how
    many units were not met before. The links themselves are written once, when their entities are known (`_identify`).
    """
    e = spec.entity
    con.execute(
        f"""create or replace temp table fresh as
            select content_id, {_unit_key(spec)} as unit_key from {_content(e)}
            where content_id in (from newcomer union all select content_id from unlinked);
            drop table newcomer"""
    )
    row = con.execute(
        f"""insert into lake.registry.{e} by name
            with said as (
                select first_mention, content_id, unit_key from fresh join {_content(e)} using (content_id)
                where unit_key not like 'none|%' and unit_key not in (select cluster_key from lake.registry.{e})),
            earliest as (
                select unit_key, min(struct_pack(first_mention := first_mention, content_id := content_id)) as said
                from said group by unit_key)
            select null::varchar as {e}_id, unit_key as cluster_key, said.content_id as minted_from,
                   '{spec.prefix}' || substr(md5('{e}|' || said.content_id), 1, 20) as own_id,
                   said.first_mention::varchar as minted_on
            from earliest"""
    ).fetchone()
    con.execute(
        f"""create or replace temp view linked as
            select content_id, unit_key from lake.registry.{e}_link union all select content_id, unit_key from fresh"""
    )
    return int(row[0]) if row else 0


def _identify(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Gives each cluster an id it already has, else that of its earliest unit; links and records what changed: `merged` into
    another, `split` off one that goes on, or `withdrawn` with the unit the id was minted from.

    Of several ids (a merge) the one minted from what was said first stays. A cluster in which no mention makes an entity
    (a caller, a guardian) gets none.
    """
    e = spec.entity
    con.execute(
        f"""create or replace temp table regrouped as
            with member as (
                select unit.unit_key, unit.mints, clustered.cluster, clustered.link_rule, clustered.link_probability,
                       known.own_id, known.minted_on, known.{e}_id as was, known.link_rule as was_rule,
                       known.link_probability as was_probability
                from unit join clustered using (unit_key) join lake.registry.{e} as known on known.cluster_key = unit.unit_key),
            -- a cluster has the name of one of its units; most are one unit
            of_several as (select distinct cluster from clustered where cluster <> unit_key),
            joined_member as (from member semi join of_several using (cluster)),
            kept as (
                select one.cluster, arg_min(one.own_id, (one.minted_on, one.own_id)) as entity_id
                from joined_member as one join joined_member as other on other.cluster = one.cluster and other.was = one.own_id
                where one.mints group by one.cluster),
            earliest as (
                select cluster, arg_min(own_id, (minted_on, own_id)) as entity_id from joined_member where mints group by cluster),
            named as (
                select member.*, case when of_several.cluster is null then case when mints then own_id end
                                      else coalesce(kept.entity_id, earliest.entity_id) end as entity_id
                from member left join of_several using (cluster) left join kept using (cluster) left join earliest using (cluster))
            select unit_key, cluster, was, entity_id, case when entity_id is null then 'not_linked' else link_rule end as link_rule,
                   case when entity_id is not null then link_probability end as link_probability
            from named
            where entity_id is distinct from was or unit_key in (from touched)
               or was_rule is distinct from case when entity_id is null then 'not_linked' else link_rule end
               or was_probability is distinct from case when entity_id is not null then link_probability end"""
    )
    con.execute(
        f"""update lake.registry.{e} set {e}_id = regrouped.entity_id, link_rule = regrouped.link_rule,
                   link_probability = regrouped.link_probability
            from regrouped where lake.registry.{e}.cluster_key = regrouped.unit_key
              and (lake.registry.{e}.{e}_id is distinct from regrouped.entity_id
                   or lake.registry.{e}.link_rule is distinct from regrouped.link_rule
                   or lake.registry.{e}.link_probability is distinct from regrouped.link_probability)"""
    )
    con.execute(
        f"""update lake.registry.{e}_link set {e}_id = regrouped.entity_id, link_rule = regrouped.link_rule,
                   link_probability = regrouped.link_probability
            from regrouped where lake.registry.{e}_link.unit_key = regrouped.unit_key
              and ({e}_id is distinct from regrouped.entity_id
                   or lake.registry.{e}_link.link_rule is distinct from regrouped.link_rule
                   or lake.registry.{e}_link.link_probability is distinct from regrouped.link_probability)"""
    )
    con.execute(
        f"""insert into lake.registry.{e}_link by name
            select fresh.content_id, fresh.unit_key, known.{e}_id, coalesce(known.link_rule, 'not_linked') as link_rule,
                   known.link_probability
            from fresh left join lake.registry.{e} as known on known.cluster_key = fresh.unit_key"""
    )
    con.execute(
        f"""insert into lake.registry.{e}_queue
            select distinct id from (
                select was as id from regrouped where was is distinct from entity_id
                union all select entity_id from regrouped where was is distinct from entity_id
                union all select link.{e}_id from lake.registry.{e}_link as link join fresh using (content_id)
                union all select entity_id from regrouped where unit_key in (select unit_key from unsaid))
            where id is not null and id not in (select {e}_id from lake.registry.{e}_queue)"""
    )
    con.execute(
        f"""update lake.registry.{e} set {e}_id = null, link_rule = null, link_probability = null
            where {e}_id is not null and cluster_key in (from touched) and cluster_key not in (select unit_key from unit)"""
    )
    con.execute(
        f"""insert into lake.foundation.entity_change
            select distinct '{e}', was, entity_id, null,
                   case when was in (select {e}_id from lake.registry.{e}) then 'split'
                        when was in (select own_id from lake.registry.{e} where cluster_key in (select unit_key from unit))
                          or was in (select {e}_id from unlinked) then 'merged'
                        else 'withdrawn' end
            from (select was, entity_id from regrouped
                  union select unlinked.{e}_id, link.{e}_id
                  from unlinked join lake.registry.{e}_link as link using (content_id))
            where was is not null and was is distinct from entity_id"""
    )


def _refresh_state(con: duckdb.DuckDBPyConnection, spec: Spec, full: bool) -> None:
    """What is current changes only in datasets with deliveries no published build contains, or that are made anew.

    A place is said alike by many datasets: where one takes it back, any of its contents may have another first day.
    """
    e = spec.entity
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


def _queue_dependants(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """A place carries community and grid to whoever is there: what refers to a queued place is queued too."""
    e = spec.entity
    con.execute(
        f"""insert into lake.registry.{e}_queue
            select distinct link.{e}_id
            from lake.intermediate.int_{e}__content as content
            join lake.registry.{e}_link as link using (content_id)
            join lake.registry.place_link as placed on placed.content_id = content.place_content_id
            join lake.registry.place_queue as moved using (place_id)
            where link.{e}_id is not null and link.{e}_id not in (select {e}_id from lake.registry.{e}_queue)"""
    )
