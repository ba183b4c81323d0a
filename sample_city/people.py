"""Households and persons: kinship, ages, names, numbers, and what happens to them until the last delivery.

Persons 0 … N-1 are the city on the day of the first delivery (those who died since 1 January among them); births and
arrivals of later months follow. Everything is a small integer per person; text is made where it is delivered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from sample_city import names
from sample_city.codes import DAY_ZERO, calendar
from sample_city.draw import Bools, Draw, Floats, Indices, Ints
from sample_city.places import Places, _within

HEAD, SPOUSE, CHILD, FATHER, MOTHER, OTHER = 1, 10, 20, 51, 52, 99  # GB/T 4761, as the register uses it
RELATION_NAMES = {HEAD: "户主", SPOUSE: "配偶", CHILD: "子女", FATHER: "父亲", MOTHER: "母亲", OTHER: "其他"}
NEVER = np.iinfo(np.int32).max
MEAN_SIZE = 2.62

# kind: weight, lowest and highest age of the head, how steeply few heads are old, members after the head
HOUSEHOLDS: tuple[tuple[float, int, int, float, tuple[int, ...]], ...] = (
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
SINGLE_YOUNG, SINGLE_OLD, WITH_TWO_CHILDREN = 0, 1, 5
ETHNIC = (
    1,
    11,
    5,
    10,
    15,
    2,
    3,
    7,
    8,
    30,
)  # GB 3304: Han, Manchu, Uyghur, Korean, Tujia, Mongol, Hui, Yi, Zhuang, Daur
_ETHNIC_WEIGHTS = (975.0, 6, 3, 5, 3, 3, 3, 1, 1, 0.5)
_UYGHUR = 2

# county: codes of first registration now abolished (GB/T 2260 of its year) and the year the present one began
FORMER_COUNTIES: dict[int, tuple[tuple[int, ...], int]] = {
    370602: ((370601,), 1984),
    370611: ((370621,), 1984),
    370612: ((370631,), 1995),
    370613: ((370631, 370620), 1995),
    370614: ((370622, 370684, 370634), 2020),
    370671: ((370631,), 1995),
    370676: ((370621,), 1985),
    370681: ((370623,), 1987),
    370682: ((370627,), 1988),
    370683: ((370625,), 1989),
    370685: ((370624,), 1992),
    370686: ((370628,), 1996),
    370687: ((370629,), 1997),
}
_STATISTICAL = {370671: 370613, 370676: 370602}  # development zones have no code of their own in GB/T 2260
ABOLISHED_SHARE = 0.42
# where persons from elsewhere were first registered: code and text; some of the codes are abolished too
ORIGINS: tuple[tuple[int, str], ...] = (
    (370202, "山东省青岛市市南区"),
    (371002, "山东省威海市环翠区"),
    (370702, "山东省潍坊市潍城区"),
    (371302, "山东省临沂市兰山区"),
    (370802, "山东省济宁市任城区"),
    (372801, "山东省临沂市兰山区"),
    (371402, "山东省德州市德城区"),
    (371102, "山东省日照市东港区"),
    (230102, "黑龙江省哈尔滨市道里区"),
    (220602, "吉林省白山市浑江区"),
    (210202, "辽宁省大连市中山区"),
    (220102, "吉林省长春市南关区"),
    (410102, "河南省郑州市中原区"),
    (411302, "河南省南阳市宛城区"),
    (340122, "安徽省合肥市肥东县"),
    (320102, "江苏省南京市玄武区"),
    (510104, "四川省成都市锦江区"),
    (500101, "重庆市万州区"),
    (620102, "甘肃省兰州市城关区"),
    (130102, "河北省石家庄市长安区"),
    (120101, "天津市和平区"),
    (110105, "北京市朝阳区"),
    (653101, "新疆维吾尔自治区喀什市"),
    (222401, "吉林省延吉市"),
)
DOCUMENTS = (
    "身份证",
    "护照",
    "外国人永久居留身份证",
    "港澳居民来往内地通行证",
    "台湾居民来往大陆通行证",
    "港澳台居民居住证",
)
MOBILE_PREFIXES = (
    130,
    131,
    132,
    133,
    134,
    135,
    136,
    137,
    138,
    139,
    150,
    151,
    152,
    153,
    155,
    156,
    157,
    158,
    159,
    176,
    177,
    178,
    180,
    181,
    182,
    183,
    185,
    186,
    187,
    188,
    189,
    198,
    199,
)
DISABILITY_TYPES = ("视力", "听力", "言语", "肢体", "智力", "精神", "多重")
_DISABILITY_WEIGHTS = (8.0, 10, 8, 38, 15, 7, 8)
_DISABILITY_LEVELS = (10.0, 22, 38, 28)
LOW_INCOME_TYPES = ("", "城市低保", "农村低保", "特困供养", "低保边缘")
DISABLED_SHARE, LOW_INCOME_SHARE = 0.0330, 0.0290

# monthly shares of what changes between deliveries
BIRTHS, ARRIVALS = 0.0010, 0.0010
MOVES, DEPARTURES = 0.0064, 0.0020
NEW_PHONES, NEW_NAMES, NEW_LOW_INCOME, NEW_HUKOU_ELSEWHERE = 0.0050, 0.0007, 0.0007, 0.0


@dataclass(frozen=True)
class People:
    """All persons (arrays of one length) and households (arrays of another).

    sex 1 2; birth, death: days since 1970-01-01 (death NEVER if not before the last delivery); a, b, c: parts of the name;
    area, sequence: of the identity number; document: index into DOCUMENTS; has_number: false for small children without one;
    arrived, departed, disabled_type …: the period from which it holds (1 from the start, 0 or NEVER never)
    """

    count: int
    household: Ints
    relation: Ints
    sex: Ints
    birth: Ints
    death: Ints
    a: Ints
    b: Ints
    c: Ints
    ethnic: Ints
    area: Ints
    sequence: Ints
    second_sequence: Ints
    document: Ints
    has_number: Bools
    arrived: Ints
    disability_type: Ints
    disability_level: Ints
    low_income: Ints
    low_income_from: Ints
    twin: Bools
    copied_name: Bools
    shared_number: Bools
    namesake_of_kin: Bools
    house: Ints
    first_house_hukou: Ints
    moved_in: Ints
    new_house: Ints
    departed: Ints
    outside: Ints
    household_first: Ints
    household_community: Ints


def _household_kinds(draw: Draw, persons: int) -> tuple[Indices, Indices]:
    """Kind and size of each household; the sizes add up to exactly `persons`."""
    sizes = np.asarray([1 + len(k[4]) for k in HOUSEHOLDS])
    ids = np.arange(int(persons / 1.8) + 8)
    kind = draw.pick("household/kind", ids, [k[0] for k in HOUSEHOLDS])
    size = sizes[kind]
    total = np.cumsum(size)
    last = int(np.searchsorted(total, persons))
    size = size[: last + 1].copy()
    size[last] -= int(total[last]) - persons
    return kind[: last + 1], size


def households_per_community(draw: Draw, persons: int, weights: Floats) -> tuple[Indices, Indices, Indices]:
    """Kind and size of each household, and how many households each community has."""
    kind, size = _household_kinds(draw, persons)
    share = np.cumsum(weights) / np.sum(weights)
    edge = np.rint(share * len(kind)).astype(np.int64)
    return kind, size, np.diff(edge, prepend=0)


def _members(kind: Indices, size: Indices) -> tuple[Indices, Indices]:
    """Household and relation of each person."""
    household = np.repeat(np.arange(len(kind)), size)
    width = max(len(k[4]) for k in HOUSEHOLDS) + 1
    table = np.zeros((len(HOUSEHOLDS), width), dtype=np.int64)
    for i, (*_, members) in enumerate(HOUSEHOLDS):
        table[i, : len(members) + 1] = (HEAD, *members)
    return household, table[kind[household], _within(size)]


def _ages(draw: Draw, kind: Indices, household: Indices, relation: Indices, slot: Indices) -> tuple[Indices, Indices]:
    """Sex and age in days of each person."""
    homes, ids = np.arange(len(kind)), np.arange(len(household))
    low, high, steep = (np.asarray([k[i] for k in HOUSEHOLDS], dtype=np.float64)[kind] for i in (1, 2, 3))
    head_age = low + (high + 1 - low) * draw.uniform("household/age", homes) ** steep
    man = draw.chance("household/man", homes, np.where(kind == SINGLE_OLD, 0.42, 0.78))
    head_sex = np.where(man, 1, 2)
    u = draw.uniform("person/age", ids)
    head, sex = head_age[household], head_sex[household]
    spouse = np.maximum(20.5, head + np.where(sex == 1, -5.0 + 6.0 * u, -1.0 + 6.0 * u))
    mother = np.where(sex == 2, head, head - 2.0)
    child = mother - 23.0 - 9.0 * u - np.where(slot == 3, 3.0, 0.0)
    parent = np.where(relation == FATHER, 24.5 + 8.0 * u, 22.5 + 8.0 * u)
    age = np.select(
        [relation == SPOUSE, relation == CHILD, relation >= FATHER],
        [spouse, np.maximum(0.02, child), head + parent],
        head,
    )
    own = np.select(
        [relation == SPOUSE, relation == FATHER, relation == MOTHER, relation == CHILD],
        [3 - sex, 1, 2, np.where(draw.chance("person/boy", ids, 0.52), 1, 2)],
        sex,
    )
    return own, np.floor(np.minimum(age, 104.9) * 365.25).astype(np.int64)


def _deaths(draw: Draw, ids: Indices, birth: Indices, start: int, first: int, horizon: int) -> Indices:
    """Day of death in [start, horizon], else NEVER; the hazard doubles about every eight years of age.

    After the first delivery people die three times as fast, so that the next month of a small city has some deaths in it.
    """
    age = (start - birth) / 365.25
    hazard = np.minimum(0.00034 * np.exp(0.088 * (age - 30.0)), 0.6)
    years = -np.log1p(-draw.uniform("person/death", ids)) / hazard
    day = start + np.floor(np.minimum(years * 365.25, 200_000)).astype(np.int64)
    day = np.where(day > first, first + 1 + (day - first - 1) // 3, day)
    return np.where((day <= horizon) & (day > birth) & (age > 0), day, NEVER)


def _areas(draw: Draw, ids: Indices, county: Ints, origin: Ints, birth_year: Ints) -> Indices:
    """County of first registration: often one that no longer exists, for those from elsewhere another city's."""
    present = np.asarray([_STATISTICAL.get(int(c), int(c)) for c in range(370600, 370700)])[county - 370600]
    former = np.full((100, 3), 370601)
    until = np.zeros(100)
    for code, (codes, year) in FORMER_COUNTIES.items():
        former[code - 370600] = (codes * 3)[:3]
        until[code - 370600] = year
    old = (birth_year < until[county - 370600]) & draw.chance("person/abolished", ids, ABOLISHED_SHARE)
    which = draw.pick("person/former", ids, [8, 3, 1])
    area = np.where(old, former[county - 370600, which], present)
    outside = np.asarray([code for code, _ in ORIGINS])[np.maximum(origin, 0)]
    return np.where(origin >= 0, outside, area)


def _sequences(draw: Draw, area: Ints, birth: Ints, sex: Ints) -> Indices:
    """Three-digit sequences, odd for men: different for all who share area, birthday and sex."""
    cell = (area.astype(np.int64) * 60_000 + (birth + 30_000)) * 2 + (sex == 1)
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    rank = np.empty(len(cell), dtype=np.int64)
    rank[order] = np.arange(len(cell)) - np.repeat(starts, np.diff(np.r_[starts, len(cell)]))
    half = (draw.below("person/sequence", cell, 490) + rank * 211) % 490 + 5  # 211 and 490 have no common divisor
    return half * 2 + (sex == 1)


@dataclass(frozen=True)
class Clock:
    """Days of the deliveries; first day of the year of the first one."""

    start: int
    days: tuple[int, ...]

    @staticmethod
    def of(first: date, periods: int) -> Clock:
        """Delivery days one month apart; the 31st becomes the last day of a shorter month."""
        stamps = []
        for k in range(periods):
            year, month = divmod(first.year * 12 + first.month - 1 + k, 12)
            following = np.datetime64(f"{year:04d}-{month + 1:02d}", "M") + 1
            last = int((following.astype("datetime64[D]") - 1 - DAY_ZERO).astype(int))
            begin = int(
                (np.datetime64(f"{year:04d}-{month + 1:02d}", "M").astype("datetime64[D]") - DAY_ZERO).astype(int)
            )
            stamps.append(min(begin + first.day - 1, last))
        start = int((np.datetime64(f"{first.year:04d}-01-01", "D") - DAY_ZERO).astype(int))
        return Clock(start, tuple(stamps))


def build(draw: Draw, persons: int, clock: Clock, kind: Indices, size: Indices, places: Places) -> People:
    """All persons of the city, and of the months that follow."""
    households = len(kind)
    homes = np.arange(households)
    home_community = np.repeat(np.arange(places.community.height), places.community["households"].to_numpy())
    household, relation = _members(kind, size)
    slot = _within(size)
    sex, age = _ages(draw, kind, household, relation, slot)
    birth = clock.days[0] - age
    birth, twin = _twins(kind, household, slot, birth, draw)
    household, relation, sex, birth, arrived = _newcomers(draw, persons, clock, kind, household, relation, sex, birth)
    twin = np.r_[twin, np.zeros(len(household) - len(twin), dtype=bool)]
    total = len(household)
    ids = np.arange(total)

    # homes: an even spread over the houses of the community, vacant ones in between
    inside = _within(places.community["households"].to_numpy())
    first, houses, homes_here = (
        places.community[c].to_numpy()[home_community] for c in ("first_house", "houses", "households")
    )
    house = first + inside * houses // np.maximum(homes_here, 1)
    vacant = np.setdiff1d(np.arange(len(places.house_community)), house, assume_unique=True)
    moved_in, new_house, departed = _removals(draw, homes, clock, vacant)
    outside_home = draw.chance("household/outside", homes, 0.098)
    apart = draw.chance("household/apart", homes, 0.066) & ~outside_home
    hukou = np.where(apart, draw.below("household/hukou", homes, len(places.house_community)), house)
    foreign_home = draw.chance("household/foreign", homes, 0.006) & (kind == SINGLE_YOUNG) | draw.chance(
        "household/foreign/family", homes, 0.0035
    )
    outside = np.where(outside_home & ~foreign_home, draw.below("household/origin", homes, len(ORIGINS)), -1)
    outside = np.where(foreign_home, len(ORIGINS), outside)

    birth_year = calendar(birth)[0]
    ethnic_home = draw.pick("household/ethnic", homes, _ETHNIC_WEIGHTS)
    ethnic = np.asarray(ETHNIC)[ethnic_home][household]
    a, b, c, kin = _person_names(draw, household, relation, sex, birth_year, ethnic_home, foreign_home)
    county = places.community["county_code"].str.slice(0, 6).cast(int).to_numpy()[places.house_community[hukou]]
    origin = outside[household]
    area = _areas(draw, ids, county[household], np.where(origin < len(ORIGINS), origin, -1), birth_year)
    copied, shared, a, b, c, sex, birth, area = _doubles(
        draw, persons, kind, household, size, (a, b, c), sex, birth, area
    )
    sequence = _sequences(draw, area, birth, sex)
    second = (draw.below("person/second", ids, 480) * 2 + 11 - (sex == 2) + sequence) % 960 // 2 * 2 + 20 + (sex == 1)
    twice = draw.chance("person/second/is", ids, 0.00035)
    if persons >= 1000 and not twice.any():
        twice[int(draw.below("person/second/one", np.zeros(1, dtype=np.int64), persons)[0])] = True
    sequence = _share_numbers(draw, shared, sequence)
    document = np.where(foreign_home[household], 1 + draw.below("person/document", ids, 5), 0)
    infant = (clock.days[0] - birth) < 3 * 365
    has_number = ~(infant & draw.chance("person/unregistered", ids, 0.5)) & (document == 0)
    rural = ~places.community["urban"].to_numpy()[home_community][household]
    return People(
        count=persons,
        household=household.astype(np.int32),
        relation=relation.astype(np.int8),
        sex=sex.astype(np.int8),
        birth=birth.astype(np.int32),
        death=_deaths(draw, ids, birth, clock.start, clock.days[0], clock.days[-1]).astype(np.int32),
        a=a.astype(np.int16),
        b=b.astype(np.int16),
        c=c.astype(np.int16),
        ethnic=np.where(document > 0, 98, ethnic).astype(np.int8),
        area=area.astype(np.int32),
        sequence=sequence.astype(np.int16),
        second_sequence=np.where(twice, second, -1).astype(np.int16),
        document=document.astype(np.int8),
        has_number=has_number,
        arrived=arrived.astype(np.int16),
        disability_type=np.where(
            draw.chance("person/disabled", ids, DISABLED_SHARE),
            1 + draw.pick("person/disability", ids, _DISABILITY_WEIGHTS),
            0,
        ).astype(np.int8),
        disability_level=(1 + draw.pick("person/disability/level", ids, _DISABILITY_LEVELS)).astype(np.int8),
        low_income=_low_income(draw, ids, rural).astype(np.int8),
        low_income_from=_low_income_from(draw, ids, len(clock.days)).astype(np.int16),
        twin=twin,
        copied_name=copied,
        shared_number=shared >= 0,
        namesake_of_kin=kin,
        house=house.astype(np.int32),
        first_house_hukou=hukou.astype(np.int32),
        moved_in=moved_in.astype(np.int16),
        new_house=new_house.astype(np.int32),
        departed=departed.astype(np.int16),
        outside=outside.astype(np.int8),
        household_first=(np.cumsum(size) - size).astype(np.int32),
        household_community=home_community.astype(np.int32),
    )


def _twins(kind: Indices, household: Indices, slot: Indices, birth: Indices, draw: Draw) -> tuple[Indices, Bools]:
    """Gives the second child of some households the birthday of the first."""
    pair = np.flatnonzero((kind[household] == WITH_TWO_CHILDREN) & (slot == 3))
    pair = pair[draw.chance("household/twins", household[pair], 0.035)]
    birth, twin = birth.copy(), np.zeros(len(birth), dtype=bool)
    birth[pair] = birth[pair - 1]
    twin[pair] = twin[pair - 1] = True
    return birth, twin


def _newcomers(
    draw: Draw,
    persons: int,
    clock: Clock,
    kind: Indices,
    household: Indices,
    relation: Indices,
    sex: Indices,
    birth: Indices,
) -> tuple[Indices, Indices, Indices, Indices, Indices]:
    """Appends the births and arrivals of the months after the first delivery; also the period each person arrived (1)."""
    columns: list[list[Indices]] = [[household], [relation], [sex], [birth], [np.ones(len(household), dtype=np.int64)]]
    young = np.flatnonzero(np.isin(kind, (2, 4)))
    young = young[draw.order("newcomer/home", young)]
    used = 0
    for period in range(2, len(clock.days) + 1):
        before, now = clock.days[period - 2], clock.days[period - 1]
        for what, share in (("birth", BIRTHS), ("arrival", ARRIVALS)):
            n = min(max(1, round(persons * share)), len(young) - used)
            new = persons * 16 + period * 2 + np.arange(n) * 1000 + (what == "birth")
            columns[0].append(young[used : used + n])
            columns[1].append(np.full(n, CHILD if what == "birth" else OTHER))
            columns[2].append(1 + draw.below("newcomer/sex", new, 2))
            age = draw.below("newcomer/age", new, now - before if what == "birth" else 9000)
            columns[3].append(now - age - (0 if what == "birth" else 7000))
            columns[4].append(np.full(n, period))
            used += n
    household, relation, sex, birth, arrived = (np.concatenate(c) for c in columns)
    return household, relation, sex, birth, arrived


def _removals(draw: Draw, homes: Indices, clock: Clock, vacant: Indices) -> tuple[Indices, Indices, Indices]:
    """Households that move inside the city (period, new house) or leave it (period)."""
    moved_in, new_house = np.full(len(homes), NEVER // 100_000), np.full(len(homes), -1)
    departed = np.full(len(homes), NEVER // 100_000)
    free = vacant[draw.order("household/vacant", vacant)]
    used = 0
    for period in range(2, len(clock.days) + 1):
        go = np.flatnonzero(draw.chance(f"household/move/{period}", homes, MOVES) & (new_house < 0))[: len(free) - used]
        moved_in[go], new_house[go] = period, free[used : used + len(go)]
        used += len(go)
        leave = draw.chance(f"household/leave/{period}", homes, DEPARTURES) & (new_house < 0) & (departed > period)
        departed[leave] = period
    return moved_in, new_house, departed


def _person_names(
    draw: Draw,
    household: Indices,
    relation: Indices,
    sex: Indices,
    birth_year: Indices,
    ethnic_home: Indices,
    foreign_home: Bools,
) -> tuple[Indices, Indices, Indices, Bools]:
    """Parts of all names. Children bear their father's surname, a head that of his or her father."""
    ids = np.arange(len(household))
    line = names.surnames(draw, np.arange(len(ethnic_home)))  # the surname of the head, or of the head's husband
    own = names.surnames(draw, ids + (1 << 40))
    head_is_man = np.zeros(len(ethnic_home), dtype=bool)
    head_is_man[household[(relation == HEAD) & (sex == 1)]] = True
    follows = head_is_man[household] & np.isin(relation, (HEAD, CHILD, FATHER))
    follows |= ~head_is_man[household] & np.isin(relation, (SPOUSE, CHILD))
    of_mother = (relation == CHILD) & draw.chance("name/mother", ids, 0.03)
    wife = names.surnames(draw, np.arange(len(ethnic_home)) + (1 << 41))
    follows_wife = ~head_is_man[household] & np.isin(relation, (HEAD, FATHER))
    a = np.select([follows & ~of_mother, follows_wife], [line[household], wife[household]], own)
    b, c = names.given(draw, ids, sex, birth_year)
    dots = ethnic_home[household] == _UYGHUR
    dot_a, dot_b = names.dotted(draw, ids, sex)
    other = foreign_home[household]
    for_a, for_b = names.foreign(draw, ids, draw.chance("household/traditional", household, 0.5))
    a = np.select([other, dots], [for_a, dot_a], a)
    b = np.select([other, dots], [for_b, dot_b], b)
    c = np.where(other | dots, 0, c)
    # now and then a child is called like the head
    kin = np.zeros(len(ids), dtype=bool)
    child = np.flatnonzero((relation == CHILD) & (np.r_[0, relation[:-1]] == SPOUSE))
    child = child[
        draw.chance("name/like/head", household[child], 0.008)
        & (sex[child] == sex[np.maximum(child - 2, 0)])
        & ~other[child]
    ]
    for part in (a, b, c):
        part[child] = part[child - 2]
    kin[child] = kin[child - 2] = True
    return a, b, c, kin


def _doubles(
    draw: Draw,
    persons: int,
    kind: Indices,
    household: Indices,
    size: Indices,
    parts: tuple[Indices, Indices, Indices],
    sex: Indices,
    birth: Indices,
    area: Indices,
) -> tuple[Bools, Indices, Indices, Indices, Indices, Indices, Indices, Indices]:
    """Pairs of strangers with the same name and birthday, and pairs who were given the same number.

    Only persons who live alone are changed, so that kinship stays sound. `shared` is the other person of the number, or -1.
    """
    a, b, c = (p.copy() for p in parts)
    sex, birth, area = sex.copy(), birth.copy(), area.copy()
    alone = (np.cumsum(size) - size)[(kind == SINGLE_YOUNG) & (size == 1)]
    alone = alone[draw.order("double/order", alone)]
    pairs = min(len(alone) // 4, max(2, persons // 2500))
    copied, shared = np.zeros(len(sex), dtype=bool), np.full(len(sex), -1)
    left, right = alone[:pairs], alone[pairs : 2 * pairs]
    for column in (a, b, c, sex, birth):
        column[right] = column[left]
    copied[left] = copied[right] = True
    few = min(max(1, persons // 15_000), len(alone) - 2 * pairs) // 1
    few = min(few, (len(alone) - 2 * pairs) // 2)
    left, right = alone[2 * pairs : 2 * pairs + few], alone[2 * pairs + few : 2 * pairs + 2 * few]
    for column in (sex, birth, area):
        column[right] = column[left]
    b[right], c[right] = names.given(draw, right + (1 << 42), sex[right], calendar(birth[right])[0])
    shared[right], shared[left] = left, left
    return copied, shared, a, b, c, sex, birth, area


def _share_numbers(draw: Draw, shared: Indices, sequence: Indices) -> Indices:
    """Both of a pair bear the sequence of the first."""
    sequence = sequence.copy()
    both = np.flatnonzero(shared >= 0)
    sequence[both] = sequence[shared[both]]
    return sequence


def _low_income(draw: Draw, ids: Indices, rural: Bools) -> Indices:
    """Kind of relief a person would get: urban or rural allowance, destitute, margin."""
    kind = draw.pick("person/relief", ids, [54.0, 18.0, 28.0])
    return np.where(kind == 0, np.where(rural, 2, 1), kind + 2)


def _low_income_from(draw: Draw, ids: Indices, periods: int) -> Indices:
    """The period from which a person is on the roll; 0 never."""
    since = draw.chance("person/poor", ids, LOW_INCOME_SHARE).astype(np.int64)
    for period in range(2, periods + 1):
        since = np.where((since == 0) & draw.chance(f"person/poor/{period}", ids, NEW_LOW_INCOME), period, since)
    return since
