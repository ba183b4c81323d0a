"""The review list: pairs of units that evidence alone does not decide, as the published foundation has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from townlake.review import sides
from townlake.review.ledger import check_entity, compared
from warehouse.errors import WrongUse
from warehouse.lake import literal, reading, table_exists
from warehouse.linkage.scoring import bits
from warehouse.linkage.spec import Spec, load

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from ingestion.contracts import DatasetContract
    from warehouse.home import Home

BOTH_VERIFIED = "双方各有一个有效的号码"
NOT_ENOUGH = "相符之处还不够多，不能自动归并"
NO_LEAD = "合适的不止一个，不能自动选定"


@dataclass(frozen=True)
class Doubt:
    """One pair to decide. A side maps each attribute to its values; `evidence`: (comparison, level, bits) in Chinese."""

    pair_id: str
    entity: str
    left_content: str
    right_content: str
    left_entity: str | None
    right_entity: str | None
    probability: float
    reason: str
    evidence: tuple[tuple[str, str, float], ...]
    left: Mapping[str, list[str]]
    right: Mapping[str, list[str]]

    def to_json(self) -> dict[str, Any]:
        """Numbers are masked as on the workbook."""
        return {
            "pair_id": self.pair_id, "entity": self.entity, "probability": self.probability, "reason": self.reason,
            "left": {"content_id": self.left_content, "entity_id": self.left_entity, **self.left},
            "right": {"content_id": self.right_content, "entity_id": self.right_entity, **self.right},
            "evidence": [{"comparison": c, "level": level, "bits": round(b, 2)} for c, level, b in self.evidence],
        }  # fmt: skip


def find(home: Home, contracts: Mapping[str, DatasetContract], entity: str | None = None) -> list[Doubt]:
    """Every open pair, the most probable first, entity type by entity type.

    Raises WrongUse for an entity type that is not compared.
    """
    if entity is not None:
        check_entity(entity)
    with reading(home, tip=True) as con:
        decided = con.execute("select entity, left_content, right_content from lake.registry.link_decision").pl()
    out: list[Doubt] = []
    with reading(home) as con:
        for each in (entity,) if entity else compared():
            if not table_exists(con, "registry", f"{each}_pair"):
                raise WrongUse("this lake was built before pairs were compared: run `townlake build --full` first")
            out += doubts(con, contracts, load(each), decided)
    return out


def doubts(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, DatasetContract], spec: Spec, decided: pl.DataFrame
) -> list[Doubt]:
    """Open pairs of one entity type; `decided`: entity, left_content, right_content of every decision there is."""
    con.register("decision_now", decided.filter(decided["entity"] == spec.entity))
    rows = con.execute(_open_pairs(spec)).fetchall()
    units = sorted({key for row in rows for key in row[:2]})
    told = sides.said(con, contracts, spec.entity, units) if units else {}
    weights = bits(spec)
    return [
        Doubt(
            pair_id(spec.entity, left_content, right_content),
            spec.entity,
            left_content,
            right_content,
            left_entity,
            right_entity,
            round(probability, 4),
            reason,
            tuple(sides.evidence(spec.comparisons, json.loads(said), weights)),
            sides.masked(spec.entity, told[left], told[right]),
            sides.masked(spec.entity, told[right], told[left]),
        )
        for left, right, left_content, right_content, left_entity, right_entity, probability, said, reason in rows
    ]


def pair_id(entity: str, left_content: str, right_content: str) -> str:
    """核对编号: the same pair has the same one in every workbook."""
    text = "|".join((entity, *sorted((left_content, right_content))))
    return hashlib.sha256(text.encode()).hexdigest()[:10].upper()


def _open_pairs(spec: Spec) -> str:
    """SELECT of left and right unit, content and entity, probability, evidence and why it is asked.

    Asked is what `review_at` lets through between two entities, or one and none, of which nobody decided anything yet, once for each
    two entities. Not asked is where a unit already fits its own entity better by the margin, if it can belong to one only.
    """
    e = spec.entity
    fields = ", ".join(f"evidence ->> '$.{name}' as {name}" for name in spec.comparisons)
    asked = " ".join(f"when coalesce({r.when}, false) then {literal(r.reason)}" for r in spec.ask_first)
    settled = f"coalesce(l_own.weight - placed.weight >= {spec.margin}, false) or coalesce(r_own.weight - placed.weight >= {spec.margin}, false)"
    return f"""
        with compared as (
            select left_key, right_key, match_weight as weight, match_probability as probability, evidence as said,
                   case when false then null {asked} end as asked
            from (select *, {fields} from lake.registry.{e}_pair where match_probability >= {spec.review_at})),
        placed as (
            select compared.*, l.{e}_id as left_id, r.{e}_id as right_id, coalesce(l.{e}_id, left_key) as left_group,
                   coalesce(r.{e}_id, right_key) as right_group,
                   {str(spec.exclusive).lower()} and l.link_rule = 'verified_identifier' and r.link_rule = 'verified_identifier' as both_verified
            from compared
            join lake.registry.{e} as l on l.cluster_key = left_key
            join lake.registry.{e} as r on r.cluster_key = right_key),
        sides as (
            select left_key as unit_key, left_id as own_id, right_id as other_id, weight, asked, probability from placed
            union all select right_key, right_id, left_id, weight, asked, probability from placed),
        own as (
            select sides.unit_key, max(case when known.link_rule = 'decided' then 1000 else sides.weight end) as weight
            from sides join lake.registry.{e} as known on known.cluster_key = sides.unit_key
            where sides.own_id = other_id and known.link_rule in ('probabilistic', 'decided')
              and (known.link_rule = 'decided' or (asked is null and probability >= {spec.link_at}))
            group by sides.unit_key),
        met as (
            select coalesce(l_unit.{e}_id, l.unit_key, said.left_content) as a, coalesce(r_unit.{e}_id, r.unit_key, said.right_content) as b
            from decision_now as said
            left join lake.registry.{e}_link as l on l.content_id = said.left_content
            left join lake.registry.{e}_link as r on r.content_id = said.right_content
            left join lake.registry.{e} as l_unit on l_unit.cluster_key = l.unit_key
            left join lake.registry.{e} as r_unit on r_unit.cluster_key = r.unit_key),
        representative as (
            select link.unit_key, arg_min(link.content_id, (content.first_mention, link.content_id)) as content_id
            from lake.registry.{e}_link as link join lake.intermediate.int_{e}__content as content using (content_id)
            where link.unit_key in (select left_key from placed union all select right_key from placed)
            group by link.unit_key)
        select left_key, right_key, l_said.content_id, r_said.content_id, left_id, right_id, probability, said,
               case when both_verified then {literal(BOTH_VERIFIED)}
                    when asked is not null then asked
                    when probability < {spec.link_at} then {literal(NOT_ENOUGH)}
                    else {literal(NO_LEAD)} end as reason
        from placed
        join representative as l_said on l_said.unit_key = left_key
        join representative as r_said on r_said.unit_key = right_key
        left join own as l_own on l_own.unit_key = left_key
        left join own as r_own on r_own.unit_key = right_key
        where left_group <> right_group and (left_id is not null or right_id is not null)
          and not ({str(spec.exclusive).lower()} and ({settled}))
          and (left_group, right_group) not in (select (a, b) from met)
          and (right_group, left_group) not in (select (a, b) from met)
        qualify row_number() over (
            partition by least(left_group, right_group), greatest(left_group, right_group) order by placed.weight desc, left_key, right_key) = 1
        order by probability desc, left_key, right_key"""


def summary(found: list[Doubt]) -> dict[str, int]:
    """Entity type → pairs."""
    counts: dict[str, int] = {}
    for doubt in found:
        counts[doubt.entity] = counts.get(doubt.entity, 0) + 1
    return counts
