"""Opening the lake: DuckDB with DuckLake attached as `lake`, the same way everywhere.

Extensions come from wheels of the environment (no network), into a folder inside the environment, so that two
versions on one machine never mix. Readers attach at the last published snapshot: dbt commits model by model, the tip
of the lake may be half built.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.errors import EnvironmentFault, TownlakeError, WrongUse, explain
from warehouse.home import Home

if TYPE_CHECKING:
    import duckdb

EXTENSIONS = ("ducklake", "sqlite_scanner", "postgres_scanner", "spatial", "icu")
SCHEMAS = ("staging", "intermediate", "foundation", "marts", "registry", "quality")


def quote(identifier: str) -> str:
    """A SQL identifier, quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A SQL literal of a text, number, bool or None."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def extension_directory() -> Path:
    """Folder of the environment with the DuckDB extensions, filled on first use (about 1 s)."""
    folder = Path(sys.prefix) / "share" / "townlake" / "duckdb-extensions"
    marker = folder / "complete"
    if marker.exists() and marker.read_text() == _extension_versions():
        return folder
    import duckdb
    import duckdb_extensions

    from warehouse.lock import exclusive

    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / "filling.lock", "filling the DuckDB extension folder"):
        if not (marker.exists() and marker.read_text() == _extension_versions()):
            with contextlib.closing(duckdb.connect(config={"extension_directory": str(folder)})) as con:
                for name in EXTENSIONS:
                    duckdb_extensions.import_extension(name, con=con)
            marker.write_text(_extension_versions())
    return folder


def _extension_versions() -> str:
    from importlib.metadata import version

    return ",".join(f"{e}={version('duckdb-extension-' + e.replace('_', '-'))}" for e in EXTENSIONS)


def memory_limit() -> str:
    """TOWNLAKE_MEMORY_LIMIT, or half of the machine's memory (other processes need the rest)."""
    given = os.environ.get("TOWNLAKE_MEMORY_LIMIT")
    if given:
        return given
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{max(1, total // 2 // 2**20)}MiB"


def engine(home: Home | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that never calls out; spills below the home's work folder when one is given."""
    import duckdb

    config = {
        "extension_directory": str(extension_directory()),
        "autoinstall_known_extensions": "false",
        "memory_limit": memory_limit(),
    }
    if home is not None:
        config["temp_directory"] = str(home.work / "spill")
    con = duckdb.connect(config=config)
    con.execute("set timezone = 'UTC'")
    con.execute("set preserve_insertion_order = false")
    return con


def attach_statement(home: Home, *, snapshot: int | None = None, read_only: bool = False) -> str:
    """The one ATTACH of the lake. Inlining stays off: wrong-result bugs are open upstream (docs/decisions/0001)."""
    options = [
        f"DATA_PATH {literal(str(home.lake) + '/')}",
        "OVERRIDE_DATA_PATH true",  # a home may be moved or restored elsewhere
        "DATA_INLINING_ROW_LIMIT 0",
        "AUTOMATIC_MIGRATION false",
    ]
    if home.catalog.startswith("sqlite:"):
        options += ["META_JOURNAL_MODE 'WAL'", "META_BUSY_TIMEOUT 20000"]
    if snapshot is not None:
        options.append(f"SNAPSHOT_VERSION {int(snapshot)}")
    if read_only:
        options.append("READ_ONLY")
    return f"attach {literal('ducklake:' + home.catalog)} as lake ({', '.join(options)})"


def need_lake(home: Home) -> None:
    """Raises WrongUse where nothing was ever built."""
    if not lake_exists(home):
        raise WrongUse("there is no lake yet: run `townlake run` first")


def lake_exists(home: Home) -> bool:
    """Whether a catalogue is there (a PostgreSQL catalogue is taken to be there: attaching tells)."""
    if home.catalog.startswith("sqlite:"):
        path = Path(home.catalog.removeprefix("sqlite:"))
        return path.exists() and path.stat().st_size > 0
    return True


def _attach(con: duckdb.DuckDBPyConnection, home: Home, **options: object) -> None:
    import duckdb

    con.execute("load ducklake")
    con.execute("load sqlite_scanner" if home.catalog.startswith("sqlite:") else "load postgres_scanner")
    try:
        con.execute(attach_statement(home, **options))  # type: ignore[arg-type]
    except duckdb.Error as error:
        raise _attach_fault(home, error) from error


def _attach_fault(home: Home, error: Exception) -> TownlakeError:
    text = str(error)
    known = explain(error)
    if known:
        return known
    low = text.lower()
    if "version" in low and ("migrat" in low or "catalog" in low or "ducklake" in low):
        return EnvironmentFault(
            "this lake was written by another version of DuckLake: nothing was changed; use the townlake version that "
            f"wrote it, or take a backup and migrate ({text.splitlines()[0]})"
        )
    if "not a database" in low or "malformed" in low:
        return EnvironmentFault(
            f"the catalogue {home.catalog} is damaged: restore it from a backup; raw files are intact"
        )
    return EnvironmentFault(f"the lake catalogue {_redact(home.catalog)} cannot be opened: {text.splitlines()[0]}")


def _redact(catalog: str) -> str:
    return " ".join("password=…" if part.startswith("password=") else part for part in catalog.split(" "))


@contextlib.contextmanager
def writing(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tip of the lake, for the one process that holds the writer lock (warehouse.lock.lake_writer)."""
    with contextlib.closing(engine(home)) as con:
        _attach(con, home)
        for schema in SCHEMAS:
            con.execute(f"create schema if not exists lake.{quote(schema)}")
        con.execute("use lake")
        yield con


@contextlib.contextmanager
def reading(home: Home, *, tip: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The last published foundation, read-only (`tip=True`: the working state, for gates and steps of a build)."""
    if not lake_exists(home):
        raise EnvironmentFault(f"there is no lake at {home.root} yet: drop files into landing/ and run `townlake run`")
    snapshot = None if tip else published_snapshot(home)
    if snapshot is None and not tip:
        raise EnvironmentFault(
            "no build has been published yet: run `townlake run`, and see reports/ if a gate stopped it"
        )
    with contextlib.closing(engine(home)) as con:
        _attach(con, home, snapshot=snapshot, read_only=True)
        con.execute("use lake")
        yield con


def published_snapshot(home: Home) -> int | None:
    """Lake snapshot of the newest build whose gates passed; None before the first one."""
    with contextlib.closing(engine(home)) as con:
        _attach(con, home, read_only=True)
        if not table_exists(con, "foundation", "build"):
            return None
        row = con.execute(
            "select lake_snapshot from lake.foundation.build where published order by finished_at desc limit 1"
        ).fetchone()
        return None if row is None else int(row[0])


@contextlib.contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All that is executed inside, or nothing of it."""
    con.execute("begin")
    try:
        yield
        con.execute("commit")
    except BaseException:
        con.execute("rollback")
        raise


def table_exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether `lake.schema.table` is there, table or view."""
    found = con.execute(
        "select count(*) from duckdb_tables() where database_name = 'lake' and schema_name = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    views = con.execute(
        "select count(*) from duckdb_views() where database_name = 'lake' and schema_name = ? and view_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found and found[0]) or bool(views and views[0])
