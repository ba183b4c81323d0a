"""`townlake source new`: the skeleton of a source, made from one file of it.

Headers that other contracts know bring their standard data element along; of the others the content is looked at. What
was guessed is a proposal for someone who knows the data: it stands in the contract with a comment and proves nothing.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from typing import Any

from ingestion.contracts import Column, Contracts, load_contract, load_contracts, sources_folder
from ingestion.recognise import normal
from warehouse.errors import WrongUse
from warehouse.home import DBT_PROJECT
from warehouse.lake import literal, quote
from warehouse.standard import select

SAMPLE_ROWS = 5_000
SURE_SHARE = 0.95
"""Share of the filled cells that must have a value of a kind before that kind is proposed."""
FEW_CODES = 12
_CANDIDATES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("citizen_id", {}),
    ("uscc", {}),
    ("grid_code", {}),
    ("sex", {"codes": {"男": "1", "女": "2"}}),
    ("ethnic", {"form": "name"}),
    ("timestamp", {}),
    ("date", {}),
    ("phone", {}),
    ("area_code", {}),
    ("integer", {}),
    ("decimal", {}),
)
_ID = re.compile(r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")
_DATED = re.compile(r"20\d{2}[01]\d[0-3]\d")


@dataclass(frozen=True)
class Proposal:
    """One column of the skeleton; `why` says where the proposal comes from."""

    name: str
    header: str
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    description: str = ""
    personal_data: str = "none"
    grade: str = "general_2"
    filled: bool = False


@dataclass(frozen=True)
class _Source:
    """What the caller said of the source."""

    dataset: str
    name: str
    department: str
    kind: str
    key: tuple[str, ...]
    file: str


@dataclass(frozen=True)
class Skeleton:
    """The files written."""

    contract: Path
    model: Path
    fixture: Path
    columns: tuple[Proposal, ...]


def new_source(
    dataset: str, sample: Path, *, name: str = "", department: str = "", kind: str = "full", key: Sequence[str] = ()
) -> Skeleton:
    """Writes contract, staging model, fixture header and expectations header. Never overwrites anything.

    Raises WrongUse if the id is no `department.dataset`, the source exists, or the file cannot be read as a table.
    """
    if not _ID.match(dataset):
        raise WrongUse(f"{dataset!r} is not of the form department.dataset in lower-case letters, like minzheng.dibao")
    contracts = load_contracts()
    folder = sources_folder() / dataset.replace(".", "/")
    model = DBT_PROJECT / "models" / "staging" / f"stg_{dataset.replace('.', '__')}.sql"
    if folder.exists() or model.exists():
        raise WrongUse(f"{dataset} exists already: {folder if folder.exists() else model}")
    columns = propose(contracts, sample)
    if unknown := sorted(set(key) - {c.header for c in columns}):
        raise WrongUse(
            f"{sample.name} has no column {', '.join(unknown)}; it has {', '.join(c.header for c in columns)}"
        )
    folder.mkdir(parents=True)
    try:
        path = folder / "contract.yaml"
        said = _Source(
            dataset, name or sample.stem, department or dataset.split(".", maxsplit=1)[0], kind, tuple(key), sample.name
        )
        path.write_text(_yaml(said, columns), encoding="utf-8")
        load_contract(path)
        header = ",".join(_csv(c.header) for c in columns)
        (folder / "fixture.csv").write_text(header + "\n", encoding="utf-8")
        (folder / "expected.csv").write_text("row,outcome,column,value\n", encoding="utf-8")
        model.write_text("{{ accepted('" + dataset + "') }}\n", encoding="utf-8")
    except BaseException:
        shutil.rmtree(folder)
        raise
    return Skeleton(path, model, folder / "fixture.csv", columns)


def propose(contracts: Contracts, sample: Path) -> tuple[Proposal, ...]:
    """A proposal for every column of the file's first table, in its order."""
    from ingestion.readers import Refused
    from ingestion.readers.sandbox import run_limited

    if not sample.is_file():
        raise WrongUse(f"there is no file {sample}")
    known = _known_headers(contracts)
    with tempfile.TemporaryDirectory(prefix="townlake-new-") as folder:
        table = Path(folder) / "sample.csv"
        try:
            headers = run_limited(_first_table, sample, table, seconds=120.0, memory_bytes=4 << 30)
        except Refused as refused:
            raise WrongUse(f"{sample.name} cannot be read: {refused.reason_en}") from refused
        guesses = _look(table, [h for h in headers if normal(h) not in known])
    out: list[Proposal] = []
    for number, header in enumerate(headers, start=1):
        column = known.get(normal(header))
        taken = {p.name for p in out}
        out.append(
            _from_contract(header, column, taken) if column else _guessed(header, number, guesses[header], taken)
        )
    return tuple(out)


def _first_table(sample: Path, out: Path) -> list[str]:
    """Runs in the child process: the first data rows of the first table as CSV; returns its headers."""
    from ingestion.readers import read_first

    table = read_first(sample)
    headers = list(table.table.columns)
    data = (row.cells for row in table.rows() if row.kind == "data")
    with out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(headers)
        for cells in islice(data, SAMPLE_ROWS):
            padded = [*cells, *repeat(None, len(headers) - len(cells))][: len(headers)]
            writer.writerow(["" if cell is None else cell for cell in padded])
    return headers


def _known_headers(contracts: Contracts) -> dict[str, Column]:
    """The columns that other contracts have under a header; of several the one most of them agree on."""
    by_header: dict[str, list[Column]] = {}
    for contract in contracts.values():
        for column in contract.columns:
            for header in column.headers:
                by_header.setdefault(normal(header), []).append(column)
    return {h: max(cs, key=lambda c: sum(c.name == o.name for o in cs)) for h, cs in by_header.items()}


def _from_contract(header: str, column: Column, taken: set[str]) -> Proposal:
    standard = column.custom.standard
    # Options that speak of other columns of that source mean nothing here.
    options = {k: v for k, v in standard.options.items() if k in ("codes", "formats", "width", "unit", "units", "form")}
    name = column.name if column.name not in taken else f"{column.name}_{len(taken) + 1}"
    return Proposal(
        name, header, standard.kind, options, "as in other contracts", column.description,
        column.custom.personal_data, column.custom.grade,
    )  # fmt: skip


def _guessed(header: str, number: int, guess: tuple[str, dict[str, Any], bool], taken: set[str]) -> Proposal:
    kind, options, filled = guess
    word = re.sub(r"[^a-z0-9]+", "_", header.casefold()).strip("_")
    name = word if re.match(r"^[a-z]", word) and word not in taken else f"column_{number}"
    personal = "general" if kind in ("citizen_id", "phone", "sex", "ethnic") else "none"
    grade = "general_4" if kind == "citizen_id" else "general_3" if kind == "phone" else "general_2"
    why = "guessed from the content: confirm" if kind != "text" else "nothing recognised: confirm"
    return Proposal(name, header, kind, options, why, "", personal, grade, filled)


def _look(table: Path, headers: Sequence[str]) -> dict[str, tuple[str, dict[str, Any], bool]]:
    """Kind, options and whether every cell is filled, for each header."""
    import duckdb

    out: dict[str, tuple[str, dict[str, Any], bool]] = {}
    with duckdb.connect() as con:
        con.execute(
            f"create table sample as select * from read_csv({literal(str(table))}, all_varchar = true, header = true, "
            "delim = ',', quote = '\"', escape = '\"')"
        )
        for header in headers:
            cell = quote(header)
            counted = con.execute(
                f"select count(*), count(nullif(trim({cell}), '')), count(distinct nullif(trim({cell}), '')) from sample"
            ).fetchone()
            rows, filled, distinct = counted or (0, 0, 0)
            kind, options = _kind_of(con, cell, filled, distinct)
            out[header] = kind, options, rows > 0 and filled == rows
    return out


def _kind_of(con: Any, cell: str, filled: int, distinct: int) -> tuple[str, dict[str, Any]]:
    if not filled:
        return "text", {}
    for kind, options in _CANDIDATES:
        standard = select(kind, f"(select {cell} as cell from sample where trim({cell}) <> '')", "cell", options)
        row = con.execute(f"select count(value) from ({standard})").fetchone()
        if row[0] >= SURE_SHARE * filled:
            return kind, options
    if distinct <= FEW_CODES and filled >= 5 * distinct:
        codes = con.execute(f"select distinct trim({cell}) from sample where trim({cell}) <> '' order by 1").fetchall()
        return "code", {"codes": {c[0]: c[0] for c in codes}}
    return "text", {}


def _text(value: object) -> str:
    """A scalar or flow collection that YAML and JSON read alike."""
    return json.dumps(value, ensure_ascii=False)


def _csv(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if re.search(r'[",\r\n]', value) else value


def _yaml(source: _Source, columns: Sequence[Proposal]) -> str:
    domain, table = source.dataset.split(".")
    title = _DATED.sub("", source.name).strip("_- ") or source.name
    lines = [
        "apiVersion: v3.0.2", "kind: DataContract", f"id: {source.dataset}", f"name: {_text(title)}", "version: 0.1.0",
        "status: draft", f"domain: {domain}", "description:",
        '  purpose: ""  # what the department keeps this for, one Chinese sentence',
        "team:", f"  - {{username: {domain}, role: owner, description: {_text(source.department)}}}", "schema:",
        f"  - name: {table}", f"    businessName: {_text(title)}", "    properties:",
    ]  # fmt: skip
    for column in columns:
        lines += _column_lines(column, source.key)
    lines += [
        "customProperties:", f"  - {{property: department, value: {_text(source.department)}}}",
        "  - property: delivery", "    value:",
        f"      kind: {source.kind}  # full: all that is valid on the day; delta: only new and changed records",
        "      every: month", "      minimumRows: 1",
    ]  # fmt: skip
    if _DATED.search(source.file):
        lines += [
            "      asOf:",
            r"        - {from: file_name, pattern: '(?P<year>20\d{2})(?P<month>[01]\d)(?P<day>[0-3]\d)'}",
        ]
    lines += [
        "  # what a row says about people, organisations, places, events and facilities: docs/reference/contracts.md",
        "  - {property: mentions, value: []}",
    ]
    return "\n".join(lines) + "\n"


def _column_lines(column: Proposal, key: Sequence[str]) -> list[str]:
    is_key = column.header in key
    lines = [
        f"      - name: {column.name}  # {column.why}",
        f"        businessName: {_text(column.header)}",
        f"        description: {_text(column.description or column.header)}",
    ]
    if is_key:
        lines += ["        required: true", "        primaryKey: true"]
        if len(key) > 1:
            lines.append(f"        primaryKeyPosition: {key.index(column.header) + 1}")
    lines.append("        customProperties:")
    standard: Mapping[str, Any] = {"kind": column.kind, **({"options": column.options} if column.options else {})}
    lines.append(f"          - {{property: standard, value: {_text(standard)}}}")
    if column.personal_data != "none":
        lines.append(f"          - {{property: personalData, value: {column.personal_data}}}")
    if column.grade != "general_2":
        lines.append(f"          - {{property: grade, value: {column.grade}}}")
    return lines
