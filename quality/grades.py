"""The grade of every column readers can reach, as a table of the lake: `quality.column_grade`.

Staging columns have what their contract declares, those of foundation and marts the highest grade of what they are made
from (`warehouse.classification.sensitivity`). What a mart may expose stands in the `meta` of its description, and the gate
behind the marts compares (`quality.suites.sensitivity`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ingestion.contracts import Column, Contracts, DatasetContract
from warehouse.classification.sensitivity import (
    GRADES,
    HIGHEST,
    PERSONAL,
    Columns,
    Graded,
    Lineage,
    held,
    highest,
)  # fmt: skip
from warehouse.errors import WrongUse
from warehouse.home import DBT_PROJECT, Home
from warehouse.lake import quote, table_exists, transaction
from warehouse.version import code_version

if TYPE_CHECKING:
    import duckdb

TABLE = """create table if not exists lake.quality.column_grade (
    schema_name varchar, table_name varchar, column_name varchar, level varchar, personal_data varchar, sensitive boolean,
    inputs varchar[], is_told boolean, version varchar)"""

_LOCATOR = ("dataset", "file", "sheet", "row_number", "delivery_id", "received_at", "delivered_on", "row_kind", "is_refused",
            "valid_from", "valid_to", "is_current")  # fmt: skip
_ROW_PARTS = ("_extra", "_section", "issues", "raw")
"""Columns that hold whatever else stood in the row: the highest grade of its dataset."""
_KEY = re.compile(r"(_id|_hash|_code|_source|_rule)$")
"""Not `_key`: what the registry calls the key of a unit holds the identifier itself."""
_PLAIN_TYPES = ("BOOLEAN", "DATE", "DOUBLE", "BIGINT", "INTEGER", "TIMESTAMP")
_PLAIN_WORDS = frozenset(["alarm", "category", "code_version", "contract", "dataset", "decision", "department", "entity", "kind", "minted_on",
                          "outcome", "reference_stamp", "role", "rule", "severity", "status", "urgency", "verdict"])  # fmt: skip
_LITERAL = re.compile(r"'[^']*'")


def declared(column: Column, contract: DatasetContract) -> Graded:
    """What a contract says of a column."""
    return held(column.custom.grade, column.custom.personal_data, f"{contract.id}.{column.name}")


def leaves(contracts: Mapping[str, DatasetContract]) -> dict[str, Columns]:
    """Grades of the staging relations of every dataset. What the road adds (the locator) has no content of its own."""
    out: dict[str, Columns] = {}
    for contract in contracts.values():
        said = {c.name: declared(c, contract) for c in contract.columns}
        everything = highest(said.values())
        columns = {
            **said, **{f"{c}_raw": g for c, g in said.items()}, **dict.fromkeys(_ROW_PARTS, everything),
            "row_key": highest(said[k] for k in contract.key), **dict.fromkeys(_LOCATOR, Graded()), "*": everything,
        }  # fmt: skip
        for prefix in ("stg", "checked", "history"):
            out[f"staging.{prefix}_{contract.model_name}"] = columns
    return out


def kept(relation: str, columns: Mapping[str, str], named: Mapping[str, Graded] | None = None) -> Columns:
    """Grades of a table that no model makes, by names and types: keys and facts about rows; text that bears the name of
    delivered columns (`named`) has their grade, other text the highest.

    A key of a person is personal information without its name: general 2 (TC260-PG-20212A).
    """
    if relation.startswith("staging."):  # a seed: published code lists
        return {"*": Graded()}
    out: dict[str, Graded] = {}
    for name, kind in columns.items():
        plain = kind.startswith(_PLAIN_TYPES) or name in _PLAIN_WORDS or _KEY.search(name)
        of_people = "person" in name or "person" in relation or name == "content_id"
        fact = Graded("general_2", "general" if of_people else "none", (f"{relation}.{name}",))
        out[name] = fact if plain else (named or {}).get(name, HIGHEST)
    return {**out, "*": HIGHEST}


def by_name(contracts: Mapping[str, DatasetContract]) -> dict[str, Graded]:
    """The highest grade of all delivered columns of a name."""
    out: dict[str, Graded] = {}
    for contract in contracts.values():
        for column in contract.columns:
            out[column.name] = out.get(column.name, Graded()) | declared(column, contract)
    return out


def grade(con: duckdb.DuckDBPyConnection, home: Home, contracts: Contracts) -> int:
    """Brings `quality.column_grade` up to date; the caller holds the writer lock. Returns how many columns are graded.

    Nothing is read again while contracts, compiled models (literals aside) and columns are the same.
    """
    compiled = home.work / "dbt-target" / "compiled"
    standing = _columns(con)
    version = _version(compiled, standing, contracts)
    if table_exists(con, "quality", "column_grade"):
        row = con.execute("select count(*), min(version), max(version) from lake.quality.column_grade").fetchone()
        if row and row[1] == row[2] == version:
            return int(row[0])
    named = by_name(contracts)
    lineage = Lineage(compiled, leaves(contracts), {r: kept(r, c, named) for r, c in standing.items()})
    rows = []
    for relation, columns in sorted(standing.items()):
        schema, _, name = relation.partition(".")
        if schema not in ("foundation", "marts") and not name.startswith("stg_"):
            continue
        grades = lineage.columns(schema, name)
        for column in columns:
            found = grades.get(column) or grades.get("*") or highest(grades.values())
            rows.append((schema, name, column, found.level, found.personal_data, found.personal_data == "sensitive",
                         list(found.inputs), found.is_told, version))  # fmt: skip
    with transaction(con):
        con.execute(TABLE)
        con.execute("delete from lake.quality.column_grade")
        _insert(con, rows)
    return len(rows)


def _insert(con: duckdb.DuckDBPyConnection, rows: list[tuple[Any, ...]]) -> None:
    import polars as pl

    names = (
        "schema_name",
        "table_name",
        "column_name",
        "level",
        "personal_data",
        "sensitive",
        "inputs",
        "is_told",
        "version",
    )
    con.register("incoming", pl.DataFrame(rows, schema=list(names), orient="row", infer_schema_length=None).to_arrow())
    con.execute(
        "insert into lake.quality.column_grade by name select * replace (inputs::varchar[] as inputs) from incoming"
    )
    con.unregister("incoming")


def _columns(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    out: dict[str, dict[str, str]] = {}
    for relation, name, kind in con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'lake' and not internal and table_name <> 'column_grade' order by all"  # its own table says nothing
    ).fetchall():
        out.setdefault(relation, {})[name] = kind
    return out


def _version(compiled: Path, standing: Mapping[str, Mapping[str, str]], contracts: Contracts) -> str:
    digest = hashlib.sha256(
        f"{code_version()}{contracts.fingerprint}{sorted((r, *c) for r, c in standing.items())}".encode()
    )
    for path in sorted(p for p in compiled.rglob("*.sql") if not p.name.startswith(("checked_", "stg_", "history_"))):
        digest.update(path.stem.encode() + _LITERAL.sub("", path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


# ---- what marts may expose ------------------------------------------------------------------------------------------


def exposed(folder: Path = DBT_PROJECT / "models" / "marts") -> dict[str, Graded]:
    """Mart → the grade it may expose: `config.meta` (`grade`, `personal_data`) of its description. Raises WrongUse."""
    out = {}
    for path in sorted(folder.glob("*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models") or ():
            meta = (model.get("config") or {}).get("meta") or {}
            level, personal = meta.get("grade", "general_1"), meta.get("personal_data", "none")
            if level not in GRADES or personal not in PERSONAL:
                raise WrongUse(f"{path.name}: {model['name']}: no such grade {level!r} or personal data {personal!r}")
            out[model["name"]] = Graded(level, personal)
    return out


# ---- looking --------------------------------------------------------------------------------------------------------


def look(con: duckdb.DuckDBPyConnection, table: str | None = None) -> list[dict[str, Any]]:
    """Graded columns of the lake a connection reads, of one table (`schema.table`, or its name) or of all."""
    if not table_exists(con, "quality", "column_grade"):
        return []
    where = "? in (table_name, schema_name || '.' || table_name)" if table else "?::varchar is null"
    names = ("schema", "table", "column", "level", "personal_data", "sensitive", "inputs", "is_told")
    columns = ("schema_name", "table_name", "column_name", *names[3:])
    rows = con.execute(
        f"select {', '.join(quote(c) for c in columns)} from lake.quality.column_grade where {where} order by all",
        [table],
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]
