"""What is done when a delivery is late: the deadline of a `freshness` run was missed. Runs in the triggerer."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

log = logging.getLogger(__name__)


async def tell(context: dict[str, Any] | None = None, **_: Any) -> None:
    """Says in the log of the alert which deliveries are late."""
    from townlake import steps
    from warehouse.home import Home

    for sentence in await asyncio.to_thread(steps.late_deliveries, Home.from_environment()):
        log.warning("迟交 late: %s", sentence)
