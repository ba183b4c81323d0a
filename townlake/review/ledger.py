"""What people decided about doubtful pairs: taken from workbooks or from the command line, kept by warehouse.reviews."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingestion.review import STATUS
from ingestion.sealed import read_raw
from warehouse import reviews
from warehouse.errors import WrongUse
from warehouse.lake import table_exists, transaction
from warehouse.linkage.spec import LINKED, load

if TYPE_CHECKING:
    import duckdb

    from warehouse.home import Home

SHORTEST_PREFIX = 8


def compared() -> tuple[str, ...]:
    """Entity types linked by evidence: only there is something for people to decide."""
    return tuple(e for e in LINKED if load(e).compares)


def check_entity(entity: str) -> None:
    """Raises WrongUse for an entity type that nothing is decided about."""
    if entity not in compared():
        raise WrongUse(f"nothing is decided about {entity!r}: choose one of {', '.join(compared())}")


# ---- from workbooks ---------------------------------------------------------------------------------------------------


def waiting(con: duckdb.DuckDBPyConnection, receipts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Receipts of review workbooks that were not taken up yet, in the order they came."""
    brought = [r for r in receipts if r["status"] == STATUS and r.get("raw")]
    if brought and table_exists(con, *reviews.LAST_TABLE):
        done = {r[0] for r in con.execute("select workbook_delivery_id from lake.registry.review_workbook").fetchall()}
        brought = [r for r in brought if r["delivery_id"] not in done]
    return sorted(brought, key=lambda r: (str(r["received_at"]), r["delivery_id"]))


def apply(con: duckdb.DuckDBPyConnection, home: Home, receipts: Iterable[Mapping[str, Any]]) -> int:
    """Takes up the decisions of every workbook that waits; returns how many workbooks."""
    todo = waiting(con, receipts)
    for receipt in todo:
        with transaction(con):
            _apply(con, home, receipt)
    return len(todo)


def _apply(con: duckdb.DuckDBPyConnection, home: Home, receipt: Mapping[str, Any]) -> None:
    """One workbook. A decision that contradicts what others decided about further pairs is declined, naming them."""
    import polars as pl

    entity, now = receipt["review"]["entity"], datetime.now(UTC)
    handed = read_raw(home, receipt["raw"]).sort("at_row")
    pairs = handed.select("left_content", "right_content", "verdict").rows()
    declined = {at: _declined(earlier) for at, earlier in reviews.clashes(con, entity, pairs)}
    rows = handed.with_columns(
        declined=pl.Series([declined.get(at) for at in range(handed.height)], dtype=pl.String), at=pl.lit(now)
    )
    reviews.record(con, entity, rows.filter(pl.col("declined").is_null()))
    con.register("handed", rows)
    con.execute(
        """insert into lake.registry.review_row
           select ?, pair_id, at_row, entity, left_content, right_content, verdict, reason, "by", declined from handed""",
        [receipt["delivery_id"]],
    )
    con.unregister("handed")
    con.execute(
        "insert into lake.registry.review_workbook values (?, ?, ?, ?, ?::timestamptz, ?::timestamptz)",
        [receipt["delivery_id"], receipt["review"]["workbook"], entity, receipt["file"], receipt["received_at"], now],
    )


def _declined(earlier: list[tuple[str, str, str, str]]) -> str:
    """Why a decision is not taken; `earlier` are the decisions it clashes with."""
    if not earlier:
        return "与同一份核对表中的其他判断互相矛盾，没有采用：请一起再核对"
    who = "、".join(dict.fromkeys(str(e[3]) for e in earlier))
    return f"与以前的判断互相矛盾（{who}，共 {len(earlier)} 对），没有采用：请与数据管理员一起再核对这几对"


# ---- by hand ----------------------------------------------------------------------------------------------------------


def decide(
    con: duckdb.DuckDBPyConnection, entity: str, left: str, right: str, *, verdict: str, by: str, reason: str
) -> dict[str, Any]:
    """Records one decision about two contents, or about two entities; the next build obeys it.

    Raises WrongUse for an unknown entity type or id, one and the same content, or a contradiction to earlier decisions.
    """
    import polars as pl

    check_entity(entity)
    if not by.strip() or not reason.strip():
        raise WrongUse("a decision needs a name and a reason: --by and --reason")
    sides = content_of(con, entity, left), content_of(con, entity, right)
    if sides[0] == sides[1]:
        raise WrongUse(f"{left} and {right} are the same thing said once: there is nothing to decide")
    if clash := next(reviews.clashes(con, entity, [(*sides, verdict)]), None):
        listed = "; ".join(f"{a} {v} {b} ({who})" for a, b, v, who in clash[1])
        raise WrongUse(f"this contradicts what was decided before: {listed}; take one of them back with --unsure first")
    said = {"verdict": verdict, "reason": reason, "by": by, "at": datetime.now(UTC)}
    reviews.record(con, entity, pl.DataFrame([{"left_content": sides[0], "right_content": sides[1], **said}]))
    return {"entity": entity, "left_content": sides[0], "right_content": sides[1], "verdict": verdict, "by": by}


def content_of(con: duckdb.DuckDBPyConnection, entity: str, name: str) -> str:
    """The content that an id means: of an entity, what its id was minted from; of a content, itself or its first characters.

    Raises WrongUse where none or several are meant.
    """
    found = con.execute(
        f"""select link.content_id
            from lake.registry.{entity} as unit join lake.registry.{entity}_link as link on link.unit_key = unit.cluster_key
            where unit.{entity}_id = $1
            order by unit.own_id = $1 desc, link.content_id = unit.minted_from desc, link.content_id limit 1""",
        [name],
    ).fetchall()
    if not found and len(name) >= SHORTEST_PREFIX:
        found = con.execute(
            f"select content_id from lake.registry.{entity}_link where starts_with(content_id, ?) order by 1 limit 2",
            [name],
        ).fetchall()
    if len(found) != 1:
        raise WrongUse(
            f"{name!r} means {'several' if found else 'no'} {entity}: give an id of foundation.{entity}, or a content_id "
            f"of foundation.{entity}_mention (`townlake why {entity} ID` shows both)"
        )
    return str(found[0][0])
