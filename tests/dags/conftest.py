"""Airflow for tests of the DAGs: its modules are imported once a process, with a home of their own and no database."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from townlake import scheduler
from warehouse.home import Home


@pytest.fixture(scope="session")
def airflow_environment(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The environment that the scheduler module makes, before anything imports Airflow."""
    home = Home.at(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        for key, value in scheduler.environment(home, 8080).items():
            if key != "TOWNLAKE_CATALOG" and os.environ.get(key) != value:  # each test has a lake of its own
                patch.setenv(key, value)
        patch.setattr(sys, "path", [str(scheduler.DAGS), *sys.path])
        yield home


@pytest.fixture(scope="session")
def dags(airflow_environment: Home) -> dict[str, Any]:
    """All DAGs of the folder, by id. Fails with Airflow's own words when a file cannot be imported."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(scheduler.DAGS))
    assert not bag.import_errors, bag.import_errors
    return dict(bag.dags)
