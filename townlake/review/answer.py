"""The second answer to a review workbook: when a build is published, its receipt tells what became of every decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingestion.receipt_page import draw
from ingestion.receipts import known_receipts, write_receipt
from ingestion.review import STATUS
from ingestion.sealed import ROWS_LISTED

if TYPE_CHECKING:
    import duckdb

    from warehouse.home import Home

STATES = ("merged", "parted", "unsure", "declined", "gone", "pending")


def answer(home: Home, con: duckdb.DuckDBPyConnection, build_id: str) -> int:
    """Completes the receipts of workbooks that this build took up; returns how many. Each is answered once."""
    todo = [r for r in known_receipts(home).values() if r["status"] == STATUS and r.get("raw") and not r.get("outcome")]
    done = 0
    for receipt in todo:
        if rows := _outcome(con, receipt["delivery_id"], receipt["review"]["entity"]):
            counts = {state: sum(r["state"] == state for r in rows) for state in STATES}
            receipt["outcome"] = {"build_id": build_id, **counts, "rows": rows[:ROWS_LISTED]}
            draw(home, receipt)
            write_receipt(home, receipt)
            done += 1
    return done


def _outcome(con: duckdb.DuckDBPyConnection, workbook: str, entity: str) -> list[dict[str, Any]]:
    """One row per decision of the workbook: what the registry made of it."""
    found = con.execute(
        f"""select brought.pair_id, brought.at_row,
                   case when brought.declined is not null then 'declined'
                        when brought.verdict = 'unsure' then 'unsure'
                        when l.content_id is null or r.content_id is null then 'gone'
                        when brought.verdict = 'same' and l.{entity}_id = r.{entity}_id then 'merged'
                        when brought.verdict = 'other' and l.{entity}_id is distinct from r.{entity}_id then 'parted'
                        when brought.verdict = 'other' and l.{entity}_id is null then 'parted'
                        else 'pending' end as state,
                   coalesce(brought.declined, case when state = 'pending' then '与其他判断或证件号码不能同时成立，请数据管理员查看' end, '')
                       as reason
            from lake.registry.review_row as brought
            left join lake.registry.{entity}_link as l on l.content_id = brought.left_content
            left join lake.registry.{entity}_link as r on r.content_id = brought.right_content
            where brought.workbook_delivery_id = ? order by brought.at_row""",
        [workbook],
    )
    names = [d[0] for d in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
