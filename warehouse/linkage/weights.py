"""Weights estimated anew from what verified identifiers already settled: shown, and written only on request.

m: how often each level holds between two datasets' words about one verified entity. u: how often it holds between two
entities drawn at random. What cannot be seen there (a damaged number, a level rarer than the draw can show) keeps its weight.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warehouse.lake import literal
from warehouse.linkage import names, pairs
from warehouse.linkage.engine.names import name_readings
from warehouse.linkage.spec import SPECS, Spec

if TYPE_CHECKING:
    import duckdb

ENOUGH = 500
"""Pairs that must say something of a comparison before its weights are estimated."""
ENOUGH_PEOPLE = 1000
"""People whose names must be known before the shares of signs are measured."""
LEAST_SHARE = 0.0003
"""Signs rarer than this are not written: the draw does not tell how rare."""
SEEN = 20
"""Pairs at a level before its share counts as measured."""


@dataclass(frozen=True)
class Weight:
    """One level: shares as they are in the spec, and as measured; `None` where too little was seen."""

    comparison: str
    level: str
    m: float
    u: float
    m_measured: float | None
    u_measured: float | None

    @property
    def bits(self) -> float:
        return math.log2(self.m / self.u)

    @property
    def bits_measured(self) -> float:
        """Weight with what was measured in place of what is known."""
        return math.log2((self.m_measured or self.m) / (self.u_measured or self.u))


def estimate(con: duckdb.DuckDBPyConnection, spec: Spec, *, draw: int = 100_000) -> list[Weight]:
    """Weights of every level, measured on at most `draw` pairs of one entity and as many of two.

    Reads contents and links; writes nothing but temp tables. The draw is the same for the same data.
    """
    same = _shares(con, spec, draw, one_entity=True)
    other = _shares(con, spec, draw, one_entity=False)
    found = []
    for name, comparison in spec.comparisons.items():
        enough = sum(same[name].values()) >= ENOUGH
        for number, level in enumerate(comparison.levels):
            found.append(
                Weight(
                    name, level.level, level.m, level.u,
                    _measured(same[name], number) if enough else None,
                    _measured(other[name], number) if enough else None,
                )
            )  # fmt: skip
    return found


def would_change(con: duckdb.DuckDBPyConnection, spec: Spec, found: list[Weight]) -> tuple[int, int]:
    """Pairs that would newly reach `link_at` with the measured weights, and pairs that would no longer."""
    prior = math.log2(1 / (spec.population - 1))
    bits = " + ".join(
        f"case evidence ->> '$.{name}' "
        + " ".join(f"when '{w.level}' then {w.bits_measured}" for w in found if w.comparison == name)
        + " else 0 end"
        for name in spec.comparisons
    )
    needed = math.log2(spec.link_at / (1 - spec.link_at))
    row = con.execute(
        f"""select count(*) filter (where now >= {needed} and match_probability < {spec.link_at}),
                   count(*) filter (where now < {needed} and match_probability >= {spec.link_at})
            from (select match_probability, {prior} + {bits} as now from lake.registry.{spec.entity}_pair)"""
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def write(spec: Spec, found: list[Weight]) -> int:
    """Puts the measured shares into the spec's file, level by level; returns how many levels changed."""
    path = SPECS / f"{spec.entity}.yaml"
    head, mark, body = path.read_text(encoding="utf-8").partition("\ncomparisons:\n")
    changed = 0
    for weight in found:
        if weight.m_measured is None and weight.u_measured is None:
            continue
        m, u = weight.m_measured or weight.m, weight.u_measured or weight.u
        pattern = (
            rf"(\n  {weight.comparison}:\n(?:    .*\n)*?.*\{{level: {weight.level},.*?m: )[0-9.e-]+(, u: )[0-9.e-]+"
        )
        body, done = re.subn(pattern, rf"\g<1>{m:.3g}\g<2>{u:.3g}", f"\n{body}", count=1)
        body = body.removeprefix("\n")
        changed += done
    path.write_text(head + mark + body, encoding="utf-8")
    return changed


def measure_signs(con: duckdb.DuckDBPyConnection, spec: Spec) -> tuple[int, int]:
    """Temp table `sign_share(place, sign, share)` of the names of those with a verified identifier; people and signs in it.

    `share` is of people: with this surname, or with this sign in the given name.
    """
    con.execute(
        f"""create or replace temp table bearer as
            select min(name) as name from lake.intermediate.int_{spec.entity}__content
            where {spec.verified} is not null and ({spec.anchors}) and role = 'subject' group by {spec.verified}"""
    )
    name_readings(con, "bearer", "name", "bearer_read")
    con.execute(
        f"""create or replace temp table sign_share as
            with named as (
                select read.skeleton from bearer join bearer_read as read using (name) where length(read.skeleton) between 2 and 4),
            signs as (
                select 'surname' as place, left(skeleton, 1) as sign from named
                union all select 'given', unnest(list_distinct(string_split(substr(skeleton, 2), ''))) from named)
            select place, sign, round(count(*) / (select count(*) from named), 5) as share
            from signs group by all having share > {LEAST_SHARE} order by place desc, share desc, sign"""
    )
    row = con.execute(
        """select (select count(*) from bearer join bearer_read as read using (name) where length(read.skeleton) between 2 and 4),
                  (select count(*) from sign_share)"""
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def write_signs(con: duckdb.DuckDBPyConnection) -> None:
    """Puts the temp table `sign_share` in place of the file."""
    con.execute(f"copy sign_share to {literal(str(names.SHARES))} (header, delimiter ',')")


def _measured(seen: dict[int, int], level: int) -> float | None:
    total = sum(seen.values())
    # half a pair at each end: no share is nought or one
    return (seen[level] + 0.5) / (total + 1) if seen.get(level, 0) >= SEEN else None


def _shares(con: duckdb.DuckDBPyConnection, spec: Spec, draw: int, *, one_entity: bool) -> dict[str, dict[int, int]]:
    """comparison → number of level → pairs of the draw at it."""
    e = spec.entity
    con.execute(
        f"""create or replace temp table drawn as
            select content_id, {spec.verified} as identifier, dataset,
                   row_number() over (order by hash(content_id)) as place
            from lake.intermediate.int_{e}__content
            where {spec.verified} is not null and ({spec.anchors}) and ({spec.loose})"""
    )
    # neighbours in a shuffled line are as good as two at random
    condition = (
        "a.identifier = b.identifier and a.dataset < b.dataset"
        if one_entity
        else "b.place between a.place + 1 and a.place + 20 and a.identifier <> b.identifier"
    )
    con.execute(
        f"""create or replace temp table candidate as
            select row_number() over () as pair_id, left_key, right_key from (
                select a.content_id as left_key, b.content_id as right_key
                from drawn as a join drawn as b on {condition}
                order by hash(left_key, right_key) limit {draw})"""
    )
    asked = """select distinct key as unit_key, key as content_id
               from (select left_key as key from candidate union all select right_key from candidate)"""
    pairs.compare(con, spec, pairs.evidence(con, spec, asked))
    return {
        name: dict(
            con.execute(f'select "{name}", count(*) from pair_level where "{name}" is not null group by 1').fetchall()
        )
        for name in spec.comparisons
    }
