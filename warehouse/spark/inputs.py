"""What Spark is given: the tables that only the lake knows, as Parquet, and the raw files as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import EnvironmentFault
from warehouse.lake import literal, quote

if TYPE_CHECKING:
    import duckdb

DRAWN = {
    "int_area__grid": "intermediate",
    "int_place__crs": "intermediate",
    "int_place__point": "intermediate",
    "line_grid": "foundation",
    "area": "foundation",
}
"""Models that draw shapes or ask which shape a point lies in, with their schema. Spark has no such functions: it gets their
tables from the lake, and so the grid of every place."""

ENTITIES = ("person", "organisation", "place", "event", "facility")
KEPT = {
    "foundation": frozenset({"delivery", "build"}),
    "registry": frozenset(
        {f"{entity}{part}" for entity in ENTITIES for part in ("", "_link", "_state")}
        | {f"{entity}_pair" for entity in ENTITIES if entity != "place"}
        | {"event_class", "organisation_industry", "redo"}
    ),
    "quality": frozenset({"correction", "quarantine_event"}),
}
"""Tables that Python keeps and models (or the linkage) read, by schema."""

LOCATOR = {
    "dataset": "string",
    "file": "string",
    "sheet": "string",
    "row_number": "bigint",
    "delivery_id": "string",
    "received_at": "timestamp",
    "delivered_on": "date",
}
READ_BESIDE = ("row_kind", "_extra", "_kinds", "_section", "_defect")


def export(
    con: duckdb.DuckDBPyConnection, models: Collection[str], seeds: Collection[str], out: Path
) -> dict[tuple[str, str], Path]:
    """Writes one Parquet folder per table below `out`: those that Python keeps, the code lists (`seeds`, of the schema
    staging), what is not made on Spark, and what stands in foundation without being one of the `models`. Returns schema and table →
    folder of those that models read.

    `con` has the lake attached as `lake`, at the snapshot wanted.
    """
    there = con.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = 'lake' and table_type = 'BASE TABLE' order by all"
    ).fetchall()
    written: dict[tuple[str, str], Path] = {}
    for schema, table in there:
        is_read = (
            table in KEPT.get(schema, ()) or (schema == "staging" and table in seeds) or DRAWN.get(table) == schema
        )
        if not is_read and (schema != "foundation" or table in models):
            continue
        folder = out / schema / table
        folder.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"copy (select * from lake.{quote(schema)}.{quote(table)}) to {literal(str(folder / 'part-0.parquet'))} "
            "(format parquet, compression zstd)"
        )
        if is_read:
            written[schema, table] = folder
    return written


def raw_files(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Raw files of the deliveries that are taken, by dataset, as paths below the home."""
    rows = con.execute(
        "select dataset, list(raw order by raw) from lake.foundation.delivery where status = 'taken' group by dataset"
    ).fetchall()
    return {dataset: list(files) for dataset, files in rows}


def register(spark: Any, tables: Mapping[tuple[str, str], Path], schemas: Collection[str]) -> None:
    """Makes the exported tables known to Spark under the names the models use, and the schemas to be filled."""
    for schema in sorted({*schemas, *(schema for schema, _ in tables)}):
        spark.sql(f"create schema if not exists `{schema}`")
    for (schema, table), folder in tables.items():
        spark.sql(f"drop table if exists `{schema}`.`{table}`")
        spark.sql(f"create table `{schema}`.`{table}` using parquet location '{_text(folder)}'")


def register_raw(spark: Any, view: str, files: Sequence[Path], columns: Sequence[str]) -> None:
    """A view over one dataset's raw files. A column that the contract gained later is null in older files."""
    fields = [f"`{name}` {kind}" for name, kind in LOCATOR.items()]
    fields += [f"`{name}` string" for name in (*READ_BESIDE, *columns)]
    shape = ", ".join(fields)
    if not files:
        spark.createDataFrame([], shape).createOrReplaceTempView(view)
        return
    try:
        spark.read.schema(shape).parquet(*map(str, files)).createOrReplaceTempView(view)
    except Exception as error:
        if "PATH_NOT_FOUND" in str(error):
            raise EnvironmentFault(
                f"Spark does not see the raw files of this home ({files[0].parent}): it must run where they can be read under the same path"
            ) from error
        raise


def _text(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "\\'")
