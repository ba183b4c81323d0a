"""What dbt must know of the contracts, rendered into `dbt_project/rendered/` (ignored by git) before dbt runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingestion.contracts import Contracts, DatasetContract
from ingestion.files import write_atomic
from townlake import tagging
from warehouse import survivorship
from warehouse.home import DBT_PROJECT

_HEAD = "{# Rendered from the contracts by townlake.render; changes here are overwritten. #}\n"


def render(contracts: Contracts, project: Path = DBT_PROJECT) -> None:
    """Writes the contract macro, per dataset a `checked_*` model and, where it has a key, a `history_*` view, and the tags.

    Files that would not change are left alone.
    """
    rendered = project / "rendered"
    wanted = {
        rendered / "macros" / "contracts.sql": _macro(contracts),
        rendered / "macros" / "survivorship.sql": _survivorship(),
        rendered / "models" / "checked.yml": _yaml(contracts),
    }
    for contract in contracts.values():
        wanted[rendered / "models" / f"checked_{contract.model_name}.sql"] = _model(contract)
        if contract.key:
            wanted[rendered / "models" / f"history_{contract.model_name}.sql"] = _history(contract)
    wanted |= {rendered / "models" / name: text for name, text in tagging.models(contracts).items()}
    for path in {p for p in rendered.rglob("*") if p.is_file()} - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_atomic(path, text.encode())


def for_dbt(contract: DatasetContract) -> dict[str, Any]:
    """The parts of a contract that models are made from."""
    headers = {c.name: c.business_name for c in contract.columns}
    return {
        "id": contract.id,
        "model": contract.model_name,
        "title": contract.title,
        "kind": contract.custom.delivery.kind,
        "key": list(contract.key),
        "columns": [
            {
                "name": c.name,
                "cell": c.custom.same_cell_as or c.name,
                "header": c.business_name,
                "volatile": c.custom.volatile,
                "required": c.required,
                "kind": c.custom.standard.kind,
                "options": c.custom.standard.options,
                "severity": dict(c.custom.severity),
            }
            for c in contract.columns
        ],
        "swaps": [list(p) for p in contract.custom.swaps],
        "rules": [{**r.model_dump(), "header": headers.get(r.column or "")} for r in contract.custom.rules],
        "mentions": [m.model_dump() for m in contract.custom.mentions],
    }


def _macro(contracts: Contracts) -> str:
    book = {k: for_dbt(c) for k, c in sorted(contracts.items())}
    text = json.dumps(book, ensure_ascii=False, indent=1).replace("\\", "\\\\").replace("'", "\\'")
    return (
        _HEAD + "{% macro contracts() -%}{{ return(fromjson('" + text + "')) }}{%- endmacro %}\n"
        "{% macro contract(dataset) -%}{{ return(contracts()[dataset]) }}{%- endmacro %}\n"
    )


def _survivorship() -> str:
    text = json.dumps(survivorship.for_dbt())
    return (
        "{# Rendered from warehouse/survivorship by townlake.render; changes here are overwritten. #}\n"
        "{% macro survivorship_rules() -%}{{ return(fromjson('" + text + "')) }}{%- endmacro %}\n"
        "{% macro most_criteria() -%}{{ return(" + str(survivorship.MOST_CRITERIA) + ") }}{%- endmacro %}\n"
    )


def _model(contract: DatasetContract) -> str:
    config = (
        "{{ config(schema='staging', materialized='incremental', incremental_strategy='append', "
        "tags=['staging'], pre_hook=\"{{ drop_withdrawn() }}\") }}\n"
    )
    # parsing needs no SQL: nothing in it refers to another model
    return _HEAD + config + "{% if execute %}{{ checked('" + contract.id + "') }}{% endif %}\n"


def _history(contract: DatasetContract) -> str:
    config = "{{ config(schema='staging', materialized='view', tags=['staging']) }}\n"
    needs = "-- depends_on: {{ ref('stg_" + contract.model_name + "') }}\n"
    return _HEAD + config + needs + "{% if execute %}{{ history('" + contract.id + "') }}{% endif %}\n"


def _yaml(contracts: Contracts) -> str:
    lines = ["version: 2", "models:"]
    for contract in contracts.values():
        lines += [
            f"  - name: checked_{contract.model_name}",
            f"    description: {json.dumps(contract.title + '：每一数据行，标准化并逐条检查，含被隔离的行', ensure_ascii=False)}",
            "    columns:",
        ]
        lines += _described(contract)
        lines += [
            f"  - name: stg_{contract.model_name}",
            f"    description: {json.dumps(contract.title + '：已接受的行', ensure_ascii=False)}",
            "    columns:",
            *_described(contract),
        ]
        if contract.key:
            lines += [
                f"  - name: history_{contract.model_name}",
                f"    description: {json.dumps(contract.title + '：每条记录的各个版本及其有效期', ensure_ascii=False)}",
            ]
    return "\n".join(lines) + "\n"


def _described(contract: DatasetContract) -> list[str]:
    lines = []
    for column in contract.columns:
        text = json.dumps(column.description or column.business_name, ensure_ascii=False)
        lines += [f"      - name: {column.name}", f"        description: {text}"]
    return lines
