"""The DAGs as the scheduler reads them: they import, explain themselves, are tied by assets and keep to the one writer."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from townlake import scheduler

CHINESE = re.compile(r"[一-鿿]")
ENGLISH = re.compile(r"[A-Za-z]{3}")
READS_ONLY = {
    ("watch_landing", "wake"),
    ("ingest", "scan"),
    ("ingest", "take"),
    ("ingest", "sources"),
    ("ingest", "pull"),
    ("ingest", "announce"),
    ("ingest", "all_taken"),
    ("freshness", "everything_there"),
}
WAKES = {"watch_landing": ["landing_folder"], "ingest": ["landing"], "foundation": ["raw"]}
ORDER = [
    "register", "gate_raw", "staging", "gate_staging", "intermediate", "link", "foundation", "gate_foundation", "marts",
    "gate_marts", "scorecard", "publish",
]  # fmt: skip


@pytest.fixture(params=scheduler.DAG_IDS)
def dag(request: pytest.FixtureRequest, dags: dict[str, Any]) -> Any:
    return dags[request.param]


def test_there_are_exactly_the_dags_of_the_design(dags: dict[str, Any]) -> None:
    assert set(dags) == set(scheduler.DAG_IDS)


def test_no_cycles(dag: Any) -> None:
    dag.check_cycle()


def test_a_dag_explains_itself(dag: Any) -> None:
    assert CHINESE.search(dag.description)
    assert CHINESE.search(dag.doc_md), "a line in Chinese for the office"
    assert ENGLISH.search(dag.doc_md), "and English for the engineer"


def test_every_task_explains_itself(dag: Any) -> None:
    for task in dag.tasks:
        assert task.doc_md, task.task_id
        assert CHINESE.search(task.doc_md), task.task_id
        assert ENGLISH.search(task.doc_md), task.task_id
        assert task.owner == "townlake", task.task_id


def test_tags_come_from_the_vocabulary(dag: Any) -> None:
    import wiring

    assert dag.tags
    assert set(dag.tags) <= set(wiring.TAGS)
    assert ("writes-lake" in dag.tags) == any(task.pool == "lake_writer" for task in dag.tasks)
    assert ("woken-by-clock" in dag.tags) == (dag.dag_id not in WAKES)


def test_runs_do_not_overlap_and_the_past_is_not_made_up_for(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert dag.catchup is False


def test_every_task_is_retried_soon_and_ends_some_day(dag: Any) -> None:
    for task in dag.tasks:
        assert task.retries >= 1, task.task_id
        assert task.retry_delay.total_seconds() <= 60, task.task_id
        assert task.execution_timeout, task.task_id


def test_whatever_may_write_the_lake_waits_in_the_pool_of_one(dag: Any) -> None:
    for task in dag.tasks:
        writes = (dag.dag_id, task.task_id) not in READS_ONLY
        assert (task.pool == scheduler.LAKE_WRITER["name"]) is writes, task.task_id
    assert scheduler.LAKE_WRITER["slots"] == 1


def test_assets_not_clocks_tie_the_dags(dags: dict[str, Any]) -> None:
    for dag_id, assets in WAKES.items():
        assert [asset.name for asset in dags[dag_id].timetable.asset_condition.objects] == assets, dag_id
    emitted = {
        dag_id: sorted(asset.name for task in dag.tasks for asset in task.outlets) for dag_id, dag in dags.items()
    }
    assert emitted == {
        "watch_landing": ["landing"],
        "ingest": ["raw"],
        "foundation": ["foundation"],
        "freshness": [],
        "maintenance": [],
    }


def test_the_landing_folder_is_watched(dags: dict[str, Any], airflow_environment: Any) -> None:
    (asset,) = dags["watch_landing"].timetable.asset_condition.objects
    (watcher,) = asset.watchers
    path, arguments = watcher.trigger.serialize()
    assert path == "landing_trigger.LandingTrigger"
    assert arguments["folder"] == str(airflow_environment.landing)


def test_a_build_goes_layer_by_layer_through_its_gates(dags: dict[str, Any]) -> None:
    dag = dags["foundation"]
    assert [task.task_id for task in dag.topological_sort()] == ORDER
    for before, after in itertools.pairwise(ORDER):
        assert before in dag.get_task(after).upstream_task_ids


def test_the_ui_names_mapped_tasks_by_their_file(dags: dict[str, Any]) -> None:
    take = dags["ingest"].get_task("take")
    assert take.is_mapped
    assert "['file']" in take.map_index_template


def test_a_failed_file_makes_the_run_red_but_does_not_hold_up_the_others(dags: dict[str, Any]) -> None:
    dag = dags["ingest"]
    assert dag.get_task("announce").trigger_rule == "all_done"
    assert dag.get_task("all_taken").trigger_rule == "none_failed"
    assert {task.task_id for task in dag.leaves} == {"announce", "all_taken"}


def test_a_late_delivery_misses_the_deadline_of_a_run(dags: dict[str, Any]) -> None:
    from importlib import import_module

    dag = dags["freshness"]
    (alert,) = dag.deadline
    module, _, name = alert.callback.path.rpartition(".")
    assert callable(getattr(import_module(module), name)), "the triggerer finds it by this path"
    sensor = dag.get_task("everything_there")
    assert sensor.mode == "reschedule"
    assert alert.interval.total_seconds() < sensor.poke_interval < sensor.timeout < 24 * 3600
