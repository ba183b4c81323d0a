"""What the DAGs share: the assets that tie them together, the pool of the one writer, how an ending is told.

The DAGs hold schedules and wiring only. Each task is one call of `townlake.steps`, so that a DAG and a command are the
same road; and it looks for undone work on disk and in the lake, never in an event, because an event can be lost.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Asset, AssetWatcher
from airflow.sdk.exceptions import AirflowFailException
from landing_trigger import LandingTrigger

from warehouse.errors import WrongUse
from warehouse.home import Home

LAKE_WRITER = "lake_writer"
"""Pool of one slot: with a SQLite catalogue the lake has one writer at a time (docs/decisions/0001)."""

LOCAL_ZONE = "Asia/Shanghai"

TAGS = {
    "woken-by-change": "a watcher, an asset, not a clock starts it",
    "woken-by-clock": "a cron line starts it, also",
    "reads-files": "reads what departments dropped; does not touch the lake",
    "writes-lake": "its tasks wait for each other in the pool lake_writer",
}
"""The vocabulary of tags; no other is used."""


def tell_failure(context: dict[str, Any]) -> None:
    """Tells that a task failed for good: which step, whose delivery, which file (townlake.notices)."""
    from townlake import notices

    instance, run = context["ti"], context["dag_run"]
    claim = dict(getattr(context["task"], "op_kwargs", None) or {}).get("claim") or {}
    where = home()
    notices.tell(
        where,
        notices.failed(
            where,
            f"{instance.dag_id}.{instance.task_id}",
            context.get("exception") or "no reason was given",
            file=claim.get("file"),
            build_id=build_id_of(run.run_id, run.run_after) if instance.dag_id == "foundation" else None,
            link=getattr(instance, "log_url", None),
        ),
    )


def tell_figures() -> None:
    """Sends what the newest build cost and holds through Airflow's own metrics: StatsD or OpenTelemetry, as it is configured."""
    from airflow.sdk.observability import stats

    from townlake import metrics

    for one in metrics.gauges(home()):
        stats.gauge(one.name, one.value, tags=one.tags)


DEFAULTS: dict[str, Any] = {
    "owner": "townlake",
    "depends_on_past": False,
    "retries": 2,
    "retry_delay": timedelta(seconds=15),
    "execution_timeout": timedelta(hours=6),
    "on_failure_callback": tell_failure,
}
"""Every task may be retried at any moment, so every task is."""


def home() -> Home:
    """The lakehouse that TOWNLAKE_HOME names."""
    return Home.from_environment()


LANDING_FOLDER = Asset(
    "landing_folder",
    watchers=[AssetWatcher(name="landing_folder_settled", trigger=LandingTrigger(folder=str(home().landing)))],
)
"""The folder as such (落地区): changes when files came or changed and then held still."""

LANDING = Asset("landing")
"""There may be files to take."""

RAW = Asset("raw")
"""There are deliveries in raw (原始层) that no build has dealt with."""

FOUNDATION = Asset("foundation")
"""A build was published: readers attach at its snapshot (底座)."""


@contextlib.contextmanager
def ending_told() -> Iterator[None]:
    """Wrong use (a typo in a contract, say) fails at once: trying again cannot mend it. All else is retried."""
    try:
        yield
    except WrongUse as error:
        raise AirflowFailException(str(error)) from error


def build_id_of(run_id: str, run_after: datetime) -> str:
    """The build id of a DAG run: sortable by time, and the same however often a task or the whole run is repeated."""
    return f"{run_after:%Y%m%dT%H%M%S}-{hashlib.sha256(run_id.encode()).hexdigest()[:6]}"
