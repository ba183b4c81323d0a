"""Whether two engines made the same tables: number of rows and one MD5 per table over its rows as canonical text."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.home import Home
from warehouse.lake import literal, quote, reading

if TYPE_CHECKING:
    import duckdb

PLACES = 9
"""Decimal places that floating-point numbers are compared to: sums and means depend on the order of the rows beyond."""
NOTHING = "\\N"


@dataclass(frozen=True)
class Compared:
    """One table of the lake and its folder. `differing`: columns whose values, sorted, are not the same, and those that
    only one side has; empty where only the rows are put together otherwise."""

    table: str
    rows: int
    rows_there: int | None
    md5: str
    md5_there: str | None
    differing: list[str]

    @property
    def equal(self) -> bool:
        return self.md5 == self.md5_there and self.rows == self.rows_there

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "equal": self.equal}


def compare(
    home: Home, out: Path, schemas: tuple[str, ...] = ("foundation", "marts"), *, copies: Collection[str] = ()
) -> list[Compared]:
    """Every table and view of the schemas in the published lake against `out/<schema>/<table>/*.parquet`, but for `copies`
    (`schema.table`) of the lake's own: that they are equal says nothing."""
    with reading(home) as con:
        tables = con.execute(
            "select table_schema, table_name from information_schema.tables "
            f"where table_catalog = 'lake' and table_schema in ({', '.join(map(literal, schemas))}) order by all"
        ).fetchall()
        return [
            _compared(con, schema, table, out / schema / table)
            for schema, table in tables
            if f"{schema}.{table}" not in copies
        ]


def compare_pairs(home: Home, out: Path) -> list[Compared]:
    """The lake's pair tables of the linkage against those weighed on Spark."""
    from townlake.spark import LINKAGE
    from warehouse.spark.linkage import compared

    with reading(home) as con:
        return [_compared(con, "registry", f"{entity}_pair", out / LINKAGE / f"{entity}_pair") for entity in compared()]


def _compared(con: duckdb.DuckDBPyConnection, schema: str, table: str, folder: Path) -> Compared:
    here = f"lake.{quote(schema)}.{quote(table)}"
    types = _types(con, here)
    rows, md5 = _fingerprint(con, here, types, list(types))
    name = f"{schema}.{table}"
    if not any(folder.glob("*.parquet")):
        return Compared(name, rows, None, md5, None, [])
    there = f"read_parquet({literal(str(folder / '*.parquet'))})"
    found = _types(con, there)
    one_sided = sorted(set(types) ^ set(found))
    if one_sided:
        count = con.execute(f"select count(*) from {there}").fetchone()
        return Compared(name, rows, count[0] if count else 0, md5, None, one_sided)
    rows_there, md5_there = _fingerprint(con, there, types, list(types))
    differing = []
    if md5 != md5_there:
        differing = [c for c in types if _fingerprint(con, here, types, [c]) != _fingerprint(con, there, types, [c])]
    return Compared(name, rows, rows_there, md5, md5_there, differing)


def _types(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"describe select * from {relation}").fetchall()}


def _fingerprint(
    con: duckdb.DuckDBPyConnection, relation: str, types: dict[str, str], columns: list[str]
) -> tuple[int, str]:
    """Number of rows, and MD5 over the MD5s of the rows in their order: the order of the rows themselves does not count."""
    text = ", ".join(f"coalesce({canonical(quote(c), types[c])}, {literal(NOTHING)})" for c in columns)
    row = con.execute(
        f"select count(*), md5(coalesce(string_agg(said, chr(10) order by said), '')) "
        f"from (select md5(to_json([{text}])::varchar) as said from {relation})"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def canonical(value: str, kind: str) -> str:
    """SQL of one value as text, the same for every type that can hold it; null stays null."""
    if kind in ("DOUBLE", "FLOAT"):
        return f"(round({value}::double, {PLACES}) + 0.0)::varchar"  # + 0.0: there is no minus zero
    if kind.startswith("DECIMAL"):
        return f"{value}::{kind}::varchar"
    if kind.startswith("TIMESTAMP"):
        return f"epoch_us({value})::varchar"
    if kind == "BLOB":
        return f"hex({value})"
    if kind.endswith("[]") or kind.startswith(("STRUCT", "MAP")):
        return f"to_json({value})::varchar"
    return f"{value}::varchar"
