"""maintenance: the lake's daily housekeeping."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from wiring import DEFAULTS, LAKE_WRITER, LOCAL_ZONE, ending_told, home

with DAG(
    "maintenance",
    description="每日维护：合并小文件、清理未发布的快照 · merges small files, expires snapshots nobody reads",
    schedule=CronTriggerTimetable("30 3 * * *", timezone=LOCAL_ZONE),
    start_date=pendulum.datetime(2026, 1, 1, tz=LOCAL_ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["woken-by-clock", "writes-lake"],
    doc_md="""
**每天凌晨三点半（北京时间）整理数据湖：合并小文件，清理没有发布的旧快照；已发布的快照保留。**

The only DAG that a clock alone starts. It waits in the pool `lake_writer` like every other writer, between two tasks of
a build if one is running, and changes nothing that a reader of a published snapshot sees.
""",
) as dag:

    @task(
        pool=LAKE_WRITER,
        doc_md="合并小文件、清理快照 · Merges adjacent files and expires unpublished snapshots by their ids.",
    )
    def maintain() -> None:
        from townlake import steps

        step = getattr(steps, "maintain", None)
        if step is None:
            raise AirflowSkipException("this version has no maintenance step")
        with ending_told():
            print(step(home()))

    maintain()
