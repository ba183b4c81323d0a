"""The table of deliveries: what the receipts say, in the lake, and what became of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

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


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the table on an empty lake."""
    con.execute(_TABLE)


def register(con: duckdb.DuckDBPyConnection, receipts: Iterable[Mapping[str, Any]]) -> int:
    """Brings the table up to the receipts; returns how many deliveries of rows are new.

    Idempotent: a receipt already registered only gains aliases; a refused file that was taken since changes its row;
    what a person decided (held, withdrawn) stays.
    """
    import polars as pl

    rows = [_row(r) for r in receipts if r["status"] in ("taken", "refused")]
    if not rows:
        return 0
    incoming = pl.DataFrame(rows, schema=_schema(), orient="row").to_arrow()
    con.register("incoming", incoming)
    try:
        con.execute("begin")
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
               where old.aliases is distinct from new.aliases"""
        ).fetchone()
        if changed and changed[0]:
            con.execute(
                """update lake.foundation.delivery as old set aliases = new.aliases
                   from incoming as new where old.delivery_id = new.delivery_id and old.aliases is distinct from new.aliases"""
            )
        con.execute("commit")
        return int(new[0]) if new else 0
    except BaseException:
        con.execute("rollback")
        raise
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


def pending(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Ids of taken deliveries that no build has settled yet."""
    found = con.execute(
        "select delivery_id from lake.foundation.delivery where status = 'taken' and accepted is null order by all"
    ).fetchall()
    return [row[0] for row in found]


def settle(con: duckdb.DuckDBPyConnection, checked: Mapping[str, str]) -> None:
    """Writes accepted and quarantined rows of each pending delivery, counted in the checked tables.

    `checked` maps dataset ids to the names of their tables in schema staging.
    """
    waiting = set(pending(con))
    if not waiting:
        return
    known = con.execute("select distinct dataset from lake.foundation.delivery where status = 'taken'").fetchall()
    parts = [
        f"select delivery_id, count(*) filter (not is_refused) as accepted, count(*) filter (is_refused) as quarantined "
        f'from lake.staging."{checked[dataset]}" group by delivery_id'
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
