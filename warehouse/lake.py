"""Opening the lake: DuckDB with DuckLake attached as `lake`, the same way everywhere.

Extensions come from wheels of the environment (no network), into a folder inside the environment, so that two
versions on one machine never mix. Readers attach at the last published snapshot: dbt commits model by model, the tip
of the lake may be half built.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse import store
from warehouse.errors import EnvironmentFault, TownlakeError, WrongUse, explain
from warehouse.home import Home

if TYPE_CHECKING:
    import duckdb

EXTENSIONS = ("ducklake", "sqlite_scanner", "postgres_scanner", "spatial", "icu", "httpfs")
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
                    con.execute(f"load {name}")  # checks the signature
            marker.write_text(_extension_versions())
    return folder


def _extension_versions() -> str:
    from importlib.metadata import version

    return ",".join(f"{e}={version('duckdb-extension-' + e.replace('_', '-'))}" for e in EXTENSIONS)


def memory_limit() -> str:
    """TOWNLAKE_MEMORY_LIMIT, or two fifths of the machine's memory (Python, readers and the file cache need the rest)."""
    given = os.environ.get("TOWNLAKE_MEMORY_LIMIT")
    if given:
        return given
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{max(1, total * 2 // 5 // 2**20)}MiB"


def configuration() -> dict[str, str]:
    """DuckDB's settings at the start. Signatures of extensions were checked when their folder was filled: to check them again
    reads a hundred megabytes for every connection, 0.3 s. TRUST_NO_MORE ends that once they are loaded."""
    return {
        "extension_directory": str(extension_directory()),
        "autoinstall_known_extensions": "false",
        "allow_unsigned_extensions": "true",
        "memory_limit": memory_limit(),
    }


TRUST_NO_MORE = "set allow_unsigned_extensions = false"


def engine(home: Home | None = None, *, signed: bool = False) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that calls nobody but the home's own store; spills below its work folder when a home is given.

    `signed`: checks the signatures of the extensions it loads.
    """
    import duckdb

    config = configuration() | {"allow_unsigned_extensions": str(not signed).lower()}
    if home is not None:
        config["temp_directory"] = str(home.work / "spill")
    con = duckdb.connect(config=config)
    con.execute("load ducklake; load sqlite_scanner")
    con.execute(TRUST_NO_MORE)
    con.execute("set timezone = 'UTC'")
    con.execute("set preserve_insertion_order = false")
    if home is not None:
        store.show(con, home)
    return con


CATALOGUE_WAIT_SECONDS = 90.0
"""How long a catalogue that is locked, gone or unreachable is waited for (TOWNLAKE_CATALOG_WAIT overrides)."""


def catalogue_wait() -> float:
    """Seconds to wait for the catalogue. Raises WrongUse where TOWNLAKE_CATALOG_WAIT is no number."""
    given = os.environ.get("TOWNLAKE_CATALOG_WAIT") or str(CATALOGUE_WAIT_SECONDS)
    try:
        return max(0.0, float(given))
    except ValueError:
        raise WrongUse(f"TOWNLAKE_CATALOG_WAIT is {given!r}: name a number of seconds") from None


def attach_statement(home: Home, *, snapshot: int | None = None, read_only: bool = False, create: bool = False) -> str:
    """The one ATTACH of the lake. Inlining stays off: wrong-result bugs are open upstream (docs/decisions/0001).

    `create`: makes a catalogue that is not there. Nobody but the first writer may: an empty one beside a full lake would
    take every file for an orphan.
    """
    options = [
        f"DATA_PATH {literal(home.address('lake') + '/')}",
        "OVERRIDE_DATA_PATH true",  # a home may be moved or restored elsewhere
        "DATA_INLINING_ROW_LIMIT 0",
        "AUTOMATIC_MIGRATION false",
        f"CREATE_IF_NOT_EXISTS {str(create).lower()}",
    ]
    if home.catalog.startswith("sqlite:"):
        options += ["META_JOURNAL_MODE 'WAL'", f"META_BUSY_TIMEOUT {int(catalogue_wait() * 1000)}"]
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
    """Whether something was ever built here: a catalogue in a file, or files of a lake whose catalogue may be elsewhere."""
    if home.catalog.startswith("sqlite:"):
        path = Path(home.catalog.removeprefix("sqlite:"))
        if path.exists() and path.stat().st_size > 0:
            return True
    return has_files(home)


def has_files(home: Home) -> bool:
    """Whether the lake has a file."""
    return store.any_below(home, "lake")


def _attach(con: duckdb.DuckDBPyConnection, home: Home, *, create: bool = False, **options: object) -> None:
    """Attaches, waiting a bounded time for a catalogue that is locked, gone or does not answer, and saying so."""
    import duckdb

    con.execute("load ducklake")
    con.execute("load sqlite_scanner" if home.catalog.startswith("sqlite:") else "load postgres_scanner")
    deadline = None
    while True:
        try:
            may_create = create and not has_files(home)
            if not may_create and _no_catalogue_file(home):
                raise duckdb.IOException("the file does not exist")  # attaching would leave an empty one
            con.execute(attach_statement(home, create=may_create, **options))  # type: ignore[arg-type]
            return
        except duckdb.Error as error:
            passing = _PASSING.search(str(error))
            now = time.monotonic()
            if deadline is None and passing and catalogue_wait() > 0:
                deadline = now + catalogue_wait()
                what = f"waiting for the catalogue {redact(home.catalog)}, at most {catalogue_wait():.0f} s"
                print(f"{what}: {redact(str(error).splitlines()[0])}", file=sys.stderr, flush=True)
            if not passing or deadline is None or now >= deadline:
                raise _attach_fault(home, error) from None
            time.sleep(0.5)


def wait_writable(home: Home) -> None:
    """Waits a bounded time while another program keeps a SQLite catalogue locked; raises EnvironmentFault after that.

    SQLite's own timeout does not help: DuckLake reads before it writes, and a transaction that has read is refused at once.
    """
    import duckdb

    if not home.catalog.startswith("sqlite:") or _no_catalogue_file(home):
        return
    deadline = None
    while True:
        try:
            with contextlib.closing(engine()) as con:
                con.execute("load sqlite_scanner")
                con.execute(f"attach {literal(home.catalog.removeprefix('sqlite:'))} as probed (type sqlite)")
                con.execute("begin")
                con.execute("insert into probed.ducklake_metadata (key, value) values ('probe', 'never committed')")
                con.execute("rollback")
            return
        except duckdb.Error as error:
            if "locked" not in str(error):
                return  # attaching says what it is
            now = time.monotonic()
            if deadline is None:
                deadline = now + catalogue_wait()
                print(f"waiting at most {catalogue_wait():.0f} s for the catalogue, which another program keeps locked", file=sys.stderr, flush=True)  # fmt: skip
            if now >= deadline:
                raise explain(error) or EnvironmentFault(str(error)) from None
            time.sleep(0.5)


def _no_catalogue_file(home: Home) -> bool:
    path = Path(home.catalog.removeprefix("sqlite:"))
    return home.catalog.startswith("sqlite:") and not (path.exists() and path.stat().st_size)


_PASSING = re.compile(
    r"database is locked|disk I/O error|does not exist|no such file|unable to open|unable to connect|connection refused"
    r"|server closed|starting up|shutting down|too many clients|recovery mode",
    re.IGNORECASE,
)
"""What may pass by itself within a minute."""


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
            f"the catalogue {redact(home.catalog)} is damaged: put back the last safety copy (`townlake restore`); raw files are intact"
        )
    path = Path(home.catalog.removeprefix("sqlite:")) if home.catalog.startswith("sqlite:") else None
    if "readonly database" in low or (path and path.exists() and "unable to open" in low):
        return EnvironmentFault(
            f"the catalogue {redact(home.catalog)} cannot be written: the disk is read-only or this user may not; nothing was changed"
        )
    if "explicitly disabled" in low or "does not exist" in low or "unable to open" in low:
        return EnvironmentFault(
            f"the catalogue {redact(home.catalog)} is gone, while {home.address('lake')} holds the files of a lake: bring it back, or put back "
            "the last safety copy (`townlake restore`); nothing was changed"
        )
    return EnvironmentFault(
        f"the lake catalogue {redact(home.catalog)} cannot be opened: {redact(text.splitlines()[0])}"
    )


_PASSWORD = re.compile(r"(password\s*=\s*)('(?:\\.|[^'\\])*'|[^\s'\"]+)|(://[^:/@\s]*:)[^@\s]*(?=@)", re.IGNORECASE)


def redact(text: str) -> str:
    """A catalogue's name, or a server's message that repeats it, without its password."""
    return _PASSWORD.sub(lambda found: (found[1] or found[3]) + "…", text)


OPTIONS = (
    ("parquet_compression", "zstd", None),
    # records are asked for one by one: a row group is what such a question reads, a file whose footer (benchmarks/scale.md)
    ("parquet_row_group_size", "10240", "foundation"),
    ("target_file_size", "32MB", "foundation"),
)
"""How the lake writes its files: option, value, schema (None: all)."""


def set_options(con: duckdb.DuckDBPyConnection) -> None:
    """Sets what of OPTIONS nobody has set on this lake yet."""
    known = con.execute("select option_name, scope_entry from ducklake_options('lake')").fetchall()
    for option, value, schema in OPTIONS:
        if (option, schema) not in known:
            scope = f", schema => {literal(schema)}" if schema else ""
            con.execute(f"call lake.set_option({literal(option)}, {literal(value)}{scope})")


@contextlib.contextmanager
def writing(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tip of the lake, for the one process that holds the writer lock (warehouse.lock.lake_writer)."""
    with contextlib.closing(engine(home)) as con:
        _attach(con, home, create=True)
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
        con.execute("set parquet_metadata_cache = true")  # the lake's files never change: their footers are read once
        con.execute("use lake")
        yield con


def published_snapshot(home: Home) -> int | None:
    """Lake snapshot of the newest build whose gates passed; None before the first one."""
    if not lake_exists(home):
        return None
    with contextlib.closing(engine(home)) as con:
        _attach(con, home, read_only=True)
        if not table_exists(con, "foundation", "build"):
            return None
        row = con.execute(
            "select lake_snapshot from lake.foundation.build where published order by lake_snapshot desc limit 1"
        ).fetchone()  # by snapshot: a clock may be put back
        return None if row is None else int(row[0])


@contextlib.contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All that is executed inside, or nothing of it."""
    con.execute("begin")
    try:
        yield
        con.execute("commit")
    except BaseException:
        with contextlib.suppress(Exception):  # a commit that failed has ended it already
            con.execute("rollback")
        raise


RELATIONS = """(
    select s.schema_name, held.name, held.type
    from (select schema_id, table_name as name, 'table' as type
          from __ducklake_metadata_lake.ducklake_table where end_snapshot is null
          union all
          select schema_id, view_name, 'view' from __ducklake_metadata_lake.ducklake_view where end_snapshot is null) as held
    join __ducklake_metadata_lake.ducklake_schema as s using (schema_id)
    where s.end_snapshot is null)"""
"""Tables and views of the lake as last committed, asked of its catalogue: DuckDB's own lists read the statistics of every table
first, half a second on a lake of a hundred."""


def table_exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether `lake.schema.table` is there, table or view.

    Asked by name: the functions that list tables read the statistics of every table of the lake first. A view that no longer
    fits the tables below it is there; one whose table is gone is not.
    """
    import duckdb

    try:
        con.execute(f"describe lake.{quote(schema)}.{quote(table)}")
    except duckdb.CatalogException:
        return False
    except duckdb.BinderException:  # a view that is there and does not fit
        pass
    return True
