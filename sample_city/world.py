"""The city as a whole, and what is so in it on the day of each delivery."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from sample_city import areas, events, facilities, households, institutions, lines, names, organisations, people, places
from sample_city.codes import calendar, compact_dates, dates, id_numbers_of, padded
from sample_city.draw import Bools, Draw, Indices, Ints
from sample_city.households import Clock

OLD_AGE = 80
STEP = 1_000_000  # persons whose dates are turned into numbers at a time
ALLOWANCE = ((100, 500), (90, 200), (80, 50))  # yuan a month by age, as the city's notice sets it


@dataclass(frozen=True)
class World:
    """All entities of a city. Methods take entity indices and give text columns for them."""

    draw: Draw
    clock: Clock
    persons: int
    places: places.Places
    people: people.People
    organisations: organisations.Organisations
    events: events.Events
    observed: dict[int, Bools] = field(default_factory=dict)
    refused: dict[int, Bools] = field(default_factory=dict)

    @property
    def periods(self) -> int:
        """Number of deliveries."""
        return len(self.clock.days)

    def day(self, period: int) -> int:
        """Day of a delivery, since 1970-01-01."""
        return self.clock.days[period - 1]

    def day_text(self, period: int, form: str = "%Y%m%d") -> str:
        """Day of a delivery as text."""
        return str(dates(np.asarray([self.day(period)]), form)[0])

    @cached_property
    def first_of_home(self) -> Indices:
        """The first person of each household."""
        return self.people.homes.first

    @cached_property
    def born_on(self) -> Ints:
        """Dates of birth of everybody as numbers YYYYMMDD: asked for by nearly every dataset."""
        birth = self.people.birth
        parts = [compact_dates(birth[low : low + STEP]).astype(np.int32) for low in range(0, len(birth), STEP)]
        return np.concatenate(parts)

    @cached_property
    def lived_in(self) -> Bools:
        """Houses that had a household at first."""
        houses = np.zeros(len(self.places.house_community), dtype=bool)
        houses[self.people.homes.house] = True
        return houses

    def listed(self, stream: str, houses: Indices, per_person: float, known: float) -> Indices:
        """Those of some houses that a register holds: `known` of the lived-in ones, vacant ones up to its share."""
        every = int(self.lived_in.sum())
        vacant = max(len(self.lived_in) - every, 1)
        of_vacant = min(1.0, max(0.0, per_person * self.persons - known * every) / vacant)
        share = np.where(self.lived_in[houses], known, of_vacant)
        return np.asarray(houses[self.draw.chance(stream, houses, share)])

    @cached_property
    def town_share(self) -> float:
        """Share of the houses that are flats of a town."""
        return float((self.places.house_building >= 0).mean())

    # ---- who is there -----------------------------------------------------------------------------------
    def born(self, period: int) -> Bools:
        """Persons who have arrived or were born by the day of a delivery, the dead and departed included."""
        return np.asarray(self.people.arrived <= period)

    def departed(self, ids: Ints, period: int) -> Bools:
        """Persons whose household has left the city."""
        return np.asarray(self.people.homes.departed[self.people.household[ids]] <= period)

    def dead(self, ids: Ints, period: int) -> Bools:
        """Persons who died on or before the day of a delivery."""
        return np.asarray(self.people.death[ids] <= self.day(period))

    def ages(self, ids: Ints, period: int) -> Indices:
        """Completed years on the day of a delivery."""
        now = int(compact_dates(np.asarray([self.day(period)]))[0])
        return np.asarray((now - self.born_on[ids].astype(np.int64)) // 10_000)

    def in_register(self, ids: Ints, period: int) -> Bools:
        """Persons the household register of the city holds: number, hukou here, arrived, not departed, alive.

        Of the dead, a few stay on it for some months, as registers do.
        """
        p = self.people
        home = p.household[ids]
        kept = self.draw.chance("register/kept", ids, 0.07)
        alive = (p.death[ids] > self.day(period)) | kept
        return np.asarray(
            (p.homes.outside[home] < 0)
            & p.has_number[ids]
            & (p.arrived[ids] <= period)
            & (p.homes.departed[home] > period)
            & alive
        )

    def served(self, ids: Ints) -> Bools:
        """Persons a welfare department looks after: those whose hukou is here, and some who only live here."""
        away = self.people.homes.outside[self.people.household[ids]] >= 0
        return np.asarray((~away | self.draw.chance("person/served", ids, 0.25)) & (self.people.document[ids] == 0))

    # ---- what they are called ---------------------------------------------------------------------------
    def name_parts(self, ids: Ints, period: int) -> tuple[Indices, Indices, Indices]:
        """Parts of the names on the day of a delivery; a few take a new given name."""
        p = self.people
        a, b, c = (x[ids].astype(np.int64) for x in (p.a, p.b, p.c))
        for past in range(2, period + 1):
            new = self.renamed_in(ids, past)
            if new.any():
                at = ids[new]
                b[new], c[new] = names.given(self.draw, at, p.sex[at], calendar(p.birth[at])[0], version=past)
        return a, b, c

    def renamed_in(self, ids: Ints, period: int) -> Bools:
        """Persons who changed their given name between the delivery before and this one."""
        p = self.people
        plain = (
            (p.document[ids] == 0)
            & (p.ethnic[ids] != 5)
            & (p.birth[ids] < self.clock.days[0] - 1000)
            & p.has_number[ids]
        )
        return np.asarray(plain & self.draw.chance(f"person/rename/{period}", ids, people.NEW_NAMES))

    def names(self, ids: Ints, period: int) -> pl.Series:
        """Names on the day of a delivery."""
        return names.render(self.name_parts(ids, period))

    def former_names(self, ids: Ints, period: int) -> pl.Series:
        """The name before the last change; empty for nearly everybody."""
        changed = np.zeros(len(ids), dtype=bool)
        for past in range(2, period + 1):
            changed |= self.renamed_in(ids, past)
        return where(changed, names.render(self.name_parts(ids, 1)))

    def numbers(self, ids: Ints) -> pl.Series:
        """GB 11643 numbers; empty for those who have none."""
        p = self.people
        return where(p.has_number[ids], id_numbers_of(p.area[ids], self.born_on[ids], p.sequence[ids]))

    def other_numbers(self, ids: Ints) -> pl.Series:
        """The second number of the few who were given two; empty otherwise."""
        p = self.people
        has = p.second_sequence[ids] >= 0
        return where(
            has & p.has_number[ids],
            id_numbers_of(p.area[ids], self.born_on[ids], np.maximum(p.second_sequence[ids], 0)),
        )

    def numbers_for(self, source: str, ids: Ints) -> pl.Series:
        """Numbers as a department other than the police knows them: sometimes the second one of a person."""
        use = (self.people.second_sequence[ids] >= 0) & self.draw.chance(f"number/{source}", ids, 0.5)
        if not use.any():
            return self.numbers(ids)
        return choose(use, self.other_numbers(ids), self.numbers(ids))

    def documents(self, ids: Ints) -> pl.Series:
        """Numbers of other documents than the citizen's (people.DOCUMENTS); empty for citizens.

        Passports, and permits of Hong Kong and Macao: a letter and eight digits; of Taiwan: eight digits; cards of the
        18-digit kind for permanent residents (9…) and residents from Hong Kong, Macao and Taiwan (81, 82, 83).
        """
        p = self.people
        kind = p.document[ids].astype(np.int64)
        digits = padded("", self.draw.below("person/document/number", ids, 10**8), 8)
        letter = places.take(pl.Series(["E", "M", "P", "G"]), self.draw.below("person/document/letter", ids, 4))
        home = np.asarray([810000, 820000, 830000])[self.draw.below("person/document/home", ids, 3)]
        state = 900_000 + 156 + self.draw.below("person/document/state", ids, 80_000)
        cards = id_numbers_of(np.where(kind == 2, state, home), self.born_on[ids], p.sequence[ids])
        frame = pl.DataFrame({"k": kind, "d": digits, "l": letter, "c": cards})
        return frame.select(
            pl.when(pl.col("k") == 0)
            .then(pl.lit(""))
            .when(pl.col("k") == 1)
            .then(pl.col("l") + pl.col("d"))
            .when(pl.col("k") == 3)
            .then("H" + pl.col("d"))
            .when(pl.col("k") == 4)
            .then("d")
            .otherwise("c")
        ).to_series()

    def ethnic_names(self, ids: Ints, foreign: str) -> pl.Series:
        """Names of ethnic groups; `foreign` for foreigners."""
        table = pl.Series([people.ETHNIC_NAMES.get(k, foreign) for k in range(100)])
        return places.take(table, self.people.ethnic[ids])

    def guardians(self, ids: Ints, period: int) -> Indices:
        """The head of the household, or another adult where that is the person; -1 where there is none."""
        head = self.first_of_home[self.people.household[ids]]
        alive = self.people.death[head] > self.day(period)
        return np.where((head != ids) & alive, head, self.kin(ids, period))

    def phones(self, ids: Ints, period: int) -> pl.Series:
        """Mobile numbers on the day of a delivery; a few change."""
        version = np.zeros(len(ids), dtype=np.int64)
        for past in range(2, period + 1):
            version = np.where(self.draw.chance(f"person/phone/{past}", ids, people.NEW_PHONES), past, version)
        key = np.asarray(ids).astype(np.int64) + (version << 44)
        prefixes = np.asarray(people.MOBILE_PREFIXES)
        number = prefixes[self.draw.below("person/phone/prefix", key, len(prefixes))] * 10**8
        return padded("", number + self.draw.below("person/phone/number", key, 10**8), 11)

    # ---- where they live --------------------------------------------------------------------------------
    def residence(self, ids: Ints, period: int) -> Indices:
        """House of residence on the day of a delivery."""
        p, home = self.people, self.people.household[ids]
        return np.where(p.homes.moved_in[home] <= period, p.homes.new_house[home], p.homes.house[home]).astype(np.int64)

    def hukou(self, ids: Ints) -> Indices:
        """House of the hukou; -1 where it is outside the city."""
        p, home = self.people, self.people.household[ids]
        return np.where(p.homes.outside[home] < 0, p.homes.hukou[home], -1).astype(np.int64)

    def hukou_addresses(self, ids: Ints) -> pl.Series:
        """Hukou addresses: standard inside the city, a line of text outside it."""
        house = self.hukou(ids)
        origin = self.people.homes.outside[self.people.household[ids]].astype(np.int64)
        here = self.places.addresses(np.maximum(house, 0))
        if (house >= 0).all():
            return here
        texts = pl.Series([text for _, text in people.ORIGINS] + ["境外"])
        far = pl.DataFrame(
            {
                "t": places.take(texts, np.maximum(origin, 0)),
                "n": pl.Series(1 + self.draw.below("origin/number", self.people.household[ids], 99)).cast(pl.String),
            }
        )
        far_text = far.select(
            pl.when(pl.col("t") == "境外").then("t").otherwise(pl.col("t") + "前进街" + pl.col("n") + "号")
        ).to_series()
        return choose(house >= 0, here, far_text)

    def kin(self, ids: Ints, period: int) -> Indices:
        """Another adult of the household who is alive; -1 where there is none."""
        p = self.people
        home = p.household[ids]
        first, size = self.first_of_home[home], p.homes.size[home].astype(np.int64)
        other = np.where(ids < p.count, first + (ids - first + 1) % np.maximum(size, 1), first)
        grown = (
            (p.birth[other] < self.day(period) - 18 * 366) & (p.death[other] > self.day(period)) & p.has_number[other]
        )
        return np.where((other != ids) & grown, other, -1)

    def employer(self, ids: Ints, period: int) -> Indices:
        """The organisation a person works for; -1 for none."""
        age = self.ages(ids, period)
        works = (age >= 20) & (age < 60) & self.draw.chance("person/works", ids, 0.62)
        return np.where(works, self.firms[self.draw.below("person/employer", ids, len(self.firms))], -1)

    @cached_property
    def firms(self) -> Indices:
        """Organisations of the first delivery that employ people: firms and co-operatives; all where there is none."""
        first = np.flatnonzero(self.organisations.founded_in == 1)
        firms = first[self.organisations.kind[first] != organisations.SELF_EMPLOYED]
        return np.asarray(firms if len(firms) else first)

    @cached_property
    def institutions(self) -> institutions.Institutions:
        """Public bodies, committees, associations and collectives."""
        return institutions.build(self.draw, self.clock.days[0], len(self.organisations), self.places, self.people)

    @cached_property
    def line_grids(self) -> dict[str, lines.LineGrids]:
        """Grids of the other lines by department."""
        return {d: lines.build(self.persons, self.places, line) for d, line in lines.LINES.items()}

    @cached_property
    def facilities(self) -> facilities.Facilities:
        """Services, party centres and parts of the streets."""
        return facilities.build(self.draw, self.persons, self.places)

    def person_keys(self, ids: Ints) -> pl.Series:
        """P0000001 …; empty where the index is negative."""
        return where(np.asarray(ids) >= 0, padded("P", np.maximum(ids, 0) + 1, 7))

    # ---- allowance --------------------------------------------------------------------------------------
    def allowance(self, ages: Ints) -> Indices:
        """Old-age allowance by age in yuan a month; 0 under 80."""
        return np.select([ages >= low for low, _ in ALLOWANCE], [yuan for _, yuan in ALLOWANCE], 0)

    def paid(self, period: int) -> Indices:
        """Persons on the payment roll: most who are entitled, and some of the dead of the last months."""
        p = self.people
        ids = np.flatnonzero((p.birth <= self.day(period) - OLD_AGE * 365) & (p.arrived <= period))
        ids = ids[self.ages(ids, period) >= OLD_AGE]
        home = p.household[ids]
        here = (p.homes.outside[home] < 0) & (p.homes.departed[home] > period) & p.has_number[ids]
        applied = ~self.draw.chance("allowance/missed", ids, 0.05)
        dead = self.dead(ids, period)
        recent = p.death[ids] > self.day(period) - 190
        kept = dead & recent & self.draw.chance("allowance/kept", ids, 0.4)
        return np.asarray(ids[here & applied & (~dead | kept)])

    def see(self, period: int, ids: Ints) -> None:
        """Notes that a delivery shows these persons."""
        self.observed.setdefault(period, np.zeros(len(self.people.sex), dtype=bool))[ids] = True

    def refuse(self, period: int, ids: Ints) -> None:
        """Notes that the register's rows of these persons cannot be trusted."""
        self.refused.setdefault(period, np.zeros(len(self.people.sex), dtype=bool))[ids] = True

    def seen(self, period: int) -> Bools:
        """Persons shown by this delivery or one before it."""
        nobody = np.zeros(len(self.people.sex), dtype=bool)
        return np.logical_or.reduce([self.observed.get(past, nobody) for past in range(1, period + 1)])


def where(mask: Bools, text: pl.Series) -> pl.Series:
    """The text where `mask` holds, else an empty one."""
    if bool(mask.all()):
        return text
    return choose(mask, text, pl.repeat("", len(text), dtype=pl.String, eager=True))


def choose(mask: Bools, yes: pl.Series, no: pl.Series) -> pl.Series:
    """One of two text columns, row by row."""
    return (
        pl.DataFrame({"m": pl.Series(np.asarray(mask)), "y": yes, "n": no})
        .select(pl.when("m").then("y").otherwise("n"))
        .to_series()
    )


def build(persons: int, seed: int, periods: int, first: date, area_file: Path = areas.SEED_FILE) -> World:
    """Makes a city of `persons` with all that happens to it until the last of `periods` monthly deliveries."""
    draw, clock = Draw(seed), Clock.of(first, periods)
    community = areas.covered(draw, persons, area_file)
    kind, size = households.sizes(draw, persons)
    built = places.build(draw, community, households.per_community(len(kind), community["weight"].to_numpy()))
    homes = households.build(draw, clock, kind, size, places=built, origins=len(people.ORIGINS))
    crowd = people.build(draw, persons, clock, homes, built)
    firms = organisations.build(draw, persons, clock, built, crowd)
    calls = events.build(draw, persons, clock, built, crowd)
    return World(draw, clock, persons, built, crowd, firms, calls)
