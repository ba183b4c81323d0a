"""A checksum of what readers see: equal foundations have equal fingerprints, whenever and however they were built."""

from __future__ import annotations

from warehouse.home import Home
from warehouse.lake import quote, reading

CLOCKS = ("received_at", "started_at", "finished_at", "build_id", "ran_at")
LEFT_OUT = {("foundation", "build")}


def fingerprint(home: Home) -> dict[str, tuple[int, int]]:
    """table → (rows, order-free hash of all columns that do not depend on the clock), for foundation, marts and repair."""
    with reading(home) as con:
        tables = con.execute(
            """select table_schema, table_name from information_schema.tables
               where table_catalog = 'lake' and (table_schema in ('foundation', 'marts') or table_name = 'repair') order by all"""
        ).fetchall()
        return {f"{s}.{t}": _hash(con, s, t) for s, t in tables if (s, t) not in LEFT_OUT}


def _hash(con, schema: str, table: str) -> tuple[int, int]:  # type: ignore[no-untyped-def]
    columns = con.execute(
        "select column_name from information_schema.columns where table_catalog='lake' and table_schema=? and table_name=? order by 1",
        [schema, table],
    ).fetchall()
    kept = [c for (c,) in columns if c not in CLOCKS]
    if (schema, table) == ("foundation", "delivery"):
        kept.remove("raw")  # named by attempt
    text = " || '|' || ".join(f"coalesce({quote(c)}::varchar, '∅')" for c in kept)
    row = con.execute(
        f"select count(*), coalesce(sum(hash({text})::hugeint), 0) from lake.{quote(schema)}.{quote(table)}"
    ).fetchone()
    return int(row[0]), int(row[1])
