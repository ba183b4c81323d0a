"""What people decide about deliveries: held back, withdrawn, released. The rows follow with the next build."""

from __future__ import annotations

from typing import Any

from warehouse import deliveries
from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import need_lake, reading, writing
from warehouse.lock import lake_writer


def deliveries_of(home: Home, *, dataset: str | None = None, status: str | None = None) -> list[dict[str, Any]]:
    """Deliveries at the tip of the lake, newest first."""
    need_lake(home)
    with reading(home, tip=True) as con:
        rows = con.execute(
            """select delivery_id, dataset, file, aliases, kind, delivered_on::varchar as delivered_on, received_at::varchar as received_at,
                      status, data_rows, accepted, quarantined, reason
               from lake.foundation.delivery
               where (? is null or dataset = ?) and (? is null or status = ?) order by received_at desc, file""",
            [dataset, dataset, status, status],
        )
        names = [d[0] for d in rows.description]
        return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def decide(home: Home, name: str, decision: str, *, by: str, reason: str = "") -> dict[str, str]:
    """Holds, withdraws or releases the one delivery that `name` means.

    A correction workbook can be withdrawn as well. Raises WrongUse where none or several are meant, or the decision does not
    fit its status.
    """
    from townlake import steps
    from townlake.quarantine import ledger

    need_lake(home)
    steps.prepare_lake(home)
    with lake_writer(home, f"deciding on a delivery ({decision})"), writing(home) as con:
        found = deliveries.find(con, name)
        workbooks = ledger.find_workbooks(con, name) if not found else []
        if len(workbooks) == 1:
            (delivery_id, file), status = workbooks[0], "withdrawn"
            if decision != "withdraw":
                raise WrongUse(
                    f"{file} is a correction workbook: it can be withdrawn, and exported and handed in again"
                )
            ledger.withdraw(con, delivery_id, by=by, reason=reason)
            return {"delivery_id": delivery_id, "file": file, "status": status}
        found += [(i, file, "correction") for i, file in workbooks]
        if not found:
            raise WrongUse(f"there is no delivery {name!r}: see `townlake delivery list`")
        if len(found) > 1:
            listed = ", ".join(f"{i[:12]} ({file}, {status})" for i, file, status in found)
            raise WrongUse(f"{name!r} means {len(found)} deliveries: {listed}; name one by its id")
        delivery_id, file, _ = found[0]
        status = deliveries.decide(con, delivery_id, decision, by=by, reason=reason)
    return {"delivery_id": delivery_id, "file": file, "status": status}
