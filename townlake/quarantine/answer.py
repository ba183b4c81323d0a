"""The second answer to a correction workbook: when a build is published, its receipt tells what became of every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingestion.receipt_page import draw
from ingestion.receipts import known_receipts, write_receipt
from ingestion.sealed import ROWS_LISTED

if TYPE_CHECKING:
    import duckdb

    from warehouse.home import Home


def answer(home: Home, con: duckdb.DuckDBPyConnection, build_id: str) -> int:
    """Completes the receipts of workbooks that this build took up; returns how many. Each is answered once."""
    waiting = [
        r
        for r in known_receipts(home).values()
        if r["status"] == "correction" and r.get("raw") and not r.get("outcome")
    ]
    done = 0
    for receipt in waiting:
        if rows := _outcome(con, receipt["delivery_id"]):
            counts = {
                state: sum(r["state"] == state for r in rows) for state in ("replayed", "open", "dismissed", "declined")
            }
            receipt["outcome"] = {"build_id": build_id, **counts, "rows": rows[:ROWS_LISTED]}
            draw(home, receipt)
            write_receipt(home, receipt)
            done += 1
    return done


def _outcome(con: duckdb.DuckDBPyConnection, workbook: str) -> list[dict[str, Any]]:
    """One row per row of the workbook: where it stands, what became of it, why."""
    found = con.execute(
        """select event.quarantine_id, event.file, event.sheet, event.row_number,
                  case when event.event = 'declined' then 'declined' else coalesce(now.status, 'declined') end as state,
                  case when event.event = 'declined' then event."note" when now.status is null then '所在的交付已撤回'
                       when now.status = 'open' then now.reason else '' end as reason
           from (select * from lake.quality.quarantine_event
                 where workbook_delivery_id = ? and event in ('corrected', 'dismissed', 'declined')
                 qualify row_number() over (partition by quarantine_id order by event_number desc) = 1) as event
           left join lake.foundation.quarantine as now
             on event.quarantine_id = now.quarantine_id and event.delivery_id = now.delivery_id
           order by event.file, event.sheet, event.row_number""",
        [workbook],
    )
    names = [d[0] for d in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
