"""What the real Airflow tells by itself: a delivery that is late, a delivery that stopped a build."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from townlake import scheduler, steps
from warehouse.home import Home
from warehouse.lake import writing

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(900)]
TOLD = "迟交 late: "


def test_a_late_delivery_misses_the_deadline_and_is_told(
    first_month: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(first_month.root, tmp_path / "home")
    home = Home.at(tmp_path / "home")
    with writing(home) as con:
        con.execute("update lake.foundation.delivery set delivered_on = delivered_on - interval 100 day")
    late = steps.late_deliveries(home)
    assert len(late) > 1
    monkeypatch.setenv("TOWNLAKE_LATE_AFTER_MINUTES", "0.2")
    monkeypatch.setenv("TOWNLAKE_HOME", str(home.root))
    with scheduler.running(home) as airflow:
        wait_for_dag(airflow)
        run = airflow.post("dags/freshness/dagRuns", {"logical_date": None})
        said = wait_for_alert(airflow, late)
        state = airflow.get(f"dags/freshness/dagRuns/{run['dag_run_id']}")["state"]
    assert all(TOLD + sentence in said for sentence in late)
    assert state in ("running", "queued")  # it waits for the delivery all the same
    with contextlib.closing(sqlite3.connect(airflow.folder / "airflow.db")) as metadata:
        missed = metadata.execute("select count(*) from deadline where missed").fetchone()
    assert missed[0] >= 1


def test_a_stopped_build_is_told_with_department_and_file(first_month: Home, small_city: Path, tmp_path: Path) -> None:
    """Half of a register's rows are gone: the gate stops the build, and the notice names whose file it is."""
    shutil.copytree(first_month.root, tmp_path / "home")
    home = Home.at(tmp_path / "home")
    [register] = (small_city / "landing_2").rglob("常住人口*.csv")
    cut = register.read_bytes().splitlines(keepends=True)
    with scheduler.running(home) as airflow:
        wait_for_dag(airflow)
        target = home.landing / "gongan" / register.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"".join(cut[: len(cut) // 2]))
        notice = wait_for_notice(airflow, home)
    assert notice["files"] == [["gongan", f"gongan/{register.name}"]]
    assert "gate_staging" in notice["step"]
    assert register.name in notice["zh"]


def wait_for_notice(airflow: scheduler.Airflow, home: Home) -> dict[str, Any]:
    deadline = time.monotonic() + 500
    told = home.reports / "notices.jsonl"
    while time.monotonic() < deadline:
        airflow.alive()
        if told.exists() and (lines := told.read_text(encoding="utf-8").splitlines()):
            return dict(json.loads(lines[0]))
        time.sleep(2)
    raise AssertionError(f"no notice within 500 s; logs: {airflow.folder / 'logs'}")


def wait_for_dag(airflow: scheduler.Airflow) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        airflow.alive()
        if any(d["dag_id"] == "freshness" for d in airflow.get("dags", limit=100)["dags"]):
            return
        time.sleep(1)
    raise AssertionError("the DAG `freshness` was not read")


def wait_for_alert(airflow: scheduler.Airflow, late: list[str]) -> str:
    """Everything Airflow's components and callbacks logged, once the last late dataset is named in it."""
    deadline = time.monotonic() + 240
    text = ""
    while time.monotonic() < deadline:
        airflow.alive()
        logs = [p for p in (airflow.folder / "logs").rglob("*.log") if p.is_file()]
        text = "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in logs)
        if TOLD + late[-1] in text:
            return text
        time.sleep(2)
    raise AssertionError(f"no alert within 240 s; logs: {airflow.folder / 'logs'}")
