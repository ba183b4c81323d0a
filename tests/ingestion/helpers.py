"""A contract of its own for tests of the intake, and the intake of a few files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ingestion.contracts import Contracts, load_contracts
from townlake import steps
from warehouse.home import Home

COLUMNS = {"code": "编号", "name": "姓名", "born": "born", "changed": "changed_at"}


def write_contract(folder: Path, pull: dict[str, Any] | None, **changes: Any) -> Contracts:
    """One contract in a folder of its own, `ceshi.biao`: delta when it has a watermark, else full. `changes`: `columns`
    (name to header), `aliases` (name to headers), `delivery`, `drift`, or any other key of the contract."""
    kind = "delta" if (pull or {}).get("watermark") else "full"
    columns, aliases = changes.pop("columns", COLUMNS), changes.pop("aliases", {})
    properties = [
        {
            "name": name,
            "businessName": header,
            "required": name in ("code", "name"),
            "primaryKey": name == "code",
            "customProperties": [{"property": "aliases", "value": aliases.get(name, [])}],
        }
        for name, header in columns.items()
    ]
    custom = [
        {"property": "department", "value": "测试局"},
        {"property": "delivery", "value": {"kind": kind, **changes.pop("delivery", {})}},
    ]
    if "drift" in changes:
        custom.append({"property": "drift", "value": changes.pop("drift")})
    if pull is not None:
        custom.append({"property": "pull", "value": pull})
    contract = {
        "apiVersion": "v3.0.2", "kind": "DataContract", "id": "ceshi.biao", "name": "测试表", "version": "1.0.0",
        "status": "active", "domain": "ceshi", "team": [{"username": "ceshi"}],
        "schema": [{"name": "biao", "properties": properties}], "customProperties": custom, **changes,
    }  # fmt: skip
    path = folder / "ceshi" / "biao" / "contract.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(contract, allow_unicode=True), encoding="utf-8")
    return load_contracts(folder)


def drop(home: Home, files: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    """Puts files into the department's folder and takes them in; receipts by file name."""
    folder = home.landing / "ceshi"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    _, receipts = steps.ingest(home)
    return {str(r["file"]).removeprefix("ceshi/"): r for r in receipts}
