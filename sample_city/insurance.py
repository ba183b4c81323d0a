"""Who works, studies or has retired, and which insurance follows from it."""

from __future__ import annotations

import numpy as np

from sample_city.draw import Bools, Indices, Ints
from sample_city.world import World

TODDLER, PUPIL, RETIRED, EMPLOYED, FARMER, JOBLESS, FREELANCE = range(7)
EMPLOYMENT = ("学龄前", "学生", "退休", "在职", "务农", "失业", "灵活就业")
NO_PENSION, PAYING, PAYING_ALONE, DRAWING, RESIDENT, RESIDENT_DRAWING = range(6)
FIRM_SCHEME, RESIDENT_SCHEME = "企业职工基本养老保险", "城乡居民基本养老保险"
PENSION = ("", FIRM_SCHEME, FIRM_SCHEME, FIRM_SCHEME, RESIDENT_SCHEME, RESIDENT_SCHEME)
NOT_INSURED, WORKER, INHABITANT, CHILD = range(4)
MEDICAL = ("", "职工", "居民", "学生儿童")


def employment(world: World, ids: Ints, period: int) -> Indices:
    """Index into EMPLOYMENT."""
    age, employer = world.ages(ids, period), world.employer(ids, period)
    idle = FARMER + world.draw.below("person/idle", ids, 3)
    return np.select([age < 6, age < 22, age >= 60, employer >= 0], [0, 1, 2, 3], idle)


def _there(world: World, ids: Ints, period: int) -> Bools:
    """Alive, not gone, with a number or another document."""
    p = world.people
    return np.asarray((p.arrived[ids] <= period) & ~world.dead(ids, period) & ~world.departed(ids, period))


def pension(world: World, ids: Ints, period: int) -> Indices:
    """Scheme and state of a person in the pension insurance (NO_PENSION …)."""
    work = employment(world, ids, period)
    firm = world.draw.chance("pension/firm", ids, 0.62)
    insured = _there(world, ids, period) & world.people.has_number[ids]
    insured &= world.draw.chance("pension/insured", ids, np.where(work == RETIRED, 0.955, 0.985))
    state = np.select(
        [work == EMPLOYED, work == FREELANCE, work == FARMER, (work == RETIRED) & firm, work == RETIRED],
        [PAYING, PAYING_ALONE, RESIDENT, DRAWING, RESIDENT_DRAWING],
        NO_PENSION,
    )
    return np.where(insured, state, NO_PENSION)


def medical(world: World, ids: Ints, period: int) -> Indices:
    """Kind of a person in the medical insurance (NOT_INSURED …)."""
    work = employment(world, ids, period)
    firm = world.draw.chance("pension/firm", ids, 0.62)
    kind = np.select([work == EMPLOYED, (work == RETIRED) & firm, work <= PUPIL], [WORKER, WORKER, CHILD], INHABITANT)
    insured = _there(world, ids, period) & world.draw.chance("medical/insured", ids, 0.923)
    return np.where(insured, kind, NOT_INSURED)
