"""Events on other ways than the hotline: grid workers report them, inspectors of the city open cases, mediators settle.

A report is known by its event: each way tells of an event at most once.
"""

from __future__ import annotations

import numpy as np

from sample_city.draw import Bools, Indices, Ints
from sample_city.events import (
    BY_BOTH,
    BY_CITY,
    BY_GRID,
    BY_MEDIATION,
    CITY_KINDS,
    DAY,
    FIRST_WINDOW,
    GRID_KINDS,
    QUARREL,
    Events,
)
from sample_city.households import Clock

GRID, CITY, MEDIATION = "grid", "city", "mediation"
_GRID_TOO, _CITY_WITH_GRID, _CITY_TOO, _MEDIATED = 0.109, 0.74, 0.03, 0.47


def _told(events: Events, way: str) -> Bools:
    """Events that come on this way."""
    kind, ids = events.kind, np.arange(len(events.kind))
    silent = -2 - events.burst.astype(np.int64)
    rung = silent < 0
    by_grid = rung & GRID_KINDS[kind] & events.draw.chance("report/grid", ids, _GRID_TOO)
    if way == GRID:
        return np.asarray(by_grid | np.isin(silent, (BY_GRID, BY_BOTH, BY_MEDIATION)))
    if way == CITY:
        chance = np.where(by_grid, _CITY_WITH_GRID, _CITY_TOO)
        also = rung & CITY_KINDS[kind] & events.draw.chance("report/city", ids, chance)
        return np.asarray(also | np.isin(silent, (BY_CITY, BY_BOTH)))
    also = rung & (kind == QUARREL) & events.draw.chance("report/mediation", ids, _MEDIATED)
    return np.asarray(also | (silent == BY_MEDIATION))


def times(events: Events, way: str, at: Ints) -> Indices:
    """When it is reported: within half a day, to a mediator within some days."""
    longest = 6 * DAY if way == MEDIATION else DAY // 2
    return np.asarray(events.time[at] + events.draw.below(f"report/{way}/delay", at, longest))


def sent(events: Events, clock: Clock, period: int, way: str) -> Indices:
    """Events that a delivery of this way tells of, by time of report."""
    at = np.flatnonzero(_told(events, way))
    low = clock.days[0] - FIRST_WINDOW if period == 1 else clock.days[period - 2]
    when = times(events, way, at)
    here = (when >= (low + 1) * DAY) & (when < (clock.days[period - 1] + 1) * DAY)
    at, when = at[here], when[here]
    return np.asarray(at[np.argsort(when, kind="stable")])
