"""Which units are compared, and what each comparison says: the pair table of one entity type, kept up to date.

A unit is what needs no judgement: all contents with one verified identifier, or one record delivered again and again.
Only units without a verified identifier ("loose") are compared, with everything they share a key with.
`lake.registry.<entity>_pair` holds each pair worth remembering once, with its weight and the level of every comparison.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from warehouse.lake import literal
from warehouse.linkage import names, scoring, topics

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.spec import Spec

FLOOR = 0.02
"""Pairs less probable than this are not kept."""
TOO_COMMON = 2000
"""Units under one key beyond which the key says nothing: a switchboard's number, a place that is a whole town."""


AT_A_TIME = {"contents": 4_000_000, "keys": 20_000_000, "pairs": 2_000_000}
"""How much is worked on at a time: a whole city's evidence, keys or profiles at once would fill the disk, not only the memory."""


def prepare(con: duckdb.DuckDBPyConnection, e: str) -> None:
    """Creates the tables of an entity type on a lake that has none."""
    con.execute(
        f"""create table if not exists lake.registry.{e}_pair (
                left_key varchar, right_key varchar, match_weight double, match_probability double, evidence varchar);
            create table if not exists lake.registry.{e}_key (unit ubigint, key ubigint, is_double boolean);
            alter table lake.registry.{e}_key add column if not exists is_loose boolean"""
    )


def knows_keys(con: duckdb.DuckDBPyConnection, spec: Spec) -> bool:
    """Whether every unit's keys are stored: not on a lake that never compared, or from before keys said whose they are."""
    table = f"lake.registry.{spec.entity}_key"
    return not spec.compares or bool(
        _count(con, f"select count(*) from (from {table} limit 1)")
        and not _count(con, f"select count(*) from (from {table} where is_loose is null limit 1)")
    )


def refresh(con: duckdb.DuckDBPyConnection, spec: Spec) -> dict[str, int]:
    """Compares anew every pair with a unit in temp table `touched(unit_key)`.

    Reads temp table `unit(unit_key, is_loose)`: the units touched at least, all where the keys of some are not known. Returns
    pairs compared and kept. What a build costs here follows the units touched and those they share a key with; of the others
    only stored keys are read.
    """
    e = spec.entity
    con.execute(
        f"""delete from lake.registry.{e}_pair
            where left_key in (from touched) or right_key in (from touched)"""
    )
    _know_keys(con, spec)
    _candidates(con, spec)
    pairs = _count(con, "select count(*) from candidate")
    kept = 0
    for part in _parts(pairs, "pairs", "left_key"):
        con.execute(f"create or replace temp table candidate_part as from candidate where {part}")
        units = "select left_key from candidate_part union all select right_key from candidate_part"
        compare(con, spec, evidence(con, spec, _contents_of(units)), "candidate_part")
        scoring.score(con, spec, "pair_level", "scored")
        kept += _keep(con, spec)
    for table in ("candidate", "candidate_part", "pair_level", "scored"):
        con.execute(f"drop table if exists temp.{table}")
    return {"compared": pairs, "kept": kept}


def _parts(count: int, what: str, key: str) -> list[str]:
    """Conditions on the column `key` that part `count` things into as many shares as `AT_A_TIME` asks for; one even of none."""
    parts = max(1, math.ceil(count / AT_A_TIME[what]))
    return [f"hash({key}) % {parts} = {part}" if parts > 1 else "true" for part in range(parts)]


def _keep(con: duckdb.DuckDBPyConnection, spec: Spec) -> int:
    """Stores the pairs of `candidate_part` that are probable enough, with their weights and levels; returns how many."""
    said = ", ".join(
        f"case {name} {' '.join(f'when {i} then {literal(level.level)}' for i, level in enumerate(c.levels))} end as {name}"
        for name, c in spec.comparisons.items()
    )
    fields = ", ".join(f"'{name}': \"{name}\"" for name in spec.comparisons)
    row = con.execute(
        f"""insert into lake.registry.{spec.entity}_pair
            with worded as (select pair_id, {said} from pair_level)
            select left_key, right_key, match_weight, match_probability, to_json({{{fields}}})::varchar as evidence
            from scored join candidate_part using (pair_id) join worded using (pair_id)
            where match_probability >= {FLOOR} and not coalesce({spec.never}, false)"""
    ).fetchone()
    return int(row[0]) if row else 0


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _contents_of(units: str) -> str:
    """SQL: the contents of the units that the query `units` names, as `evidence` asks for them."""
    return f"select unit_key, content_id from linked where unit_key in ({units})"


def evidence(con: duckdb.DuckDBPyConnection, spec: Spec, asked: str) -> str:
    """SQL: rows of evidence of the contents that the query `asked` gives as (unit_key, content_id), one `unit_key` and many columns.

    Prepares what they are read with beside the lake: temp tables of names, patterns of areas, macros of topics. A query and
    no table: what a transaction drops is kept until it ends.
    """
    names.know_areas(con)
    topics.know_topics(con)
    if spec.names:
        content = f"lake.intermediate.int_{spec.entity}__content as content"
        names.read_names(con, f"(select {spec.names} as name from ({asked}) as asked join {content} using (content_id))", "name")  # fmt: skip
    return f"with asked as ({asked}) select * from ({spec.evidence.replace('{names}', spec.names or '')}) as told"


def _key_selects(blocks: dict[str, str], is_double: bool) -> list[str]:
    """Each row's keys, the kind of key in front so that keys of two kinds never meet; the same under any version of DuckDB."""
    return [
        f"""select distinct _unit as unit, md5_number_lower('{name}|' || ({sql})::varchar) as key,
                   {str(is_double).lower()} as is_double, _is_loose as is_loose
            from keyed where ({sql}) is not null{" and not _is_loose" if is_double else ""}"""
        for name, sql in blocks.items()
    ]


def _know_keys(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Brings `lake.registry.<entity>_key` up to the touched units; to all where it has none yet."""
    e = spec.entity
    table = f"lake.registry.{e}_key"
    if knows_keys(con, spec):
        stale = "from touched"
        con.execute(f"delete from {table} where unit in (select md5_number_lower(unit_key) from touched)")
    else:
        stale = "select unit_key from unit"
        con.execute(f"delete from {table}")
    con.execute(f"create or replace temp table stale as {stale}")
    contents = _count(con, "select count(*) from linked where unit_key in (from stale)")
    selects = _key_selects(spec.blocks, False) + _key_selects(spec.doubles, True)
    for part in _parts(contents, "contents", "unit_key"):
        told = evidence(con, spec, _contents_of(f"select unit_key from stale where {part}"))
        con.execute(
            f"""insert into {table}
                with keyed as materialized (
                    select told.*, md5_number_lower(unit_key) as _unit, unit.is_loose as _is_loose
                    from ({told}) as told join unit using (unit_key))
                {" union all ".join(selects)}"""
        )
    con.execute("drop table stale")


def _candidates(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp table `candidate(pair_id, left_key, right_key)`: touched units and those they share a key with.

    One side is loose, or both are verified and share a key of `doubles`.
    """
    e = spec.entity
    table = f"lake.registry.{e}_key"
    con.execute(
        """create or replace temp table news as select md5_number_lower(unit_key) as unit from touched;
           create or replace temp table found (a ubigint, a_is_loose boolean, b ubigint, b_is_loose boolean)"""
    )
    for part in _parts(_count(con, f"select count(*) from {table}"), "keys", "key"):
        con.execute(
            f"""create or replace temp table meeting as
                with known as (from {table} where {part}),
                useful as (select distinct key, is_double from known where is_double or is_loose),
                asked as (
                    select distinct key, is_double from known semi join useful using (key, is_double)
                    where unit in (from news)),
                shared as (
                    select key, is_double from known semi join asked using (key, is_double)
                    group by key, is_double having count(*) between 2 and {TOO_COMMON})
                select key, is_double, unit, is_loose, unit in (from news) as is_news
                from known semi join shared using (key, is_double)"""
        )
        con.execute(
            """insert into found
                select distinct a.unit, a.is_loose, b.unit, b.is_loose
                from meeting as a join meeting as b on a.key = b.key and a.is_double = b.is_double and a.unit < b.unit
                where (a.is_news or b.is_news) and (a.is_double or a.is_loose or b.is_loose)"""
        )
        con.execute("drop table meeting")
    con.execute(
        f"""create or replace temp table candidate as
            with named as (
                select md5_number_lower(cluster_key) as unit, cluster_key as unit_key from lake.registry.{e}
                where md5_number_lower(cluster_key) in (select a from found union all select b from found)),
            pair as (
                select l.unit_key as l, r.unit_key as r, a_is_loose, b_is_loose
                from (select distinct * from found) as found
                join named as l on l.unit = found.a join named as r on r.unit = found.b)
            select row_number() over (order by left_key, right_key) as pair_id, left_key, right_key
            from (
                select case when a_is_loose = b_is_loose then least(l, r) when a_is_loose then l else r end as left_key,
                       case when a_is_loose = b_is_loose then greatest(l, r) when a_is_loose then r else l end as right_key
                from pair)"""
    )
    con.execute("drop table found; drop table news")


def compare(con: duckdb.DuckDBPyConnection, spec: Spec, told: str, candidates: str = "candidate") -> None:
    """Temp table `pair_level(pair_id, <comparison> …)` of the temp table `candidates`, from the rows of evidence that the query
    `told` gives of every unit in it: the number of the level that holds, null where nothing is said."""
    columns = [
        c
        for (c,) in con.execute(f"select column_name from (describe {told}) where column_name <> 'unit_key'").fetchall()
    ]
    lists = ", ".join(f'list_sort(list(distinct "{c}") filter ("{c}" is not null)) as "{c}"' for c in columns)
    sides = ", ".join(f'l."{c}" as {c}_l, r."{c}" as {c}_r' for c in columns)
    cases = []
    for name, comparison in spec.comparisons.items():
        whens = " ".join(
            f"when {comparison.condition(level)} then {i}" for i, level in enumerate(comparison.levels[:-1])
        )
        cases.append(
            f"case when {comparison.missing} then null {whens} else {len(comparison.levels) - 1} end as {name}"
        )
    con.execute(
        f"""create or replace temp table pair_level as
            with profile as materialized (select unit_key, {lists} from ({told}) as told group by unit_key),
            side as (
                select candidate.pair_id, {sides}
                from {candidates} as candidate
                join profile as l on l.unit_key = candidate.left_key
                join profile as r on r.unit_key = candidate.right_key)
            select pair_id, {", ".join(cases)} from side"""
    )
