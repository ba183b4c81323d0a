"""The why card: for one record, every value the sources ever gave, which was chosen, and the row each came from."""

from __future__ import annotations

from typing import Any

from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import reading

ENTITIES = ("person", "organisation", "place", "event", "facility")


def explain_entity(home: Home, entity: str, entity_id: str) -> dict[str, Any]:
    """The golden record, its attributes with all values, and the mentions behind them.

    Raises WrongUse for an unknown entity type or id (an id that was merged names its successor).
    """
    if entity not in ENTITIES:
        raise WrongUse(f"there is no entity type {entity!r}: choose one of {', '.join(ENTITIES)}")
    with reading(home) as con:
        con.execute("create temp table mention as "
                    f"select * from foundation.{entity}_mention where {entity}_id = ?", [entity_id])  # fmt: skip
        golden = _dicts(con.execute(f"select * from foundation.{entity} where {entity}_id = ?", [entity_id]))
        if not golden:
            successor = con.execute(
                "select new_id from foundation.entity_change where entity = ? and old_id = ?", [entity, entity_id]
            ).fetchone()
            hint = f"; it was merged into {successor[0]}" if successor else ""
            raise WrongUse(f"there is no {entity} {entity_id} in the published foundation{hint}")
        values = _dicts(
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
        mentions = _dicts(
            con.execute(
                """select dataset, file, sheet, row_number, delivered_on, role, is_current, link_rule, link_probability
                   from mention order by delivered_on, dataset, file, sheet, row_number"""
            )
        )
    return {
        "entity": entity,
        "id": entity_id,
        "record": golden[0],
        "attributes": _by_attribute(values),
        "mentions": mentions,
    }


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


def print_explanation(answer: dict[str, Any]) -> None:
    """The card as plain lines: nothing is cut off, and it can be piped."""
    print(f"{answer['entity']} {answer['id']}")
    for name, value in answer["record"].items():
        if value is not None:
            print(f"  {name:22} {value}")
    for attribute, values in answer["attributes"].items():
        print(f"\n{attribute}")
        for value in values:
            mark, reason = ("●", f"   [{value['survivorship_rule']}]") if value["is_chosen"] else ("○", "")
            print(f"  {mark} {value['value']}{reason}")
            for row in value["rows"]:
                sheet = f" · sheet {row['sheet']}" if row["sheet"] else ""
                past = "" if row["is_current"] else " · no longer delivered"
                print(f"      {row['file']}{sheet} · row {row['row_number']} · valid on {row['delivered_on']}{past}")
    print(f"\n{len(answer['mentions'])} mention(s). ● chosen value, ○ other values")
    for mention in answer["mentions"]:
        sheet = f" · sheet {mention['sheet']}" if mention["sheet"] else ""
        print(
            f"  {mention['dataset']} · {mention['file']}{sheet} · row {mention['row_number']} · {mention['role']} · {mention['link_rule']}"
        )
