"""Starting and stopping: the environment Airflow gets, and that nothing of it outlives its starter."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from townlake import scheduler, steps
from warehouse import builds
from warehouse.errors import EnvironmentFault
from warehouse.home import Home
from warehouse.lake import writing
from warehouse.lock import try_exclusive

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) > 1:
    os.setpgid(0, 0)   # as Airflow does with a task
else:
    subprocess.Popen([sys.executable, __file__, "task"])
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A session of two processes in different process groups, deaf to SIGTERM."""
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN)
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"ready\n"] * 2
    return process


def test_the_whole_session_is_stopped(stubborn: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "STOP_SECONDS", 0.2)
    assert len(scheduler._members([stubborn.pid])) == 2
    scheduler._stop_sessions([stubborn.pid])
    assert scheduler._members([stubborn.pid]) == []
    assert stubborn.wait() == -signal.SIGKILL


def test_what_a_killed_starter_left_is_found_and_a_stranger_is_not(
    home: Home, stubborn: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STOP_SECONDS", 0.2)
    folder = scheduler.airflow_home(home)
    folder.mkdir()
    airflow = scheduler.Airflow("http://127.0.0.1:1", "", folder, {"scheduler": stubborn})
    try:
        scheduler._remember(airflow)
        assert scheduler._leftovers(folder) == [stubborn.pid]
        known = json.loads((folder / "running.json").read_text())
        known["sessions"][str(stubborn.pid)] = "1"  # the number is another process's now
        (folder / "running.json").write_text(json.dumps(known))
        assert scheduler._leftovers(folder) == []
    finally:
        scheduler._stop_sessions([stubborn.pid])
        stubborn.wait()


def test_one_airflow_a_lake(home: Home) -> None:
    folder = scheduler.airflow_home(home)
    folder.mkdir()
    with (
        try_exclusive(folder / "owner.lock"),
        pytest.raises(EnvironmentFault, match="already runs"),
        scheduler.running(home),
    ):
        pass


def test_a_component_that_dies_is_named_with_its_log(home: Home) -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    process.wait()
    airflow = scheduler.Airflow("http://127.0.0.1:1", "", scheduler.airflow_home(home), {"triggerer": process})
    with pytest.raises(EnvironmentFault, match=r"triggerer ended with code 7.*triggerer\.log"):
        airflow.alive()


def test_nothing_listens_beyond_this_machine_and_nothing_calls_out(home: Home) -> None:
    variables = scheduler.environment(home, 1234)
    assert variables["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert variables["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert variables["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert all("--skip-serve-logs" in scheduler.COMPONENTS[name] for name in ("scheduler", "triggerer"))
    for key in ("AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"):
        assert variables[key].startswith("http://127.0.0.1:1234")


def test_the_operator_may_choose_another_metadata_database_but_not_another_host(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://somewhere")
    monkeypatch.setenv("AIRFLOW__API__HOST", "0.0.0.0")
    variables = scheduler.environment(home, 1234)
    assert variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql://somewhere"
    assert variables["AIRFLOW__API__HOST"] == "127.0.0.1"


def test_bytecode_is_kept_even_where_it_may_not_lie_beside_the_code(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    variables = scheduler.environment(home, 1234)
    assert "PYTHONDONTWRITEBYTECODE" not in variables
    assert variables["PYTHONPYCACHEPREFIX"].startswith(str(home.root))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    assert "PYTHONPYCACHEPREFIX" not in scheduler.environment(home, 1234)


def test_the_password_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    password = scheduler._password(tmp_path)
    assert scheduler._password(tmp_path) == password
    assert len(password) >= 12
    assert (tmp_path / "passwords.json").stat().st_mode & 0o077 == 0


def test_a_taken_port_is_not_taken_twice() -> None:
    with socket.socket() as busy:
        busy.bind((scheduler.HOST, 0))
        busy.listen()
        taken = busy.getsockname()[1]
        assert scheduler.free_port(taken) != taken
    assert scheduler.free_port(taken) == taken


def test_sigterm_unwinds_like_an_interrupt() -> None:
    def work() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        return 0

    assert scheduler.ended(work) == 130
    assert signal.getsignal(signal.SIGTERM) != signal.SIG_IGN


def test_errors_become_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise EnvironmentFault("the disk is gone")

    assert scheduler.ended(work) == 3
    assert capsys.readouterr().err == "townlake: the disk is gone\n"


def receipt(home: Home, delivery_id: str) -> None:
    folder = home.outbox / "minzheng"
    folder.mkdir(exist_ok=True)
    content = {
        "delivery_id": delivery_id, "status": "taken", "file": f"minzheng/{delivery_id}.csv", "department": "minzheng",
        "received_at": "2026-11-22T17:00:00+00:00", "bytes": 1, "dataset": "minzheng.dibao", "rows": {"data": 1},
    }  # fmt: skip
    (folder / f"{delivery_id}.json").write_text(json.dumps(content))


def staged(home: Home) -> None:
    """As if the staging layer had read what is registered: only that can be part of a build."""
    with writing(home) as con:
        con.execute("update lake.foundation.delivery set accepted = 0, quarantined = 0 where accepted is null")


def test_unbuilt_is_what_no_build_has_dealt_with(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not steps.unbuilt(home)
    receipt(home, "a")
    assert steps.unbuilt(home), "there is no lake yet"
    assert steps.register(home)
    assert steps.unbuilt(home)

    staged(home)
    steps.stop(home, "b1", datetime.now(UTC), "a gate stopped it")
    assert not steps.unbuilt(home), "the same code would be stopped again"
    receipt(home, "b")
    assert steps.unbuilt(home), "a new delivery may change that"
    steps.register(home)
    steps.publish(home, "b1b", datetime.now(UTC))
    assert steps.unbuilt(home), "registered while another build ran: not part of that one"
    staged(home)
    steps.publish(home, "b2", datetime.now(UTC))
    assert not steps.unbuilt(home)

    receipt(home, "c")
    steps.register(home)
    with writing(home) as con:
        con.execute("update lake.foundation.delivery set status = 'held' where delivery_id = 'c'")
    assert not steps.unbuilt(home), "somebody holds it back"


def test_a_stopped_build_is_tried_again_by_other_code(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt(home, "a")
    steps.register(home)
    staged(home)
    monkeypatch.setattr(builds, "code_version", lambda: "older")
    steps.stop(home, "b1", datetime.now(UTC), "a gate stopped it")
    assert steps.unbuilt(home)
