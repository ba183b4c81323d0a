"""The standard data elements outside dbt: the same macro files, rendered to SQL expressions and run on any column.

The SQL lives once, in `dbt_project/macros/standard`; this module only renders it. A kind has three stages, `clean`
(raw → text), `value` (clean, raw → typed value) and `rule` (raw, clean, value → why the text was not in standard form).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import duckdb
import jinja2
from jinja2 import nodes

from warehouse.errors import WrongUse
from warehouse.kinds import KINDS, PARTS, PARTS_KIND

Stage = Literal["clean", "value", "rule"]
Dialect = Literal["duckdb", "spark"]

MACROS = Path(__file__).resolve().parent.parent / "dbt_project" / "macros" / "standard"


COUNTIES = MACROS.parent.parent / "seeds" / "county.csv"


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _raise_return(value: Any) -> None:
    raise _Return(value)


def _catching(macro: Callable[..., Any]) -> Callable[..., Any]:
    """A macro that gives back what `return` was called with, as under dbt."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return str(macro(*args, **kwargs))
        except _Return as signal:
            return signal.value

    return call


class _Adapter:
    """The one method the macros use: the engine's own macro if there is one, else the default."""

    def __init__(self, macros: dict[str, Callable[..., Any]], dialect: str) -> None:
        self._macros = macros
        self._dialect = dialect

    def dispatch(self, name: str) -> Callable[..., Any]:
        return self._macros.get(f"{self._dialect}__{name}") or self._macros[f"default__{name}"]


@lru_cache
def macros(dialect: Dialect = "duckdb") -> dict[str, Callable[..., Any]]:
    """Every macro of the folder by name, callable from Python."""
    env = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)
    found: dict[str, Callable[..., Any]] = {}
    # One shared name space, filled while loading: macros find each other across files whatever the order.
    names: dict[str, Any] = {
        **env.globals,
        "adapter": _Adapter(found, dialect),
        "return": _raise_return,
        "context": found,
    }
    for path in sorted(MACROS.glob("*.sql")):
        tree = env.parse(path.read_text(encoding="utf-8"))
        # As under dbt, a macro calls another by its public name, never by the name inside its own file.
        for macro in tree.find_all(nodes.Macro):
            macro.name = f"macro__{macro.name}"
        template = jinja2.Template.from_code(env, env.compile(tree, filename=str(path)), {})
        module = template.make_module(names, shared=True)
        for name, member in vars(module).items():
            if name.startswith("macro__"):
                found[name.removeprefix("macro__")] = _catching(member)
        names.update(found)
    return found


def rules() -> dict[str, dict[str, str]]:
    """Rule code → outcome, default severity, GB/T 36344 code, Chinese and English sentence."""
    found: dict[str, dict[str, str]] = macros()["std_rules"]()
    return found


def row_rules() -> dict[str, dict[str, Any]]:
    """Rules about a row, in the same form; without outcome where they are not about a cell."""
    found: dict[str, dict[str, Any]] = macros()["std_row_rules"]()
    return found


def expression(
    kind: str,
    stage: Stage,
    *,
    raw: str = "raw",
    clean: str = "clean",
    value: str = "value",
    opts: dict[str, Any] | None = None,
    dialect: Dialect = "duckdb",
) -> str:
    """SQL of one stage of one kind; `raw`, `clean`, `value` are the SQL names of what the earlier stages gave."""
    if kind not in KINDS:
        raise WrongUse(f"unknown kind {kind!r}: one of {', '.join(KINDS)}")
    arguments = {"clean": (raw,), "value": (clean, raw), "rule": (raw, clean, value)}[stage]
    return str(macros(dialect)[f"std_{kind}__{stage}"](*arguments, opts or {}))


def check_options(kind: str, opts: dict[str, Any]) -> None:
    """Raises WrongUse where a kind, an option or an option's value (a date format, a unit) does not exist."""
    if kind not in KINDS:
        raise WrongUse(f"unknown kind {kind!r}: one of {', '.join([*KINDS, PARTS_KIND])}")
    if unknown := sorted(set(opts) - set(KINDS[kind].options)):
        raise WrongUse(f"kind {kind} has no option {', '.join(unknown)}; it has {', '.join(KINDS[kind].options)}")
    stages: tuple[Stage, ...] = ("clean", "value", "rule")
    try:
        for stage in stages:
            expression(kind, stage, opts=opts)
    except (jinja2.UndefinedError, TypeError, ValueError) as error:
        raise WrongUse(f"options of kind {kind} do not fit: {error}") from error


def _stages(kind: str, source: str, column: str, opts: dict[str, Any], dialect: Dialect = "duckdb") -> Iterator[str]:
    yield f"with raw_cells as (select {column} as raw{_others(opts)} from {source})"
    yield f"clean_cells as (select *, {expression(kind, 'clean', opts=opts, dialect=dialect)} as clean from raw_cells)"
    yield f"value_cells as (select *, {expression(kind, 'value', opts=opts, dialect=dialect)} as value from clean_cells)"
    yield f"rule_cells as (select *, {expression(kind, 'rule', opts=opts, dialect=dialect)} as rule from value_cells)"


def _others(opts: dict[str, Any]) -> str:
    """The columns that options speak of travel beside the cell."""
    return ", *" if any(key in opts for key in _SQL_OPTIONS) else ""


_SQL_OPTIONS = (
    "kind_column", "birth", "sex", "swapped_with", "document_type_column", "unit_column", "other", "witness", "witness_id",
    "mainland",
    "twin",
)  # fmt: skip


def select(kind: str, source: str, column: str, opts: dict[str, Any] | None = None, dialect: Dialect = "duckdb") -> str:
    """A query of four columns (raw, value, rule, outcome) over `source` (a relation in SQL)."""
    outcome = macros(dialect)["std_outcome"]("rule")
    ctes = ",\n".join(_stages(kind, source, column, opts or {}, dialect))
    return f"{ctes}\nselect raw, value, rule, {outcome} as outcome from rule_cells"


def select_parts(source: str, column: str, opts: dict[str, Any] | None = None, dialect: Dialect = "duckdb") -> str:
    """A query over `source` that takes addresses apart: raw, value (the tidied text), rule, outcome, and PARTS.

    Each part is a piece of `value` as it stands there; nothing is completed.
    """
    tidied = select("address", source, column, opts, dialect)
    county = f"read_csv({_literal(COUNTIES)}, all_varchar=true)"
    ctes = macros(dialect)["std_address_ctes"]("tidied", "value", county, ["raw", "value", "rule", "outcome"])
    columns = ", ".join(["raw", "value", "rule", "outcome", *(f'"{part}"' for part in PARTS)])
    return f"with tidied as ({tidied}),\n{ctes}\nselect {columns} from address_parts"


def _literal(path: str | Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _relation(path: Path) -> str:
    text = _literal(path)
    if path.suffix.lower() == ".parquet":
        return f"read_parquet({text})"
    if path.suffix.lower() in {".csv", ".tsv", ".txt"}:
        return f"read_csv({text}, all_varchar=true)"
    raise WrongUse(f"{path.name}: standardise reads .parquet and .csv files")


def standardise(kind: str, path: str | Path, column: str, out: str | Path, **opts: Any) -> dict[str, int]:
    """Standardises one column of a Parquet or CSV file into Parquet with raw, value, rule, outcome; kind
    `address_parts` adds one column per component.

    Returns the number of cells by outcome (`as_is` where nothing was to do).
    """
    check_options("address" if kind == PARTS_KIND else kind, opts)
    source = Path(path)
    if not source.is_file():
        raise WrongUse(f"no such file: {source}")
    relation = _relation(source)
    with duckdb.connect() as connection:
        columns = [row[0] for row in connection.execute(f"describe select * from {relation}").fetchall()]
        if column not in columns:
            raise WrongUse(f"{source.name} has no column {column!r}; it has {', '.join(columns)}")
        quoted = '"' + column.replace('"', '""') + '"'
        cell = f"cast({quoted} as varchar)"
        query = select_parts(relation, cell, opts) if kind == PARTS_KIND else select(kind, relation, cell, opts)
        target = _literal(out)
        connection.execute(f"copy ({query}) to {target} (format parquet, compression zstd)")
        counts = connection.execute(
            f"select coalesce(outcome, 'as_is'), count(*) from read_parquet({target}) group by 1 order by 1"
        ).fetchall()
    return {str(outcome): int(cells) for outcome, cells in counts}


def used_rules() -> set[str]:
    """Rule codes that stand in the macro files: each must be explained in `std_rules`."""
    codes: set[str] = set()
    for path in MACROS.glob("*.sql"):
        if path.name != "rules.sql":
            codes.update(re.findall(r"(?:then|else) '([a-z]+_[a-z0-9_]+)'", path.read_text(encoding="utf-8")))
    return codes
