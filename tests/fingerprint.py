"""A checksum of what readers see: equal foundations have equal fingerprints, whenever and however they were built."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from warehouse.home import Home
from warehouse.lake import attach_statement, engine, quote, reading

if TYPE_CHECKING:
    import duckdb

CLOCKS = ("received_at", "started_at", "finished_at", "build_id", "ran_at")
LEFT_OUT = {("foundation", "build"), ("quality", "step_metric")}
"""What tells how often something was done, and when."""
SHOWN = "table_schema in ('foundation', 'marts') or table_name = 'repair'"
Fingerprint = dict[str, tuple[int, int]]


def fingerprint(home: Home) -> Fingerprint:
    """table → (rows, order-free hash of all columns that do not depend on the clock), for foundation, marts and repair."""
    with reading(home) as con:
        return _fingerprint(con, SHOWN)


def of_tip(home: Home) -> Fingerprint:
    """The same for every table of the lake that is kept, as a step of a build left it. Instants are all of the clock there."""
    with reading(home, tip=True) as con:
        return _fingerprint(con, "table_type = 'BASE TABLE'", instants=False)


def at_builds(home: Home) -> list[Fingerprint]:
    """What readers saw at each published build that is retained, earliest first."""
    with reading(home, tip=True) as con:
        rows = con.execute(
            """select lake_snapshot from foundation.build where published
                  and lake_snapshot in (select snapshot_id from ducklake_snapshots('lake')) order by lake_snapshot"""
        ).fetchall()
    found = []
    for (snapshot,) in rows:
        with contextlib.closing(engine(home)) as con:
            con.execute("load ducklake; load sqlite_scanner")
            con.execute(attach_statement(home, snapshot=snapshot, read_only=True))
            found.append(_fingerprint(con, SHOWN))
    return found


def _fingerprint(con: duckdb.DuckDBPyConnection, where: str, *, instants: bool = True) -> Fingerprint:
    con.execute("begin")  # the catalogue is read once, not for each table
    columns: dict[tuple[str, str], list[str]] = {}
    for schema, table, column in con.execute(
        f"""select table_schema, table_name, column_name from information_schema.tables
            join information_schema.columns using (table_catalog, table_schema, table_name)
            where table_catalog = 'lake' and ({where}) and ({instants} or data_type <> 'TIMESTAMP WITH TIME ZONE')
            order by all"""
    ).fetchall():
        columns.setdefault((schema, table), []).append(column)
    found = {f"{s}.{t}": _hash(con, s, t, c) for (s, t), c in columns.items() if (s, t) not in LEFT_OUT}
    con.execute("rollback")
    return found


def _hash(con: duckdb.DuckDBPyConnection, schema: str, table: str, columns: list[str]) -> tuple[int, int]:
    kept = [c for c in columns if c not in CLOCKS]
    if (schema, table) == ("foundation", "delivery"):
        kept.remove("raw")  # named by attempt
    text = " || '|' || ".join(f"coalesce({quote(c)}::varchar, '∅')" for c in kept)
    row = con.execute(
        f"select count(*), coalesce(sum(hash({text})::hugeint), 0) from lake.{quote(schema)}.{quote(table)}"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
