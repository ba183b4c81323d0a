"""foundation: raw deliveries through staging, gates, linkage, foundation and marts to a published build."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pendulum
from airflow.sdk import DAG, chain, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from wiring import DEFAULTS, FOUNDATION, LAKE_WRITER, LOCAL_ZONE, RAW, build_id_of, ending_told, home, tell_figures

from warehouse.errors import GateStopped


def layer(name: str, doc_md: str) -> Any:
    """A task that builds the dbt models of one layer."""

    @task(task_id=name, pool=LAKE_WRITER, doc_md=doc_md)
    def build_layer() -> None:
        from townlake import steps

        with ending_told():
            for result in steps.build_layer(home(), name):
                print(f"{result.status} {result.name} {result.seconds:.1f} s")

    return build_layer()


def gate(after: str, build: Any, doc_md: str) -> Any:
    """A task that runs the gate behind one layer and returns what it found, with the page; a stopped build is recorded and
    fails without retry. Running it again replaces its results."""

    @task(task_id=f"gate_{after}", pool=LAKE_WRITER, doc_md=doc_md)
    def run_gate(build: dict[str, str]) -> dict[str, Any]:
        from townlake import steps

        try:
            with ending_told():
                report = steps.gate(home(), after, build["build_id"])
            page = home().root / report.report
            print(f"{report.expectations} expectations, not met: {report.failed}, page: {page.as_uri()}")
            for failure in report.failures:
                print(f"{failure.severity}: {failure.zh}")
            return {"expectations": report.expectations, "not_met": report.failed, "page": page.as_uri()}
        except GateStopped as stopped:
            steps.stop(home(), build["build_id"], datetime.fromisoformat(build["started_at"]), str(stopped))
            raise AirflowFailException(str(stopped)) from stopped

    return run_gate(build)


def writer(doc_md: str, **options: Any) -> Callable[..., Any]:
    """`@task` in the pool of the one writer."""
    return task(pool=LAKE_WRITER, doc_md=doc_md, multiple_outputs=False, **options)


with DAG(
    "foundation",
    description="底座构建：标准层 → 关联 → 底座 → 应用层，逐层过质量门后发布 · one build, gate by gate, then published",
    schedule=[RAW],
    start_date=pendulum.datetime(2026, 1, 1, tz=LOCAL_ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    tags=["woken-by-change", "writes-lake"],
    doc_md="""
**把新的交付逐层加工成底座：标准化、质量门、关联、底座、应用层；最后一道门通过后才发布给读者。**

One task a layer and one a gate, then the scorecards, one after the other, all in the pool `lake_writer` of one slot. Readers stay at the
last published snapshot until `publish`, which updates the asset `foundation`.

- **Nothing to build**: `register` is skipped and the rest with it.
- **A gate stopped the build**: the gate's task is red and is not retried; the build is recorded with its reason,
  `reports/<build>/gates.html` shows what failed and in which delivery, readers keep the last good foundation. Hold the
  delivery (`townlake delivery hold`), or say that it is right (`townlake gate staging --accept`), then trigger this DAG.
- **Anything else failed**: retried twice; then clear the failed task, or let the next wake-up build what is waiting.
""",
) as dag:

    @writer(
        "登记交付，决定是否要建 · Brings the table of deliveries up to the receipts and mints the build id, the same "
        "on every retry; skipped when there is nothing to build."
    )
    def register() -> dict[str, str]:
        from townlake import steps

        with ending_told():
            if not steps.register(home()):
                raise AirflowSkipException("nothing to build: every delivery is in a published build")
        run = get_current_context()["dag_run"]
        started = run.start_date or run.run_after
        return {"build_id": build_id_of(run.run_id, run.run_after), "started_at": started.isoformat()}

    @writer(
        "关联：哪些提及是同一个实体 · Decides which mentions are the same entity; ids come from content and stay.",
    )
    def link() -> dict[str, dict[str, int]]:
        from townlake import steps

        with ending_told():
            return steps.link(home())

    @writer(
        "评分卡 · Scores by department on GB/T 36344, drawn into `outbox/<部门>/` and `reports/`; says what is late.",
    )
    def scorecard(build: dict[str, str]) -> dict[str, Any]:
        from townlake import steps

        with ending_told():
            return steps.score(home(), build["build_id"])

    @writer(
        "发布：读者从此看到新的底座 · Records the lake's snapshot; readers attach there from now on.",
        outlets=[FOUNDATION],
    )
    def publish(build: dict[str, str]) -> int:
        from townlake import steps

        with ending_told():
            snapshot = steps.publish(home(), build["build_id"], datetime.fromisoformat(build["started_at"]))
        tell_figures()
        return snapshot

    build = register()
    chain(
        build,
        gate("raw", build, "原始层质量门 · Raw files are there, whole, and say what the receipts say."),
        layer("staging", "标准层 · Standard names, types, codes; each row with its issues, or whole to quarantine."),
        gate(
            "staging",
            build,
            "标准层质量门 · The contracts' table rules, rows conserved, drift against earlier deliveries.",
        ),
        layer("intermediate", "中间层 · What each row says about whom: mentions, the unit of linkage."),
        link(),
        layer("foundation", "底座 · Golden records: each value chosen by source trust and recency, the others kept."),
        gate("foundation", build, "底座质量门 · Keys, references, relations and totals of the foundation tables."),
        layer("marts", "应用层 · Answers to applications' questions; nothing above computes."),
        gate("marts", build, "应用层质量门 · The last gate before readers."),
        scorecard(build),
        publish(build),
    )
