"""A home small enough to be made in a second, with all that a safety copy has to bring back."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from townlake import steps
from warehouse import builds, deliveries, store
from warehouse.home import Home
from warehouse.lake import quote, reading, writing
from warehouse.lock import lake_writer


def taken(home: Home, number: int, *, at: datetime | None = None, rows: int = 3) -> dict[str, Any]:
    """A delivery as the intake leaves it: archived bytes, a raw file, the receipt."""
    data = f"delivery {number}\n".encode()
    digest = hashlib.sha256(data).hexdigest()
    stored, raw = f"archive/{digest[:2]}/{digest}", f"raw/gongan/changzhu/{number}.parquet"
    store.place(home, stored).write_bytes(data)
    pl.DataFrame({"row_number": range(rows), "姓名": ["张三"] * rows}).write_parquet(store.place(home, raw))
    for path in (stored, raw):
        store.put(home, path, store.place(home, path))
    receipt = {
        "delivery_id": digest, "file": f"gongan/{number}.csv", "aliases": [], "department": "gongan", "bytes": len(data),
        "received_at": (at or datetime.now(UTC)).isoformat(), "dataset": "gongan.changzhu", "status": "taken", "kind": "full",
        "delivered_on": "2026-10-31", "raw": raw, "archive": stored,
        "rows": {"data": rows}, "contract": "c",
    }  # fmt: skip
    path = home.outbox / "gongan" / f"{number}.{digest[:12]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(receipt, ensure_ascii=False), encoding="utf-8")
    return receipt


def built(home: Home, numbers: tuple[int, ...] = (1, 2)) -> Home:
    """Deliveries registered, a mart, one published build, a decision and a secret."""
    steps.prepare_lake(home)
    receipts = [taken(home, number) for number in numbers]
    with lake_writer(home, "test"), writing(home) as con:
        deliveries.register(con, receipts)
        con.execute("create or replace table marts.answer as select range as n, 'é' || range as said from range(1000)")
        con.execute("update lake.foundation.delivery set accepted = data_rows, quarantined = 0")
        builds.record(con, f"b{max(numbers)}", datetime.now(UTC), published=True)
    (home.root / "secrets").mkdir(exist_ok=True)
    (home.root / "secrets" / "quarantine.key").write_bytes(b"k" * 32)
    return home


def contents(home: Home) -> dict[str, tuple[int, int]]:
    """Every table at the tip → (rows, order-free hash of every value)."""
    with reading(home, tip=True) as con:
        con.execute("begin")  # the catalogue is read once, not for each table
        tables = con.execute(
            "select table_schema, table_name from information_schema.tables where table_catalog = 'lake' order by all"
        ).fetchall()
        found = {}
        for schema, table in tables:
            row = con.execute(
                f"select count(*), coalesce(sum(hash(t::varchar)::hugeint), 0) from lake.{quote(schema)}.{quote(table)} as t"
            ).fetchone()
            assert row is not None
            found[f"{schema}.{table}"] = (int(row[0]), int(row[1]))
    return found


def files(root: Path) -> dict[str, bytes]:
    """Path → bytes of what a safety copy holds besides catalogue and locks."""
    kept = ("lake", "raw", "archive", "outbox", "reports", "secrets", "claims")
    return {
        str(p.relative_to(root)): p.read_bytes()
        for folder in kept
        for p in sorted((root / folder).rglob("*"))
        if p.is_file() and p.suffix != ".lock"
    }
