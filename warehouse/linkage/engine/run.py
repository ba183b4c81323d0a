"""Linking from beginning to end: relations and a specification in, tables of links and clusters out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.linkage.engine import blocking, compare, decide, model, prepare

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.engine.spec import Spec


@dataclass
class Linked:
    """What was understood, compared and found."""

    rows: list[int]
    columns: list[dict[str, object]]
    blocking: list[dict[str, object]] = field(default_factory=list)
    pairs: int = 0
    threshold: float = 0.5
    one_to_one: bool = False
    rounds: int = 0
    links: int = 0
    clusters: int = 0
    weights: model.Model | None = None

    def to_json(self) -> dict[str, Any]:
        """The summary; weights only where they were asked for."""
        return {
            "rows": self.rows, "columns": self.columns, "blocking": self.blocking, "pairs_compared": self.pairs,
            "threshold": self.threshold, "one_to_one": self.one_to_one, "links": self.links, "clusters": self.clusters,
        }  # fmt: skip


def link(
    con: duckdb.DuckDBPyConnection,
    spec: Spec,
    sources: list[str],
    *,
    known: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Linked:
    """Links two relations (SQL), or finds what one holds twice.

    Creates the temp tables `found_link(left_id, right_id, match_probability)`, above the specification's threshold, and
    `found_cluster(id, cluster_id, side)`: every row, cluster_id an id of the cluster's own counted from 1.
    known: a file of saved weights to use instead of estimating them.
    Raises WrongUse where columns are missing or ids not unique.
    """
    progress("reading and tidying")
    columns = prepare.prepare(con, spec, sources)
    two = len(sources) == 2
    sizes = [_count(con, f"select count(*) from record where side = {side}") for side in range(len(sources))]
    found = Linked(rows=sizes, columns=[c.describe() for c in columns], threshold=spec.threshold)
    con.execute("create or replace temp table link (l integer, r integer, weight double)")
    con.execute("create or replace temp table cluster (rid integer, c integer)")
    if min(sizes) > 0 and sum(sizes) > 1 and any(c.filled for c in columns):
        _find(con, spec, columns, sizes, found, two=two, known=known, progress=progress)
    _write(con, spec, found)
    return found


def _find(
    con: duckdb.DuckDBPyConnection, spec: Spec, columns: list[prepare.Column], sizes: list[int], found: Linked, *,
    two: bool, known: Path | None, progress: Callable[[str], None],
) -> None:  # fmt: skip
    rules = blocking.choose(con, spec, columns, sizes)
    progress(f"{sum(sizes)} rows, {len(rules)} blocking rules")
    found.pairs = blocking.pairs(con, rules, two=two)
    found.blocking = [{"rule": rule.label, "pairs": rule.pairs} for rule in rules]
    comparisons = compare.comparisons(spec, columns)
    model.count_values(con, comparisons, columns)
    progress(f"comparing {found.pairs} pairs")
    model.compare_pairs(con, comparisons, "pair", "compared")
    con.execute("drop table pair")
    if known is None:
        progress("weighing")
        weights, found.rounds = model.estimate(con, comparisons, sizes)
    else:
        weights = model.load(known, comparisons)
    found.weights = weights
    bar = decide.bar_of(spec.threshold)
    model.score(con, weights, comparisons, "compared", "scored", least=bar - 10)
    found.one_to_one = two and (decide.one_to_one(con, bar) if spec.one_to_one is None else spec.one_to_one)
    progress("deciding")
    if found.one_to_one:
        decide.assign(con, "scored", bar, "link")
        decide.left_over(con, weights, comparisons, bar)
        con.execute("insert into cluster select l, l from link union all select r, l from link")
    else:
        decide.gather(con, weights, comparisons, bar, two=two)


def _write(con: duckdb.DuckDBPyConnection, spec: Spec, found: Linked) -> None:
    bar = decide.bar_of(spec.threshold)
    con.execute(
        f"""create or replace temp table found_link as
            select a.id as left_id, b.id as right_id,
                   greatest({spec.threshold!r}, least(1 / (1 + power(2.0, -greatest({bar!r}, least(50, weight)))), 1)) as match_probability
            from link join source_id as a on a.rid = link.l join source_id as b on b.rid = link.r order by link.l, link.r"""
    )
    con.execute(
        """create or replace temp table found_cluster as
            with every as (
                select source_id.rid, side, id, coalesce(c, source_id.rid) as c from source_id left join cluster using (rid))
            select id, dense_rank() over (order by c) as cluster_id, side from every order by rid"""
    )
    found.links = _count(con, "select count(*) from found_link")
    found.clusters = _count(con, "select count(distinct cluster_id) from found_cluster")


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
