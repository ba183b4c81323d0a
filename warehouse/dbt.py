"""Running dbt on the lake: one process-wide environment, one call per layer (docs/decisions/0003)."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.errors import EnvironmentFault, TownlakeError, explain
from warehouse.home import DBT_PROJECT, Home
from warehouse.lake import catalogue_wait, extension_directory, memory_limit


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test."""

    name: str
    status: str
    seconds: float
    message: str


class DbtFailed(TownlakeError):
    """A model or test failed; the lake keeps what was committed before it and readers see the published state."""

    exit_code = 3


def environment(home: Home, target: str = "duckdb") -> dict[str, str]:
    """Variables that profiles.yml and the macros read."""
    return {
        "TOWNLAKE_TARGET": target,
        "TOWNLAKE_ROOT": home.store or str(home.root),
        "TOWNLAKE_CATALOG": home.catalog,
        "TOWNLAKE_STORE": home.store,
        "TOWNLAKE_CATALOG_WAIT_MS": str(int(catalogue_wait() * 1000)),
        "TOWNLAKE_LAKE": home.address("lake") + "/",
        "TOWNLAKE_DUCKDB_EXTENSIONS": str(extension_directory()),
        "TOWNLAKE_MEMORY_LIMIT": memory_limit(),
        "TOWNLAKE_SPILL": str(home.work / "spill"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


@contextlib.contextmanager
def _set(variables: dict[str, str]) -> Iterator[None]:
    before = {k: os.environ.get(k) for k in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def run(
    home: Home,
    command: str,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    full_refresh: bool = False,
    target: str = "duckdb",
    variables: Mapping[str, str] | None = None,
    hears: Callable[[Any], None] | None = None,
) -> list[NodeResult]:
    """`dbt <command> --select …` in this process. Raises DbtFailed naming the first node that failed.

    `target`: an output of profiles.yml; `variables`: further ones of the environment; `hears`: called with dbt's events.
    """
    from dbt.cli.main import dbtRunner

    arguments = ["--no-write-json", *_arguments(home, command, target)]
    if command == "run":  # what the other schemas hold is looked up where a model asks
        arguments.append("--cache-selected-only")
    if select:
        arguments += ["--select", *select]
    if exclude:
        arguments += ["--exclude", *exclude]
    if full_refresh:
        arguments.append("--full-refresh")
    with _set({**environment(home, target), **(variables or {})}):
        runner = dbtRunner(manifest=parse(home, target), callbacks=[hears] if hears else [])
        outcome = runner.invoke(arguments)
    if outcome.exception is not None:
        raise explain(outcome.exception) or DbtFailed(f"dbt {command}: {_first_line(outcome.exception)}")
    results = [
        NodeResult(r.node.name, str(r.status), r.execution_time, r.message or "")
        for r in (getattr(outcome.result, "results", None) or [])
    ]
    failed = [r for r in results if r.status in ("error", "fail")]
    if failed:
        first = failed[0]
        cause = explain(RuntimeError(first.message))
        if isinstance(cause, EnvironmentFault):
            raise cause
        raise DbtFailed(
            f"dbt {command}: {first.name} failed: {first.message.strip()} (log: {home.work / 'dbt-logs' / 'dbt.log'})"
        )
    if not outcome.success:
        raise DbtFailed(f"dbt {command} failed (log: {home.work / 'dbt-logs' / 'dbt.log'})")
    return results


def _arguments(home: Home, command: str, target: str) -> list[str]:
    return [
        "--quiet", "--log-path", str(home.work / "dbt-logs"), "--log-level", "none", "--log-level-file", "info",
        command, "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
        "--target-path", str(home.work / ("dbt-target" if target == "duckdb" else f"dbt-target-{target}")),
    ]  # fmt: skip


_parsed: dict[str, Any] = {}


def parse(home: Home, target: str = "duckdb") -> Any:
    """The parsed project, kept for this process: parsing costs more than building a small layer.

    It depends on the project's files and the engine alone, so one serves every home: where a home lies is read when a
    model is run.
    """
    from dbt.cli.main import dbtRunner

    key = target + _project_state()
    if key not in _parsed:
        with _set(environment(home, target)):
            outcome = dbtRunner().invoke(_arguments(home, "parse", target))
        if not outcome.success:
            raise explain(outcome.exception or RuntimeError()) or DbtFailed(
                f"dbt parse: {_first_line(outcome.exception or RuntimeError('failed'))}"
            )
        _parsed.clear()
        _parsed[key] = outcome.result
    return _parsed[key]


def _project_state() -> str:
    """Names, sizes and times of the project's files."""
    files = sorted(
        p
        for folder in ("macros", "models", "seeds", "rendered")
        for p in (DBT_PROJECT / folder).rglob("*")
        if p.is_file()
    )
    files += [DBT_PROJECT / "dbt_project.yml", DBT_PROJECT / "profiles.yml"]
    return hashlib.sha256("".join(f"{p}{p.stat().st_size}{p.stat().st_mtime_ns}" for p in files).encode()).hexdigest()


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:4]) or type(error).__name__
