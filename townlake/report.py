"""Summaries at the end of long work: one JSON-able dictionary each, and its printing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warehouse.home import Home

if TYPE_CHECKING:
    from ingestion.landing import Scan


def ingest_summary(home: Home, found: Scan, receipts: list[dict[str, Any]]) -> dict[str, Any]:
    """What an intake did with every file of the landing folder."""
    taken = [r for r in receipts if r["status"] == "taken"]
    return {
        "landing": found.landing,
        "files": found.files + len(found.skipped),
        "taken": len(taken),
        "refused": [{"file": r["file"], "reason": r["reason_en"]} for r in receipts if r["status"] == "refused"],
        "archives": [r["file"] for r in receipts if r["status"] == "container"],
        "corrections": [
            {
                "file": r["file"],
                **{k: r["corrections"][k] for k in ("rows", "cells", "confirmed", "dismissed", "refused")},
            }
            for r in receipts
            if r["status"] == "correction"
        ],
        "reviews": [
            {"file": r["file"], **{k: r["review"][k] for k in ("same", "other", "unsure", "refused")}}
            for r in receipts
            if r["status"] == "review"
        ],
        "identical": [
            {"file": r["file"], "same_as": r["same_content_as"]["file"]} for r in receipts if r["status"] == "identical"
        ],
        "known": found.known,
        "skipped": [{"file": f, "reason": r} for f, r in found.skipped],
        "still_growing": found.growing,
        "aliases": [{"delivery_id": d, "file": f} for d, f in found.new_aliases],
        "pulls": [p.to_json() for p in found.pulls],
        "rows_read": sum(r["rows"].get("data", 0) for r in taken),
        "receipts": str(home.outbox),
    }


def build_summary(home: Home, built: dict[str, Any]) -> dict[str, Any]:
    """What a build did; gates as plain dictionaries."""
    from townlake import steps

    answer = {**built, "gates": [g.to_json() if hasattr(g, "to_json") else g for g in built.get("gates", [])]}
    if built.get("published") or built.get("reason") == "nothing new":
        from warehouse.lake import lake_exists, published_snapshot

        if lake_exists(home) and published_snapshot(home) is not None:
            answer["foundation"] = steps.summary(home)
    return answer


def run_summary(home: Home, found: Scan, receipts: list[dict[str, Any]], built: dict[str, Any]) -> dict[str, Any]:
    """Both."""
    return {
        "ingest": ingest_summary(home, found, receipts),
        "build": build_summary(home, built),
        "home": str(home.root),
    }


def print_run(answer: dict[str, Any]) -> None:
    """The end of `townlake run`."""
    print_ingest(answer["ingest"])
    print_build(answer["build"])
    print(f"look next: townlake query \"from marts.policy_old_age_allowance where finding <> 'paid'\"")  # noqa: F541
    print(f"receipts:  {answer['ingest']['receipts']}    reports: {answer['home']}/reports")


def print_ingest(answer: dict[str, Any]) -> None:
    """Files by what became of them."""
    print(
        f"files: {answer['files']} seen, {answer['taken']} taken, {len(answer['refused'])} refused, {answer['known']} already known, "
        f"{len(answer['skipped'])} skipped"
        + (f", {len(answer['still_growing'])} still being written" if answer["still_growing"] else "")
    )
    for refused in answer["refused"]:
        print(f"  refused {refused['file']}: {refused['reason']}")
    for brought in answer["corrections"]:
        rows = brought["rows"] + brought["confirmed"]
        print(
            f"  correction {brought['file']}: {rows} rows corrected, {brought['dismissed']} dismissed, {brought['refused']} not taken"
        )
    for brought in answer["reviews"]:
        print(
            f"  review {brought['file']}: {brought['same']} pairs are one, {brought['other']} are two, "
            f"{brought['unsure']} cannot be told, {brought['refused']} not taken"
        )
    for same in answer["identical"]:
        print(f"  内容相同 {same['file']}：与已接收的 {same['same_as']} 内容完全相同，没有重复接收")
    for pulled in answer["pulls"]:
        print(f"  pull {pulled['dataset']}: {pulled['message']}")


def pull_failure(answer: dict[str, Any]) -> str | None:
    """What to end with when a database could not be pulled: everything else has been done."""
    failed = [f"{p['dataset']}: {p['message']}" for p in answer["pulls"] if p["status"] == "failed"]
    return "; ".join(failed) or None


def print_build(answer: dict[str, Any]) -> None:
    """Rows, entities, gates, seconds."""
    if answer.get("reason") == "nothing new":
        print("build: nothing new to do")
    foundation = answer.get("foundation")
    if foundation:
        print(
            f"rows:  {foundation['rows_read']} read = {foundation['accepted']} accepted + {foundation['quarantined']} quarantined"
            f" ({foundation['deliveries']} deliveries)"
        )
        print("entities: " + ", ".join(f"{n} {k}" for k, n in foundation["entities"].items()))
    for gate in answer.get("gates", []):
        print(
            f"gate {gate['layer']}: {'passed' if gate['passed'] else 'STOPPED'}, {gate['expectations']} expectations, {gate['seconds']:.1f} s"
        )
    for late in answer.get("late", []):
        print(f"  late {late['dataset']}: {late['reason']}")
    if answer.get("seconds"):
        print("seconds: " + ", ".join(f"{k} {v:.1f}" for k, v in answer["seconds"].items()))
    if answer.get("published"):
        print(f"published as build {answer['build_id']} (snapshot {answer['lake_snapshot']})")
