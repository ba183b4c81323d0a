"""Gates: what stands between two layers and lets a build go on or stops it.

    report = run_gate(home, "staging", contracts, build_id)

A gate looks at the tip of the lake (read-only), writes its results into tables (`quality.results`) and a page and JSON into
`reports/<build_id>/`, and raises GateStopped when something critical failed. Running it again for the same build replaces
its results.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.contracts import DatasetContract
from quality.checks import SAMPLES, SEVERITIES, Check, Suite, table
from quality.ground import Ground, survey
from quality.results import Kept, Run, Sample, record
from quality.suites import suites_of
from warehouse import store
from warehouse.errors import GateStopped, explain
from warehouse.home import Home
from warehouse.lake import TRUST_NO_MORE, attach_statement, configuration, lake_exists, literal

if TYPE_CHECKING:
    from quality.adapter import Source


@dataclass(frozen=True)
class Failure:
    """One finding: an expectation one delivery (or, without `delivery_id`, the table) does not meet."""

    suite: str
    expectation: str
    column: str | None
    severity: str
    failed_rows: int
    checked_rows: int
    observed: str
    zh: str
    en: str
    dataset: str | None = None
    file: str | None = None
    delivery_id: str | None = None
    example: str | None = None
    entities: tuple[str, ...] = ()
    """Some of the entities concerned."""


DATA_DOCS = "TOWNLAKE_DATA_DOCS"
"""Set, every gate also writes Great Expectations' own pages beside ours (`reports/<build>/data_docs/`)."""


@dataclass(frozen=True)
class Result:
    """What became of one expectation over everything it looked at."""

    suite: str
    suite_zh: str
    expectation: str
    column: str | None
    severity: str
    success: bool
    failed_rows: int
    checked_rows: int
    observed: str
    zh: str
    en: str
    failures: list[Failure] = field(default_factory=list)
    gbt36344: str = ""


@dataclass(frozen=True)
class GateReport:
    """One run of one gate. `passed` is about critical expectations alone."""

    build_id: str
    layer: str
    passed: bool
    started_at: str
    seconds: float
    expectations: int
    failed: dict[str, int]
    """Expectations not met, by severity."""
    results: list[Result]
    report: str = ""
    """The page, below the home."""

    @property
    def failures(self) -> list[Failure]:
        """All findings, the critical ones first."""
        found = [f for r in self.results for f in r.failures]
        return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), f.suite, -f.failed_rows))

    def to_json(self) -> dict[str, Any]:
        """The run without its passed expectations: for `--json` and task results."""
        return {
            "build_id": self.build_id, "layer": self.layer, "passed": self.passed, "started_at": self.started_at,
            "seconds": self.seconds, "expectations": self.expectations, "failed": self.failed, "report": self.report,
            "failures": [asdict(f) for f in self.failures],
        }  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Everything, for the JSON beside the page."""
        return {
            **self.to_json(),
            "results": [{k: v for k, v in asdict(r).items() if k != "failures"} for r in self.results],
        }


def run_gate(
    home: Home,
    layer: str,
    contracts: Mapping[str, DatasetContract],
    build_id: str,
    *,
    full: bool = False,
    data_docs: bool = False,
) -> GateReport:
    """Runs the gate behind `layer`; the caller holds the writer lock. Raises GateStopped on a critical failure.

    `data_docs` (or the variable `DATA_DOCS`): also writes Great Expectations' own pages.

    The content of deliveries that a published build contains was looked at then: it is looked at again only when
    nothing is new, or when `full` asks for it. Totals are checked for every delivery every time.
    """
    from quality import report as pages

    started, clock = datetime.now(UTC), time.perf_counter()
    asked = data_docs or os.environ.get(DATA_DOCS, "") not in ("", "0")
    docs = home.reports / build_id / "data_docs" / layer if asked else None
    found = examine(home, layer, contracts, full=full, docs=docs)
    failed = Counter(r.severity for r in found.results if not r.success)
    report = GateReport(
        build_id, layer, failed["critical"] == 0, started.isoformat(timespec="seconds"), round(time.perf_counter() - clock, 2),
        len(found.results), {s: failed[s] for s in SEVERITIES}, found.results, f"reports/{build_id}/gates.html",
    )  # fmt: skip
    if lake_exists(home):
        reasons = [_reasons(r) for r in found.results]
        record(home, Run(build_id, layer, started), found.results, reasons, found.kept)
    pages.write(home, report)
    if not report.passed:
        raise GateStopped(stopped_because(report))
    return report


def stopped_because(report: GateReport) -> str:
    """One sentence: what failed first, where, how many more, how to go on without the delivery, and where to read on."""
    critical = [f for f in report.failures if f.severity == "critical"]
    more = f", and {len(critical) - 1} more" if len(critical) > 1 else ""
    at_fault = list(dict.fromkeys(f.delivery_id for f in critical if f.delivery_id))
    without = "; to go on without it: townlake build " + " ".join(f"--hold {d[:12]}" for d in at_fault[:_NAMED])
    return (
        f"the gate after {report.layer} stopped the build: {critical[0].en}{more}; "
        f"the last published foundation stays in front of readers{without if at_fault else ''} (details: {report.report})"
    )


_NAMED = 5


@dataclass(frozen=True)
class Found:
    """What a gate saw: results, and what is kept of them in tables."""

    results: list[Result]
    kept: Kept


def examine(
    home: Home,
    layer: str,
    contracts: Mapping[str, DatasetContract],
    *,
    full: bool = False,
    docs: Path | None = None,
) -> Found:
    """All expectations of a gate on the tip of the lake; nothing is written but, where `docs` names a folder, GX's own pages."""
    results: list[Result] = []
    kept = Kept()
    if not lake_exists(home):
        return Found(results, kept)
    with _tip(home, docs) as source:
        ground = survey(source.execute, full=full, root=home.store or str(home.root))
        for number, suite in enumerate(suites_of(layer, contracts, ground)):
            results += _examine_suite(source, suite, f"profile_{number}", ground, kept)
        if layer == "staging":
            kept.take_issues(source.execute, [c for c in contracts.values() if f"staging.{c.id}" in kept.suites])
            kept.take_profile(source.execute, ground)
    return Found(results, kept)


@contextlib.contextmanager
def _tip(home: Home, docs: Path | None) -> Iterator[Source]:
    """The lake as it is now, through Great Expectations, read-only."""
    from quality.adapter import opened

    scanner = "sqlite_scanner" if home.catalog.startswith("sqlite:") else "postgres_scanner"
    setup = [
        *store.statements(home), "load ducklake", f"load {scanner}", TRUST_NO_MORE, "set timezone = 'UTC'", "set preserve_insertion_order = false",
        attach_statement(home, read_only=True),
    ]  # fmt: skip
    config = configuration() | {"temp_directory": str(home.work / "spill")}
    try:
        with opened(home.work / "gates", setup=setup, config=config, docs=docs) as source:
            yield source
    except Exception as error:
        if known := explain(error):
            raise known from error
        raise


# ---- one suite ------------------------------------------------------------------------------------------------------


def _examine_suite(source: Source, suite: Suite, profile: str, ground: Ground, kept: Kept) -> list[Result]:
    """Takes the profile, lets GX judge it, and words the findings. What cannot be looked at has failed, critically."""
    missing = [r for r in suite.relations if r not in ground.relations]
    if missing:
        wanted = bool(ground.datasets.intersection(suite.datasets) if suite.datasets else ground.datasets)
        return [_unseen(suite, f"{missing[0]} 不存在", f"{missing[0]} does not exist")] if wanted else []
    try:
        for statement in suite.prepare:
            source.execute(statement)
        source.execute(f"create or replace table {profile} as {suite.profile}")
    except Exception as error:
        if explain(error):
            raise
        reason = _reason(error)
        return [_unseen(suite, f"无法检查：{reason}", f"it cannot be checked: {reason}")]
    outcomes = source.validate(profile, [_expectation(check) for check in suite.checks], name=suite.name)
    totals = source.execute(_totals(profile, suite))[0]
    results = []
    for i, (check, outcome) in enumerate(zip(suite.checks, outcomes, strict=True)):
        result = _result(suite, check, outcome, int(totals[2 * i] or 0), int(totals[2 * i + 1] or 0))
        kept.samples += [s for f in result.failures for s in _samples(source, suite, check, f)]
        results.append(result)
    kept.suites.add(suite.name)
    kept.take_rules(source.execute, suite, profile, set(ground.looked_at()))
    return results


def _samples(source: Source, suite: Suite, check: Check, failure: Failure) -> list[Sample]:
    """Where the first rows stand that break an expectation; never what they hold."""
    if failure.entities:
        return [
            Sample(suite.name, check.name, failure.column, failure.delivery_id, failure.dataset, entity_id=e)
            for e in failure.entities
        ]
    if not (suite.rows_from and check.rows_where and failure.delivery_id):
        return []
    rows = source.execute(
        f"select file, sheet, row_number from {table(suite.rows_from)} as e "
        f"where e.delivery_id = {literal(failure.delivery_id)} and ({check.rows_where}) order by row_number limit {SAMPLES}"
    )
    return [Sample(suite.name, check.name, failure.column, failure.delivery_id, failure.dataset, *row) for row in rows]


def _expectation(check: Check) -> Any:
    from quality.adapter import unexpected_rows

    parts = {
        "failed": f"({check.failed})::bigint", "checked": f"({check.checked})::bigint", "found_zh": f"({check.found_zh})::varchar",
        "found_en": f"({check.found_en})::varchar", "example": f"({check.example})::varchar", "said": check.said,
        "entities": check.entities,
    }  # fmt: skip
    select = "*, " + ", ".join(f"{sql} as gate_{name}" for name, sql in parts.items())
    return unexpected_rows(
        check.condition, select=select, severity=check.severity, meta={"zh": check.zh, "en": check.en}
    )


def _totals(profile: str, suite: Suite) -> str:
    """Per check: rows against it, rows looked at."""
    parts = [f"sum({c.failed})::bigint, sum({c.checked})::bigint" for c in suite.checks]
    return f"select {', '.join(parts)} from {profile}"


def _result(suite: Suite, check: Check, outcome: Any, failed: int, checked: int) -> Result:
    if problem := _exception_of(outcome):
        return _unseen(suite, f"无法检查：{problem}", f"it cannot be checked: {problem}")
    rows: Sequence[Mapping[str, Any]] = outcome.result.get("details", {}).get("unexpected_rows", [])
    failures = [_failure(suite, check, row) for row in rows if not row["gate_said"]]
    failed_rows = sum(int(row["gate_failed"] or 0) for row in rows)  # a share within its limit fails nothing
    observed = failures[0].observed if len(failures) == 1 == len(rows) else _share(failed, checked)
    return Result(
        suite.name, suite.zh, check.name, check.column, check.severity, bool(outcome.success), failed_rows, checked, observed,
        check.zh, check.en, failures, check.gbt36344,
    )  # fmt: skip


def _failure(suite: Suite, check: Check, row: Mapping[str, Any]) -> Failure:
    failed, checked = int(row["gate_failed"] or 0), int(row["gate_checked"] or 0)
    found_zh, found_en, example = row["gate_found_zh"], row["gate_found_en"], row["gate_example"]
    where_zh, where_en = _where(suite, row)
    zh = f"{where_zh}：要求{check.zh}；" + (
        f"实际{found_zh}" if found_zh else f"{checked:,} 行中有 {failed:,} 行不符（{_percent(failed, checked)}）"
    )
    en = f"{where_en}: expected {check.en}, " + (
        f"found {found_en}"
        if found_en
        else f"but {failed:,} of {checked:,} rows break this ({_percent(failed, checked)})"
    )
    if example:
        zh, en = f"{zh}，例如 {example}", f"{en}, for example {example}"
    return Failure(
        suite.name, check.name, check.column or row.get("column"), check.severity, failed, checked,
        found_zh or _share(failed, checked), zh, en, row.get("dataset"), row.get("file"), row.get("delivery_id"), example,
        tuple(row.get("gate_entities") or ()),
    )  # fmt: skip


def _where(suite: Suite, row: Mapping[str, Any]) -> tuple[str, str]:
    """The delivery at fault where there is one, else the table."""
    if not row.get("delivery_id"):
        return suite.zh, suite.name
    day = f"，{row['delivered_on']}" if row.get("delivered_on") else ""
    return (
        f"{suite.zh} 文件“{row['file']}”（交付 {row['delivery_id'][:12]}{day}）",
        f"{suite.name}, file {row['file']} (delivery {row['delivery_id'][:12]})",
    )


_UNSEEN = "can_be_checked"


def _unseen(suite: Suite, zh: str, en: str) -> Result:
    failure = Failure(suite.name, _UNSEEN, None, "critical", 0, 0, en, f"{suite.zh}：{zh}", f"{suite.name}: {en}")
    return Result(
        suite.name,
        suite.zh,
        _UNSEEN,
        None,
        "critical",
        False,
        0,
        0,
        en,
        "可以检查",
        "to be there for checking",
        [failure],
        "0601",
    )


def _exception_of(outcome: Any) -> str:
    """First line of what kept GX from judging; empty where it judged."""
    infos = [v for v in (outcome.exception_info or {}).values() if isinstance(v, dict) and v.get("raised_exception")]
    return str(infos[0].get("exception_message") or "unknown").split("\n")[0] if infos else ""


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).split("\n")[0]


def _percent(part: int, whole: int) -> str:
    if not whole:
        return "—"
    percent = 100 * part / whole
    return "< 0.1 %" if 0 < percent < 0.1 else f"{percent:.1f} %"


def _share(failed: int, checked: int) -> str:
    return f"{failed:,} / {checked:,}" + (f" ({_percent(failed, checked)})" if failed else "")


# ---- results --------------------------------------------------------------------------------------------------------

_TEXT_LIMIT = 2000


def _reasons(result: Result) -> str | None:
    if result.success:
        return None
    return "；".join(f.zh for f in result.failures)[:_TEXT_LIMIT] or "见同名的拦截项"
