"""From pairs to entities: every unit gets the entity it belongs to, under rules that do not depend on the order of arrival.

1. What people decided stands: must-link joins, cannot-link parts.
2. A unit with a verified identifier is an anchor; two anchors are two entities (where the spec says so).
3. A loose unit belongs to the anchor it fits best, if that leads the second by the margin; else a person decides.
4. Loose units without an anchor follow the neighbour they fit best, or form entities among themselves; of one register
   only the best record is taken, from both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warehouse.lake import literal

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.spec import Spec

DECIDED = 1000.0
"""Weight of a pair that a person confirmed: above all evidence."""


def cluster(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp table `clustered(unit_key, cluster, link_rule, link_probability)` of all units of temp table `unit`.

    `cluster` is the key of one of its units. Reads `lake.registry.<entity>_pair` and the decisions.
    """
    _edges(con, spec)
    _anchors(con, spec)
    _assign(con, spec)
    _follow(con, spec)
    _part(con)
    _among_themselves(con, spec)
    con.execute(
        f"""create or replace temp table clustered as
           select unit.unit_key, coalesce(assigned.cluster, together.cluster, anchor.cluster, unit.unit_key) as cluster,
                  case when assigned.unit_key is not null and assigned.weight >= {DECIDED} then 'decided'
                       when assigned.unit_key is not null or together.unit_key is not null then 'probabilistic'
                       else unit.rule end as link_rule,
                  coalesce(assigned.probability, together.probability, 1.0) as link_probability
           from unit
           left join assigned using (unit_key)
           left join together using (unit_key)
           left join anchor using (unit_key)"""
    )


def _edges(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp tables `must`, `cannot` (both ways) and `edge(a, b, weight, probability)`: pairs that may link, both ways."""
    e = spec.entity
    con.execute(
        f"""create or replace temp table decided as
            select l.unit_key as a, r.unit_key as b, arg_max(verdict, decided_at) as verdict
            from lake.registry.link_decision as said
            join linked as l on l.content_id = said.left_content
            join linked as r on r.content_id = said.right_content
            where said.entity = {literal(e)} and l.unit_key <> r.unit_key group by all"""
    )
    for verdict in ("same", "other"):
        table = "must" if verdict == "same" else "cannot"
        con.execute(
            f"""create or replace temp table {table} as
                select a, b from decided where verdict = '{verdict}' union select b, a from decided where verdict = '{verdict}'"""
        )
    fields = ", ".join(f"evidence ->> '$.{name}' as {name}" for name in spec.comparisons)
    asked = " or ".join(f"coalesce({rule.when}, false)" for rule in spec.ask_first) or "false"
    con.execute(
        f"""create or replace temp table edge as
            with linking as (
                select left_key as a, right_key as b, match_weight as weight, match_probability as probability
                from (select *, {fields} from lake.registry.{e}_pair
                      where match_probability >= {spec.link_at}
                        and left_key in (select unit_key from unit) and right_key in (select unit_key from unit))
                where not ({asked})),
            both_ways as (select a, b, weight, probability from linking union all select b, a, weight, probability from linking)
            select both_ways.* from both_ways
            where (a, b) not in (from cannot) and (a, b) not in (from must)
            union all
            select a, b, {DECIDED}, 1.0 from must"""
    )


def _anchors(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp table `anchor(unit_key, cluster)`: units with a verified identifier; several only where a person joined them."""
    con.execute(
        f"""create or replace temp table joined as
            select a, b from must
            join unit as l on l.unit_key = a join unit as r on r.unit_key = b
            where {"l.is_anchor and r.is_anchor" if spec.exclusive else "false"}"""
    )
    _components(con, "joined", "joined_anchor")
    con.execute(
        """create or replace temp table anchor as
           select unit_key, coalesce(joined_anchor.cluster, unit_key) as cluster
           from unit left join joined_anchor using (unit_key) where is_anchor"""
    )


def _assign(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp table `assigned(unit_key, cluster, weight, probability)`: loose units that fit one anchor clearly best."""
    con.execute(
        "create or replace temp table assigned (unit_key varchar, cluster varchar, weight double, probability double)"
    )
    _take_best(
        con,
        spec,
        "select edge.a, anchor.cluster, weight, probability from edge join anchor on anchor.unit_key = edge.b",
    )


def _take_best(con: duckdb.DuckDBPyConnection, spec: Spec, offers: str) -> int:
    """Assigns each loose unit not yet assigned to the cluster offered with the most weight, if the lead is clear."""
    con.execute(
        f"""create or replace temp table taken as
            with offer as (
                select a as unit_key, cluster, max(weight) as weight, max(probability) as probability from ({offers}) as offered
                where a not in (select unit_key from anchor) and a not in (select unit_key from assigned)
                  and not exists (select 1 from cannot join anchor as barred on barred.unit_key = cannot.b
                                  where cannot.a = offered.a and barred.cluster = offered.cluster)
                group by a, cluster),
            ranked as (
                select *, lead(weight) over best as second, row_number() over best as place from offer
                window best as (partition by unit_key order by weight desc, cluster))
            select unit_key, cluster, weight, probability from ranked
            where place = 1 and (second is null or weight - second >= {spec.margin})"""
    )
    con.execute("insert into assigned from taken")
    row = con.execute("select count(*) from taken").fetchone()
    return int(row[0]) if row else 0


def _follow(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Loose units that no anchor was offered to follow the assigned neighbour they fit best."""
    offers = """select edge.a, assigned.cluster, least(edge.weight, assigned.weight) as weight,
                       edge.probability * assigned.probability as probability
                from edge join assigned on assigned.unit_key = edge.b
                where edge.a not in (select a from edge join anchor on anchor.unit_key = edge.b)"""
    while _take_best(con, spec, offers):
        pass


def _part(con: duckdb.DuckDBPyConnection) -> None:
    """Of two units that people parted and one anchor took, the one that fits it less leaves."""
    con.execute(
        """delete from assigned where unit_key in (
               select case when (l.weight, r.unit_key) < (r.weight, l.unit_key) then l.unit_key else r.unit_key end
               from cannot join assigned as l on l.unit_key = cannot.a join assigned as r on r.unit_key = cannot.b
               where l.cluster = r.cluster)"""
    )


def _among_themselves(con: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    """Temp table `together(unit_key, cluster, probability)`: entities of loose units that no anchor took.

    Of one register (the dataset in the unit's key) only the best record counts, seen from both sides.
    """
    con.execute(
        f"""create or replace temp table free_edge as
           with free as (
               select *, split_part(a, '|', 2) as register_a, split_part(b, '|', 2) as register_b from edge
               where a not in (select unit_key from anchor union all select unit_key from assigned)
                 and b not in (select unit_key from anchor union all select unit_key from assigned)),
           ranked as (
               select *, row_number() over (partition by a, register_b order by weight desc, b) as from_a,
                      row_number() over (partition by b, register_a order by weight desc, a) as from_b
               from free)
           select a, b, weight, probability from ranked where (from_a = 1 and from_b = 1) or weight >= {DECIDED} or not {str(spec.one_per_register).lower()}"""
    )
    while True:
        _components(con, "free_edge", "component")
        con.execute(
            """create or replace temp table weakest as
               select arg_min(struct_pack(a := least(edge.a, edge.b), b := greatest(edge.a, edge.b)), (weight, edge.a, edge.b)) as pair
               from free_edge as edge join component as within on within.unit_key = edge.a
               where within.cluster in (
                   select l.cluster from cannot join component as l on l.unit_key = cannot.a
                   join component as r on r.unit_key = cannot.b and r.cluster = l.cluster)
               group by within.cluster"""
        )
        removed = con.execute(
            """delete from free_edge
               where struct_pack(a := least(a, b), b := greatest(a, b)) in (select pair from weakest) returning 1"""
        ).fetchall()
        if not removed:
            break
    con.execute(
        """create or replace temp table together as
           select component.unit_key, component.cluster, max(free_edge.probability) as probability
           from component join free_edge on free_edge.a = component.unit_key group by all"""
    )


def _components(con: duckdb.DuckDBPyConnection, edges: str, into: str) -> None:
    """Temp table `into(unit_key, cluster)`: connected components of `edges(a, b)`, given both ways; named by the least key."""
    con.execute(f"create or replace temp table {into} as select distinct a as unit_key, a as cluster from {edges}")
    while True:
        con.execute(
            f"""create or replace temp table next_round as
                select own.unit_key, least(own.cluster, min(other.cluster)) as cluster
                from {into} as own join {edges} as edge on edge.a = own.unit_key join {into} as other on other.unit_key = edge.b
                group by own.unit_key, own.cluster"""
        )
        # jump to the cluster's own cluster: chains halve with every round
        con.execute(
            """create or replace temp table jumped as
               select here.unit_key, coalesce(there.cluster, here.cluster) as cluster
               from next_round as here left join next_round as there on there.unit_key = here.cluster"""
        )
        changed = con.execute(
            f"select count(*) from jumped join {into} as was using (unit_key) where was.cluster <> jumped.cluster"
        ).fetchone()
        con.execute(f"create or replace temp table {into} as from jumped")
        if not changed or not changed[0]:
            return
