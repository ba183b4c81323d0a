"""Which units are compared, and what each comparison says: the pair table of one entity type, kept up to date.

A unit is what needs no judgement: all contents with one verified identifier, or one record delivered again and again.
Only units without a verified identifier ("loose") are compared, with everything they share a key with.
`lake.registry.<entity>_pair` holds each pair worth remembering once, with its weight and the level of every comparison.
"""

from __future__ import annotations

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


def refresh(con: duckdb.DuckDBPyConnection, spec: Spec) -> dict[str, int]:
    """Compares anew every pair with a unit in temp table `touched(unit_key)`.

    Reads temp table `unit(unit_key, is_loose)`: all units that contents belong to. Returns pairs compared and kept.
    """
    e = spec.entity
    con.execute(
        f"""delete from lake.registry.{e}_pair
            where left_key in (from touched) or right_key in (from touched)"""
    )
    _candidates(con, spec)
    compare(con, spec)
    scoring.score(con, spec, "pair_level", "scored")
    said = ", ".join(
        f"case {name} {' '.join(f'when {i} then {literal(level.level)}' for i, level in enumerate(c.levels))} end as {name}"
        for name, c in spec.comparisons.items()
    )
    fields = ", ".join(f"'{name}': \"{name}\"" for name in spec.comparisons)
    con.execute(
        f"""create or replace temp table compared as
            with worded as (select pair_id, {said} from pair_level)
            select left_key, right_key, match_weight, match_probability, to_json({{{fields}}})::varchar as evidence
            from scored join candidate using (pair_id) join worded using (pair_id)
            where match_probability >= {FLOOR} and not coalesce({spec.never}, false)"""
    )
    con.execute(f"insert into lake.registry.{e}_pair from compared")
    return {
        "compared": _count(con, "select count(*) from candidate"),
        "kept": _count(con, "select count(*) from compared"),
    }


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _evidence(con: duckdb.DuckDBPyConnection, spec: Spec, units: str, into: str) -> None:
    """Temp table `into`: rows of evidence of the units that the query `units` names."""
    e = spec.entity
    con.execute(
        f"""create or replace temp table asked as
            select unit_key, content_id from lake.registry.{e}_link where unit_key in ({units})"""
    )
    gather(con, spec, into)


def gather(con: duckdb.DuckDBPyConnection, spec: Spec, into: str) -> None:
    """Temp table `into`: rows of evidence of the contents in temp table `asked(unit_key, content_id)`."""
    e = spec.entity
    names.know_areas(con)
    topics.know_topics(con)
    if spec.names:
        said = f"select {spec.names} as name from asked join lake.intermediate.int_{e}__content as content using (content_id)"
        names.read_names(con, f"({said})", "name")
    con.execute(f"create or replace temp table {into} as {spec.evidence.replace('{names}', spec.names or '')}")


def _keys(blocks: dict[str, str], evidence: str) -> str:
    """Each row's keys, the kind of key in front so that keys of two kinds never meet."""
    selects = [
        f"select distinct unit_key, hash('{name}', {sql}) as key from {evidence} where ({sql}) is not null"
        for name, sql in blocks.items()
    ]
    return "\nunion all\n".join(selects) or "select null::varchar as unit_key, null::ubigint as key where false"


def _candidates(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp table `candidate(pair_id, left_key, right_key)`: touched units and those they share a key with.

    One side is loose, or both are verified and share a key of `doubles`.
    """
    _evidence(con, spec, "select unit_key from unit where is_loose", "loose_evidence")
    con.execute(f"create or replace temp table loose_key as {_keys(spec.blocks, 'loose_evidence')}")
    asked = "select unit_key from unit where not is_loose"
    if not spec.doubles and not _count(con, "select count(*) from loose_key"):
        asked += " and false"
    elif not spec.doubles and not _count(
        con, "select count(*) from unit where is_loose and unit_key in (from touched)"
    ):
        asked += (
            " and unit_key in (from touched)"  # what a loose unit that is not new shares a key with is touched itself
        )
    _evidence(con, spec, asked, "near")
    con.execute(
        f"""create or replace temp table near_key as
            select unit_key, key from ({_keys(spec.blocks, "near")}) where key in (select key from loose_key)"""
    )
    con.execute(f"create or replace temp table double_key as {_keys(spec.doubles, 'near')}")
    con.execute(
        f"""create or replace temp table candidate as
            with common as (
                select key from (select key from loose_key union all select key from near_key)
                group by key having count(*) > {TOO_COMMON}),
            loose as (select * from loose_key where key not in (from common)),
            near as (select * from near_key where key not in (from common)),
            found as (
                select least(a.unit_key, b.unit_key) as left_key, greatest(a.unit_key, b.unit_key) as right_key
                from loose as a join loose as b on a.key = b.key and a.unit_key < b.unit_key
                where a.unit_key in (from touched) or b.unit_key in (from touched)
                union
                select a.unit_key, b.unit_key from loose as a join near as b on a.key = b.key
                where a.unit_key in (from touched) or b.unit_key in (from touched)
                union
                select a.unit_key, b.unit_key from double_key as a join double_key as b on a.key = b.key and a.unit_key < b.unit_key
                where a.unit_key in (from touched) or b.unit_key in (from touched))
            select row_number() over (order by left_key, right_key) as pair_id, left_key, right_key from found"""
    )


def compare(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp table `pair_level(pair_id, <comparison> …)`: the number of the level that holds, null where nothing is said."""
    columns = [
        c
        for (c,) in con.execute(
            "select column_name from (describe loose_evidence) where column_name <> 'unit_key'"
        ).fetchall()
    ]
    lists = ", ".join(f'list_sort(list(distinct "{c}") filter ("{c}" is not null)) as "{c}"' for c in columns)
    con.execute(
        f"""create or replace temp table profile as
            select unit_key, {lists}
            from (from loose_evidence union all by name from near)
            where unit_key in (select left_key from candidate union all select right_key from candidate)
            group by unit_key"""
    )
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
            with side as (
                select candidate.pair_id, {sides}
                from candidate
                join profile as l on l.unit_key = candidate.left_key
                join profile as r on r.unit_key = candidate.right_key)
            select pair_id, {", ".join(cases)} from side"""
    )
