"""No model compares every row with every row: what takes a blink on a village would take a day on a city."""

from __future__ import annotations

import pytest

from warehouse.home import Home
from warehouse.lake import reading

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_every_outer_join_is_hashed(first_month: Home) -> None:
    """A left join with a condition on its left side beside the equality is planned as a blockwise nested loop."""
    compiled = sorted((first_month.work / "dbt-target" / "compiled").rglob("*.sql"))
    assert len(compiled) > 60
    looped = []
    with reading(first_month, tip=True) as con:
        con.execute("load spatial")
        for model in compiled:
            [(_, plan)] = con.execute(f"explain (format json) {model.read_text(encoding='utf-8')}").fetchall()
            if "BLOCKWISE_NL_JOIN" in plan:
                looped.append(model.stem)
    assert looped == []
