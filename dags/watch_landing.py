"""watch_landing: a settled change below landing/ wakes the road."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task
from wiring import DEFAULTS, LANDING, LANDING_FOLDER, LOCAL_ZONE

with DAG(
    "watch_landing",
    description="落地区有新文件就唤醒 · wakes the road when files were dropped",
    schedule=[LANDING_FOLDER],
    start_date=pendulum.datetime(2026, 1, 1, tz=LOCAL_ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["woken-by-change", "reads-files"],
    doc_md="""
**部门把文件放进 `landing/<部门>/`，文件停止变化几秒后，本流程唤醒 `ingest`。**

A trigger of our own looks at `landing/` every two seconds. When what lies there has changed and then held still, the
asset `landing_folder` is updated, this DAG runs and updates the asset `landing`, and `ingest` follows.

Every half hour the trigger tells the same again: Airflow can lose asset events, and a wake-up with nothing to do costs
a few seconds. **Pause this DAG** to stop taking files; what is dropped meanwhile is found when you go on.
""",
) as dag:

    @task(
        outlets=[LANDING],
        doc_md="唤醒入库流程 · Updates the asset `landing`. What there is to do, `ingest` finds out on disk.",
    )
    def wake() -> None:
        """Nothing but the asset event."""

    wake()
