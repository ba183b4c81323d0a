"""The demo around Airflow: dropping files, telling the end of the chain, wording a failure, having nothing to do."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from townlake import demo, scheduler, steps
from warehouse.errors import EnvironmentFault, GateStopped, TownlakeError, WrongUse
from warehouse.home import Home

RUN = "asset_triggered__1"


def task(
    dag: str, name: str, state: str, *, map_index: int = -1, end: str = "2026-11-22T17:00:10+00:00"
) -> dict[str, Any]:
    return {
        "dag_id": dag, "dag_run_id": RUN, "task_id": name, "map_index": map_index, "state": state, "try_number": 1,
        "start_date": "2026-11-22T17:00:00+00:00", "end_date": end, "duration": 10.0, "rendered_map_index": None,
    }  # fmt: skip


class Told:
    """An Airflow that answers from a list of looks, the last one for ever."""

    folder = Path("airflow")

    def __init__(self, *looks: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
        self.looks = list(looks)

    def alive(self) -> None:
        """Always."""

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        runs, tasks = self.looks[0]
        if path.endswith("taskInstances"):
            if len(self.looks) > 1 and query["offset"] + query["limit"] >= len(tasks):
                self.looks.pop(0)
            return {
                "task_instances": tasks[query["offset"] : query["offset"] + query["limit"]],
                "total_entries": len(tasks),
            }
        return {"dag_runs": runs, "import_errors": [], "total_entries": len(runs)}


def run(dag: str, state: str) -> dict[str, Any]:
    return {"dag_id": dag, "dag_run_id": RUN, "state": state}


def follow(told: Told, home: Home, monkeypatch: pytest.MonkeyPatch) -> demo.Seen:
    monkeypatch.setattr(demo, "POLL_SECONDS", 0)
    seen = demo.Seen(datetime.now(UTC))
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        demo.follow(told, home, seen, Console(file=nowhere))  # type: ignore[arg-type]
    return seen


def test_the_end_is_rest_with_nothing_left_to_build(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [True, False]
    monkeypatch.setattr(steps, "unbuilt", lambda home: left.pop(0))
    many = [task("ingest", "take", "success", map_index=i) for i in range(230)]
    told = Told(
        ([], []),
        ([run("ingest", "running")], [task("ingest", "scan", "running")]),
        ([run("ingest", "success")], many),  # at rest, but something is unbuilt: foundation is about to start
        ([run("ingest", "success"), run("foundation", "running")], [task("foundation", "staging", "running")]),
        ([run("foundation", "success"), run("maintenance", "running")], [task("foundation", "staging", "success")]),
    )
    seen = follow(told, home, monkeypatch)
    assert left == []
    assert len(seen.tasks) == 230 + 2, "all pages were turned"
    assert seen.seconds() == {"ingest.take": 10.0, "foundation.staging": 10.0}


def test_a_failed_task_ends_it_with_its_cause(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(([run("foundation", "running")], [task("foundation", "gate_staging", "failed")]))
    with pytest.raises(EnvironmentFault, match=r"foundation\.gate_staging failed; its log: .*attempt=1\.log"):
        follow(told, home, monkeypatch)


def test_stillness_ends_it_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "STILL_SECONDS", 0.05)
    with pytest.raises(EnvironmentFault, match="nothing happened"):
        follow(Told(([run("ingest", "running")], [])), home, monkeypatch)


@pytest.mark.parametrize(
    ("kind", "error"), [("GateStopped", GateStopped), ("WrongUse", WrongUse), ("OSError", EnvironmentFault)]
)
def test_the_cause_comes_from_the_log(tmp_path: Path, kind: str, error: type[TownlakeError]) -> None:
    failed = task("ingest", "take", "failed", map_index=3)
    log = demo.task_log(failed, tmp_path)
    log.parent.mkdir(parents=True)
    details = [
        {"exc_type": "AirflowFailException", "exc_value": "why it failed"},
        {"exc_type": kind, "exc_value": "why"},
    ]
    log.write_text(json.dumps({"event": "Task failed", "error_detail": details}) + '\n{"event": "end"}\nnot json\n')
    cause = demo.cause_of(failed, tmp_path)
    assert type(cause) is error
    assert str(cause).startswith("why it failed (ingest.take failed; its log: ")
    assert "map_index=3" in str(cause)


def test_files_are_dropped_whole_and_once(tmp_path: Path) -> None:
    source, landing = tmp_path / "city", tmp_path / "landing"
    (source / "minzheng").mkdir(parents=True)
    (source / "minzheng" / "低保.csv").write_text("a")
    (source / "minzheng" / ".DS_Store").write_text("noise comes along")
    assert demo.drop(source, landing) == 2
    assert demo.drop(source, landing) == 0
    (source / "minzheng" / "低保.csv").write_text("b")
    assert demo.drop(source, landing) == 1
    assert (landing / "minzheng" / "低保.csv").read_text() == "b"
    assert not list(landing.rglob("*.part"))


def test_a_city_is_made_once_and_an_unfinished_one_anew(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import sample_city

    made: list[Path] = []

    def generate(persons: int, seed: int, out: Path, **_: object) -> None:
        made.append(out)
        (out / "landing").mkdir(parents=True)
        if len(made) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(sample_city, "generate", generate)
    with pytest.raises(KeyboardInterrupt):
        demo.city_of(home, 300, 1, Console())
    for _ in range(2):
        assert (demo.city_of(home, 300, 1, Console()) / "landing").is_dir()
    assert len(made) == 2


def test_too_small_a_city_is_wrong_use(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--persons", "3"]) == 2
    assert capsys.readouterr().err.startswith("townlake: ")


def test_nothing_new_to_do_starts_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home.root / "demo-city" / "300-1" / "landing").mkdir(parents=True)
    steps.prepare_lake(home)
    monkeypatch.setattr(scheduler, "running", None)
    monkeypatch.setattr(demo, "_print_summary", lambda *_: None)
    assert demo.main(["--persons", "300"]) == 0
    assert "nothing new to do" in capsys.readouterr().out


def test_nothing_new_after_a_stopped_build_says_why_it_stopped(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (home.root / "demo-city" / "300-1" / "landing").mkdir(parents=True)
    steps.prepare_lake(home)
    steps.stop(home, "b1", datetime.now(UTC), "the gate after marts stopped the build")
    assert demo.main(["--persons", "300"]) == 1
    assert "the gate after marts stopped the build" in capsys.readouterr().err
