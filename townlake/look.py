"""Questions to the published foundation: rows on the terminal, a table as Parquet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import literal, quote, reading

if TYPE_CHECKING:
    import duckdb


def run_query(home: Home, sql: str, *, limit: int, tip: bool, as_json: bool) -> None:
    """Prints the rows of one SELECT. Raises WrongUse with DuckDB's own first line when the SQL is not right."""
    import duckdb

    with reading(home, tip=tip) as con:
        try:
            cursor = con.execute(sql)
            columns = [d[0] for d in cursor.description or []]
            rows = cursor.fetchall() if limit == 0 else cursor.fetchmany(limit + 1)
        except duckdb.Error as error:
            raise WrongUse(_first_lines(error)) from error
    shown = rows if limit == 0 else rows[:limit]
    if as_json:
        print(
            json.dumps(
                [dict(zip(columns, r, strict=True)) for r in shown], ensure_ascii=False, default=_plain, indent=1
            )
        )
        return
    _print_table(columns, shown, more=len(rows) > len(shown))


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else str(value)


def _first_lines(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return "\n".join(lines[:6])


def _print_table(columns: list[str], rows: list[tuple[Any, ...]], *, more: bool) -> None:
    """A table no cell of which is cut off: as wide as it must be where the output is not a terminal."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if v is None else _plain(v)) for v in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(80, console.measure(table).maximum))
    console.print(table)
    console.print(f"{len(rows)} row(s)" + (" shown, there are more: --limit 0 shows all" if more else ""))


def export_table(home: Home, table: str, file: Path) -> int:
    """Writes `schema.table` as Parquet, beside its final name first. Returns the number of rows."""
    with reading(home) as con:
        source = relation(con, table)
        file = file.absolute()
        if not file.parent.is_dir():
            raise WrongUse(f"the folder {file.parent} does not exist")
        temporary = file.with_name(f".{file.name}.tmp")
        try:
            con.execute(
                f"copy (select * from {source}) to {literal(str(temporary))} (format parquet, compression zstd)"
            )
            temporary.replace(file)
        finally:
            temporary.unlink(missing_ok=True)
        row = con.execute(f"select count(*) from read_parquet({literal(str(file))})").fetchone()
        return int(row[0]) if row else 0


def relation(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """SQL name of the lake's `schema.table`. Raises WrongUse, saying what there is, where there is no such table."""
    parts = re.fullmatch(r"(?:lake\.)?([a-z_]+)\.([a-z_0-9]+)", table)
    if parts is None:
        raise WrongUse(f"{table!r} is not of the form schema.table, like foundation.person")
    schema, name = parts.groups()
    known = con.execute(
        "select table_schema || '.' || table_name from information_schema.tables where table_catalog = 'lake' order by 1"
    ).fetchall()
    if (f"{schema}.{name}",) not in known:
        near = [k for (k,) in known if k.startswith(f"{schema}.")] or [
            k for (k,) in known if k.startswith("foundation.")
        ]
        raise WrongUse(f"there is no table {schema}.{name}; there are: {', '.join(near)}")
    return f"lake.{quote(schema)}.{quote(name)}"
