"""What the tasks do around their one call of a step: what they pass on, and how an ending is told to Airflow."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ingestion.landing import Claim, Scan
from ingestion.pull import Pulled
from townlake import steps
from warehouse.errors import EnvironmentFault, GateStopped, WrongUse
from warehouse.home import Home

BUILD = {"build_id": "20261122T170000-abcdef", "started_at": "2026-11-22T17:00:01+00:00"}
CLAIM = Claim(
    "d" * 64, "/x/a.csv", "minzheng/a.csv", "minzheng", ("minzheng/b.csv",), 3, "2026-11-22T17:00:00.000+00:00"
)


def call(dags: dict[str, Any], dag_id: str, task_id: str) -> Any:
    return dags[dag_id].get_task(task_id).python_callable


def raising(error: Exception) -> Any:
    def step(*_: Any, **__: Any) -> None:
        raise error

    return step


def test_a_stopped_gate_is_recorded_and_fails_without_retry(
    dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    stopped: list[Any] = []
    monkeypatch.setattr(steps, "gate", raising(GateStopped("half the rows are gone")))
    monkeypatch.setattr(steps, "stop", lambda *args: stopped.append(args))
    with pytest.raises(AirflowFailException, match="half the rows"):
        call(dags, "foundation", "gate_staging")(BUILD)
    assert stopped == [
        (home, BUILD["build_id"], datetime(2026, 11, 22, 17, 0, 1, tzinfo=UTC), "half the rows are gone")
    ]


@pytest.mark.parametrize("task_id", ["register", "staging", "intermediate", "link", "foundation", "marts"])
def test_wrong_use_fails_at_once_and_a_faulty_environment_is_retried(
    dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch, task_id: str
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    run = call(dags, "foundation", task_id)
    for error, told in ((WrongUse("a typo"), AirflowFailException), (EnvironmentFault("disk"), EnvironmentFault)):
        for step in ("register", "build_layer", "link"):
            monkeypatch.setattr(steps, step, raising(error))
        with pytest.raises(told):
            run()


def test_the_build_id_is_the_same_on_every_retry(
    dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = SimpleNamespace(
        run_id="asset_triggered__x", run_after=datetime(2026, 11, 22, 17, tzinfo=UTC), start_date=datetime.now(UTC)
    )
    register = call(dags, "foundation", "register")
    monkeypatch.setattr(steps, "register", lambda home: True)
    monkeypatch.setitem(register.__globals__, "get_current_context", lambda: {"dag_run": run})
    first = register()
    run.start_date = datetime.now(UTC)  # Airflow sets it anew when somebody clears the run
    assert register()["build_id"] == first["build_id"]
    assert first["build_id"].startswith("20261122T170000-")
    assert json.loads(json.dumps(first)) == first


def test_nothing_to_build_is_skipped(dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    monkeypatch.setattr(steps, "register", lambda home: False)
    monkeypatch.setattr(steps, "unbuilt", lambda home: False)
    for dag_id, task_id in (("foundation", "register"), ("ingest", "announce")):
        with pytest.raises(AirflowSkipException):
            call(dags, dag_id, task_id)()
    monkeypatch.setattr(steps, "unbuilt", lambda home: True)
    call(dags, "ingest", "announce")()


def test_a_claim_travels_as_json(dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Claim] = []
    receipt = {"file": CLAIM.file, "status": "taken", "rows": {"data": 3}, "tables": ["much more"]}

    def take(home: Home, claim: Claim) -> list[dict[str, Any]]:
        taken.append(claim)
        return [receipt]

    monkeypatch.setattr(steps, "scan", lambda home: Scan("landing", files=1, claims=[CLAIM]))
    monkeypatch.setattr(steps, "take", take)
    (claim,) = json.loads(json.dumps(call(dags, "ingest", "scan")()))
    mapped = dags["ingest"].get_task("take").python_callable(claim)
    assert taken == [CLAIM]
    assert mapped == [{"file": CLAIM.file, "status": "taken", "dataset": None, "rows": {"data": 3}, "reason_zh": None}]


def test_a_database_is_pulled_and_taken_in_one_task_and_fails_alone(
    dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = dags["ingest"].get_task("pull").python_callable
    receipt = {"file": CLAIM.file, "status": "taken", "rows": {"data": 3}}
    monkeypatch.setattr(steps, "take", lambda home, claim: [receipt] if claim is CLAIM else [])
    for pulled, answer in (
        (Pulled("a.b", "new", "3 rows", CLAIM), [receipt | {"dataset": None, "reason_zh": None}]),
        (Pulled("a.b", "nothing_new", "nothing"), []),
    ):
        monkeypatch.setattr(steps, "pull", lambda home, only, pulled=pulled: [pulled])
        assert pull("a.b") == answer
    monkeypatch.setattr(steps, "pull", lambda home, only: [Pulled("a.b", "failed", "no server")])
    with pytest.raises(EnvironmentFault, match="no server"):
        pull("a.b")


def test_a_backlog_is_taken_a_run_at_a_time(dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = call(dags, "ingest", "scan")
    monkeypatch.setattr(scan.__globals__["conf"], "getint", lambda *_: 2)
    monkeypatch.setattr(steps, "scan", lambda home: Scan("landing", files=5, claims=[CLAIM] * 5))
    assert len(scan()) == 2


def test_freshness_waits_while_something_is_late(
    dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for late, done in ((["低保名册已迟 3 天"], False), ([], True)):
        monkeypatch.setattr(steps, "late_deliveries", lambda home, late=late: late)
        told = call(dags, "freshness", "everything_there")()
        assert (told.is_done, told.xcom_value) == (done, late)


def test_a_missed_deadline_names_what_is_late(
    dags: dict[str, Any], home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import asyncio

    from late_delivery import tell

    monkeypatch.setattr(steps, "late_deliveries", lambda home: ["低保名册已迟 3 天"])
    with caplog.at_level("WARNING"):
        asyncio.run(tell({}))
    assert "低保名册已迟 3 天" in caplog.text
