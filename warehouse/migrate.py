"""The version of a lake: which steps have brought it to the form that this code wants.

`registry.lake_version` has a row for each step a lake has gone through; a new lake starts at the newest. A step may change
data; that the tables which Python keeps have every column is looked at besides, whatever the version says. Tables that dbt
makes are made anew by the full build that a migration owes (`is_built`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from warehouse.errors import EnvironmentFault
from warehouse.lake import RELATIONS, quote, table_exists, transaction
from warehouse.linkage.spec import LINKED
from warehouse.version import code_version

if TYPE_CHECKING:
    import duckdb

VERSION = 1
"""Of the lake that this code builds. Raise it with a step in townlake/upgrade.py."""

TABLE = ("registry", "lake_version")
_TABLE = """
create table if not exists lake.registry.lake_version (
    version integer, step varchar, applied_at timestamptz, code_version varchar, backup varchar, is_built boolean)
"""

Columns = Mapping[tuple[str, str], Mapping[str, str]]
"""(schema, table) → column → type."""


@dataclass(frozen=True)
class Step:
    """Brings a lake to `version`. `run` may be called again on a lake it was called on: it runs in one transaction."""

    version: int
    says: str
    run: Callable[[duckdb.DuckDBPyConnection], None]


def version(con: duckdb.DuckDBPyConnection) -> int | None:
    """Version of the attached lake; 0 where it is from before there were versions; None where nothing was kept in it yet."""
    if table_exists(con, *TABLE):
        row = con.execute("select max(version) from lake.registry.lake_version").fetchone()
        if row and row[0] is not None:
            return int(row[0])
    for table in ("delivery", "build"):
        if table_exists(con, "foundation", table):
            found = con.execute(f"select count(*) from lake.foundation.{table}").fetchone()
            if found and found[0]:
                return 0
    return None


def missing_tables(con: duckdb.DuckDBPyConnection, wanted: Columns) -> list[tuple[str, str]]:
    """Tables that are not there."""
    there = con.execute(f"select schema_name, name from {RELATIONS} where type = 'table'").fetchall()
    return [key for key in wanted if key not in there]


def missing_columns(con: duckdb.DuckDBPyConnection, wanted: Columns) -> list[tuple[str, str, str, str]]:
    """(schema, table, column, type) of what tables that are there lack."""
    there: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in con.execute(
        "select schema_name, table_name, column_name from duckdb_columns() where database_name = 'lake'"
    ).fetchall():
        there.setdefault((schema, table), set()).add(column)
    return [
        (*key, column, kind)
        for key, columns in wanted.items()
        if key in there
        for column, kind in columns.items()
        if column not in there[key]
    ]


def refuse_other(con: duckdb.DuckDBPyConnection, wanted: Columns) -> int | None:
    """The lake's version, as `version`. Raises EnvironmentFault where it is not the one this code builds."""
    found = version(con)
    if found is None:
        return None
    if found > VERSION:
        raise EnvironmentFault(
            f"this lake was built by a newer townlake (lake version {found}, this one builds {VERSION}): nothing was changed; "
            "use that townlake"
        )
    if found < VERSION or (lacks := missing_columns(con, wanted)):
        why = f"lake version {found}, this one builds {VERSION}" if found < VERSION else f"{lacks[0][0]}.{lacks[0][1]} has no column {lacks[0][2]}"  # fmt: skip
        raise EnvironmentFault(
            f"this lake was built by an older townlake ({why}): nothing was changed; run `townlake migrate`, which makes a "
            "safety copy first"
        )
    return found


def stamp(con: duckdb.DuckDBPyConnection) -> None:
    """Notes that a new lake has the form this code wants."""
    con.execute(_TABLE)
    con.execute(
        "insert into lake.registry.lake_version select ?, 'new lake', ?::timestamptz, ?, null, true "
        "where not exists (from lake.registry.lake_version)",
        [VERSION, datetime.now(UTC), code_version()],
    )


def apply(
    con: duckdb.DuckDBPyConnection, steps: Sequence[Step], wanted: Columns, backup: str, say: Callable[[str], None]
) -> list[str]:
    """Takes the steps that the lake has not taken, in order, each with its note in one transaction; returns what they say.

    Killed anywhere, the next call goes on with the step that was not finished.
    """
    con.execute(_TABLE)
    done = []
    if (version(con) or 0) < max(step.version for step in steps):
        _remember_ids(con)
    for step in sorted(steps, key=lambda s: s.version):
        if step.version <= (version(con) or 0):
            continue
        say(f"step {step.version}: {step.says}")
        with transaction(con):
            step.run(con)
            con.execute(
                "insert into lake.registry.lake_version select ?, ?, ?::timestamptz, ?, ?, false",
                [step.version, step.says, datetime.now(UTC), code_version(), backup],
            )
        done.append(step.says)
    if add_columns(con, wanted):
        done.append("columns added")
    return done


def add_columns(con: duckdb.DuckDBPyConnection, wanted: Columns) -> int:
    """Gives tables the columns they lack; returns how many."""
    missing = missing_columns(con, wanted)
    for schema, table, column, kind in missing:
        con.execute(f"alter table lake.{quote(schema)}.{quote(table)} add column if not exists {quote(column)} {kind}")
    return len(missing)


def owes_full_build(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the lake was migrated and not built anew since."""
    if not table_exists(con, *TABLE):
        return False
    row = con.execute("select count(*) from lake.registry.lake_version where not is_built").fetchone()
    return bool(row and row[0])


def note_built(con: duckdb.DuckDBPyConnection) -> None:
    """A full build was published."""
    if owes_full_build(con):
        con.execute("update lake.registry.lake_version set is_built = true where not is_built")
        con.execute(f"drop table if exists {_BEFORE}")


# ---- ids --------------------------------------------------------------------------------------------------------------

_BEFORE = "lake.registry.id_before"
_LOCATOR = "delivery_id, sheet, row_number, role"


def _remember_ids(con: duckdb.DuckDBPyConnection) -> None:
    """Which rows each entity had before the migration; kept until the full build it owes is published."""
    said = [
        f"select '{e}' as entity, {e}_id as entity_id, {_LOCATOR} from lake.foundation.{e}_mention where {e}_id is not null"
        for e in LINKED
        if table_exists(con, "foundation", f"{e}_mention")
    ]
    if said:
        con.execute(f"create table if not exists {_BEFORE} as {' union all '.join(said)}")


def tell_changed_ids(con: duckdb.DuckDBPyConnection) -> None:
    """After linkage: an id from before the migration that no row has any more leads to those its rows have now.

    A newer linkage may judge otherwise than the older one did; whoever kept an id finds what became of it in
    `foundation.entity_change`, as after any merge or split.
    """
    if not table_exists(con, "registry", "id_before"):
        return
    for e in LINKED:
        con.execute(
            f"""insert into lake.foundation.entity_change by name
                with gone as (
                    from {_BEFORE} where entity = '{e}'
                      and entity_id not in (select {e}_id from lake.registry.{e}_link where {e}_id is not null)
                      and entity_id not in (select old_id from lake.foundation.entity_change where entity = '{e}')),
                now as (
                    select {_LOCATOR}, link.{e}_id as new_id from lake.intermediate.int_{e}__mention
                    join lake.registry.{e}_link as link using (content_id) where link.{e}_id is not null),
                led as (
                    select distinct gone.entity_id as old_id, now.new_id from gone join now
                      on gone.delivery_id = now.delivery_id and gone.sheet is not distinct from now.sheet
                         and gone.row_number = now.row_number and gone.role = now.role)
                select '{e}' as entity, old_id, new_id, null::varchar as build_id,
                       case when count(*) over (partition by old_id) > 1 then 'split' else 'merged' end as reason
                from led"""
        )
