"""Keeping the lake small: merge small files, expire snapshots nobody reads, remove what killed attempts left behind.

Expiry chooses snapshots by id: by age it is wrong on a SQLite catalogue (docs/decisions/0001). Snapshots that a retained
build published are never expired.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse import store
from warehouse.home import Home
from warehouse.lake import literal

if TYPE_CHECKING:
    import duckdb

KEEP_BUILDS = 30
MANY_DELETES = 8
"""Files of a table with rows taken out, from which on it is written anew."""
LEFTOVER_SECONDS = 24 * 3600.0


@dataclass
class Maintenance:
    """What a maintenance run did."""

    rewritten_tables: int = 0
    merged_files: int = 0
    expired_snapshots: int = 0
    removed_lake_files: int = 0
    removed_raw_files: int = 0
    removed_work_folders: int = 0
    removed_reports: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def maintain_lake(con: duckdb.DuckDBPyConnection, *, keep_builds: int = KEEP_BUILDS) -> Maintenance:
    """Compacts and expires. The caller holds the writer lock, so no file in the making can be taken for an orphan."""
    done = Maintenance()
    done.rewritten_tables = _rewrite(con)
    done.merged_files = len(con.execute("call ducklake_merge_adjacent_files('lake')").fetchall())
    expendable = _expendable_snapshots(con, keep_builds)
    if expendable:
        con.execute(f"call ducklake_expire_snapshots('lake', versions => {expendable})")
        done.expired_snapshots = len(expendable)
    done.removed_lake_files = len(
        con.execute("call ducklake_cleanup_old_files('lake', cleanup_all => true)").fetchall()
    )
    done.removed_lake_files += len(
        con.execute("call ducklake_delete_orphaned_files('lake', cleanup_all => true)").fetchall()
    )
    return done


def _rewrite(con: duckdb.DuckDBPyConnection) -> int:
    """Writes tables anew of which many files have rows taken out: those are never merged, so each day would add some.

    A table is written once for so many changes of it, not every time. Returns how many were.
    """
    found = con.execute(
        """select schema_name, table_name
           from __ducklake_metadata_lake.ducklake_delete_file as d
           join __ducklake_metadata_lake.ducklake_table as t using (table_id)
           join __ducklake_metadata_lake.ducklake_schema as s using (schema_id)
           where d.end_snapshot is null and t.end_snapshot is null and s.end_snapshot is null
           group by all having count(*) >= ? order by all""",
        [MANY_DELETES],
    ).fetchall()
    for schema, table in found:
        con.execute(
            f"call ducklake_rewrite_data_files('lake', {literal(table)}, schema => {literal(schema)}, delete_threshold => 0)"
        )
    return len(found)


def _expendable_snapshots(con: duckdb.DuckDBPyConnection, keep_builds: int) -> list[int]:
    """Every snapshot but the newest and those that the newest `keep_builds` published builds show their readers."""
    rows = con.execute(
        """select snapshot_id from ducklake_snapshots('lake')
           where snapshot_id < (select max(snapshot_id) from ducklake_snapshots('lake'))
             and snapshot_id not in (
                 select lake_snapshot from lake.foundation.build where published order by lake_snapshot desc limit ?)
           order by snapshot_id""",
        [keep_builds],
    ).fetchall()
    return [int(r[0]) for r in rows]


def remove_reports(
    con: duckdb.DuckDBPyConnection, home: Home, done: Maintenance, *, keep_builds: int = KEEP_BUILDS
) -> None:
    """Deletes the gates' pages of builds older than every retained one: what the gates found stays in `quality.gate_result`."""
    rows = con.execute(
        """with kept as (
               select started_at from lake.foundation.build where published order by lake_snapshot desc limit $keep)
           select build_id from lake.foundation.build
           where (select count(*) from kept) = $keep and started_at < (select min(started_at) from kept)""",
        {"keep": keep_builds},
    ).fetchall()
    for (build_id,) in rows:
        folder = home.reports / build_id
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            done.removed_reports += 1


def remove_leftovers(
    home: Home, named: Iterable[str], done: Maintenance, *, older_than_seconds: float = LEFTOVER_SECONDS
) -> None:
    """Deletes raw files no receipt names and scratch folders, if nobody has touched them for a day."""
    keep = set(named)
    limit = time.time() - older_than_seconds
    for path, file in store.listed(home, "raw").items():
        if path not in keep and path.endswith(".parquet") and file.changed < limit:
            store.remove(home, path)
            done.removed_raw_files += 1
    for unsent in (home.work / "upload").glob("*"):
        with contextlib.suppress(FileNotFoundError):  # sent meanwhile
            if unsent.stat().st_mtime < limit:
                unsent.unlink()
    for folder in _scratch(home.work):
        if folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)
            done.removed_work_folders += 1


def _scratch(work: Path) -> list[Path]:
    return [f for parent in ("expand", "spill") for f in (work / parent).glob("*") if f.is_dir()]
