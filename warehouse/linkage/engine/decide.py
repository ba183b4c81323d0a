"""From weights to links and clusters.

Two lists of which neither holds a thing twice are linked one to one: the best pair of both rows first. What is left over is
compared once more, every row with every row: few are left, so weaker evidence is enough. Within one list rows are
gathered by average linkage, rounds of mutual best: a row joins a group because it is like the group, not because one of
its members was mistaken for a stranger.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from warehouse.linkage.engine import model as weights

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.engine.compare import Comparison
    from warehouse.linkage.engine.model import Model

_LEFT_OVER = 1_000_000  # pairs of left-over rows compared at most
_LARGE = 400  # rows: larger groups are not compared in full
# Bits that one pair may add to the likeness of two groups, or take from it: one mistaken row must not outweigh the others.
_FOR, _AGAINST = 14.0, 8.0
_UNSEEN = 4.0  # bits against, for a pair that was never compared
_ROUNDS = 200


def one_to_one(con: duckdb.DuckDBPyConnection, bar: float) -> bool:
    """Does hardly any row of either list have two sure partners? Needs `scored`."""
    row = con.execute(
        f"""with sure as (select l, r from scored where weight > {bar + 5}),
            counted as (select count(*) as n from sure group by l union all select count(*) from sure group by r)
            select count(*), count(*) filter (n > 1) from counted"""
    ).fetchone()
    return bool(row and row[0] and row[1] <= 0.01 * row[0])


def assign(con: duckdb.DuckDBPyConnection, scored: str, bar: float, into: str) -> None:
    """Adds to `into(l, r, weight)` pairs above the bar, each row once, the best for both first."""
    con.execute(f"create or replace temp table open_pair as select l, r, weight from {scored} where weight > {bar}")
    while _count(con, "open_pair"):
        con.execute(
            f"""insert into {into} select l, r, weight from open_pair
                qualify row_number() over (partition by l order by weight desc, r) = 1
                    and row_number() over (partition by r order by weight desc, l) = 1"""
        )
        con.execute(
            f"""create or replace temp table open_pair as select * from open_pair
                where l not in (select l from {into}) and r not in (select r from {into})"""
        )
    con.execute("drop table open_pair")


def left_over(con: duckdb.DuckDBPyConnection, model: Model, comparisons: list[Comparison], bar: float) -> int:
    """Compares rows without a partner each with each and adds what is probable among so few. Returns the links added.

    How probable it is that two of them belong together is estimated anew from these pairs, with the weights as they are.
    """
    con.execute(
        """create or replace temp table alone as select rid, side from record
           where rid not in (select l from link union all select r from link)"""
    )
    row = con.execute("select count(*) filter (side = 0), count(*) filter (side = 1) from alone").fetchone()
    total = row[0] * row[1] if row else 0
    if not row or not 0 < total <= _LEFT_OVER:
        return 0
    con.execute(
        """create or replace temp table alone_pair as select a.rid as l, b.rid as r from alone as a join alone as b
           on a.side = 0 and b.side = 1"""
    )
    weights.compare_pairs(con, comparisons, "alone_pair", "alone_compared")
    prior = weights.prior_among(con, model, comparisons, "alone_compared", most=min(row) / total)
    if prior <= 0:
        return 0
    weights.score(con, model, comparisons, "alone_compared", "alone_scored", least=bar, prior=prior)
    before = _count(con, "link")
    assign(con, "alone_scored", bar, "link")
    return _count(con, "link") - before


def gather(
    con: duckdb.DuckDBPyConnection,
    model: Model,
    comparisons: list[Comparison],
    bar: float,
    *,
    two: bool,
) -> None:
    """Creates `cluster(rid, c)` of linked rows and `link(l, r, weight)`: every pair within a cluster (across, of two lists)."""
    con.execute(f"create or replace temp table edge as select l, r, weight from scored where weight > {bar}")
    _components(con)
    con.execute(
        """create or replace temp table sized as
           with held as (select c, count(*) as n, count(*) filter (side = 0) as lefts from component join record using (rid) group by c),
           tied as (select component.c, count(*) as m from edge join component on component.rid = edge.l group by component.c)
           select c, n, m, lefts from held join tied using (c)"""
    )
    whole = "m = lefts * (n - lefts)" if two else "m = n * (n - 1) / 2"
    con.execute(f"create or replace temp table loose as select c, n from sized where not ({whole})")
    across = "a.side = 0 and b.side = 1" if two else "a.rid < b.rid"
    con.execute(
        f"""create or replace temp table inner_pair as
            with held as (select rid, side, c from component join record using (rid) join loose using (c) where n <= {_LARGE})
            select a.rid as l, b.rid as r from held as a join held as b on a.c = b.c and {across}"""
    )
    con.execute("create or replace temp table inner_new as from inner_pair anti join compared using (l, r)")
    weights.compare_pairs(con, comparisons, "inner_new", "inner_compared")
    con.execute("insert into inner_compared select compared.* from compared semi join inner_pair using (l, r)")
    weights.score(con, model, comparisons, "inner_compared", "inner_scored", least=-1e9)
    con.execute(
        f"""create or replace temp table tie as
            select least(l, r) as a, greatest(l, r) as b, greatest(-{_AGAINST}, least({_FOR}, weight - {bar})) as s, 1 as n from inner_scored
            union all
            select l, r, greatest(-{_AGAINST}, least({_FOR}, weight - {bar})), 1 from scored
            join component on component.rid = l join loose using (c) join component as other on other.rid = r and other.c = component.c
            where loose.n > {_LARGE}"""
    )
    con.execute(
        """create or replace temp table cluster as
           select rid, case when loose.c is null then component.c else rid end as c from component left join loose using (c)"""
    )
    _link_averages(con, two=two)
    con.execute(
        f"""create or replace temp table within as
            with held as (select cluster.rid, side, c from cluster join record using (rid))
            select a.rid as l, b.rid as r from held as a join held as b on a.c = b.c and {across}"""
    )
    con.execute(
        """create or replace temp table own as
           select within.l, within.r, max(known.weight) as weight from within
           left join (select l, r, weight from scored union all select l, r, weight from inner_scored) as known
               on known.l = within.l and known.r = within.r
           group by within.l, within.r"""
    )
    # Two rows that are unlike one another are linked through a third that is like both.
    con.execute(
        f"""create or replace temp table link as
            with sure as (select l, r, weight from own where weight > {bar}),
            both_ways as (select l, r, weight from sure union all select r, l, weight from sure),
            unlike as (select l, r from own where weight is null or weight <= {bar}),
            through as (
                select unlike.l, unlike.r, max(least(x.weight, y.weight)) as weight
                from unlike join both_ways as x on x.l = unlike.l join both_ways as y on y.l = unlike.r and y.r = x.r
                group by unlike.l, unlike.r)
            select l, r, weight from sure
            union all
            select unlike.l, unlike.r, coalesce(through.weight, {bar}) from unlike left join through using (l, r)"""
    )
    for name in (
        "edge",
        "component",
        "sized",
        "loose",
        "inner_pair",
        "inner_compared",
        "inner_scored",
        "tie",
        "within",
        "own",
    ):
        con.execute(f"drop table {name}")


def _components(con: duckdb.DuckDBPyConnection) -> None:
    """Creates `component(rid, c)`: rows joined by edges, by any path; c is the smallest rid."""
    con.execute(
        "create or replace temp table component as select rid, rid as c from (select l as rid from edge union select r from edge)"
    )
    while True:
        con.execute(
            """create or replace temp table lower as
               with seen as (
                   select edge.l as rid, other.c from edge join component as other on other.rid = edge.r
                   union all select edge.r, other.c from edge join component as other on other.rid = edge.l
                   union all select rid, c from component),
               least_seen as (select rid, min(c) as c from seen group by rid)
               select least_seen.rid, least(least_seen.c, further.c) as c
               from least_seen join component as further on further.rid = least_seen.c"""
        )
        changed = con.execute(
            "select count(*) from lower join component using (rid) where lower.c <> component.c"
        ).fetchone()
        con.execute("create or replace temp table component as from lower")
        if not changed or not changed[0]:
            con.execute("drop table lower")
            return


def _link_averages(con: duckdb.DuckDBPyConnection, *, two: bool) -> None:
    """Merges, round by round, groups that are each other's best by the mean of their pairs' weights, while it is above 0.

    Mean likeness never rises by a merger elsewhere, so mutual best pairs may all be merged at once. A pair that was never
    compared shares no key of any rule: it counts as unlike.
    """
    con.execute(
        """create or replace temp table held as
           select c, count(*) as n, count(*) filter (side = 0) as lefts from cluster join record using (rid) group by c"""
    )
    possible = "x.lefts * (y.n - y.lefts) + y.lefts * (x.n - x.lefts)" if two else "x.n * y.n"
    for _ in range(_ROUNDS):
        con.execute(
            f"""create or replace temp table merger as
               with weighed as (
                   select a, b, s - {_UNSEEN} * ({possible} - tie.n) as s, {possible} as n
                   from tie join held as x on x.c = a join held as y on y.c = b where s > 0),
               good as (select a, b, s / n as mean from weighed where s > 0),
               both_ways as (select a, b, mean from good union all select b, a, mean from good),
               best as (select a, b from both_ways qualify row_number() over (partition by a order by mean desc, b) = 1)
               select x.a as kept, x.b as gone from best as x join best as y on y.a = x.b and y.b = x.a where x.a < x.b"""
        )
        if not _count(con, "merger"):
            break
        con.execute("update cluster set c = merger.kept from merger where cluster.c = merger.gone")
        con.execute(
            """create or replace temp table tie as
               with moved as (
                   select coalesce(x.kept, a) as a, coalesce(y.kept, b) as b, s, n
                   from tie left join merger as x on x.gone = a left join merger as y on y.gone = b)
               select least(a, b) as a, greatest(a, b) as b, sum(s) as s, sum(n) as n from moved where a <> b
               group by least(a, b), greatest(a, b)"""
        )
        con.execute(
            """create or replace temp table held as
               select coalesce(kept, c) as c, sum(n) as n, sum(lefts) as lefts
               from held left join merger on merger.gone = held.c group by coalesce(kept, c)"""
        )
    con.execute("drop table merger")
    con.execute("drop table held")


def bar_of(threshold: float) -> float:
    """A probability as a weight: log2 of its odds."""
    return math.log2(threshold / (1 - threshold))


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0
