"""Runs the rendered SQL over many cells at once and compares it with the reference."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa

from tests.standard import reference as ref
from warehouse import standard


def run(kind: str, cells: Iterable[str | None], opts: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """(raw, value, rule, outcome) for each cell, in order."""
    table = pa.table({"x": pa.array(list(cells), pa.string())})
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = true")
        connection.register("cells", table)
        return connection.execute(standard.select(kind, "cells", "x", opts or {})).fetchall()


@lru_cache
def facts() -> dict[str, Any]:
    """Tables of signs and codes, which are data: taken from the macros, tested against their sources elsewhere."""
    traditional = standard.macros()["std_traditional_forms"]()
    signs = standard.macros()["std_sign_forms"]()
    return {
        "traditional_forms": dict(zip(traditional["from"], traditional["to"], strict=True)),
        "simplified_only": {ch for ch in traditional["to"] if not ref.in_big5(ch)},
        "sign_forms": dict(zip(signs["from"], signs["to"], strict=True)),
        "ethnic_groups": standard.macros()["std_ethnic_groups"](),
    }


def disagreements(kind: str, cells: list[str], opts: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Cells on which SQL and reference differ in value or outcome."""
    known = {**facts(), **opts}
    if isinstance(opts.get("other"), str):
        known["other_value"] = opts["other"].strip("'")
    found = []
    for raw, value, rule, outcome in run(kind, cells, opts):
        expected, became = ref.REFERENCE[kind](raw, known)
        if not same(value, expected) or outcome != became:
            found.append((raw, value, rule, outcome, expected, became))
    return found


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) < 1e-8
    return bool(a == b)
