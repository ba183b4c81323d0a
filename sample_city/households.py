"""Households: who lives together, where, and which of them move or leave between the deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from sample_city.codes import DAY_ZERO, shares
from sample_city.draw import Bools, Draw, Floats, Indices, Ints
from sample_city.places import Places, within

HEAD, SPOUSE, CHILD, FATHER, MOTHER, OTHER = 1, 10, 20, 51, 52, 99  # GB/T 4761, as the register uses it
LATER = 30_000  # a period no delivery reaches

# weight, lowest and highest age of the head, how steeply few heads are old, members after the head
KINDS: tuple[tuple[float, int, int, float, tuple[int, ...]], ...] = (
    (10.5, 21, 60, 1.0, ()),
    (12.5, 61, 101, 1.3, ()),
    (9.0, 24, 56, 1.0, (SPOUSE,)),
    (16.5, 57, 91, 1.12, (SPOUSE,)),
    (14.0, 25, 45, 0.9, (SPOUSE, CHILD)),
    (10.0, 27, 47, 0.9, (SPOUSE, CHILD, CHILD)),
    (9.0, 46, 68, 1.1, (SPOUSE, CHILD)),
    (7.5, 28, 60, 1.0, (SPOUSE, CHILD, MOTHER)),
    (3.5, 28, 58, 1.0, (SPOUSE, CHILD, FATHER, MOTHER)),
    (2.5, 30, 50, 1.0, (SPOUSE, CHILD, CHILD, MOTHER)),
    (1.8, 30, 50, 1.0, (SPOUSE, CHILD, CHILD, FATHER, MOTHER)),
    (3.7, 26, 50, 1.0, (CHILD,)),
)
SINGLE_YOUNG, SINGLE_OLD, COUPLE_YOUNG, WITH_CHILD, WITH_TWO_CHILDREN = 0, 1, 2, 4, 5
ETHNIC = (1, 11, 5, 10, 15, 2, 3, 7, 8, 30)  # GB 3304: Han, Manchu, Uyghur, Korean, Tujia, Mongol, Hui, Yi, Zhuang, Tu
_ETHNIC_WEIGHTS = (975.0, 6, 3, 5, 3, 3, 3, 1, 1, 0.5)
UYGHUR = 5
OUTSIDE_SHARE, APART_SHARE = 0.098, 0.066  # hukou outside the city; in another house of it
FOREIGN_SINGLES, FOREIGN_HOMES = 0.006, 0.0035
MOVES, DEPARTURES = 0.0064, 0.0020  # monthly shares of households


@dataclass(frozen=True)
class Clock:
    """Days of the deliveries; first day of the year of the first one."""

    start: int
    days: tuple[int, ...]

    @property
    def periods(self) -> range:
        """The deliveries after the first."""
        return range(2, len(self.days) + 1)

    @staticmethod
    def of(first: date, periods: int) -> Clock:
        """Delivery days one month apart; the 31st becomes the last day of a shorter month."""

        def day(stamp: np.datetime64) -> int:
            return int((stamp.astype("datetime64[D]") - DAY_ZERO).astype(int))

        month = np.datetime64(f"{first.year:04d}-{first.month:02d}", "M")
        months = [month + k for k in range(periods)]
        days = tuple(min(day(m) + first.day - 1, day(m + 1) - 1) for m in months)
        return Clock(day(np.datetime64(f"{first.year:04d}-01", "M")), days)


@dataclass(frozen=True)
class Homes:
    """One element per household.

    house: where it lives at first; hukou: house of its hukou; outside: index of its place of origin where the hukou
    is not in the city, else -1; moved_in, departed: the delivery from which it lives in new_house, or is gone
    (LATER: not at all)
    """

    kind: Ints
    size: Ints
    community: Ints
    house: Ints
    hukou: Ints
    outside: Ints
    foreign: Bools
    ethnic: Ints
    moved_in: Ints
    new_house: Ints
    departed: Ints

    @property
    def first(self) -> Indices:
        """The first person of each household."""
        return np.cumsum(self.size) - self.size


def sizes(draw: Draw, persons: int) -> tuple[Indices, Indices]:
    """Kind and size of each household; the sizes add up to exactly `persons`."""
    full = np.asarray([1 + len(k[4]) for k in KINDS])
    ids = np.arange(int(persons / 1.8) + 8)
    kind = draw.pick("household/kind", ids, [k[0] for k in KINDS])
    size = full[kind]
    total = np.cumsum(size)
    last = int(np.searchsorted(total, persons))
    size = size[: last + 1].copy()
    size[last] -= int(total[last]) - persons
    return kind[: last + 1], size


def per_community(households: int, weights: Floats) -> Indices:
    """How many of the households each community has."""
    return shares(households, weights)


def build(draw: Draw, clock: Clock, kind: Indices, size: Indices, *, places: Places, origins: int) -> Homes:
    """Puts households into houses, with vacant ones in between; `origins`: number of places of origin."""
    ids = np.arange(len(kind))
    here = places.community["households"].to_numpy()
    community = np.repeat(np.arange(places.community.height), here)
    first, houses, homes = (places.community[c].to_numpy()[community] for c in ("first_house", "houses", "households"))
    house = first + within(here) * houses // np.maximum(homes, 1)
    vacant = np.setdiff1d(np.arange(len(places.house_community)), house, assume_unique=True)
    moved_in, new_house, departed = _removals(draw, ids, clock, vacant)
    foreign = draw.chance("household/foreign", ids, FOREIGN_SINGLES) & (kind == SINGLE_YOUNG)
    foreign |= draw.chance("household/foreign/family", ids, FOREIGN_HOMES)
    away = draw.chance("household/outside", ids, OUTSIDE_SHARE) & ~foreign
    origin = draw.below("household/origin", ids, origins)
    apart = draw.chance("household/apart", ids, APART_SHARE) & ~away
    other = draw.below("household/hukou", ids, len(places.house_community))
    return Homes(
        kind=kind.astype(np.int8),
        size=size.astype(np.int8),
        community=community.astype(np.int32),
        house=house.astype(np.int32),
        hukou=np.where(apart, other, house).astype(np.int32),
        outside=np.where(foreign, origins, np.where(away, origin, -1)).astype(np.int8),
        foreign=foreign,
        ethnic=np.asarray(ETHNIC)[draw.pick("household/ethnic", ids, _ETHNIC_WEIGHTS)].astype(np.int8),
        moved_in=moved_in.astype(np.int16),
        new_house=new_house.astype(np.int32),
        departed=departed.astype(np.int16),
    )


def _removals(draw: Draw, ids: Indices, clock: Clock, vacant: Indices) -> tuple[Indices, Indices, Indices]:
    """Households that move inside the city (period, new house) or leave it (period)."""
    moved_in, new_house, departed = np.full(len(ids), LATER), np.full(len(ids), -1), np.full(len(ids), LATER)
    free = vacant[draw.order("household/vacant", vacant)]
    used = 0
    for period in clock.periods:
        goes = draw.chance(f"household/move/{period}", ids, MOVES) & (new_house < 0) & (departed > period)
        go = np.flatnonzero(goes)[: len(free) - used]
        moved_in[go], new_house[go] = period, free[used : used + len(go)]
        used += len(go)
        leave = draw.chance(f"household/leave/{period}", ids, DEPARTURES) & (new_house < 0) & (departed > period)
        departed[leave] = period
    return moved_in, new_house, departed
