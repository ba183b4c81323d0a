"""The catalogue as such: the tables in which DuckLake keeps what the lake holds, and copying them elsewhere.

DuckLake keeps the same tables in SQLite and in PostgreSQL. `copy` moves them, whichever of the two is where, in one
transaction of the target, and proves the copy row by row; the lake's files stay as they are, since the catalogue names
them below the lake folder. A copy to a SQLite file is also how a catalogue is kept safe (warehouse.backup).
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse import store
from warehouse.errors import EnvironmentFault, WrongUse, explain
from warehouse.home import Home
from warehouse.lake import attach_statement, engine, literal, quote, redact, transaction

if TYPE_CHECKING:
    import duckdb

PREFIX = "ducklake_"


def is_sqlite(catalog: str) -> bool:
    return catalog.startswith("sqlite:")


def sqlite_path(catalog: str) -> Path:
    """The file of a SQLite catalogue."""
    return Path(catalog.removeprefix("sqlite:"))


def check_name(catalog: str) -> None:
    """Raises WrongUse where `catalog` is not what TOWNLAKE_CATALOG may say."""
    if not catalog.startswith(("sqlite:", "postgres:")) or not catalog.partition(":")[2].strip():
        raise WrongUse(f"{redact(catalog)!r} is no catalogue: sqlite:FILE or postgres:dbname=… host=…")


def attach_tables(con: duckdb.DuckDBPyConnection, catalog: str, alias: str, *, read_only: bool = True) -> None:
    """Attaches the catalogue's own tables as database `alias`. Raises EnvironmentFault where that cannot be."""
    import duckdb

    kind = "sqlite" if is_sqlite(catalog) else "postgres"
    where = str(sqlite_path(catalog)) if kind == "sqlite" else catalog.removeprefix("postgres:")
    con.execute(f"load {kind}_scanner")
    try:
        con.execute(f"attach {literal(where)} as {quote(alias)} (type {kind}{', read_only' if read_only else ''})")
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        raise explain(error) or EnvironmentFault(f"the catalogue {redact(catalog)} cannot be opened: {said}") from None


def tables(con: duckdb.DuckDBPyConnection, alias: str) -> dict[str, dict[str, str]]:
    """Table of DuckLake → column → type, in the order of the columns, as the attached database declares them."""
    rows = con.execute(
        """select table_name, column_name, data_type from duckdb_columns()
           where database_name = ? and starts_with(table_name, ?) order by table_name, column_index""",
        [alias, PREFIX],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(table, {})[column] = kind
    return found


def is_empty(catalog: str) -> bool:
    """Whether nothing was ever kept in this catalogue. A SQLite file that is not there is empty."""
    if is_sqlite(catalog) and not (sqlite_path(catalog).exists() and sqlite_path(catalog).stat().st_size):
        return True
    with contextlib.closing(engine()) as con:
        attach_tables(con, catalog, "looked_at")
        if not tables(con, "looked_at"):
            return True
        row = con.execute("select count(*) from looked_at.ducklake_snapshot where snapshot_id > 0").fetchone()
        return row == (0,)  # its tables alone, as a copy that was killed leaves them


def copy(home: Home, source: str, target: str) -> dict[str, int]:
    """Copies every table of the catalogue `source` to `target`, which must be empty; returns rows by table.

    The caller holds the writer lock. All or nothing: the target's rows come with one commit, after they were compared
    with the source's. Raises WrongUse where the target holds a lake already.
    """
    import duckdb

    check_name(target)
    if not is_empty(target):
        raise WrongUse(f"the catalogue {redact(target)} holds a lake already: name an empty one")
    if is_sqlite(target):
        sqlite_path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.closing(engine()) as con:
            if not is_sqlite(target):
                con.execute("set sqlite_all_varchar = true")  # SQLite keeps instants and booleans as it likes
            attach_tables(con, source, "source")
            known = tables(con, "source")
            if not known:
                raise EnvironmentFault(f"the catalogue {redact(source)} holds no lake")
            _no_data_inside(con, known)
            _create(home, target)
            attach_tables(con, target, "target", read_only=False)
            return _fill(con, known, target)
    except duckdb.Error as error:
        raise explain(error) or EnvironmentFault(
            f"the catalogue could not be copied to {redact(target)}, which is to be emptied before another try: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _create(home: Home, target: str) -> None:
    """DuckLake makes its own tables, in the form this version of it wants."""
    with contextlib.closing(engine()) as con:
        con.execute("load ducklake")
        con.execute(f"load {'sqlite' if is_sqlite(target) else 'postgres'}_scanner")
        store.show(con, home)
        con.execute(attach_statement(replace(home, catalog=target), create=True))


def _fill(con: duckdb.DuckDBPyConnection, known: dict[str, dict[str, str]], target: str) -> dict[str, int]:
    wanted = tables(con, "target")
    if known.keys() - wanted.keys():
        raise EnvironmentFault(
            "the catalogue was written by another version of DuckLake: migrate it before it is copied "
            f"(unknown tables: {', '.join(sorted(known.keys() - wanted.keys()))})"
        )
    copied = {}
    with transaction(con):
        for table, columns in wanted.items():
            into = f"target.{quote(table)}"
            con.execute(f"delete from {into}")
            if table not in known:
                continue
            if known[table].keys() != columns.keys():
                raise EnvironmentFault(
                    f"{table} of the two catalogues differs: both must be of one version of DuckLake"
                )
            rows = f"select {', '.join(_as(c, k, is_sqlite(target)) for c, k in columns.items())} from source.{quote(table)}"
            con.execute(f"insert into {into} ({', '.join(quote(c) for c in columns)}) {rows}")
            if _sum(con, rows, columns) != (mine := _sum(con, f"from {into}", columns)):
                raise EnvironmentFault(f"{table} did not come over whole: nothing was kept")
            copied[table] = mine[0]
    return copied


def _as(column: str, kind: str, to_sqlite: bool) -> str:
    """The column as the target keeps it: SQLite has numbers for booleans."""
    name = quote(column)
    if to_sqlite and kind in ("BIGINT", "INTEGER"):
        return f"(case {name}::varchar when 'true' then '1' when 'false' then '0' else {name}::varchar end)::{kind} as {name}"
    return f"{name}::varchar::{kind} as {name}"


def _sum(con: duckdb.DuckDBPyConnection, rows: str, columns: dict[str, str]) -> tuple[int, int]:
    """(rows, order-free sum over their text)."""
    text = ", ".join(f"coalesce({quote(c)}::{k}::varchar, '∅')" for c, k in columns.items())
    row = con.execute(
        f"select count(*), coalesce(sum(hash(concat_ws('|', {text}))::hugeint), 0) from ({rows})"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _no_data_inside(con: duckdb.DuckDBPyConnection, known: dict[str, dict[str, str]]) -> None:
    """Rows kept in the catalogue instead of files (inlined, which townlake switches off) have tables of their own."""
    if "ducklake_inlined_data_tables" in known:
        row = con.execute("select count(*) from source.ducklake_inlined_data_tables").fetchone()
        if row and row[0]:
            raise EnvironmentFault(
                "this catalogue keeps rows of the lake in itself, which townlake never does: it cannot be copied"
            )
