"""Bringing an existing lake to the form that this code wants: the steps, and what `townlake migrate` does with them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quality import results
from townlake import keeping, metrics
from townlake.quarantine import ledger
from warehouse import builds, catalogue, deliveries, migrate, reviews
from warehouse.errors import EnvironmentFault, WrongUse
from warehouse.home import Home
from warehouse.lake import SCHEMAS, need_lake, quote, reading, redact, writing
from warehouse.linkage import registry
from warehouse.lock import lake_writer

if TYPE_CHECKING:
    import duckdb


def prepare_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Every table that Python keeps in the lake, where it is not there yet."""
    deliveries.prepare(con)
    builds.prepare(con)
    registry.prepare(con)
    ledger.prepare(con)
    reviews.prepare(con)
    results.prepare(con)
    metrics.prepare(con)


def kept_tables() -> migrate.Columns:
    """The tables that Python keeps, with their columns, as a new lake has them."""
    import duckdb

    with contextlib.closing(duckdb.connect()) as con:
        con.execute("attach ':memory:' as lake")
        for schema in SCHEMAS:
            con.execute(f"create schema lake.{quote(schema)}")
        prepare_tables(con)
        found: dict[tuple[str, str], dict[str, str]] = {}
        for schema, table, column, kind in con.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = 'lake' order by all"
        ).fetchall():
            found.setdefault((schema, table), {})[column] = kind
    return found


STEPS = (migrate.Step(1, "tables of linkage, decisions, corrections and gate results", prepare_tables),)
"""In order. A step that was released is never changed: what comes later is a step of its own."""


def upgrade(home: Home, *, backup: Path | None = None, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Brings the lake to this code's version, after a safety copy. Nothing happens to a lake that has it.

    Raises WrongUse without a lake, EnvironmentFault where it is newer than this code.
    """
    need_lake(home)
    with lake_writer(home, "migrating"):
        with reading(home, tip=True) as con:
            before = migrate.version(con)
            wanted = kept_tables()
            lacks = migrate.missing_columns(con, wanted)
            owed = migrate.owes_full_build(con)
        if before is not None and before > migrate.VERSION:
            raise EnvironmentFault(
                f"this lake was built by a newer townlake (lake version {before}, this one builds {migrate.VERSION}): use that one"
            )
        answer: dict[str, Any] = {
            "from": before,
            "to": migrate.VERSION,
            "steps": [],
            "backup": None,
            "full_build_owed": owed,
        }
        if before is None or (before == migrate.VERSION and not lacks):
            return answer
        where = _saved(home, backup, say)
        with writing(home) as con:
            answer["steps"] = migrate.apply(con, STEPS, wanted, where, say)
            answer["full_build_owed"] = migrate.owes_full_build(con)
        return answer | {"backup": where}


def move_catalogue(
    home: Home, target: str, *, backup: Path | None = None, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Moves the catalogue to an empty database or file, after a safety copy, and proves that it shows the same lake.

    A SQLite catalogue that was moved is renamed, so that nobody goes on with it by mistake. Raises WrongUse where the
    target is not empty or none at all.
    """
    need_lake(home)
    catalogue.check_name(target)
    if target == home.catalog:
        raise WrongUse("the catalogue is there already")
    if not catalogue.is_empty(target):
        raise WrongUse(f"the catalogue {redact(target)} holds a lake already: name an empty one")
    moved = replace(home, catalog=target)
    with contextlib.ExitStack() as held:
        held.enter_context(lake_writer(home, "moving the catalogue"))
        where = _saved(home, backup, say)
        say(f"copying the catalogue to {redact(target)}")
        rows = catalogue.copy(home, home.catalog, target)
        if (before := _seen(home)) != (after := _seen(moved)):
            raise EnvironmentFault(
                f"the moved catalogue shows {after} where the old one shows {before}: the old one is in use still"
            )
        old = None
        if catalogue.is_sqlite(home.catalog):
            path = catalogue.sqlite_path(home.catalog)
            old = path.with_name(f"{path.name}.moved-{datetime.now(UTC):%Y%m%dT%H%M%S}")
            path.rename(old)
            for beside in (path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
                beside.unlink(missing_ok=True)
    return {"catalogue": redact(target), "rows": sum(rows.values()), "backup": where, "old": str(old) if old else None}


def _seen(home: Home) -> tuple[int, ...]:
    """Snapshots, the newest of them, relations, columns: of the tip."""
    with reading(home, tip=True) as con:
        row = con.execute(
            """select (select count(*) from ducklake_snapshots('lake')), (select max(snapshot_id) from ducklake_snapshots('lake')),
                      (select count(*) from information_schema.tables where table_catalog = 'lake'),
                      (select count(*) from duckdb_columns() where database_name = 'lake')"""
        ).fetchone()
    assert row is not None
    return tuple(int(n) for n in row)


def _saved(home: Home, backup: Path | None, say: Callable[[str], None]) -> str:
    """Makes the safety copy and says where; beside the home unless told otherwise."""
    dest = backup or home.root.with_name(home.root.name + "-backups")
    say(f"safety copy to {dest}")
    made = keeping.backup(home, dest)
    say(f"to go back: townlake restore {dest} --copy {made['copy']} --force")
    return f"{dest} {made['copy']}"
