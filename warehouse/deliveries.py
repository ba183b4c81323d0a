"""The table of deliveries: what the receipts say, in the lake, and what became of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from warehouse.errors import WrongUse
from warehouse.lake import transaction

if TYPE_CHECKING:
    import duckdb

ROW_KINDS = ("data", "header", "total", "note", "deleted")

_TABLE = """
create table if not exists lake.foundation.delivery (
    delivery_id varchar, dataset varchar, file varchar, aliases varchar[], department varchar, kind varchar,
    delivered_on date, received_at timestamptz, status varchar, reason varchar, bytes bigint,
    data_rows bigint, header_rows bigint, total_rows bigint, note_rows bigint, deleted_rows bigint,
    accepted bigint, quarantined bigint, raw varchar, contract varchar)
"""


_DECISION = """
create table if not exists lake.foundation.delivery_decision (
    delivery_id varchar, decision varchar, decided_by varchar, decided_at timestamptz, reason varchar)
"""

_REDO = "create table if not exists lake.registry.redo (delivery_id varchar, reason varchar, in_build boolean)"

DECISIONS = {
    "hold": ("taken", "held"),
    "withdraw": ("taken", "held", "withdrawn"),
    "release": ("held", "withdrawn", "taken"),
}
"""Decision → statuses it may start from, the one it leads to last."""


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables on an empty lake."""
    con.execute(_TABLE)
    con.execute(_DECISION)
    con.execute(_REDO)


def redo(con: duckdb.DuckDBPyConnection, delivery_ids: Iterable[str], reason: str) -> int:
    """Asks the next build to make these deliveries anew, in every table kept by delivery. Returns how many were not asked yet."""
    wanted = sorted(set(delivery_ids))
    row = con.execute(
        "select count(*) from unnest(?::varchar[]) as w(id) where id not in (select delivery_id from lake.registry.redo where not in_build)",
        [wanted],
    ).fetchone()
    con.execute(
        """insert into lake.registry.redo select id, ?, false from unnest(?::varchar[]) as w(id)
           where id not in (select delivery_id from lake.registry.redo where not in_build)""",
        [reason, wanted],
    )
    con.execute(
        "update lake.foundation.delivery set accepted = null, quarantined = null where list_contains(?::varchar[], delivery_id)",
        [wanted],
    )
    return int(row[0]) if row else 0


def find(con: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str, str]]:
    """(delivery id, file, status) of the deliveries a person may mean: by id, the first characters of it, or file."""
    found = con.execute(
        """select delivery_id, file, status from lake.foundation.delivery
           where delivery_id = $1 or (length($1) >= 6 and starts_with(delivery_id, $1)) or file = $1 or list_contains(aliases, $1)
           order by received_at, file""",
        [name],
    ).fetchall()
    return [(row[0], row[1], row[2]) for row in found]


def decide(con: duckdb.DuckDBPyConnection, delivery_id: str, decision: str, *, by: str, reason: str) -> str:
    """Holds, withdraws or releases one delivery; returns its new status. Nothing happens where it has that status already.

    Raises WrongUse where the decision does not fit the delivery's status. The rows follow with the next build.
    """
    *allowed, target = DECISIONS[decision]
    row = con.execute("select status from lake.foundation.delivery where delivery_id = ?", [delivery_id]).fetchone()
    status = row[0] if row else "unknown"
    if status == target:
        return target
    if status not in allowed:
        raise WrongUse(f"delivery {delivery_id[:12]} is {status}: it cannot be given to {decision!r}")
    with transaction(con):
        con.execute(
            "update lake.foundation.delivery set status = ?, reason = ? where delivery_id = ?",
            [target, reason or None, delivery_id],
        )
        con.execute(
            "insert into lake.foundation.delivery_decision select ?, ?, ?, ?::timestamptz, ?",
            [delivery_id, decision, by, datetime.now(UTC), reason],
        )
        redo(con, [delivery_id], decision)
    return target


def to_redo(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a delivery is to be made anew, or taken out."""
    row = con.execute("select count(*) from lake.registry.redo").fetchone()
    return bool(row and row[0])


def begin_redo(con: duckdb.DuckDBPyConnection) -> None:
    """Marks what the build that starts now deals with; what is asked for while it runs stays for the next one."""
    con.execute("update lake.registry.redo set in_build = true where not in_build")
    con.execute(  # a build that was stopped may have counted them already
        """update lake.foundation.delivery set accepted = null, quarantined = null
           where accepted is not null and delivery_id in (select delivery_id from lake.registry.redo)"""
    )


def end_redo(con: duckdb.DuckDBPyConnection) -> None:
    """The build that dealt with the marked rows is published."""
    con.execute("delete from lake.registry.redo where in_build")


def register(con: duckdb.DuckDBPyConnection, receipts: Iterable[Mapping[str, Any]]) -> int:
    """Brings the table up to the receipts; returns how many deliveries of rows are new.

    Idempotent: a receipt already registered only gains aliases; a refused file that was taken since changes its row;
    what a person decided (held, withdrawn) stays. One that has meanwhile become an alias of another (ingestion.intake) is
    withdrawn.
    """
    import polars as pl

    receipts = list(receipts)
    aliases = [r["delivery_id"] for r in receipts if r["status"] == "identical"]
    rows = [_row(r) for r in receipts if r["status"] in ("taken", "refused")]
    if not rows:
        return 0
    incoming = pl.DataFrame(rows, schema=_schema(), orient="row").to_arrow()
    con.register("incoming", incoming)
    try:
        with transaction(con):
            new = con.execute(
                """select count(*) from incoming where status = 'taken' and delivery_id not in
                   (select delivery_id from lake.foundation.delivery where status <> 'refused')"""
            ).fetchone()
            con.execute(
                """delete from lake.foundation.delivery where delivery_id in (
                     select old.delivery_id from lake.foundation.delivery as old join incoming as new using (delivery_id)
                     where old.status = 'refused' and (new.status <> old.status or new.reason is distinct from old.reason))"""
            )
            con.execute(
                """insert into lake.foundation.delivery by name
                   select * exclude (received_at, delivered_on), received_at::timestamptz as received_at,
                          delivered_on::date as delivered_on
                   from incoming where delivery_id not in (select delivery_id from lake.foundation.delivery)"""
            )
            changed = con.execute(
                """select count(*) from lake.foundation.delivery as old join incoming as new using (delivery_id)
                   where old.aliases is distinct from new.aliases or (new.status = 'taken' and old.raw is distinct from new.raw)"""
            ).fetchone()
            if changed and changed[0]:
                con.execute(
                    """update lake.foundation.delivery as old  -- a file taken again has another raw file
                       set aliases = new.aliases, raw = case when new.status = 'taken' then new.raw else old.raw end
                       from incoming as new where old.delivery_id = new.delivery_id
                         and (old.aliases is distinct from new.aliases or (new.status = 'taken' and old.raw is distinct from new.raw))"""
                )
            displaced = con.execute(
                """select delivery_id from lake.foundation.delivery
                   where status = 'taken' and list_contains(?::varchar[], delivery_id)""",
                [aliases],
            ).fetchall()
            if displaced:
                withdrawn = [d for (d,) in displaced]
                con.execute(
                    """update lake.foundation.delivery set status = 'withdrawn', reason = 'the same content as another delivery'
                       where list_contains(?::varchar[], delivery_id)""",
                    [withdrawn],
                )
                redo(con, withdrawn, "the same content as another delivery")
        return int(new[0]) if new else 0
    finally:
        con.unregister("incoming")


def _schema() -> dict[str, Any]:
    import polars as pl

    texts = ("delivery_id", "dataset", "file", "department", "kind", "delivered_on", "received_at", "status", "reason",
             "raw", "contract")  # fmt: skip
    counts = ("bytes", *(f"{k}_rows" for k in ROW_KINDS))
    return {**dict.fromkeys(texts, pl.Utf8), "aliases": pl.List(pl.Utf8), **dict.fromkeys(counts, pl.Int64)}


def _row(receipt: Mapping[str, Any]) -> dict[str, Any]:
    rows = receipt.get("rows") or {}
    return {
        "delivery_id": receipt["delivery_id"],
        "dataset": receipt.get("dataset"),
        "file": receipt["file"],
        "aliases": sorted(receipt.get("aliases", ())),
        "department": receipt["department"],
        "kind": receipt.get("kind"),
        "delivered_on": receipt.get("delivered_on"),
        "received_at": receipt["received_at"],
        "status": receipt["status"],
        "reason": receipt.get("reason_en") or None,
        "raw": receipt.get("raw"),
        "contract": receipt.get("contract"),
        "bytes": receipt["bytes"],
        **{f"{kind}_rows": rows.get(kind, 0) for kind in ROW_KINDS},
    }


def settle(con: duckdb.DuckDBPyConnection, checked: Mapping[str, str]) -> None:
    """Writes accepted and quarantined rows of each pending delivery, counted in the checked tables.

    `checked` maps dataset ids to the names of their tables in schema staging.
    """
    known = con.execute(
        "select distinct dataset from lake.foundation.delivery where status = 'taken' and accepted is null"
    ).fetchall()
    if not known:
        return
    parts = [
        f"select delivery_id, count(*) filter (not is_refused) as accepted, count(*) filter (is_refused) as quarantined "
        f'from lake.staging."{checked[dataset]}" where delivery_id in '
        "(select delivery_id from lake.foundation.delivery where status = 'taken' and accepted is null) group by delivery_id"
        for (dataset,) in known
        if dataset in checked
    ]
    con.execute(
        f"""update lake.foundation.delivery as d
            set accepted = coalesce(c.accepted, 0), quarantined = coalesce(c.quarantined, 0)
            from (select p.delivery_id, counted.accepted, counted.quarantined
                  from lake.foundation.delivery as p
                  left join ({" union all ".join(parts)}) as counted using (delivery_id)
                  where p.status = 'taken' and p.accepted is null) as c
            where d.delivery_id = c.delivery_id"""
    )
