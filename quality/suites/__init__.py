"""The suites of each gate: of raw, staging and drift from the contracts, of foundation and marts by hand.

Severity, the same everywhere: `critical` stops the build, `warning` and `info` are reported and it goes on. Critical is
what would put something wrong in front of readers, or a delivery that is not what it says it is; what single rows or
sources get wrong is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingestion.contracts import DatasetContract
from quality.checks import Suite
from quality.ground import Ground
from quality.suites.drift import drift_suite
from quality.suites.foundation import foundation_suites
from quality.suites.marts import marts_suites
from quality.suites.raw import raw_suite
from quality.suites.sensitivity import exposure_suite, sensitivity_suite
from quality.suites.staging import dataset_suite, deliveries_suite
from warehouse.errors import WrongUse

LAYERS = ("raw", "staging", "foundation", "marts")


def suites_of(layer: str, contracts: Mapping[str, DatasetContract], ground: Ground) -> list[Suite]:
    """Suites of the gate behind a layer. A dataset of which nothing is looked at has none of its own."""
    if layer == "raw":
        return [raw_suite(ground)]
    if layer == "staging":
        datasets = {d.dataset for d in ground.deliveries if d.is_looked_at}
        looked_at = [c for _, c in sorted(contracts.items()) if c.id in datasets]
        return [
            deliveries_suite(contracts, ground), *(dataset_suite(c, ground) for c in looked_at), drift_suite(looked_at, ground),
            sensitivity_suite(looked_at, ground),
        ]  # fmt: skip
    if layer == "foundation":
        return foundation_suites(contracts, ground)
    if layer == "marts":
        return [*marts_suites(), exposure_suite()]
    raise WrongUse(f"there is no gate {layer!r}: choose one of {', '.join(LAYERS)}")
