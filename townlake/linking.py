"""`townlake link`: any tables, files or published tables of the lake, through the linkage engine, out as Parquet."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import engine, literal, quote, reading

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.engine.run import Linked

_TABLE = re.compile(r"(?:foundation|marts|staging)\.[a-z_0-9]+")
_TEXT = {".csv", ".tsv", ".txt"}


@dataclass(frozen=True)
class Outputs:
    """Files to write."""

    links: Path
    clusters: Path | None = None
    model: Path | None = None


def link_tables(
    left: str, right: str | None, spec_file: Path, out: Outputs, *,
    known: Path | None, memory: str | None, progress: Callable[[str], None],
) -> Linked:  # fmt: skip
    """Links the tables and writes what was found, each file beside its final name first.

    Raises WrongUse where the specification, a table or a folder is not as it must be.
    """
    from warehouse.linkage.engine import model, run
    from warehouse.linkage.engine.spec import read_spec

    spec = read_spec(spec_file)
    for path in (out.links, out.clusters, out.model):
        if path is not None and not path.absolute().parent.is_dir():
            raise WrongUse(f"the folder {path.absolute().parent} does not exist")
    tables = [left] if right is None else [left, right]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="townlake-link-")))
        con = stack.enter_context(_connection(tables))
        # Rows keep the order they are sorted in: ids inside the engine follow it.
        con.execute("set preserve_insertion_order = true")
        con.execute(f"set temp_directory = {literal(str(folder / 'spill'))}")
        if memory:
            _limit(con, memory)
        sources = [_relation(con, table, folder, side) for side, table in enumerate(tables)]
        found = run.link(con, spec, sources, known=known, progress=progress)
        _copy(con, "select left_id, right_id, match_probability from found_link", out.links)
        if out.clusters is not None:
            table = "" if right is None else "case side when 0 then 'left' else 'right' end as \"table\", "
            _copy(con, f"select {table}id, cluster_id from found_cluster", out.clusters)
        if out.model is not None and found.weights is not None:
            model.save(found.weights, out.model)
    return found


@contextlib.contextmanager
def _connection(tables: list[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake as published where a table of it is named, else a bare engine."""
    if any(_is_table(table) for table in tables):
        with reading(Home.from_environment()) as con:
            yield con
    else:
        with contextlib.closing(engine()) as con:
            yield con


def _limit(con: duckdb.DuckDBPyConnection, memory: str) -> None:
    import duckdb

    try:
        con.execute(f"set memory_limit = {literal(memory)}")
    except duckdb.Error as error:
        raise WrongUse(f"--memory {memory!r} is not a size, like 2GB") from error


def _is_table(name: str) -> bool:
    return _TABLE.fullmatch(name) is not None and not Path(name).exists()


def _relation(con: duckdb.DuckDBPyConnection, name: str, folder: Path, side: int) -> str:
    """SQL of a table in parentheses, its columns named without blanks around."""
    if _is_table(name):
        from townlake.look import relation

        return f"(select * from {relation(con, name)})"
    path = Path(name)
    if not path.is_file():
        raise WrongUse(f"there is no file {name} (and tables of the lake are named like foundation.person)")
    kind = path.suffix.lower()
    if kind == ".parquet":
        return _named(con, f"read_parquet({literal(str(path))})", name)
    if kind in _TEXT:
        read = f"read_csv({literal(str(path))}, all_varchar = true, header = true, sample_size = 200000)"
        if _reads(con, read):
            return _named(con, read, name)
    plain = folder / f"table{side}.csv"
    _read_any(path, plain)
    return _named(con, f"read_csv({literal(str(plain))}, all_varchar = true, header = true)", name)


def _reads(con: duckdb.DuckDBPyConnection, relation: str) -> bool:
    """Whether DuckDB reads the whole text as it stands: UTF-8, every line of as many cells as the header."""
    import duckdb

    try:
        con.execute(f"select count(columns(*)) from {relation}")
    except duckdb.Error:
        return False
    return True


def _named(con: duckdb.DuckDBPyConnection, relation: str, name: str) -> str:
    import duckdb

    try:
        described = [str(row[0]) for row in con.execute(f"describe select * from {relation}").fetchall()]
    except duckdb.Error as error:
        raise WrongUse(f"{name} cannot be read: {str(error).splitlines()[0]}") from error
    return f"(select {', '.join(f'{quote(c)} as {quote(c.strip())}' for c in described)} from {relation} as file)"


def _read_any(path: Path, out: Path) -> None:
    """Any other format, or text DuckDB does not read (another encoding), through the intake's own reader."""
    from ingestion.readers import Refused
    from townlake.reading import read_limited

    try:
        read_limited(path, out, every=False)
    except Refused as refused:
        raise WrongUse(f"{path.name} cannot be read: {refused.reason_en} ({refused.reason_zh})") from refused


def _copy(con: duckdb.DuckDBPyConnection, sql: str, file: Path) -> None:
    file = file.absolute()
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        con.execute(f"copy ({sql}) to {literal(str(temporary))} (format parquet, compression zstd)")
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def report(found: Linked) -> list[str]:
    """The summary for people."""
    lines = [f"rows: {' and '.join(str(n) for n in found.rows)}"]
    for column in found.columns:
        lines.append(
            f"  {column['column']}: {column['kind']}, {column['filled']} filled, {column['distinct']} different"
            + (", Chinese" if column.get("script") == "chinese" else "")
        )
    lines.append(f"pairs compared: {found.pairs}, brought by")
    lines += [f"  {rule['pairs']:>10}  {rule['rule']}" for rule in found.blocking]
    lines.append(
        f"links: {found.links} with a probability of {found.threshold:g} or more"
        + (", one to one" if found.one_to_one else "")
    )
    return [*lines, f"clusters: {found.clusters}, single rows included"]


def explain(found: Linked) -> list[dict[str, Any]]:
    """Every comparison with the weight of its levels (log2 of the odds)."""
    from warehouse.linkage.engine import model

    return [] if found.weights is None else model.report(found.weights)
