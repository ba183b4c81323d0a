"""Is everything in place: environment, home, disk, contracts, catalogue, published state."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from warehouse.errors import TownlakeError, explain
from warehouse.home import Home

MINIMUM_FREE_BYTES = 2 * 2**30


def examine(home: Home) -> list[dict[str, Any]]:
    """Findings in the order in which they depend on each other: `what`, `ok`, `detail`."""
    checks: list[tuple[str, Callable[[Home], str]]] = [
        ("packages", _packages),
        ("extensions", _extensions),
        ("home", _home),
        ("disk", _disk),
        ("contracts", _contracts),
        ("catalogue", _catalogue),
        ("published", _published),
        ("raw files", _raw_files),
        ("freshness", _freshness),
    ]
    findings = []
    for what, check in checks:
        try:
            findings.append({"what": what, "ok": True, "detail": check(home)})
        except TownlakeError as error:
            findings.append({"what": what, "ok": False, "detail": str(error)})
        except Exception as error:
            known = explain(error)
            findings.append({"what": what, "ok": False, "detail": str(known or f"{type(error).__name__}: {error}")})
    return findings


def _packages(home: Home) -> str:
    from importlib.metadata import version

    wanted = {"duckdb": "1.5.5"}
    wrong = [f"{p} {version(p)} instead of {v}" for p, v in wanted.items() if version(p) != v]
    if wrong:
        raise TownlakeError(f"{', '.join(wrong)}: run `make setup`")
    return ", ".join(f"{p} {version(p)}" for p in ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations", "polars"))


def _extensions(home: Home) -> str:
    from warehouse.lake import engine

    with engine() as con:
        for name in ("ducklake", "sqlite_scanner", "spatial"):
            con.execute(f"load {name}")
    return "ducklake, sqlite_scanner, spatial load without network"


def _home(home: Home) -> str:
    home.prepare()
    probe = home.work / ".doctor"
    probe.write_text("ok")
    probe.unlink()
    return f"{home.root} can be written"


def _disk(home: Home) -> str:
    free = shutil.disk_usage(home.root if home.root.exists() else home.root.parent).free
    if free < MINIMUM_FREE_BYTES:
        raise TownlakeError(f"only {free / 2**30:.1f} GiB free below {home.root}")
    return f"{free / 2**30:.0f} GiB free"


def _contracts(home: Home) -> str:
    from ingestion.contracts import load_contracts

    return f"{len(load_contracts())} contracts are valid"


def _catalogue(home: Home) -> str:
    from warehouse.lake import lake_exists, reading

    if not lake_exists(home):
        return "no lake yet (the first build makes it)"
    with reading(home, tip=True) as con:
        row = con.execute("select count(*), max(snapshot_id) from ducklake_snapshots('lake')").fetchone()
    return f"opens; {row[0] if row else 0} snapshots"


def _published(home: Home) -> str:
    from warehouse.lake import lake_exists, published_snapshot

    snapshot = published_snapshot(home) if lake_exists(home) else None
    return "nothing published yet" if snapshot is None else f"readers attach at snapshot {snapshot}"


def _raw_files(home: Home) -> str:
    from ingestion.receipts import known_receipts

    taken = [r for r in known_receipts(home).values() if r["status"] == "taken"]
    missing = [r["file"] for r in taken if not (home.root / r["raw"]).exists()]
    if missing:
        raise TownlakeError(
            f"{len(missing)} raw file(s) that a receipt names are gone, first: {missing[0]}; restore them or take the file again"
        )
    return f"{len(taken)} taken deliveries, every raw file there"


def _freshness(home: Home) -> str:
    """Late deliveries are the departments' affair, not a fault of the installation: said, never BAD."""
    from ingestion.contracts import load_contracts
    from quality.freshness import late, look
    from warehouse.lake import lake_exists, reading

    if not lake_exists(home):
        return "nothing delivered yet"
    with reading(home, tip=True) as con:
        standing = look(con, load_contracts())
    behind = late(standing)
    return (
        f"{len(behind)} dataset(s) late: " + "; ".join(f.zh for f in behind[:10]) if behind else "no delivery is late"
    )
