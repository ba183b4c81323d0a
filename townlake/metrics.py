"""What each step of a run cost and what the run left behind: as a table of the lake, and as gauges for whoever watches.

A step writes one line into `work/metrics/` when it ends, well or not; publishing (or stopping) a build takes the lines up into
`quality.step_metric`. Ingestion holds no lake, so the files taken since the last build stand beside the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse.home import Home
from warehouse.lake import reading

if TYPE_CHECKING:
    import duckdb

TABLE = """
create table if not exists lake.quality.step_metric (
    build_id varchar, step varchar, subject varchar, outcome varchar, started_at timestamptz, seconds double,
    processor_seconds double, peak_bytes bigint)
"""
_COLUMNS = "step, subject, outcome, started_at, seconds, processor_seconds, peak_bytes"


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the table on a lake that has it not."""
    con.execute(TABLE)


@contextlib.contextmanager
def measured(home: Home, step: str, subject: str | None = None) -> Iterator[None]:
    """Measures the block: clock and processor seconds of this process with all its threads, and the most memory it has
    held until then (bytes). `subject` is what a step was about, a file below landing/ for instance."""
    started, clock, processor = datetime.now(UTC), time.perf_counter(), time.process_time()
    outcome = "ended"
    try:
        yield
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        line = {
            "step": step,
            "subject": subject,
            "outcome": outcome,
            "started_at": started.isoformat(),
            "seconds": round(time.perf_counter() - clock, 3),
            "processor_seconds": round(time.process_time() - processor, 3),
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        with contextlib.suppress(OSError):  # a full disk is told by the step itself
            _append(home, json.dumps(line, ensure_ascii=False) + "\n")


def _folder(home: Home) -> Path:
    return home.work / "metrics"


def _append(home: Home, line: str) -> None:
    """One write in append mode: lines of processes that end at once do not mix."""
    _folder(home).mkdir(parents=True, exist_ok=True)
    handle = os.open(_folder(home) / "steps.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def take_up(con: duckdb.DuckDBPyConnection, home: Home, build_id: str) -> int:
    """Puts what was measured since the last build into the lake under this build; returns how many steps.

    Killed anywhere, the next call takes up what is left, and nothing twice.
    """
    current = _folder(home) / "steps.jsonl"
    if current.exists():
        current.rename(current.with_name(f"taken-{uuid.uuid4().hex}.jsonl"))
    taken = sorted(_folder(home).glob("taken-*.jsonl"))
    if not taken:
        return 0
    row = con.execute(
        f"""insert into lake.quality.step_metric by name
            select ? as build_id, {_COLUMNS}
            from read_json(?, format = 'newline_delimited', ignore_errors = true, columns = {{
                step: 'varchar', subject: 'varchar', outcome: 'varchar', started_at: 'timestamptz', seconds: 'double',
                processor_seconds: 'double', peak_bytes: 'bigint'}})
            where step is not null
              and (step, coalesce(subject, ''), started_at) not in (
                  select (step, coalesce(subject, ''), started_at) from lake.quality.step_metric)""",
        [build_id, [str(p) for p in taken]],
    ).fetchone()
    for path in taken:
        path.unlink(missing_ok=True)
    return int(row[0]) if row else 0


@dataclass(frozen=True)
class Gauge:
    """One figure, named for a metrics system; its tags say of what."""

    name: str
    value: float
    tags: dict[str, str] = field(default_factory=dict)


def gauges(home: Home) -> list[Gauge]:
    """What the newest published build cost and holds. Figures about whole datasets only: nothing of a person."""
    with reading(home) as con:
        steps = con.execute(
            """select step, sum(seconds), sum(processor_seconds), max(peak_bytes) from lake.quality.step_metric
               where build_id = (select build_id from lake.foundation.build where published order by lake_snapshot desc limit 1)
               group by step order by step"""
        ).fetchall()
        rows = con.execute(
            """select dataset, sum(data_rows), sum(accepted), sum(quarantined) from lake.foundation.delivery
               where status = 'taken' group by dataset order by dataset"""
        ).fetchall()
        late = con.execute("select dataset, days_late from lake.quality.freshness order by dataset").fetchall()
    told = []
    for step, seconds, processor, peak in steps:
        tags = {"step": step}
        told += [
            Gauge("townlake.step.seconds", seconds, tags),
            Gauge("townlake.step.processor_seconds", processor, tags),
            Gauge("townlake.step.peak_bytes", peak, tags),
        ]
    for dataset, *counts in rows:
        names = ("read", "accepted", "quarantined")
        told += [
            Gauge(f"townlake.rows.{n}", count or 0, {"dataset": dataset})
            for n, count in zip(names, counts, strict=True)
        ]
    return told + [Gauge("townlake.days_late", days, {"dataset": dataset}) for dataset, days in late]
