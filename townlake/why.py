"""The why card: for one record, every value the sources ever gave, which was chosen, the row each came from, why rows are
one record, what people decided about them, and what became of its id."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import reading, table_exists
from warehouse.linkage.scoring import bits
from warehouse.linkage.spec import Spec, load

if TYPE_CHECKING:
    import duckdb

    from ingestion.contracts import DatasetContract

ENTITIES = ("person", "organisation", "place", "event", "facility")
BY_EVIDENCE = ("probabilistic", "decided")
_ROUNDING = 0.05
"""Bits by which a stored weight may differ from what the spec's levels add up to now."""


def explain_entity(
    home: Home, entity: str, entity_id: str, contracts: Mapping[str, DatasetContract] | None = None
) -> dict[str, Any]:
    """The golden record, its attributes with all values, the mentions and units behind them, decisions and changes.

    An id that was merged away gives its successor's card, with `asked_for` naming it. Raises WrongUse for an unknown entity
    type or id.
    """
    if entity not in ENTITIES:
        raise WrongUse(f"there is no entity type {entity!r}: choose one of {', '.join(ENTITIES)}")
    with reading(home) as con:
        asked_for, entity_id = entity_id, _living(con, entity, entity_id)
        con.execute(
            f"create temp table mention as select * from foundation.{entity}_mention where {entity}_id = ?", [entity_id]
        )
        record = _dicts(con.execute(f"select * from foundation.{entity} where {entity}_id = ?", [entity_id]))[0]
        attributes = _by_attribute(_values(con, entity, entity_id))
        return {
            "entity": entity,
            "id": entity_id,
            "asked_for": asked_for,
            "record": record,
            "attributes": attributes,
            "mentions": _mentions(con, entity),
            "units": [] if entity == "place" else _units(con, load(entity), entity_id, contracts or {}),
            "decisions": _decisions(con, entity, entity_id),
            "changes": _changes(con, entity, entity_id),
            "names": _names(con, record, attributes),
        }


def _living(con: duckdb.DuckDBPyConnection, entity: str, entity_id: str) -> str:
    """The id under which a record is now: itself, or whatever it was merged into.

    What became of the unit that the id was minted for tells; for places the recorded changes, followed to their end.
    """

    def is_there(name: str) -> bool:
        return bool(con.execute(f"select 1 from foundation.{entity} where {entity}_id = ?", [name]).fetchone())

    if is_there(entity_id):
        return entity_id
    followed = con.execute(
        """with recursive later as (
               select new_id, [old_id] as been from foundation.entity_change where entity = $1 and old_id = $2
               union all
               select change.new_id, list_append(later.been, change.old_id) from later
               join foundation.entity_change as change on change.entity = $1 and change.old_id = later.new_id
               where not list_contains(later.been, change.old_id))
           select distinct new_id from later where new_id is not null order by 1""",
        [entity, entity_id],
    ).fetchall()
    candidates = [name for (name,) in followed]
    if entity != "place":
        own = con.execute(
            f"select {entity}_id from registry.{entity} where own_id = ? and {entity}_id is not null", [entity_id]
        ).fetchall()
        candidates = [name for (name,) in own] + candidates
    for name in candidates:
        if is_there(name):
            return str(name)
    raise WrongUse(f"there is no {entity} {entity_id} in the published foundation")


def _values(con: duckdb.DuckDBPyConnection, entity: str, entity_id: str) -> list[dict[str, Any]]:
    return _dicts(
        con.execute(
            f"""select value.attribute, value.value, value.is_chosen, value.survivorship_rule,
                       mention.dataset, mention.file, mention.sheet, mention.row_number, mention.delivered_on,
                       mention.role, mention.is_current as is_row_current
                from foundation.{entity}_value as value
                join mention using (content_id)
                where value.{entity}_id = ?
                order by value.attribute, value.is_chosen desc, value.value, mention.delivered_on desc,
                         mention.file, mention.sheet, mention.row_number""",
            [entity_id],
        )
    )


def _mentions(con: duckdb.DuckDBPyConnection, entity: str) -> list[dict[str, Any]]:
    unit = (
        "null"
        if entity == "place"
        else f"(select unit_key from registry.{entity}_link as l where l.content_id = mention.content_id)"
    )
    return _dicts(
        con.execute(
            f"""select dataset, file, sheet, row_number, delivered_on, role, is_current, link_rule, link_probability, content_id,
                       {unit} as unit
                from mention order by delivered_on, dataset, file, sheet, row_number"""
        )
    )


# ---- why rows are one record --------------------------------------------------------------------------------------------


def _units(
    con: duckdb.DuckDBPyConnection, spec: Spec, entity_id: str, contracts: Mapping[str, DatasetContract]
) -> list[dict[str, Any]]:
    """The units of an entity; those linked by evidence with the pair that decided."""
    e = spec.entity
    units = _dicts(
        con.execute(
            f"""select unit.cluster_key as unit, unit.link_rule, unit.link_probability, count(mention.content_id) as mentions
                from registry.{e} as unit
                join registry.{e}_link as link on link.unit_key = unit.cluster_key
                left join mention on mention.content_id = link.content_id
                where unit.{e}_id = ? group by unit.cluster_key, unit.link_rule, unit.link_probability
                order by starts_with(unit.cluster_key, 'id|') desc, mentions desc, unit.cluster_key""",
            [entity_id],
        )
    )
    for unit in units:
        unit["pair"] = None
    if spec.compares and table_exists(con, "registry", f"{e}_pair"):
        _explain_pairs(con, spec, units, contracts)
    return units


def _explain_pairs(
    con: duckdb.DuckDBPyConnection, spec: Spec, units: list[dict[str, Any]], contracts: Mapping[str, DatasetContract]
) -> None:
    """Puts into each unit linked by evidence the pair within its entity that decided: with a verified unit where there is one."""
    from townlake.review import sides

    e = spec.entity
    linked = [u["unit"] for u in units if u["link_rule"] in BY_EVIDENCE]
    found = con.execute(
        f"""with within as (select unnest(?::varchar[]) as unit), linked as (select unnest(?::varchar[]) as unit),
            both_ways as (
                select left_key as unit, right_key as other, match_weight, match_probability, evidence from registry.{e}_pair
                union all select right_key, left_key, match_weight, match_probability, evidence from registry.{e}_pair)
            select unit, other, match_weight, match_probability, evidence from both_ways
            where unit in (from linked) and other in (from within)
            qualify row_number() over (
                partition by unit
                order by match_probability >= {spec.link_at} desc, starts_with(other, 'id|') desc, match_weight desc, other) = 1""",
        [[u["unit"] for u in units], linked],
    ).fetchall()
    told = sides.said(con, contracts, e, sorted({key for row in found for key in row[:2]})) if found else {}
    weights, start = bits(spec), -math.log2(spec.population - 1)
    pairs = {}
    for unit, other, weight, probability, evidence in found:
        levels = sides.evidence(spec.comparisons, json.loads(evidence), weights)
        rest = weight - start - sum(b for _, _, b in levels)
        pairs[unit] = {
            "other": other, "match_weight": weight, "match_probability": probability, "start": start,
            "evidence": [{"comparison": c, "level": level, "bits": b} for c, level, b in levels],
            "weights_changed_since": abs(rest) > _ROUNDING,
            "this_says": told[unit], "other_says": told[other],
        }  # fmt: skip
    for unit in units:
        unit["pair"] = pairs.get(unit["unit"])


# ---- what people decided, what became of the id ---------------------------------------------------------------------------


def _decisions(con: duckdb.DuckDBPyConnection, entity: str, entity_id: str) -> list[dict[str, Any]]:
    """Every decision about one of its contents, the newest first; `other_entity` is where the other content is now."""
    if entity == "place" or not table_exists(con, "registry", "link_decision"):
        return []
    return _dicts(
        con.execute(
            f"""select said.verdict, said.reason, said.decided_by, said.decided_at, said.left_content, said.right_content,
                       case when l.{entity}_id = $2 then r.{entity}_id else l.{entity}_id end as other_entity
                from registry.link_decision as said
                left join registry.{entity}_link as l on l.content_id = said.left_content
                left join registry.{entity}_link as r on r.content_id = said.right_content
                where said.entity = $1 and (l.{entity}_id = $2 or r.{entity}_id = $2)
                order by said.decided_at desc""",
            [entity, entity_id],
        )
    )


def _changes(con: duckdb.DuckDBPyConnection, entity: str, entity_id: str) -> list[dict[str, Any]]:
    """Merges and splits that this id took part in, with the day the build was published."""
    return _dicts(
        con.execute(
            """select change.reason, change.old_id, change.new_id, change.build_id, build.finished_at as published_at
               from foundation.entity_change as change left join foundation.build as build using (build_id)
               where change.entity = ? and (change.old_id = ? or change.new_id = ?)
               order by published_at, change.old_id, change.new_id""",
            [entity, entity_id, entity_id],
        )
    )


_MEANINGS = {
    "place_id": "select place_id, standard_address from foundation.place where list_contains($1, place_id)",
    "legal_person_id": "select person_id, name from foundation.person where list_contains($1, person_id)",
    "ethnic_code": "select ethnic_code, name from staging.ethnic_group where list_contains($1, ethnic_code)",
    "area_code": "select code, name from foundation.area where list_contains($1, code)",
    "community_code": "select code, name from foundation.area where list_contains($1, code)",
    "industry_code": "select industry_code, name from staging.industry_class where list_contains($1, industry_code)",
}
"""How an attribute's name ends → what its values mean."""


def _names(
    con: duckdb.DuckDBPyConnection, record: Mapping[str, Any], attributes: Mapping[str, list[dict[str, Any]]]
) -> dict[str, dict[str, str]]:
    """attribute → value → what it means: addresses of places, names of people, areas and codes."""
    said = {name: {v["value"] for v in values} for name, values in attributes.items()}
    for name, value in record.items():
        said.setdefault(name, set()).add(value)
    out = {}
    for name, values in said.items():
        sql = next((sql for ending, sql in _MEANINGS.items() if name.endswith(ending)), None)
        asked = sorted(str(v) for v in values if v is not None)
        if sql and asked and (found := con.execute(sql.replace("$1", "$1::varchar[]"), [asked]).fetchall()):
            out[name] = {key: meaning for key, meaning in found if meaning}
    return out


def _dicts(cursor: Any) -> list[dict[str, Any]]:
    names = [d[0] for d in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _by_attribute(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """attribute → values, each once, with every row that gave it."""
    out: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        values = out.setdefault(row["attribute"], [])
        known = next((v for v in values if v["value"] == row["value"]), None)
        if known is None:
            known = {"value": row["value"], "is_chosen": False, "survivorship_rule": None, "rows": []}
            values.append(known)
        if row["is_chosen"]:
            known |= {"is_chosen": True, "survivorship_rule": row["survivorship_rule"]}
        origin = {k: row[k] for k in ("dataset", "file", "sheet", "row_number", "delivered_on", "role")} | {
            "is_current": row["is_row_current"]
        }
        if origin not in known["rows"]:
            known["rows"].append(origin)
    for values in out.values():
        values.sort(key=lambda v: not v["is_chosen"])
    return out


# ---- on the terminal ------------------------------------------------------------------------------------------------------


def print_explanation(answer: dict[str, Any]) -> None:
    """The card as plain lines: nothing is cut off, and it can be piped."""
    print(f"{answer['entity']} {answer['id']}")
    if answer["asked_for"] != answer["id"]:
        print(f"  ({answer['asked_for']} was merged into it)")
    for name, value in answer["record"].items():
        if value is not None:
            meaning = answer["names"].get(name, {}).get(str(value))
            print(f"  {name:22} {value}" + (f"   {meaning}" if meaning else ""))
    for attribute, values in answer["attributes"].items():
        print(f"\n{attribute}")
        for value in values:
            mark, reason = ("●", f"   [{value['survivorship_rule']}]") if value["is_chosen"] else ("○", "")
            meaning = answer["names"].get(attribute, {}).get(str(value["value"]))
            print(f"  {mark} {value['value']}{f'   {meaning}' if meaning else ''}{reason}")
            for row in value["rows"]:
                past = "" if row["is_current"] else " · no longer delivered"
                print(f"      {_where(row)} · valid on {row['delivered_on']}{past}")
    print(f"\n{len(answer['mentions'])} mention(s). ● chosen value, ○ other values")
    for mention in answer["mentions"]:
        sure = mention["link_probability"]
        told = f" {sure:.4f}" if mention["link_rule"] in BY_EVIDENCE and sure is not None else ""
        print(
            f"  {mention['dataset']} · {_where(mention)} · {mention['role']} · {mention['link_rule']}{told} · {mention['content_id']}"
        )
    _print_units(answer["units"])
    for said in answer["decisions"]:
        print(
            f"\ndecided: {said['verdict']} by {said['decided_by']} on {said['decided_at']:%Y-%m-%d}: {said['reason'] or '—'}"
            f"\n  {said['left_content']} and {said['right_content']}"
            + (
                f", the other one now in {said['other_entity']}"
                if said["other_entity"] not in (None, answer["id"])
                else ""
            )
        )
    for change in answer["changes"]:
        when = f"{change['published_at']:%Y-%m-%d}" if change["published_at"] else "—"
        print(
            f"\n{change['reason']}: {change['old_id']} → {change['new_id'] or '—'} ({when}, build {change['build_id'] or '—'})"
        )


def _where(row: Mapping[str, Any]) -> str:
    sheet = f" · sheet {row['sheet']}" if row["sheet"] else ""
    return f"{row['file']}{sheet} · row {row['row_number']}"


def _print_units(units: list[dict[str, Any]]) -> None:
    for unit in units:
        pair = unit["pair"]
        if pair is None:
            continue
        print(
            f"\n{unit['unit']}: {unit['link_rule']} {unit['link_probability']:.4f}, {unit['mentions']} mention(s)\n"
            f"  with {pair['other']}: {pair['match_weight']:+.1f} bits = {pair['match_probability']:.4f}"
        )
        print(f"    {pair['start']:+6.1f}  任取两条记录")
        for part in pair["evidence"]:
            print(f"    {part['bits']:+6.1f}  {part['comparison']}：{part['level']}")
        if pair["weights_changed_since"]:
            print("    the weights were changed after this pair was compared: `townlake build --full` compares it anew")
