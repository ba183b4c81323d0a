"""The whole foundation once more on Spark, from the same raw files: for a province, or where machines stand ready.

What Python keeps in the lake (deliveries, registry, decisions, classes) and what is drawn (grids, and so the grid of every
place) is taken from the last published build; everything between is made by the same models as in the lake.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ingestion.contracts import load_contracts
from warehouse.errors import WrongUse
from warehouse.home import DBT_PROJECT, Home
from warehouse.lake import published_snapshot, reading

Progress = Callable[[str], None]
MARKER = "townlake-spark.json"
"""Names a folder as written by this step, so that it may be replaced."""
LINKAGE = "linkage"
"""Folder of the pairs weighed on Spark."""
OPENED = ("foundation", "marts")
"""Schemas whose every table is a folder of Parquet for others to open."""


def build(
    home: Home,
    out: Path,
    *,
    remote: str | None = None,
    cores: int | None = None,
    memory: str = "3g",
    progress: Progress = lambda _: None,
) -> dict[str, Any]:
    """Builds staging to marts on Spark into `out/<schema>/<table>/`; returns the snapshot it follows, seconds by part, rows
    by table, and which tables are copies of the lake's (`given`).

    `remote`: a Spark Connect address (else SPARK_REMOTE, else Spark on this machine with `cores` and `memory`); home and
    `out` must then lie where its servers see them under the same path. Raises WrongUse where `out` holds something else,
    EnvironmentFault where Spark or the published lake is not there, DbtFailed where a model fails.
    """
    from townlake.render import render
    from townlake.selection import idle_models
    from warehouse import dbt
    from warehouse.spark import inputs, linkage, session

    out = out.expanduser().absolute()
    _refuse_other(out)
    if home.store:
        raise WrongUse(f"raw files of this home are in {home.store}: Spark reads them from a shared folder only")
    session.require()
    contracts = load_contracts()
    render(contracts)
    seconds: dict[str, float] = {}
    with reading(home) as con, _timed(seconds, "export"):
        snapshot = published_snapshot(home)
        _make_room(out)
        progress("taking from the lake what only the lake knows")
        given = inputs.export(con, _names("models", "rendered/models"), _names("seeds"), out)
        files = inputs.raw_files(con)
        idle = idle_models(con, contracts)
    progress("starting Spark")
    started = time.monotonic()
    with session.session(out / "work", remote=remote, cores=cores or os.cpu_count() or 1, memory=memory) as spark:
        inputs.register(spark, given, ("staging", "intermediate", *OPENED))
        for contract in contracts.values():
            if f"checked_{contract.model_name}" in idle:
                continue
            columns = [c.name for c in contract.columns if not c.custom.same_cell_as]
            raw = [home.root / file for file in files.get(contract.id, ())]
            inputs.register_raw(spark, f"raw_{contract.model_name}", raw, columns)
        seconds["start"] = time.monotonic() - started
        with session.dbt_through(spark), _timed(seconds, "models"):
            results = dbt.run(
                home,
                "run",
                exclude=[*inputs.DRAWN, *idle],
                full_refresh=True,
                target="spark",
                variables={"TOWNLAKE_SPARK_OUT": str(out)},
                hears=_counting(progress),
            )
        progress("weighing the pairs of the linkage")
        with _timed(seconds, "linkage"):
            weighed = linkage.weigh(spark, out / LINKAGE)
        with _timed(seconds, "count"):
            rows = _rows(spark)
    shutil.rmtree(out / "work", ignore_errors=True)
    answer = {
        "snapshot": snapshot,
        "out": str(out),
        "models": len(results),
        "weighed": weighed,
        "given": _given(out, {r.name for r in results}),
        "seconds": {k: round(v, 1) for k, v in seconds.items()},
        "rows": rows,
    }
    (out / MARKER).write_text(json.dumps(answer, ensure_ascii=False, indent=1), encoding="utf-8")
    return answer


def _given(out: Path, made: set[str]) -> list[str]:
    """Tables of the lake that stand below `out` as they were: what Python keeps, and models that are not made on Spark."""
    from warehouse.spark import inputs

    copies = {f"{schema}.{p.name}" for schema in OPENED for p in (out / schema).glob("*") if p.name not in made}
    return sorted(copies | {f"{schema}.{model}" for model, schema in inputs.DRAWN.items()})


@contextlib.contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        seconds[name] = time.monotonic() - started


def _refuse_other(out: Path) -> None:
    if out.exists() and not (out.is_dir() and ((out / MARKER).exists() or not any(out.iterdir()))):
        raise WrongUse(f"{out} is not empty and was not written by `townlake build --target spark`: name a new folder")


def _make_room(out: Path) -> None:
    """An empty folder with the marker in it: a build that is killed leaves one that may be replaced."""
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARKER).write_text("{}", encoding="utf-8")


def _names(*folders: str) -> frozenset[str]:
    """Names of the models or seeds in folders of the dbt project."""
    files = (
        path for folder in folders for path in (DBT_PROJECT / folder).rglob("*") if path.suffix in (".sql", ".csv")
    )
    return frozenset(path.stem for path in files)


def _counting(progress: Progress) -> Callable[[Any], None]:
    """Hears dbt's events: one line for each model that is done."""

    def hear(event: Any) -> None:
        if event.info.name == "LogModelResult":
            progress(
                f"[{event.data.index}/{event.data.total}] {event.data.description} ({event.data.execution_time:.1f} s)"
            )

    return hear


def _rows(spark: Any) -> dict[str, int]:
    counted = {}
    for schema in OPENED:
        for row in spark.sql(f"show tables in {schema}").collect():
            if row.namespace == schema:
                counted[f"{schema}.{row.tableName}"] = spark.table(f"{schema}.`{row.tableName}`").count()
    return counted
