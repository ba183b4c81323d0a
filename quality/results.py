"""What a gate leaves behind, as tables of the lake:

quality.gate_result      one row per expectation and gate run
quality.rule_result      the same by delivery, and every rule of the rows' issues: rows checked, rows failed
quality.failing_sample   where up to five rows (or which entities) break it; never what they hold
quality.profile          what later deliveries of the dataset are compared with (quality.suites.drift)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingestion.contracts import DatasetContract
from quality.checks import SAMPLES, Suite
from quality.ground import Execute, Ground
from quality.suites.drift import ACCEPTED_TABLE, PROFILE_TABLE
from warehouse import deliveries
from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lake import quote, transaction, writing

if TYPE_CHECKING:
    import duckdb

    from quality.gates import Result

_TABLES = (
    """create table if not exists lake.quality.gate_result (
        build_id varchar, layer varchar, suite varchar, expectation varchar, "column" varchar, severity varchar,
        success boolean, observed varchar, failed_rows bigint, checked_rows bigint, reason varchar, ran_at timestamptz)""",
    """create table if not exists lake.quality.rule_result (
        build_id varchar, layer varchar, delivery_id varchar, department varchar, dataset varchar, "rule" varchar, "column" varchar,
        severity varchar, dimension varchar, outcome varchar, checked_rows bigint, failed_rows bigint, ran_at timestamptz)""",
    """create table if not exists lake.quality.failing_sample (
        build_id varchar, layer varchar, suite varchar, "rule" varchar, "column" varchar, delivery_id varchar, dataset varchar,
        file varchar, sheet varchar, row_number bigint, entity_id varchar)""",
    PROFILE_TABLE,
    ACCEPTED_TABLE,
)


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables on a lake that has them not."""
    for statement in _TABLES:
        con.execute(statement)


@dataclass(frozen=True)
class RuleResult:
    """One rule or expectation over one delivery (or, without one, over the table)."""

    delivery_id: str | None
    dataset: str | None
    rule: str
    column: str | None
    severity: str
    dimension: str
    outcome: str | None
    checked_rows: int
    failed_rows: int


@dataclass(frozen=True)
class Sample:
    """Where a row that breaks a rule stands, or which entity breaks it."""

    suite: str
    rule: str
    column: str | None
    delivery_id: str | None
    dataset: str | None
    file: str | None = None
    sheet: str | None = None
    row_number: int | None = None
    entity_id: str | None = None


@dataclass(frozen=True)
class Run:
    """One run of one gate."""

    build_id: str
    layer: str
    started: datetime


@dataclass
class Kept:
    """What one gate run gathers for the tables while its scratch database is open."""

    suites: set[str] = field(default_factory=set)
    rules: list[RuleResult] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    profile: list[tuple[Any, ...]] = field(default_factory=list)

    def take_rules(self, execute: Execute, suite: Suite, profile: str, looked_at: Collection[str]) -> None:
        """Every expectation of a suite, by delivery where its profile has deliveries: of those not looked at, what failed."""
        columns = {row[0] for row in execute(f"select column_name from (describe {profile})")}
        delivery = "delivery_id, dataset" if "delivery_id" in columns else "null::varchar, null::varchar"
        if "aspect" in columns:  # one row per comparison: summed up per delivery and expectation
            parts = [f"sum(case when {c.condition} then {c.failed} else 0 end), max({c.checked})" for c in suite.checks]
            rows = execute(f"select {delivery}, {', '.join(parts)} from {profile} group by all")
        else:
            rows = execute(
                f"select {delivery}, {', '.join(f'{c.failed}, {c.checked}' for c in suite.checks)} from {profile}"
            )
        for delivery_id, dataset, *counts in rows:
            for i, check in enumerate(suite.checks):
                failed, checked = int(counts[2 * i] or 0), int(counts[2 * i + 1] or 0)
                if not failed and delivery_id is not None and delivery_id not in looked_at:
                    continue
                self.rules.append(
                    RuleResult(
                        delivery_id,
                        dataset,
                        check.name,
                        check.column,
                        check.severity,
                        check.gbt36344,
                        None,
                        checked,
                        failed,
                    )
                )

    def take_issues(self, execute: Execute, contracts: Iterable[DatasetContract]) -> None:
        """Every rule that rows were found to break, and the contract's own rules that none breaks."""
        for contract in contracts:
            model = contract.model_name
            rows = execute(
                f"""select c.delivery_id, i."rule", i."column", i.severity, i.gbt36344, i.outcome, c."rows", sum(i.found),
                           any_value(i.samples), any_value(d.file)
                    from content_{model} as c join issue_{model} as i using (delivery_id)
                    join lake.foundation.delivery as d using (delivery_id)
                    group by all"""
            )
            broken = set()
            for delivery_id, rule, column, severity, code, outcome, checked, failed, samples, file in rows:
                broken.add((delivery_id, rule))
                self.rules.append(
                    RuleResult(
                        delivery_id, contract.id, rule, column, severity, code, outcome, int(checked), int(failed)
                    )
                )
                self.samples += [
                    Sample(
                        f"staging.{contract.id}",
                        rule,
                        column,
                        delivery_id,
                        contract.id,
                        file,
                        s["sheet"],
                        s["row_number"],
                    )
                    for s in samples[:SAMPLES]
                ]
            for delivery_id, checked in execute(f'select delivery_id, "rows" from content_{model}'):
                self.rules += [
                    RuleResult(
                        delivery_id, contract.id, r.rule, r.column, r.severity, r.gbt36344, None, int(checked), 0
                    )
                    for r in contract.custom.rules
                    if (delivery_id, r.rule) not in broken
                ]

    def take_profile(self, execute: Execute, ground: Ground) -> None:
        """Measures of the deliveries that no profile was kept of, or that were looked at again."""
        if "staging.drift" not in self.suites:
            return
        known = ground.profiled - set(ground.looked_at())
        rows = execute('select delivery_id, dataset, measure, "column", "key", n from measure')
        self.profile = [tuple(row) for row in rows if row[0] not in known]


def record(home: Home, run: Run, results: Sequence[Result], reasons: Sequence[str | None], kept: Kept) -> None:
    """Writes what a gate found, in place of what an earlier run for the same build and layer left."""
    stamp = {"build_id": run.build_id, "layer": run.layer, "ran_at": run.started.isoformat()}
    gate_rows = [
        {**stamp, "suite": r.suite, "expectation": r.expectation, "column": r.column, "severity": r.severity, "success": r.success,
         "observed": r.observed, "failed_rows": r.failed_rows, "checked_rows": r.checked_rows, "reason": reason}
        for r, reason in zip(results, reasons, strict=True)
    ]  # fmt: skip
    rule_rows = [
        {**stamp, **asdict(r), "department": r.dataset.split(".")[0] if r.dataset else None} for r in kept.rules
    ]
    sample_rows = [{"build_id": run.build_id, "layer": run.layer, **asdict(s)} for s in kept.samples]
    with writing(home) as con, transaction(con):
        prepare(con)
        for name, rows in (("gate_result", gate_rows), ("rule_result", rule_rows), ("failing_sample", sample_rows)):
            con.execute(f"delete from lake.quality.{name} where build_id = ? and layer = ?", [run.build_id, run.layer])
            _insert(con, name, rows)
        if kept.profile:
            names = ("delivery_id", "dataset", "measure", "column", "key", "n")
            delivered = sorted({row[0] for row in kept.profile})
            con.execute(
                "delete from lake.quality.profile where delivery_id in (select unnest(?::varchar[]))", [delivered]
            )
            _insert(con, "profile", [dict(zip(names, row, strict=True)) for row in kept.profile])


def _insert(con: duckdb.DuckDBPyConnection, name: str, rows: Sequence[dict[str, Any]]) -> None:
    """Appends rows to a table of the lake, by name; every column that is given exists."""
    if not rows:
        return
    import polars as pl

    con.register("incoming", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
    types = dict(con.execute(f"select column_name, column_type from (describe lake.quality.{name})").fetchall())
    cast = ", ".join(f"{quote(c)}::{types[c]} as {quote(c)}" for c in rows[0])
    con.execute(f"insert into lake.quality.{name} by name select {cast} from incoming")
    con.unregister("incoming")


def accept_drift(con: duckdb.DuckDBPyConnection, delivery: str, *, by: str, reason: str) -> str:
    """Notes that a delivery differs from the earlier ones and is right: drift no longer stops it, and the next build takes it.

    `delivery` is an id, the first characters of one, or a file. Returns the id. The caller holds the writer lock.
    """
    if not reason.strip():
        raise WrongUse("say why the delivery is right although it differs: the reason is kept")
    found = deliveries.find(con, delivery)
    if len(found) != 1:
        raise WrongUse(f"{delivery!r} names {len(found)} deliveries: see `townlake delivery list`")
    delivery_id = found[0][0]
    prepare(con)
    con.execute(
        "insert into lake.quality.drift_accepted values (?, ?, ?, ?)",
        [delivery_id, by, datetime.now(UTC), reason.strip()],
    )
    deliveries.redo(con, [delivery_id], "drift accepted")
    return delivery_id
