"""`townlake source check`: proves a contract, its fixture and its staging model in a throwaway home.

The fixture goes the way of every delivery (landing, readers, recognition, raw Parquet, dbt staging), so what passes here
passes on a real lake. `expected.csv` beside it says what must come out: `row,outcome,column,value`, one line per cell
looked at; `outcome` is `accepted` or `refused`; for a refused row `column` is the rule that refuses it.
"""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.contracts import Contracts, DatasetContract, load_contracts, sources_folder
from townlake import steps
from warehouse.errors import WrongUse
from warehouse.home import DBT_PROJECT, Home
from warehouse.lake import quote
from warehouse.standard import check_options, rules

if TYPE_CHECKING:
    import duckdb

EXPECTED = "expected.csv"
_HEADER = ["row", "outcome", "column", "value"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `detail` says what is wrong, or what was seen."""

    dataset: str
    what: str
    ok: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def check(datasets: Sequence[str] = (), *, progress: steps.Progress = steps.quiet) -> list[Finding]:
    """Everything that can be proved of these datasets (all when none is named). Raises WrongUse on an invalid contract."""
    contracts = load_contracts()
    chosen = select(contracts, datasets)
    findings = [finding for contract in chosen for finding in _of_the_contract(contract)]
    with_fixture = {c.id: f for c in chosen if (f := fixture_of(c)) is not None and model_of(c).is_file()}
    if with_fixture:
        progress(f"reading {len(with_fixture)} fixture(s) and building their staging models")
        findings += _of_the_fixtures(contracts, with_fixture)
    return sorted(findings, key=lambda f: (f.dataset, f.ok))


def select(contracts: Contracts, datasets: Sequence[str]) -> list[DatasetContract]:
    """The named contracts, all when none is named. Raises WrongUse for an unknown name."""
    if unknown := sorted(set(datasets) - set(contracts)):
        raise WrongUse(f"no contract {', '.join(unknown)}; there are {', '.join(sorted(contracts))}")
    return [contracts[name] for name in (datasets or sorted(contracts))]


def folder_of(contract: DatasetContract) -> Path:
    """`sources/<department>/<dataset>`."""
    return sources_folder() / contract.domain / contract.id.split(".", 1)[1]


def fixture_of(contract: DatasetContract) -> Path | None:
    """The one file named `fixture.*` in the source's folder."""
    found = sorted(folder_of(contract).glob("fixture.*"))
    return found[0] if found else None


def model_of(contract: DatasetContract) -> Path:
    """The staging model."""
    return DBT_PROJECT / "models" / "staging" / f"stg_{contract.model_name}.sql"


# ---- what needs no data ---------------------------------------------------------------------------------------------


def _of_the_contract(contract: DatasetContract) -> Iterable[Finding]:
    yield _finding(contract, "options", _bad_options(contract), f"{len(contract.columns)} columns")
    yield _finding(contract, "rules", _unknown_rules(contract), "every rule that a severity names exists")
    undescribed = [c.business_name for c in contract.columns if not c.description]
    yield _finding(contract, "descriptions", undescribed, "every column is described")
    yield _finding(contract, "as-of patterns", _bad_patterns(contract), "the day a delivery is valid for can be found")
    absent = [] if model_of(contract).is_file() else [f"{model_of(contract).name} is missing"]
    yield _finding(contract, "staging model", absent, model_of(contract).name)
    fixture = fixture_of(contract)
    missing = [] if fixture else [f"no fixture.* in {folder_of(contract).name}/"]
    if fixture and not (fixture.parent / EXPECTED).is_file():
        missing.append(f"no {EXPECTED} beside {fixture.name}")
    yield _finding(contract, "fixture", missing, fixture.name if fixture else "")


def _finding(contract: DatasetContract, what: str, problems: Sequence[str], fine: str) -> Finding:
    return Finding(contract.id, what, not problems, "; ".join(problems) or fine)


def _bad_options(contract: DatasetContract) -> list[str]:
    problems = []
    for column in contract.columns:
        try:
            check_options(column.custom.standard.kind, column.custom.standard.options)
        except WrongUse as wrong:
            problems.append(f"{column.name}: {wrong}")
    return problems


def _unknown_rules(contract: DatasetContract) -> list[str]:
    known = rules()
    return [f"{c.name}: there is no rule {r!r}" for c in contract.columns for r in c.custom.severity if r not in known]


def _bad_patterns(contract: DatasetContract) -> list[str]:
    problems = []
    for as_of in contract.custom.delivery.as_of:
        try:
            groups = set(re.compile(as_of.pattern).groupindex)
        except re.error as error:
            problems.append(f"{as_of.pattern!r} is no regular expression: {error}")
            continue
        if not {"year", "month"} <= groups:
            problems.append(f"{as_of.pattern!r} needs the groups year and month")
    return problems


# ---- the fixture, through intake and staging --------------------------------------------------------------------------


def _of_the_fixtures(contracts: Contracts, fixtures: dict[str, Path]) -> list[Finding]:
    from warehouse.lake import reading

    root = Path(tempfile.mkdtemp(prefix="townlake-check-"))
    try:
        home = Home.throwaway(root)
        receipts = _take(home, contracts, fixtures)
        taken = {k: r for k, r in receipts.items() if r["status"] == "taken"}
        findings = [_recognised(k, receipts.get(k)) for k in fixtures]
        if taken:
            _stage(home, contracts, sorted(taken))
            with reading(home, tip=True) as con:
                for dataset, receipt in taken.items():
                    findings += _compare(con, contracts[dataset], receipt, fixtures[dataset].parent / EXPECTED)
        return findings
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _take(home: Home, contracts: Contracts, fixtures: dict[str, Path]) -> dict[str, Any]:
    """Receipts by dataset."""
    home.prepare()
    placed = {}
    for dataset, fixture in fixtures.items():
        department, name = dataset.split(".", 1)
        file = f"{department}/{name}{fixture.suffix}"
        (home.landing / department).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(fixture, home.landing / file)
        placed[file] = dataset
    _, receipts = steps.ingest(home, jobs=1)
    return {placed[r["file"]]: r for r in receipts if r["file"] in placed}


def _stage(home: Home, contracts: Contracts, datasets: Sequence[str]) -> None:
    from townlake.render import render
    from warehouse import dbt

    render(contracts)
    steps.register(home)
    dbt.run(home, "seed")
    models = [f"{stage}_{contracts[d].model_name}" for d in datasets for stage in ("checked", "stg")]
    dbt.run(home, "run", select=models)


def _recognised(dataset: str, receipt: dict[str, Any] | None) -> Finding:
    if receipt is None:
        return Finding(dataset, "recognition", False, "the intake passed the fixture over: empty, or named like noise")
    ok = receipt["status"] == "taken" and receipt["dataset"] == dataset
    if receipt["status"] == "taken":
        return Finding(dataset, "recognition", ok, f"recognised as {receipt['dataset']}")
    return Finding(dataset, "recognition", False, f"{receipt['status']}: {receipt.get('reason_en') or ''}")


def _compare(
    con: duckdb.DuckDBPyConnection, contract: DatasetContract, receipt: dict[str, Any], expected: Path
) -> Iterable[Finding]:
    columns = [c.name for c in contract.columns]
    values = ", ".join(f"{quote(c)}::varchar as {quote(c)}" for c in columns)
    relation = f"lake.staging.checked_{contract.model_name}"
    rows = con.execute(
        f"""select row_number, is_refused, list_transform(list_filter(issues, lambda i: i.severity = 'quarantine'),
                   lambda i: i."rule"), {values} from {relation}"""
    ).fetchall()
    found = {r[0]: {"refused": r[1], "rules": r[2], **dict(zip(columns, r[3:], strict=True))} for r in rows}
    accepted = con.execute(f"select count(*) from lake.staging.stg_{contract.model_name}").fetchone()
    refused = sum(bool(r["refused"]) for r in found.values())
    said = f"{receipt['rows']['data']} read = {accepted[0] if accepted else 0} accepted + {refused} quarantined"
    yield _finding(
        contract, "fixture rows", [] if found else ["the fixture has no data row"], f"{len(found)} data rows"
    )
    conserved = receipt["rows"]["data"] == len(found) == (accepted[0] if accepted else 0) + refused
    yield Finding(contract.id, "conservation", conserved, said)
    yield _finding(
        contract, "expressions", list(_bad_expressions(con, contract)), "row rules and mentions can be computed"
    )
    if expected.is_file():
        lines = _expected_lines(expected)
        wrong = [] if lines else [f"{EXPECTED} expects nothing"]
        wrong += [w for line in lines if (w := _difference(line, found, columns))]
        yield _finding(contract, "expected", wrong, f"{len(lines)} expectations")


def _expected_lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != _HEADER:
            raise WrongUse(f"{path.parent.name}/{path.name} must have the columns {','.join(_HEADER)}")
        lines = list(reader)
    for number, line in enumerate(lines, start=2):
        if not (line["row"] or "").isdigit() or line["outcome"] not in ("accepted", "refused"):
            raise WrongUse(
                f"{path.parent.name}/{path.name} line {number}: row is a number, outcome accepted or refused"
            )
    return lines


def _difference(line: dict[str, str], found: dict[int, dict[str, Any]], columns: Sequence[str]) -> str | None:
    row = found.get(int(line["row"]))
    where = f"row {line['row']}"
    if row is None:
        return f"{where} was not read as data"
    outcome = "refused" if row["refused"] else "accepted"
    if outcome != line["outcome"]:
        why = f" ({', '.join(row['rules'])})" if row["rules"] else ""
        return f"{where} was {outcome}{why}, expected {line['outcome']}"
    if outcome == "refused":
        rule = line["column"]
        return (
            None
            if not rule or rule in row["rules"]
            else f"{where} was refused by {', '.join(row['rules'])}, not {rule}"
        )
    if line["column"] not in columns:
        return f"{where}: the contract has no column {line['column']!r}"
    value = row[line["column"]]
    if (value or "") != line["value"]:
        return f"{where} {line['column']} is {value!r}, expected {line['value']!r}"
    return None


def _bad_expressions(con: duckdb.DuckDBPyConnection, contract: DatasetContract) -> Iterable[str]:
    """What the mentions derive must be computable over the staging model (row rules were computed in it)."""
    import duckdb

    for mention in contract.custom.mentions:
        for attribute, expression in mention.derived.items():
            try:
                con.execute(f"select {expression} from lake.staging.stg_{contract.model_name} limit 0")
            except duckdb.Error as error:
                yield f"{mention.entity}.{attribute}: {str(error).splitlines()[0]}"
