"""Builds and publishing: a build whose gates passed records the lake's snapshot, and every reader attaches there."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from warehouse import deliveries, reviews
from warehouse.lake import transaction
from warehouse.linkage.registry import queues
from warehouse.version import code_version

if TYPE_CHECKING:
    import duckdb

_TABLE = """
create table if not exists lake.foundation.build (
    build_id varchar, started_at timestamptz, finished_at timestamptz, lake_snapshot bigint, published boolean,
    deliveries varchar[], code_version varchar, reason varchar)
"""


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the table on an empty lake."""
    con.execute(_TABLE)


def new_build_id(now: datetime | None = None) -> str:
    """Sortable by time, unique."""
    return f"{now or datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def last_published(con: duckdb.DuckDBPyConnection) -> tuple[str, str] | None:
    """Build id and code version of the newest published build."""
    row = con.execute(
        "select build_id, code_version from lake.foundation.build where published order by lake_snapshot desc limit 1"
    ).fetchone()
    return None if row is None else (row[0], row[1])


def unpublished_work(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a delivery is waiting that no published build contains, one is to be made anew or taken out, or somebody
    decided about a doubtful pair since."""
    row = con.execute(
        """select count(*) from lake.foundation.delivery where status = 'taken' and delivery_id not in
           (select unnest(deliveries) from lake.foundation.build where published)"""
    ).fetchone()
    return bool(row and row[0]) or deliveries.to_redo(con) or reviews.unpublished(con)


def unpublished_datasets(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Datasets with a delivery that no published build contains, or that is to be made anew or taken out."""
    found = con.execute(
        """select distinct dataset from lake.foundation.delivery
           where status = 'taken' and delivery_id not in
                 (select unnest(deliveries) from lake.foundation.build where published)
              or delivery_id in (select delivery_id from lake.registry.redo)
           order by dataset"""
    ).fetchall()
    return [row[0] for row in found]


def record(
    con: duckdb.DuckDBPyConnection, build_id: str, started_at: datetime, *, published: bool, reason: str | None = None
) -> int:
    """Writes the build's row and returns the snapshot readers will attach at (the one this write makes).

    There is one writer, so the snapshot after the current one is the one of this commit.
    """
    with transaction(con):
        row = con.execute("select max(snapshot_id) + 1 from ducklake_snapshots('lake')").fetchone()
        snapshot = int(row[0]) if row else 0
        con.execute("delete from lake.foundation.build where build_id = ?", [build_id])
        con.execute(
            """insert into lake.foundation.build by name
               select ? as build_id, ?::timestamptz as started_at, ?::timestamptz as finished_at,
                      ? as lake_snapshot, ? as published, ? as code_version, ? as reason,
                      (select coalesce(list(delivery_id order by delivery_id), []) from lake.foundation.delivery
                       where status = 'taken' and accepted is not null and delivery_id not in
                         (select unnest(deliveries) from lake.foundation.build where published)) as deliveries""",
            [build_id, started_at, datetime.now(UTC), snapshot, published, code_version(), reason],
        )
        if published:
            con.execute("update lake.foundation.entity_change set build_id = ? where build_id is null", [build_id])
            for queue in queues():
                con.execute(f"delete from {queue}")
            deliveries.end_redo(con)
            reviews.note_published(con)
    return snapshot
