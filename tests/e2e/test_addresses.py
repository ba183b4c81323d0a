"""Addresses of the shared sample city end where its answer key says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import shared_path
from townlake import steps
from warehouse.home import Home

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.shared, pytest.mark.long, pytest.mark.timeout(1200)]


def test_addresses_are_resolved_as_the_key_says(tmp_path: Path) -> None:
    city = shared_path("sample_city")
    home = Home.at(tmp_path / "home").prepare()
    steps.ingest(home, city / "landing")
    assert steps.build(home)["published"]
    script = Path(__file__).parents[2] / "benchmarks" / "addresses.py"
    printed = subprocess.run(
        [sys.executable, str(script), str(home.root), str(city / "truth"), "--json"], capture_output=True, check=True
    ).stdout
    (over_all,) = [r for r in json.loads(printed) if r["source"] is None and r["wanted_level"] is None]
    assert over_all["community"] >= 0.98
    assert over_all["place"] >= 0.97
    assert over_all["grid"] >= 0.97
    assert over_all["too_deep"] == 0
    assert over_all["other_community"] == 0
