"""`make demo`: a generated city through the real Airflow, to a published foundation, with a summary at the end.

Nothing is triggered here: the files are dropped, and `watch_landing`, `ingest` and `foundation` wake each other through
their assets. What is shown is what Airflow's REST interface says.
"""

from __future__ import annotations

import argparse
import contextlib
import filecmp
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from townlake import scheduler, steps
from townlake.scheduler import Airflow
from warehouse.errors import EnvironmentFault, GateStopped, TownlakeError, WrongUse
from warehouse.home import Home

CHAIN = ("watch_landing", "ingest", "foundation")
POLL_SECONDS = 1.5
STILL_SECONDS = 900.0
"""With no task changing its state for so long, something is wrong."""

PAGE = 100
QUERY = (
    "select finding, answer, reason, count(*) as people from marts.policy_old_age_allowance group by all order by all"
)
MARKS = {
    "success": "[green]✔[/]", "running": "[cyan]▶[/]", "skipped": "[dim]–[/]", "failed": "[red]✘[/]",
    "upstream_failed": "[red]✘[/]", "up_for_retry": "[yellow]↻[/]",
}  # fmt: skip

Key = tuple[str, str, str, int]


@dataclass
class Seen:
    """What polling has seen since `since`: task instances and runs by their keys, and when something last changed."""

    since: datetime
    tasks: dict[Key, dict[str, Any]] = field(default_factory=dict)
    runs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    changed_at: float = field(default_factory=time.monotonic)
    steps: dict[str, float] = field(default_factory=dict)
    """Seconds of what was done before the DAGs."""

    def failed(self) -> dict[str, Any] | None:
        """The first task that failed for good."""
        failed = [t for t in self.tasks.values() if t["state"] == "failed"]
        return min(failed, key=lambda t: str(t["end_date"]), default=None)

    def at_rest(self) -> bool:
        """Whether an intake has come to its end and nothing of the chain is under way."""
        states = [(dag, run["state"]) for (dag, _), run in self.runs.items()]
        return ("ingest", "success") in states and not any(
            s in ("queued", "running")
            for dag, s in states
            if dag != "freshness"  # waits for the offices
        )

    def seconds(self) -> dict[str, float]:
        """Seconds by step and task, from the first start to the last end of what ran side by side."""
        spans: dict[str, list[tuple[datetime, datetime]]] = {}
        for (dag, _, task, _), seen in self.tasks.items():
            if seen["state"] == "success" and seen["start_date"] and seen["end_date"]:
                span = datetime.fromisoformat(seen["start_date"]), datetime.fromisoformat(seen["end_date"])
                spans.setdefault(f"{dag}.{task}", []).append(span)
        tasks = sorted(spans.items(), key=lambda item: min(item[1]))
        return self.steps | {k: (max(e for _, e in v) - min(s for s, _ in v)).total_seconds() for k, v in tasks}


def main(arguments: list[str] | None = None) -> int:
    """Runs the real DAGs on a generated city and says what came of it."""
    parser = argparse.ArgumentParser(prog="python -m townlake.demo", description=main.__doc__)
    parser.add_argument("--persons", type=int, default=2000, help="how many people live in the city")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same files")
    options = parser.parse_args(arguments)
    return scheduler.ended(lambda: _demo(Home.from_environment(), options.persons, options.seed, Console()))


def _demo(home: Home, persons: int, seed: int, console: Console) -> int:
    started = time.monotonic()
    home.prepare()
    city = city_of(home, persons, seed, console)
    dropped = drop(city / "landing", home.landing)
    _tell(console, "files", f"{dropped or 'no new ones'} dropped into {home.landing}")
    if not anything_to_do(home):
        _raise_if_stopped(home)
        _tell(
            console,
            "result",
            "[green]nothing new to do[/]: every file is taken, every delivery published; no scheduler needed",
        )
        _print_summary(home, {}, time.monotonic() - started, console)
        return 0
    seen = Seen(datetime.now(UTC))
    with scheduler.running(home, say=lambda what: _tell(console, "airflow", what)) as airflow:
        _tell(console, "airflow", f"{airflow.url} is healthy, login {airflow.user} / {airflow.password}")
        seen.steps["start"] = time.monotonic() - started
        follow(airflow, home, seen, console)
        _tell(console, "airflow", "stopping")
    _print_summary(home, seen.seconds(), time.monotonic() - started, console)
    return 0


def _tell(console: Console, what: str, text: str) -> None:
    console.print(f"[bold]{what:9}[/] {text}", soft_wrap=True, highlight=False)


# ---- the city -------------------------------------------------------------------------------------------------------


def city_of(home: Home, persons: int, seed: int, console: Console) -> Path:
    """The generated city of these arguments: made once, kept under the home."""
    city = home.root / "demo-city" / f"{persons}-{seed}"
    if city.is_dir():
        _tell(console, "city", f"{persons} people, seed {seed}: made earlier, {city}")
        return city
    import sample_city

    _tell(console, "city", f"making {persons} people, seed {seed}")
    unfinished = city.with_name(f".{city.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    try:
        sample_city.generate(persons, seed, unfinished, datasets=sample_city.CORE)
    except ValueError as error:
        raise WrongUse(str(error)) from error
    unfinished.rename(city)
    return city


def drop(source: Path, landing: Path) -> int:
    """Puts the files of `source` into the landing folder, each in one piece; those that lie there already stay."""
    dropped = 0
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        target = landing / path.relative_to(source)
        if target.is_file() and filecmp.cmp(path, target, shallow=False):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(path, part)
        part.replace(target)
        dropped += 1
    return dropped


def anything_to_do(home: Home) -> bool:
    """Whether a file is to be taken or a delivery to be built. Looks at the disk and the lake, as the DAGs do."""
    from warehouse.lake import lake_exists

    return not lake_exists(home) or steps.unbuilt(home) or bool(steps.scan(home).claims)


def _raise_if_stopped(home: Home) -> None:
    """Raises GateStopped when the newest build was stopped: nothing is new, but not all is well either."""
    from warehouse.lake import reading

    with reading(home, tip=True) as con:
        newest = con.execute(
            "select published, reason from lake.foundation.build order by finished_at desc limit 1"
        ).fetchone()
    if newest and not newest[0]:
        raise GateStopped(f"nothing is new, and {newest[1]}")


# ---- following Airflow ----------------------------------------------------------------------------------------------


def follow(airflow: Airflow, home: Home, seen: Seen, console: Console) -> None:
    """Shows what the DAGs do until they are at rest with nothing left to build. Raises with the cause when a task fails."""
    with _display(seen, console) as show:
        while True:
            airflow.alive()
            changed = poll(airflow, seen)
            show(changed)
            if failed := seen.failed():
                raise cause_of(failed, airflow.folder)
            if seen.at_rest() and not steps.unbuilt(home):
                return
            if time.monotonic() - seen.changed_at > STILL_SECONDS:
                raise EnvironmentFault(
                    f"nothing happened for {STILL_SECONDS:.0f} s; the logs: {airflow.folder / 'logs'}"
                )
            if not seen.runs:
                _raise_import_errors(airflow)
            time.sleep(POLL_SECONDS)


def poll(airflow: Airflow, seen: Seen) -> list[dict[str, Any]]:
    """Takes over what changed since the last look; returns the tasks whose state is another."""
    since = seen.since.isoformat()
    for run in _pages(airflow, "dags/~/dagRuns", "dag_runs", since):
        if run["dag_id"] in CHAIN:
            seen.runs[run["dag_id"], run["dag_run_id"]] = run
    changed = []
    for task in _pages(airflow, "dags/~/dagRuns/~/taskInstances", "task_instances", since):
        key = (task["dag_id"], task["dag_run_id"], task["task_id"], task["map_index"])
        if task["dag_id"] in CHAIN and task["state"]:
            before = seen.tasks.get(key)
            seen.tasks[key] = task
            if before is None or before["state"] != task["state"]:
                changed.append(task)
    if changed:
        seen.changed_at = time.monotonic()
    return changed


def _pages(airflow: Airflow, path: str, name: str, since: str) -> Iterator[dict[str, Any]]:
    offset = 0
    while True:
        page = airflow.get(path, updated_at_gte=since, limit=PAGE, offset=offset)
        yield from page[name]
        offset += PAGE
        if offset >= page["total_entries"]:
            return


def _raise_import_errors(airflow: Airflow) -> None:
    errors = airflow.get("importErrors")["import_errors"]
    if errors:
        last = errors[0]["stack_trace"].strip().splitlines()[-1]
        raise EnvironmentFault(f"Airflow cannot read {errors[0]['filename']}: {last}")


@contextlib.contextmanager
def _display(seen: Seen, console: Console) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """On a terminal one table that changes; elsewhere a line for each end of a task."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=4) as live:
            yield lambda changed: live.update(_table(seen))
    else:
        yield lambda changed: _print_ends(changed, console)


def _print_ends(changed: list[dict[str, Any]], console: Console) -> None:
    for task in changed:
        never_started = task["state"] == "skipped" and not task["start_date"]
        if task["state"] in MARKS and task["state"] != "running" and not never_started:
            console.print(_line(task), highlight=False)


def _table(seen: Seen) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "DAG", "task", "", "s"):
        table.add_column(name, justify="right" if name == "s" else "left")
    in_order = sorted(seen.tasks.items(), key=lambda i: (CHAIN.index(i[0][0]), str(i[1]["start_date"] or "9")))
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for (dag, run, name, _), task in in_order:
        groups.setdefault((dag, run, name), []).append(task)
    for (dag, _, name), tasks in groups.items():
        states = Counter(t["state"] for t in tasks)
        state = next((s for s in ("failed", "up_for_retry", "running") if states[s]), tasks[-1]["state"])
        many = f"{states['success']}/{len(tasks)} files" if tasks[0]["map_index"] >= 0 else ""
        seconds = sum(t["duration"] or 0 for t in tasks)
        table.add_row(
            MARKS.get(state, "[dim]·[/]"), dag, name, many or f"[dim]{state}[/]", f"{seconds:.1f}" if seconds else ""
        )
    return table


def _line(task: dict[str, Any]) -> str:
    which = escape(task["rendered_map_index"]) if task["map_index"] >= 0 and task["rendered_map_index"] else ""
    seconds = f"{task['duration']:.1f} s" if task["duration"] else ""
    return f"{MARKS[task['state']]} {task['dag_id']}.{task['task_id']} {which} {task['state']} {seconds}"


def task_log(task: dict[str, Any], folder: Path) -> Path:
    """Where Airflow wrote what a task instance had to say."""
    path = folder / "logs" / f"dag_id={task['dag_id']}" / f"run_id={task['dag_run_id']}" / f"task_id={task['task_id']}"
    if task["map_index"] >= 0:
        path /= f"map_index={task['map_index']}"
    return path / f"attempt={task['try_number']}.log"


def cause_of(task: dict[str, Any], folder: Path) -> TownlakeError:
    """Why a task failed, as the error that the command line would have ended with."""
    log = task_log(task, folder)
    kinds, message = _exception_in(log)
    text = f"{message or 'no reason was logged'} ({task['dag_id']}.{task['task_id']} failed; its log: {log})"
    for kind in (GateStopped, WrongUse):
        if kind.__name__ in kinds:
            return kind(text)
    return EnvironmentFault(text)


def _exception_in(log: Path) -> tuple[list[str], str]:
    """Kinds of the exceptions in the last traceback of a task's log, and the message of the last raised."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return [], ""
    for line in reversed(lines):
        try:
            details = json.loads(line).get("error_detail")
        except (ValueError, AttributeError):
            continue
        if details:
            return [d.get("exc_type", "") for d in details], str(details[0].get("exc_value", ""))
    return [], ""


# ---- the summary ----------------------------------------------------------------------------------------------------


def _print_summary(home: Home, seconds: dict[str, float], total: float, console: Console) -> None:
    from ingestion.receipts import known_receipts

    files = Counter(r["status"] for r in known_receipts(home).values())
    held = steps.summary(home)
    build, gates = _gates(home)
    balanced = "=" if held["rows_read"] == held["accepted"] + held["quarantined"] else "[red]≠[/]"
    console.rule("summary")
    _tell(
        console, "files", f"{sum(files.values())} receipts: " + ", ".join(f"{n} {s}" for s, n in sorted(files.items()))
    )
    _tell(
        console, "rows",
        f"{held['rows_read']:,} read {balanced} {held['accepted']:,} accepted + {held['quarantined']:,} quarantined",
    )  # fmt: skip
    _tell(console, "entities", ", ".join(f"{n:,} {kind}" for kind, n in held["entities"].items()))
    for layer, expectations, unmet in gates:
        remark = f", {unmet} not met, none of them critical" if unmet else ""
        _tell(console, "gate", f"{layer}: passed, {expectations} expectations{remark}")
    if seconds:
        _tell(console, "seconds", ", ".join(f"{k} {v:.0f}" for k, v in seconds.items() if v >= 0.5))
    _tell(console, "total", f"{total:.0f} s; readers see build {build}")
    _print_next(home, build, console)


def _print_next(home: Home, build: str, console: Console) -> None:
    prefix = "" if home.root == Path("lakehouse").absolute() else f"TOWNLAKE_HOME={home.root} "
    program = os.path.relpath(Path(sys.executable).with_name("townlake"))
    page = home.reports / build / "gates.html"
    console.rule("where to look next")
    _tell(console, "ask", escape(f'{prefix}{program} query "{QUERY}"'))
    _tell(console, "receipts", escape(str(home.outbox)))
    _tell(console, "report", escape(str(page if page.exists() else home.reports)))
    _tell(console, "schedule", escape(f"{prefix}make airflow"))


def _gates(home: Home) -> tuple[str, list[tuple[str, int, int]]]:
    """The published build, and of each of its gates: layer, expectations, expectations not met."""
    from warehouse.lake import reading

    with reading(home) as con:
        row = con.execute(
            "select build_id from lake.foundation.build where published order by finished_at desc limit 1"
        ).fetchone()
        build = str(row[0]) if row else ""
        gates = con.execute(
            """select layer, count(*), count(*) filter (not success) from lake.quality.gate_result
               where build_id = ? group by layer order by min(ran_at)""",
            [build],
        ).fetchall()
    return build, [(str(layer), int(n), int(unmet)) for layer, n, unmet in gates]


if __name__ == "__main__":
    sys.exit(main())
