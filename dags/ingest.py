"""ingest: files below landing/ to raw Parquet and receipts, one mapped task a file."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule, task
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowSkipException
from wiring import DEFAULTS, LANDING, LOCAL_ZONE, RAW, ending_told, home

with DAG(
    "ingest",
    description="文件入库：落地区 → 存档、原始层、回执 · files to archive, raw and receipts",
    schedule=[LANDING],
    start_date=pendulum.datetime(2026, 1, 1, tz=LOCAL_ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["woken-by-change", "reads-files"],
    doc_md="""
**认领落地区里新的、已写完的文件，逐个存档、识别、读入原始层，最后写回执（`outbox/<部门>/`）。**

`scan` claims what is new and complete, `take` runs once a file (the UI shows the file's name) and in parallel,
`announce` updates the asset `raw` if there are deliveries that no build has dealt with. A file that cannot be read is a
**refusal with a receipt**, not a failed task; a task fails only when the environment is at fault (disk, permissions),
and then the other files go on: `all_taken` makes the run red, the next wake-up takes the rest.

`sources` and `pull` do the same for databases that contracts name: one mapped task a contract, red when its server cannot be
reached, which holds up nothing else.

Every task may be cleared at any time: the same bytes are taken once.
""",
) as dag:

    @task(
        doc_md="认领新文件 · Claims what is new and has stopped changing; one claim a content, whatever its names. "
        "A backlog of more files than one run may map is taken a run at a time."
    )
    def scan() -> list[dict[str, Any]]:
        from townlake import steps

        with ending_told():
            found = steps.scan(home())
        print(f"{found.files} files: {len(found.claims)} to take, {found.known} known, {len(found.growing)} growing")
        for name, reason in found.skipped:
            print(f"skipped {name}: {reason}")
        return [claim.to_json() for claim in found.claims[: conf.getint("core", "max_map_length")]]

    @task(
        map_index_template="{{ task.op_kwargs['claim']['file'] }}",
        doc_md="读取一个文件 · Archive, recognise, read, raw Parquet, receipt last. Takes no lock of the lake.",
    )
    def take(claim: dict[str, Any]) -> list[dict[str, Any]]:
        from ingestion.landing import Claim
        from townlake import steps

        with ending_told():
            receipts = steps.take(home(), Claim.from_json(claim))
        for receipt in receipts:
            print(f"{receipt['status']} {receipt['file']} {receipt.get('rows') or receipt.get('reason_en') or ''}")
        return [{k: r.get(k) for k in ("file", "status", "dataset", "rows", "reason_zh")} for r in receipts]

    @task(doc_md="列出可拉取的数据库 · Contracts that name a database whose connection string is in the environment.")
    def sources() -> list[str]:
        from townlake import steps

        with ending_told():
            ready, unset = steps.pullable()
        for dataset, variable in unset.items():
            print(f"{dataset}: the environment variable {variable} is not set, nothing will be pulled")
        return ready

    @task(
        map_index_template="{{ task.op_kwargs['dataset'] }}",
        doc_md="从数据库拉取新数据 · What is new since the last receipt becomes a file and is taken like one.",
    )
    def pull(dataset: str) -> list[dict[str, Any]]:
        from townlake import steps
        from warehouse.errors import EnvironmentFault

        receipts = []
        with ending_told():
            for pulled in steps.pull(home(), only=dataset):
                print(f"{pulled.status} {dataset}: {pulled.message}")
                if pulled.status == "failed":
                    raise EnvironmentFault(pulled.message)
                if pulled.claim is not None:
                    receipts += steps.take(home(), pulled.claim)
        return [{k: r.get(k) for k in ("file", "status", "dataset", "rows", "reason_zh")} for r in receipts]

    @task(
        outlets=[RAW],
        trigger_rule=TriggerRule.ALL_DONE,
        doc_md="有未建的交付则通知底座流程 · Looks in receipts and lake for deliveries that no build has dealt with; "
        "updates the asset `raw` if there are any, else is skipped.",
    )
    def announce() -> None:
        from townlake import steps

        if not steps.unbuilt(home()):
            raise AirflowSkipException("every delivery has been dealt with by a build")

    taken = [take.expand(claim=scan()), pull.expand(dataset=sources())]
    taken >> announce()
    taken >> EmptyOperator(
        task_id="all_taken",
        trigger_rule=TriggerRule.NONE_FAILED,
        doc_md="全部文件都已处理 · Green when no file is left to take; red shows which `take` the environment failed.",
    )
