"""The page of a build's gates, and the JSON it is drawn from: `reports/<build_id>/gates.html`, `gate_<layer>.json`.

Each gate writes its JSON and draws the page anew from all that are there, so a build that was stopped half-way still has
one. The page carries its style within and loads nothing. Names, headers and values come from outside: everything is
escaped.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files import write_atomic, write_json
from warehouse.errors import explain
from warehouse.home import Home

if TYPE_CHECKING:
    import jinja2

    from quality.gates import GateReport

TEMPLATES = Path(__file__).resolve().parent / "templates"
BEIJING = timezone(timedelta(hours=8))
SHOWN_FINDINGS = 100
LAYERS = {"raw": "原始层", "staging": "标准层", "foundation": "底座", "marts": "应用层"}
SEVERITY = {"critical": ("bad", "拦截"), "warning": ("warn", "警告"), "info": ("calm", "提示")}


def write(home: Home, report: GateReport) -> Path:
    """JSON and page of one gate; returns the page. A disk that cannot take them is named in one sentence."""
    folder = home.reports / report.build_id
    try:
        write_json(folder / f"gate_{report.layer}.json", report.as_dict())
        page = folder / "gates.html"
        write_atomic(page, render(report.build_id, _gates_of(folder)).encode())
    except OSError as error:
        raise explain(error) or error from error
    return page


def _gates_of(folder: Path) -> list[dict[str, Any]]:
    """What the gates of a build wrote, in the order of the layers."""
    found = [folder / f"gate_{layer}.json" for layer in LAYERS]
    return [json.loads(path.read_text(encoding="utf-8")) for path in found if path.exists()]


def render(build_id: str, gates: list[dict[str, Any]]) -> str:
    """The page."""
    return _template().render(v=_view(build_id, gates))


@cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["count"] = lambda number: f"{int(number):,}"
    return environment.get_template("gates.html.j2")


def _view(build_id: str, gates: list[dict[str, Any]]) -> dict[str, Any]:
    findings = [{**_finding(f), "layer": g["layer"]} for g in gates for f in g["failures"]]
    findings.sort(key=lambda f: list(SEVERITY).index(f["severity"]))
    failed = {s: sum(g["failed"].get(s, 0) for g in gates) for s in SEVERITY}
    return {
        "build_id": build_id,
        "passed": all(g["passed"] for g in gates),
        "expectations": sum(g["expectations"] for g in gates),
        "met": sum(g["expectations"] for g in gates) - sum(failed.values()),
        "failed": [(*SEVERITY[s], s, n) for s, n in failed.items()],
        "findings": findings[:SHOWN_FINDINGS],
        "more_findings": max(0, len(findings) - SHOWN_FINDINGS),
        "gates": [_gate(g) for g in gates],
        "not_run": [(layer, zh) for layer, zh in LAYERS.items() if layer not in {g["layer"] for g in gates}],
        "run_at": _beijing(max((g["started_at"] for g in gates), default=datetime.now(UTC).isoformat())),
    }


def _gate(gate: dict[str, Any]) -> dict[str, Any]:
    suites: dict[str, dict[str, Any]] = {}
    for result in gate["results"]:
        suite = suites.setdefault(
            result["suite"], {"name": result["suite"], "zh": result["suite_zh"], "rows": [], "failed": 0}
        )
        tone, label = SEVERITY[result["severity"]]
        suite["rows"].append({**result, "tone": tone, "label": label})
        suite["failed"] += not result["success"]
    for suite in suites.values():
        suite["rows"].sort(key=lambda r: r["success"])
        worst = [r["tone"] for r in suite["rows"] if not r["success"]]
        suite["tone"] = next((t for t, _ in SEVERITY.values() if t in worst), "good")
        suite["checked"] = max((r["checked_rows"] for r in suite["rows"]), default=0)
    return {
        **gate,
        "zh": LAYERS.get(gate["layer"], gate["layer"]),
        "tone": "good" if gate["passed"] else "bad",
        "suites": list(suites.values()),
        "counts": [(*SEVERITY[s], gate["failed"].get(s, 0)) for s in SEVERITY],
        "at": _beijing(gate["started_at"]),
    }


def _finding(failure: dict[str, Any]) -> dict[str, Any]:
    tone, label = SEVERITY[failure["severity"]]
    return {**failure, "tone": tone, "label": label}


def _beijing(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
