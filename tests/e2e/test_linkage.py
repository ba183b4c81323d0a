"""How right the linkage is on the labelled sample city, both months: what `benchmarks/linkage.md` says, held."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import shared_path
from townlake import steps
from warehouse.home import Home
from warehouse.lake import reading

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.shared, pytest.mark.long, pytest.mark.timeout(1500)]

FLOORS = {
    ("person", "all"): (0.999, 0.99),
    ("person", "no_usable_number"): (0.98, 0.93),
    ("organisation", "all"): (0.999, 0.99),
    ("place", "no_house_code"): (0.99, 0.97),
    ("event", "all"): (0.95, 0.90),
    ("facility", "all"): (0.999, 0.99),
}
"""Pairwise precision and recall."""


def test_linkage_on_the_sample_city(tmp_path: Path) -> None:
    city = shared_path("sample_city")
    home = Home.at(tmp_path / "home").prepare()
    steps.ingest(home, city / "landing")
    assert steps.build(home)["published"]
    before = _ids(home)
    steps.ingest(home, city / "landing_2")
    assert steps.build(home)["published"]
    after = _ids(home)
    script = Path(__file__).parents[2] / "benchmarks" / "linkage.py"
    printed = subprocess.run(
        [sys.executable, str(script), str(home.root), str(city / "truth"), "--json"], capture_output=True, check=True
    ).stdout
    found = json.loads(printed)
    for (entity, group), (precision, recall) in FLOORS.items():
        figures = found[entity][group]
        assert (figures["pair_precision"] >= precision, figures["pair_recall"] >= recall) == (True, True), (
            entity,
            figures,
        )
    changed = {key for key, entity in before.items() if after.get(key, entity) != entity}
    with reading(home) as con:
        explained = {old for (old,) in con.execute("select old_id from foundation.entity_change").fetchall()}
    assert {before[key] for key in changed} <= explained, "an id changed and nothing says why"


def _ids(home: Home) -> dict[tuple[str, str], str]:
    """(entity, content) → id."""
    out = {}
    with reading(home) as con:
        for entity in ("person", "organisation", "event", "facility"):
            rows = con.execute(
                f"select content_id, {entity}_id from lake.registry.{entity}_link where {entity}_id is not null"
            ).fetchall()
            out.update({(entity, content): known for content, known in rows})
    return out
