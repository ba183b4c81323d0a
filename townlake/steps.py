"""The steps of the road. A DAG task and a command are each one call of a function here: one road, not two.

Every step may be killed and called again. Steps that write the lake take the single writer's lock themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.contracts import Contracts, load_contracts
from ingestion.landing import Claim, Scan
from townlake import metrics, selection, tagging
from townlake.quarantine import ledger
from townlake.review import ledger as review_ledger
from warehouse import builds, deliveries, reviews
from warehouse.errors import EnvironmentFault, GateStopped, WrongUse
from warehouse.home import Home
from warehouse.lake import reading, set_options, table_exists, transaction, writing
from warehouse.lock import lake_writer

if TYPE_CHECKING:
    from ingestion.pull import Pulled

Progress = Callable[[str], None]
LAYERS = ("staging", "intermediate", "foundation", "marts")
GATED = ("raw", "staging", "foundation", "marts")


def quiet(message: str) -> None:
    """Progress for callers who do not want any."""


# ---- ingestion: no lake, any number in parallel -------------------------------------------------------------------


def scan(
    home: Home,
    landing: Path | None = None,
    *,
    contracts: Contracts | None = None,
    before_waiting: Callable[[], None] | None = None,
) -> Scan:
    """Looks at the landing folder and claims what is new and complete."""
    from ingestion import intake
    from ingestion import landing as landing_area
    from ingestion.receipts import add_alias

    home.prepare()
    contracts = contracts or load_contracts()
    found = landing_area.scan(
        home,
        landing,
        retry=intake.retry_policy(contracts),
        states=intake.other_days(contracts),
        before_waiting=before_waiting,
    )
    for delivery_id, name in found.new_aliases:
        add_alias(home, delivery_id, name)
    return found


def take(home: Home, claim: Claim, contracts: Contracts | None = None) -> list[dict[str, Any]]:
    """Takes one claimed file and returns its receipts."""
    from ingestion import intake

    with metrics.measured(home, "take", claim.file):
        return intake.take(home, claim, contracts or load_contracts())


def pullable(contracts: Contracts | None = None) -> tuple[list[str], dict[str, str]]:
    """(datasets whose database can be asked, dataset → variable that is not set for the others)."""
    contracts = contracts or load_contracts()
    named = {k: c.custom.pull.connection for k, c in contracts.items() if c.custom.pull}
    return [k for k, v in named.items() if os.environ.get(v)], {k: v for k, v in named.items() if not os.environ.get(v)}


def pull(home: Home, contracts: Contracts | None = None, *, only: str | None = None) -> list[Pulled]:
    """Asks every database that a contract names for what is new (`only`: one dataset). One that fails does not hold up
    the others; nothing is delivered before its claim is taken."""
    from ingestion import intake
    from ingestion import pull as database

    home.prepare()
    contracts = contracts or load_contracts()
    done = []
    for contract in contracts.values():
        if contract.custom.pull is None or only not in (None, contract.id):
            continue
        try:
            done.append(database.pull(home, contract, retry=intake.retry_policy(contracts)))
        except EnvironmentFault as fault:
            done.append(database.Pulled(contract.id, "failed", str(fault)))
    return done


def ingest(
    home: Home, landing: Path | None = None, *, jobs: int = 2, progress: Progress = quiet
) -> tuple[Scan, list[dict[str, Any]]]:
    """Pull, scan and take everything, `jobs` files at a time; each is read in a child of the one server (readers.sandbox)."""
    from ingestion.readers import sandbox
    from ingestion.receipts import known_receipts

    contracts = load_contracts()
    pulls = pull(home, contracts)
    found = scan(home, landing, contracts=contracts, before_waiting=sandbox.warm)
    found.pulls = pulls
    receipts: list[dict[str, Any]] = []
    claims = [p.claim for p in pulls if p.claim is not None] + found.claims
    if not claims:
        return found, receipts
    largest_first = sorted(claims, key=lambda c: c.bytes, reverse=True)
    with ThreadPoolExecutor(max_workers=min(max(1, jobs), len(largest_first))) as pool:
        waiting = [pool.submit(take, home, claim, contracts) for claim in largest_first]
        try:
            for number, done in enumerate(as_completed(waiting), start=1):
                for receipt in done.result():
                    receipts.append(receipt)
                    progress(f"[{number}/{len(waiting)}] {receipt['status']} {receipt['file']}")
        except BaseException:  # stopped, or the environment is at fault: what is begun ends, nothing more is begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    known = known_receipts(home)  # of copies in one intake a later one may have become the delivery
    return found, sorted((known.get(r["delivery_id"], r) for r in receipts), key=lambda r: str(r["file"]))


# ---- build: one writer ----------------------------------------------------------------------------------------------


def prepare_lake(home: Home) -> None:
    """Creates catalogue, schemas and the tables that Python keeps; nothing on a lake that has them.

    Raises EnvironmentFault on a lake that an older or a newer townlake built.
    """
    from townlake.upgrade import kept_tables, prepare_tables
    from warehouse import migrate

    home.prepare()
    with lake_writer(home, "preparing"), writing(home) as con:
        wanted = kept_tables()
        known = migrate.refuse_other(con, wanted)
        set_options(con)
        if known is not None and not migrate.missing_tables(con, wanted):
            return
        with transaction(con):  # one change of the catalogue, not one for each table
            prepare_tables(con)
            migrate.stamp(con)


def register(home: Home, *, full: bool = False) -> bool:
    """Brings the table of deliveries up to the receipts. Returns whether there is anything to build."""
    from ingestion.receipts import known_receipts
    from warehouse import migrate

    prepare_lake(home)
    with lake_writer(home, "registering deliveries"), writing(home) as con:
        if not full and migrate.owes_full_build(con):
            raise EnvironmentFault(
                "this lake was migrated and not built anew since: run `townlake build --full` once (ids stay)"
            )
        receipts = known_receipts(home)
        deliveries.register(con, receipts.values())
        ledger.apply(con, home, receipts.values())
        review_ledger.apply(con, home, receipts.values())
        deliveries.begin_redo(con)
        ledger.remember(con, full=full)
        if full or builds.unpublished_work(con) or ledger.unpublished(con) or tagging.rules_changed(con):
            return True
        from warehouse.classification import classified

        return builds.last_published(con) is not None and classified.models_changed(con, home.root / "models")


def unbuilt(home: Home) -> bool:
    """Whether a taken delivery waits that no build has dealt with. Only reads: a build may be running.

    Dealt with is what a build published, what a gate stopped under this very code (the same would happen again), and
    what somebody holds back or has withdrawn.
    """
    from ingestion.receipts import known_receipts
    from warehouse.lake import lake_exists
    from warehouse.version import code_version

    receipts = known_receipts(home)
    waiting = {k for k, receipt in receipts.items() if receipt["status"] == "taken"}
    if not waiting or not lake_exists(home):
        return bool(waiting)
    with reading(home, tip=True) as con:
        if not table_exists(con, "foundation", "build"):
            return True
        if deliveries.to_redo(con) or ledger.waiting(con, receipts.values()) or ledger.unpublished(con):
            return True
        if review_ledger.waiting(con, receipts.values()) or reviews.unpublished(con):
            return True
        dealt_with = con.execute(
            """select unnest(deliveries) from lake.foundation.build where published or code_version = ?
               union select delivery_id from lake.foundation.delivery where status in ('held', 'withdrawn')""",
            [code_version()],
        ).fetchall()
    return bool(waiting - {row[0] for row in dealt_with})


def build_layer(home: Home, layer: str, *, full: bool = False, contracts: Contracts | None = None) -> list[Any]:
    """Runs the dbt models of one layer; staging also settles accepted and quarantined, foundation links first."""
    from townlake.render import render
    from warehouse import dbt

    if layer not in LAYERS:
        raise WrongUse(f"there is no layer {layer!r}: choose one of {', '.join(LAYERS)}")
    contracts = contracts or load_contracts()
    render(contracts)
    with lake_writer(home, f"building {layer}"), metrics.measured(home, layer):
        results = []
        models, without = [f"tag:{layer}"], []
        if layer == "staging":
            touched = None if full else selection.touched_datasets(home, contracts)
            if touched is None:
                results += dbt.run(home, "seed", full_refresh=full)
                without = selection.never_delivered(home, contracts)
            else:
                models = [f"checked_{contracts[dataset].model_name}" for dataset in touched]
        if layer == "foundation":
            classify(home, full=full)
        if models:
            results += dbt.run(home, "run", select=models, exclude=without, full_refresh=full)
        if layer == "staging":
            with writing(home) as con:
                deliveries.settle(con, {k: f"checked_{c.model_name}" for k, c in contracts.items()})
        if layer == "intermediate":
            with writing(home) as con:
                ledger.settle(con, contracts)
        if layer == "marts":
            from quality import grades

            with writing(home) as con:
                grades.grade(con, home, contracts)
    return results


def link(home: Home, *, full: bool = False) -> dict[str, dict[str, int]]:
    """Decides which mentions are the same entity."""
    from warehouse import migrate
    from warehouse.linkage import registry

    with lake_writer(home, "linking"), metrics.measured(home, "linkage"), writing(home) as con:
        report = registry.link(con, full=full)
        migrate.tell_changed_ids(con)
        reviews.note_linked(con)
        return report


def classify(home: Home, *, full: bool = False) -> dict[str, int]:
    """Classes of new and changed organisations, categories of new and changed events."""
    from warehouse.classification import classified

    with lake_writer(home, "classifying"), metrics.measured(home, "classes"), writing(home) as con:
        return classified.classify(con, full=full, models=home.root / "models")


def gate(
    home: Home,
    layer: str,
    build_id: str,
    contracts: Contracts | None = None,
    *,
    full: bool = False,
    data_docs: bool = False,
) -> Any:
    """Runs the gate behind a layer on the tip of the lake. Raises GateStopped on a critical failure."""
    from quality import gates

    if layer not in GATED:
        raise WrongUse(f"there is no gate {layer!r}: choose one of {', '.join(GATED)}")
    with lake_writer(home, f"gate after {layer}"), metrics.measured(home, f"gate {layer}"):
        return gates.run_gate(home, layer, contracts or load_contracts(), build_id, full=full, data_docs=data_docs)


def score(home: Home, build_id: str, contracts: Contracts | None = None) -> dict[str, Any]:
    """Scores what the build looked at and draws the scorecards; returns how many deliveries, pages, and what is late."""
    from ingestion.receipts import known_receipts
    from quality import freshness, scorecard, scorecard_page

    contracts = contracts or load_contracts()
    with lake_writer(home, "scoring"), metrics.measured(home, "scorecard"), writing(home) as con:
        scored = scorecard.score(con, contracts, build_id, scorecard.missing_columns(known_receipts(home)))
        pages = scorecard_page.write(home, con, contracts)
        late = freshness.late(freshness.look(con, contracts))
    return {"scored": scored, "pages": len(pages), "late": [{"dataset": f.dataset, "reason": f.zh} for f in late]}


def late_deliveries(home: Home) -> list[str]:
    """One sentence per dataset that should have come. Only reads."""
    from quality import freshness
    from warehouse.lake import lake_exists

    if not lake_exists(home):
        return []
    with reading(home, tip=True) as con:
        return [f.zh for f in freshness.late(freshness.look(con, load_contracts()))]


def accept_drift(home: Home, delivery: str, *, by: str, reason: str) -> str:
    """Lets a delivery pass that differs from the earlier ones and is right nevertheless; returns its id."""
    from quality import results

    prepare_lake(home)
    with lake_writer(home, "accepting a delivery"), writing(home) as con:
        return results.accept_drift(con, delivery, by=by, reason=reason)


def publish(home: Home, build_id: str, started_at: datetime) -> int:
    """Records the snapshot that readers attach at from now on, and tells departments what became of their corrections and decisions."""
    from townlake.quarantine.answer import answer
    from townlake.review.answer import answer as answer_reviews
    from warehouse import migrate

    with lake_writer(home, "publishing"), writing(home) as con:
        metrics.take_up(con, home, build_id)
        snapshot = builds.record(con, build_id, started_at, published=True)
        migrate.note_built(con)
        answer(home, con, build_id)
        answer_reviews(home, con, build_id)
        return snapshot


def stop(home: Home, build_id: str, started_at: datetime, reason: str) -> None:
    """Records a build that did not come to its end; readers keep the last published one."""
    with lake_writer(home, "recording a stopped build"), writing(home) as con:
        metrics.take_up(con, home, build_id)
        builds.record(con, build_id, started_at, published=False, reason=reason)


def build(
    home: Home, *, full: bool = False, layers: Sequence[str] = LAYERS, progress: Progress = quiet
) -> dict[str, Any]:
    """All layers, gates and publishing. Returns a summary; `published` is False when there was nothing to build."""
    with lake_writer(home, "building"):  # held throughout: two builds never interleave
        return _build(home, full, layers, progress)


def _build(home: Home, full: bool, layers: Sequence[str], progress: Progress) -> dict[str, Any]:
    contracts = load_contracts()
    started = datetime.now(UTC)
    build_id = builds.new_build_id(started)
    if not register(home, full=full):
        return {"build_id": None, "published": False, "reason": "nothing new", "seconds": {}, "gates": []}
    seconds: dict[str, float] = {}
    gates_run: list[Any] = []
    linked: dict[str, dict[str, int]] = {}
    try:
        if "staging" in layers:
            progress("gate after raw")
            gates_run.append(_timed(seconds, "gate raw", gate, home, "raw", build_id, contracts, full=full))
        for layer in LAYERS:
            if layer not in layers:
                continue
            if layer == "foundation":
                progress("linking mentions to entities")
                linked = _timed(seconds, "linkage", link, home, full=full)
            progress(f"building {layer}")
            _timed(seconds, layer, build_layer, home, layer, full=full, contracts=contracts)
            if layer in GATED:
                progress(f"gate after {layer}")
                gates_run.append(_timed(seconds, f"gate {layer}", gate, home, layer, build_id, contracts, full=full))
    except GateStopped as stopped:
        stop(home, build_id, started, str(stopped))
        raise
    scored: dict[str, Any] = {}
    if set(layers) == set(LAYERS):
        progress("scoring deliveries")
        scored = _timed(seconds, "scorecard", score, home, build_id, contracts)
    snapshot = publish(home, build_id, started) if set(layers) == set(LAYERS) else None
    return {
        "build_id": build_id,
        "published": snapshot is not None,
        "lake_snapshot": snapshot,
        "seconds": {k: round(v, 2) for k, v in seconds.items()},
        "gates": gates_run,
        "linked": linked,
        "late": scored.get("late", []),
    }


def _timed(seconds: dict[str, float], name: str, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    started = datetime.now(UTC)
    try:
        return call(*args, **options)
    finally:
        seconds[name] = (datetime.now(UTC) - started).total_seconds()


def summary(home: Home) -> dict[str, Any]:
    """What the published foundation holds: rows by delivery, entities by kind."""
    with reading(home) as con:
        rows = con.execute(
            """select count(*) filter (status = 'taken'), count(*) filter (status = 'refused'),
                      coalesce(sum(data_rows) filter (status = 'taken'), 0), coalesce(sum(accepted), 0), coalesce(sum(quarantined), 0)
               from foundation.delivery"""
        ).fetchone()
        assert rows is not None
        entities = {
            name: _one(con.execute(f"select count(*) from foundation.{name}").fetchone())
            for name in ("person", "organisation", "place", "household", "event", "facility", "grid", "area")
        }
    return {
        "deliveries": int(rows[0]), "refused": int(rows[1]), "rows_read": int(rows[2]), "accepted": int(rows[3]),
        "quarantined": int(rows[4]), "entities": entities,
    }  # fmt: skip


def _one(row: Iterable[Any] | None) -> int:
    return int(next(iter(row))) if row else 0


def maintain(home: Home, *, keep_builds: int | None = None) -> dict[str, Any]:
    """Compaction, expiry and clean-up; a no-op on a home without a lake. `keep_builds`: so many published builds stay
    readable as they were (30 unless named)."""
    from ingestion.receipts import known_receipts
    from warehouse import maintenance
    from warehouse.lake import lake_exists

    if not lake_exists(home):
        return maintenance.Maintenance().to_json()
    with lake_writer(home, "maintenance"):
        keep = maintenance.KEEP_BUILDS if keep_builds is None else keep_builds
        with writing(home) as con:
            done = maintenance.maintain_lake(con, keep_builds=keep)
            maintenance.remove_reports(con, home, done, keep_builds=keep)
        named = [r["raw"] for r in known_receipts(home).values() if r.get("raw")]
        maintenance.remove_leftovers(home, named, done)
    return done.to_json()
