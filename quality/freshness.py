"""Freshness: when the next delivery of each dataset is expected, and what is late.

A contract says how often a dataset comes (`delivery.every`). The next delivery is expected one period after the day of the
last one, and late once the grace below has passed too. Datasets delivered once, and those that never came, are not late.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from ingestion.contracts import DatasetContract
from ingestion.files import BEIJING
from warehouse.lake import literal, table_exists

if TYPE_CHECKING:
    import duckdb

PERIOD = {"day": "1 day", "week": "7 days", "month": "1 month", "quarter": "3 months", "year": "1 year"}
GRACE_DAYS = {"day": 1, "week": 3, "month": 10, "quarter": 20, "year": 45}
"""Days an office has after the period has ended."""

TABLE = """
create table if not exists lake.quality.freshness (
    dataset varchar, department varchar, title varchar, every varchar, last_delivered_on date, last_received_at timestamptz,
    expected_on date, due_on date, status varchar, days_late bigint, looked_at timestamptz)
"""


@dataclass(frozen=True)
class Freshness:
    """How a dataset stands. `status`: fresh, due (expected, within the grace), late, once, never."""

    dataset: str
    department: str
    title: str
    every: str
    last_delivered_on: date | None
    last_received_at: datetime | None
    expected_on: date | None
    due_on: date | None
    status: str
    days_late: int

    @property
    def zh(self) -> str:
        """One sentence about a late dataset, for people."""
        return f"{self.title}：应于 {self.expected_on} 前后交付，最近一次是 {self.last_delivered_on}，已迟 {self.days_late} 天"


def today() -> date:
    """The offices' day."""
    return datetime.now(UTC).astimezone(BEIJING).date()


def look(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, DatasetContract], day: date | None = None
) -> list[Freshness]:
    """Every dataset under contract, the latest first, as things stand on `day` (the offices' today)."""
    day = day or today()
    delivered = (
        "select dataset, max(delivered_on) as last_on, max(received_at) as last_at from lake.foundation.delivery "
        "where status = 'taken' group by dataset"
        if table_exists(con, "foundation", "delivery")
        else "select null as dataset, null::date as last_on, null::timestamptz as last_at where false"
    )
    wanted = ", ".join(
        f"({literal(c.id)}, {literal(c.domain)}, {literal(c.title)}, '{c.custom.delivery.every}', "
        f"{literal(PERIOD.get(c.custom.delivery.every))}::interval, {GRACE_DAYS.get(c.custom.delivery.every, 0)})"
        for c in contracts.values()
    )
    rows = con.execute(
        f"""with stood as (
                select w.*, d.last_on, d.last_at, (d.last_on + w.period)::date as expected_on,
                       (d.last_on + w.period)::date + w.grace as due_on
                from (values {wanted}) as w(dataset, department, title, every, period, grace)
                left join ({delivered}) as d using (dataset))
            select dataset, department, title, every, last_on, last_at, expected_on, due_on,
                   case when last_on is null then 'never' when period is null then 'once'
                        when $day > due_on then 'late' when $day > expected_on then 'due' else 'fresh' end as status,
                   coalesce(greatest(date_diff('day', due_on, $day), 0), 0) as days_late
            from stood order by days_late desc, dataset""",
        {"day": day},
    ).fetchall()
    return [Freshness(*row) for row in rows]


def late(standing: list[Freshness]) -> list[Freshness]:
    """What should have come."""
    return [f for f in standing if f.status == "late"]


def record(con: duckdb.DuckDBPyConnection, standing: list[Freshness]) -> None:
    """Replaces `quality.freshness`; the caller holds the writer lock and the transaction."""
    import polars as pl

    con.execute(TABLE)
    con.execute("delete from lake.quality.freshness")
    if not standing:
        return
    rows: list[dict[str, Any]] = [asdict(f) for f in standing]
    con.register("standing", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
    con.execute("insert into lake.quality.freshness by name select *, now() as looked_at from standing")
    con.unregister("standing")
