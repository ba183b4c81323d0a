"""freshness: every morning, is every delivery there that should have come? A late one misses the run's deadline."""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum
from airflow.sdk import DAG, AsyncCallback, DeadlineAlert, DeadlineReference, PokeReturnValue, task
from late_delivery import tell
from wiring import DEFAULTS, LOCAL_ZONE, ending_told, home

DEADLINE = timedelta(minutes=float(os.environ.get("TOWNLAKE_LATE_AFTER_MINUTES", "30")))
"""A run in which nothing is late ends within a minute or two."""

with DAG(
    "freshness",
    description="按契约该来的数据来了没有 · late deliveries become deadline alerts",
    schedule="0 8 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=LOCAL_ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=DEADLINE,
        callback=AsyncCallback(tell),
        name="late deliveries",
    ),
    tags=["woken-by-clock", "reads-files"],
    doc_md="""
**每天早上核对：按数据契约的周期，应交付的数据到了没有。**

`everything_there` waits while a dataset is late (contract `delivery.every` plus the grace in `quality/freshness.py`), looking
every hour without holding a worker. A run that is still waiting after half an hour (`TOWNLAKE_LATE_AFTER_MINUTES`) has missed its **deadline**: Airflow shows the
alert with the run and its callback logs which datasets are late. The run ends when they have come, or is skipped at the end of the day,
and the next morning's takes over. Nothing is written; `townlake doctor` says the same.
""",
) as dag:

    @task.sensor(
        mode="reschedule", poke_interval=3600, timeout=82_800, soft_fail=True,
        doc_md="有没有迟交 · Waits until no dataset is late; its log names those that are.",
    )  # fmt: skip
    def everything_there() -> PokeReturnValue:
        from townlake import steps

        with ending_told():
            late = steps.late_deliveries(home())
        for sentence in late:
            print(sentence)
        return PokeReturnValue(is_done=not late, xcom_value=late)

    everything_there()
