"""What people decide about two contents: kept as rows that are never rewritten, and work for the next build.

registry.link_decision      `same` (must-link), `other` (cannot-link), `unsure` (takes back what was decided); the newest
                            on a pair counts, the earlier ones stay
registry.review_workbook    a workbook whose decisions were taken up
registry.review_row         each row it brought, and why it was declined where it was
registry.decision_linked    up to when linkage has obeyed decisions, and whether readers see that yet
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from warehouse.lake import table_exists

if TYPE_CHECKING:
    import duckdb
    import polars as pl

SAME, OTHER, UNSURE = "same", "other", "unsure"
LAST_TABLE = ("registry", "decision_linked")
_TABLES = """
create table if not exists lake.registry.review_workbook (
    workbook_delivery_id varchar, workbook varchar, entity varchar, file varchar, received_at timestamptz, applied_at timestamptz);
create table if not exists lake.registry.review_row (
    workbook_delivery_id varchar, pair_id varchar, at_row bigint, entity varchar, left_content varchar, right_content varchar,
    verdict varchar, reason varchar, decided_by varchar, declined varchar);
create table if not exists lake.registry.decision_linked (linked_at timestamptz, is_published boolean);
"""


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables on an empty lake."""
    con.execute(_TABLES)


def contradictory(decisions: Sequence[tuple[str, str, str]]) -> dict[int, set[int]]:
    """Decisions (left, right, verdict) that cannot all hold: where `same` joins what an `other` parts.

    Returns position → positions of all that take part in the same contradiction: every `same` that joins the group and
    every `other` within it. `unsure` says nothing. People decide few pairs, so this looks at them one by one.
    """
    group: dict[str, str] = {}

    def root(key: str) -> str:
        while (above := group.setdefault(key, key)) != key:
            group[key] = group.setdefault(above, above)
            key = group[key]
        return key

    for left, right, verdict in decisions:
        if verdict == SAME:
            group[root(left)] = root(right)
    torn = {root(left) for left, right, verdict in decisions if verdict == OTHER and root(left) == root(right)}
    parts: dict[str, set[int]] = {}
    for at, (left, right, verdict) in enumerate(decisions):
        if verdict != UNSURE and root(left) in torn and root(left) == root(right):
            parts.setdefault(root(left), set()).add(at)
    return {at: whole for whole in parts.values() for at in whole}


# ---- work for the next build ------------------------------------------------------------------------------------------


def unpublished(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether somebody decided something that the published foundation does not show yet. Only reads."""
    if not table_exists(con, "registry", "link_decision"):
        return False
    seen = "(select max(linked_at) from lake.registry.decision_linked where is_published)"
    if not table_exists(con, *LAST_TABLE):
        seen = "(select max(started_at) from lake.foundation.build where published)"
    row = con.execute(
        f"select count(*) from lake.registry.link_decision where decided_at > coalesce({seen}, '-infinity'::timestamptz)"
    ).fetchone()
    return bool(row and row[0])


def note_linked(con: duckdb.DuckDBPyConnection) -> None:
    """After linkage: it has obeyed every decision there is."""
    con.execute(
        """insert into lake.registry.decision_linked
           select max(decided_at), false from lake.registry.link_decision
           having max(decided_at) > coalesce((select max(linked_at) from lake.registry.decision_linked), '-infinity'::timestamptz)"""
    )


def note_published(con: duckdb.DuckDBPyConnection) -> None:
    """Within publishing: readers see what linkage obeyed."""
    if table_exists(con, *LAST_TABLE):
        con.execute("update lake.registry.decision_linked set is_published = true where not is_published")


# ---- what was decided -------------------------------------------------------------------------------------------------


def in_force(entity: str) -> str:
    """SELECT of the newest decision on each pair of units: unit_a, unit_b (a ≤ b), verdict, contents, who, when, why.

    A content that no source says any more stands for itself.
    """
    return f"""
        select coalesce(l.unit_key, said.left_content) as unit_l, coalesce(r.unit_key, said.right_content) as unit_r,
               least(unit_l, unit_r) as unit_a, greatest(unit_l, unit_r) as unit_b, said.*
        from lake.registry.link_decision as said
        left join lake.registry.{entity}_link as l on l.content_id = said.left_content
        left join lake.registry.{entity}_link as r on r.content_id = said.right_content
        where said.entity = '{entity}'
        qualify row_number() over (
            partition by unit_a, unit_b, case when unit_l = unit_r then left_content || right_content end
            order by decided_at desc) = 1"""


def record(con: duckdb.DuckDBPyConnection, entity: str, decisions: pl.DataFrame) -> None:
    """Keeps decisions: left_content, right_content, verdict, reason, by, at; one row per pair.

    The two contents stand in the order decisions about their units are kept in, so that the newest replaces the earlier one.
    Within one unit the order is the person's: the right one is taken out of the identifier.
    """
    con.register("decisions_now", decisions)
    con.execute(
        f"""insert into lake.registry.link_decision
            with before as (
                select distinct left_content, right_content from lake.registry.link_decision where entity = '{entity}'),
            turned as (
                select now.*, case when straight.left_content is not null then false
                                   when reverse.left_content is not null then true
                                   else coalesce(l.unit_key, now.left_content) > coalesce(r.unit_key, now.right_content) end as turn
                from decisions_now as now
                left join before as straight
                    on straight.left_content = now.left_content and straight.right_content = now.right_content
                left join before as reverse
                    on reverse.left_content = now.right_content and reverse.right_content = now.left_content
                left join lake.registry.{entity}_link as l on l.content_id = now.left_content
                left join lake.registry.{entity}_link as r on r.content_id = now.right_content)
            select '{entity}', case when turn then right_content else left_content end,
                   case when turn then left_content else right_content end, verdict, reason, "by", "at"
            from turned"""
    )
    con.unregister("decisions_now")


def clashes(
    con: duckdb.DuckDBPyConnection, entity: str, news: Sequence[tuple[str, str, str]]
) -> Iterator[tuple[int, list[tuple[str, str, str, str]]]]:
    """New decisions (left content, right content, verdict) that contradict others, with those they clash with.

    Yields (position in `news`, earlier decisions as (left content, right content, verdict, who)). A new decision on a pair
    of units replaces the earlier one on that pair and does not contradict it.
    """
    kept = con.execute(f"select unit_a, unit_b, verdict, left_content, right_content, decided_by from ({in_force(entity)}) where unit_l <> unit_r").fetchall()  # fmt: skip
    unit = dict(
        con.execute(
            f"select content_id, unit_key from lake.registry.{entity}_link where list_contains(?::varchar[], content_id)",
            [[c for left, right, _ in news for c in (left, right)]],
        ).fetchall()
    )
    fresh = [(*sorted((unit.get(left, left), unit.get(right, right))), verdict) for left, right, verdict in news]
    replaced = {(a, b) for a, b, _ in fresh}
    before = [k for k in kept if (k[0], k[1]) not in replaced]
    found = contradictory([(a, b, v) for a, b, v, *_ in before] + [(a, b, v) for a, b, v in fresh if a != b])
    places = [at for at, (a, b, _) in enumerate(fresh) if a != b]
    for position, at in enumerate(places, start=len(before)):
        if whole := found.get(position):
            yield at, [(k[3], k[4], k[2], k[5]) for i, k in enumerate(before) if i in whole]
