"""Looking at refused rows and deciding about them from the command line."""

from __future__ import annotations

from typing import Any

from ingestion.contracts import Contracts
from townlake.quarantine import ledger
from warehouse import deliveries
from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import need_lake, reading, table_exists, writing
from warehouse.lock import lake_writer

STATUSES = ("open", "corrected", "replayed", "dismissed")


def rows(
    home: Home,
    contracts: Contracts,
    *,
    department: str | None = None,
    dataset: str | None = None,
    status: str | None = None,
    limit: int = 0,
) -> list[dict[str, Any]]:
    """Rows of the published quarantine, newest deliveries first; without the cells, which hold personal data.

    Raises WrongUse for a status, department or dataset there is not.
    """
    from townlake.quarantine.export import choose

    if status not in (None, *STATUSES):
        raise WrongUse(f"there is no status {status!r}: one of {', '.join(STATUSES)}")
    names = [c.id for c in choose(contracts, department, dataset)]
    with reading(home) as con:
        found = con.execute(
            f"""select quarantine_id, dataset, file, sheet, row_number, delivery_id, delivered_on::varchar as delivered_on, "rule", reason,
                       status, "note", status_by, status_at::varchar as status_at, corrected_columns, corrected_by
                from lake.foundation.quarantine
                where list_contains(?::varchar[], dataset) and (? is null or status = ?)
                order by delivered_on desc, dataset, file, sheet, row_number {f"limit {int(limit)}" if limit else ""}""",
            [names, status, status],
        )
        columns = [d[0] for d in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def replay(home: Home, contracts: Contracts, *, rule: str | None = None, dataset: str | None = None) -> dict[str, int]:
    """Asks the next build to check again the deliveries of rows that a rule, or any rule, refused.

    Returns how many rows and deliveries that is. Raises WrongUse for a rule that refused nothing.
    """
    _prepared(home)
    names = None
    if dataset is not None:
        from townlake.quarantine.export import choose

        names = [c.id for c in choose(contracts, None, dataset)]
    with lake_writer(home, "asking for a replay"), writing(home) as con:
        found = con.execute(
            f"""select r.delivery_id, count(*) from {ledger.REFUSED} as r
                join lake.foundation.delivery as d on r.delivery_id = d.delivery_id and d.status = 'taken'
                where ($1 is null or list_contains(r."rules", $1)) and ($2 is null or list_contains($2::varchar[], r.dataset))
                group by 1""",
            [rule, names],
        ).fetchall()
        if not found and rule is not None:
            known = con.execute(f'select distinct unnest("rules") from {ledger.REFUSED} order by 1').fetchall()
            listed = ", ".join(r[0] for r in known) or "none"
            raise WrongUse(f"no row is refused by the rule {rule!r}; rules that refused rows: {listed}")
        deliveries.redo(con, [r[0] for r in found], f"replay {rule or 'all'}")
    return {"rows": sum(r[1] for r in found), "deliveries": len(found)}


def dismiss(home: Home, quarantine_id: str, *, by: str, reason: str) -> dict[str, Any]:
    """Records that nobody need mend one row. Raises WrongUse where there is no such row, or no reason."""
    if not reason.strip():
        raise WrongUse("a row is dismissed for a reason: --reason says it")
    _prepared(home)
    with lake_writer(home, "dismissing a refused row"), writing(home) as con:
        found = con.execute(
            f"select file, sheet, row_number from {ledger.REFUSED} where quarantine_id = ?", [quarantine_id.upper()]
        ).fetchall()
        if len(found) != 1:
            told = "there is no refused row" if not found else "several rows are called"
            raise WrongUse(f"{told} {quarantine_id!r}: see `townlake quarantine list`")
        ledger.dismiss(con, [quarantine_id.upper()], by=by, reason=reason.strip())
    file, sheet, row_number = found[0]
    return {
        "quarantine_id": quarantine_id.upper(),
        "file": file,
        "sheet": sheet,
        "row_number": row_number,
        "status": "dismissed",
    }


def _prepared(home: Home) -> None:
    from townlake import steps

    need_lake(home)
    steps.prepare_lake(home)
    with reading(home, tip=True) as con:
        if not table_exists(con, "intermediate", "int_quarantine__refused"):
            raise WrongUse(
                "this lake was built before refused rows were kept this way: run `townlake build --full` first"
            )
