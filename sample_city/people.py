"""Persons: kinship, ages, names, numbers, and what happens to them until the last delivery.

Persons 0 … N-1 are the city on the day of the first delivery (those who died since 1 January among them); births and
arrivals of later months follow. Everything is a small integer per person; text is made where it is delivered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sample_city import households, names
from sample_city.codes import calendar
from sample_city.draw import Bools, Draw, Indices, Ints
from sample_city.households import CHILD, FATHER, HEAD, MOTHER, OTHER, SPOUSE, Clock, Homes
from sample_city.places import Places, within

RELATION_NAMES = {HEAD: "户主", SPOUSE: "配偶", CHILD: "子女", FATHER: "父亲", MOTHER: "母亲", OTHER: "其他"}
NEVER = np.iinfo(np.int32).max
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
ETHNIC_NAMES = {
    1: "汉族",
    2: "蒙古族",
    3: "回族",
    5: "维吾尔族",
    7: "彝族",
    8: "壮族",
    10: "朝鲜族",
    11: "满族",
    15: "土家族",
    30: "土族",
}
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
TWO_NUMBERS_SHARE = 0.00035
PERSONS_PER_NAMESAKE, PERSONS_PER_SHARED_NUMBER = 2500, 15_000

# monthly shares of what changes between deliveries
BIRTHS, ARRIVALS, NEW_PHONES, NEW_NAMES, NEW_LOW_INCOME = 0.0010, 0.0010, 0.0050, 0.0007, 0.0007


@dataclass(frozen=True)
class People:
    """All persons, one element each, and their households.

    sex 1 2; birth, death: days since 1970-01-01 (NEVER: not before the last delivery); a, b, c: parts of the name;
    area, sequence: of the identity number; second_sequence: of a second one, or -1; document: index into DOCUMENTS;
    has_number: not so for some small children and for holders of other documents; arrived, low_income_from: the
    delivery from which it holds (1 from the start; low_income_from 0 never)
    """

    count: int
    homes: Homes
    household: Ints
    relation: Ints
    sex: Ints
    birth: Ints
    arrived: Ints
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
    disability_type: Ints
    disability_level: Ints
    low_income: Ints
    low_income_from: Ints
    twin: Bools
    shared_number: Bools


@dataclass
class _Draft:
    """Persons while they are being made; whole columns are replaced, or changed in place."""

    household: Indices
    relation: Indices
    slot: Indices
    sex: Indices
    birth: Indices
    arrived: Indices
    twin: Bools
    a: Indices
    b: Indices
    c: Indices

    def extended(self, **columns: Indices) -> _Draft:
        """With more persons behind the present ones; columns not given are zero."""
        n = len(next(iter(columns.values())))
        zero = np.zeros(n, dtype=np.int64)
        return _Draft(**{k: np.r_[v, columns.get(k, zero.astype(v.dtype))] for k, v in vars(self).items()})


def build(draw: Draw, persons: int, clock: Clock, homes: Homes, places: Places) -> People:
    """All persons of the city, and of the months that follow."""
    draft = _newcomers(draw, persons, clock, homes, _first(draw, clock, homes))
    ids = np.arange(len(draft.household))
    home = draft.household
    document = np.where(homes.foreign[home], 1 + draw.below("person/document", ids, len(DOCUMENTS) - 1), 0)
    _name(draw, draft, homes)
    county = places.community["county_code"].str.slice(0, 6).cast(int).to_numpy()[places.house_community[homes.hukou]]
    origin = np.where(homes.foreign, -1, homes.outside).astype(np.int64)
    area = _areas(draw, ids, county[home], origin[home], calendar(draft.birth)[0])
    shared = _doubles(draw, persons, draft, homes, area)
    sequence = _sequences(draw, area, draft.birth, draft.sex)
    both = np.flatnonzero(shared >= 0)
    sequence[both] = sequence[shared[both]]
    infant = (clock.days[0] - draft.birth) < 3 * 365
    rural = ~places.community["urban"].to_numpy()[homes.community][home]
    disabled = draw.chance("person/disabled", ids, DISABLED_SHARE)
    deaths = _deaths(draw, ids, draft.birth, clock)
    return People(
        count=persons,
        homes=homes,
        household=home.astype(np.int32),
        relation=draft.relation.astype(np.int8),
        sex=draft.sex.astype(np.int8),
        birth=draft.birth.astype(np.int32),
        arrived=draft.arrived.astype(np.int16),
        death=deaths.astype(np.int32),
        a=draft.a.astype(np.int16),
        b=draft.b.astype(np.int16),
        c=draft.c.astype(np.int16),
        ethnic=np.where(document > 0, 98, homes.ethnic[home]).astype(np.int8),
        area=area.astype(np.int32),
        sequence=sequence.astype(np.int16),
        second_sequence=_second_sequences(draw, persons, draft.sex, sequence).astype(np.int16),
        document=document.astype(np.int8),
        has_number=~(infant & draw.chance("person/unregistered", ids, 0.5)) & (document == 0),
        disability_type=np.where(disabled, 1 + draw.pick("person/disability", ids, _DISABILITY_WEIGHTS), 0).astype(
            np.int8
        ),
        disability_level=(1 + draw.pick("person/disability/level", ids, _DISABILITY_LEVELS)).astype(np.int8),
        low_income=_low_income(draw, ids, rural).astype(np.int8),
        low_income_from=_low_income_from(draw, ids, clock).astype(np.int16),
        twin=draft.twin,
        shared_number=shared >= 0,
    )


# ---- households become persons ----------------------------------------------------------------------------
def _first(draw: Draw, clock: Clock, homes: Homes) -> _Draft:
    """The persons of the first delivery, without names."""
    household = np.repeat(np.arange(len(homes.kind)), homes.size)
    slot = within(homes.size.astype(np.int64))
    table = np.zeros((len(households.KINDS), max(len(k[4]) for k in households.KINDS) + 1), dtype=np.int64)
    for i, (*_, members) in enumerate(households.KINDS):
        table[i, : len(members) + 1] = (HEAD, *members)
    relation = table[homes.kind[household], slot]
    sex, age = _ages(draw, homes.kind, household, relation, slot)
    birth = clock.days[0] - age
    twin = np.zeros(len(household), dtype=bool)
    second = np.flatnonzero((homes.kind[household] == households.WITH_TWO_CHILDREN) & (slot == 3))
    second = second[draw.chance("household/twins", household[second], 0.035)]
    birth[second] = birth[second - 1]
    twin[second] = twin[second - 1] = True
    none = np.zeros(len(household), dtype=np.int64)
    return _Draft(household, relation, slot, sex, birth, none + 1, twin, none, none, none)


def _ages(draw: Draw, kind: Ints, household: Indices, relation: Indices, slot: Indices) -> tuple[Indices, Indices]:
    """Sex and age in days of each person."""
    homes, ids = np.arange(len(kind)), np.arange(len(household))
    low, high, steep = (np.asarray([k[i] for k in households.KINDS], dtype=np.float64)[kind] for i in (1, 2, 3))
    head_age = low + (high + 1 - low) * draw.uniform("household/age", homes) ** steep
    man = draw.chance("household/man", homes, np.where(kind == households.SINGLE_OLD, 0.42, 0.78))
    head, sex = head_age[household], np.where(man, 1, 2)[household]
    u = draw.uniform("person/age", ids)
    spouse = np.maximum(20.5, head + np.where(sex == 1, -5.0 + 6.0 * u, -1.0 + 6.0 * u))
    mother = np.where(sex == 2, head, head - 2.0)
    child = np.maximum(0.02, mother - 23.0 - 9.0 * u - np.where(slot == 3, 3.0, 0.0))
    parent = head + np.where(relation == FATHER, 24.5 + 8.0 * u, 22.5 + 8.0 * u)
    age = np.select([relation == SPOUSE, relation == CHILD, relation >= FATHER], [spouse, child, parent], head)
    young = np.where(draw.chance("person/boy", ids, 0.52), 1, 2)
    own = np.select(
        [relation == SPOUSE, relation == FATHER, relation == MOTHER, relation == CHILD], [3 - sex, 1, 2, young], sex
    )
    return own, np.floor(np.minimum(age, 104.9) * 365.25).astype(np.int64)


def _newcomers(draw: Draw, persons: int, clock: Clock, homes: Homes, draft: _Draft) -> _Draft:
    """Appends the births and arrivals of the months after the first delivery, each to a household of its own."""
    kinds = (households.COUPLE_YOUNG, households.WITH_CHILD)
    young = np.flatnonzero(np.isin(homes.kind, kinds) & ~homes.foreign)
    young = young[draw.order("newcomer/home", young)]
    used = 0
    for period in clock.periods:
        before, now = clock.days[period - 2], clock.days[period - 1]
        for relation, share, lowest, span in ((CHILD, BIRTHS, 0, now - before), (OTHER, ARRIVALS, 7000, 9000)):
            n = min(max(1, round(persons * share)), len(young) - used)
            new = (persons + np.arange(n)) * 4096 + period * 2 + (relation == CHILD)
            draft = draft.extended(
                household=young[used : used + n],
                relation=np.full(n, relation),
                sex=1 + draw.below("newcomer/sex", new, 2),
                birth=now - lowest - draw.below("newcomer/age", new, span),
                arrived=np.full(n, period),
            )
            used += n
    return draft


def _deaths(draw: Draw, ids: Indices, birth: Indices, clock: Clock) -> Indices:
    """Day of death from 1 January to the last delivery, else NEVER; the hazard doubles about every eight years of age.

    After the first delivery people die four times as fast, so that the next month of a small city has some deaths
    in it.
    """
    first = clock.days[0]
    age = (clock.start - birth) / 365.25
    hazard = np.minimum(0.00031 * np.exp(0.088 * (age - 30.0)), 0.6)
    years = -np.log1p(-draw.uniform("person/death", ids)) / hazard
    day = clock.start + np.floor(np.minimum(years * 365.25, 200_000)).astype(np.int64)
    day = np.where(day > first, first + 1 + (day - first - 1) // 4, day)
    return np.where((day <= clock.days[-1]) & (day > birth) & (age > 0), day, NEVER)


# ---- names ------------------------------------------------------------------------------------------------
def _name(draw: Draw, draft: _Draft, homes: Homes) -> None:
    """Names all persons. Children bear their father's surname, a head that of his or her father."""
    home, ids, every = draft.household, np.arange(len(draft.household)), np.arange(len(homes.kind))
    year = calendar(draft.birth)[0]
    draft.a = _surnames(draw, draft, every)
    draft.b, draft.c = names.given(draw, ids, draft.sex, year)
    dotted, foreign = homes.ethnic[home] == households.UYGHUR, homes.foreign[home]
    dotted_a, dotted_b = names.dotted(draw, ids, draft.sex)
    foreign_a, foreign_b = names.foreign(draw, ids, draw.chance("household/traditional", home, 0.5))
    draft.a = np.select([foreign, dotted], [foreign_a, dotted_a], draft.a)
    draft.b = np.select([foreign, dotted], [foreign_b, dotted_b], draft.b)
    draft.c = np.where(foreign | dotted, 0, draft.c)
    # now and then the first child of a couple is called like the head
    child = np.flatnonzero((draft.relation == CHILD) & (draft.slot == 2))
    same = draft.sex[child] == draft.sex[child - 2]
    child = child[draw.chance("name/like/head", home[child], 0.008) & same & ~foreign[child]]
    for part in (draft.a, draft.b, draft.c):
        part[child] = part[child - 2]


def _surnames(draw: Draw, draft: _Draft, homes: Indices) -> Indices:
    """Surnames: one line per household, that of its men; wives bring their own, and so do their parents."""
    home, relation = draft.household, draft.relation
    own = names.surnames(draw, np.arange(len(home)) + (1 << 40))
    line, wife = names.surnames(draw, homes)[home], names.surnames(draw, homes + (1 << 41))[home]
    man = np.zeros(len(homes), dtype=bool)
    man[home[(relation == HEAD) & (draft.sex == 1)]] = True
    led_by_man = man[home]
    follows = np.where(led_by_man, np.isin(relation, (HEAD, CHILD, FATHER)), np.isin(relation, (SPOUSE, CHILD)))
    follows &= ~((relation == CHILD) & draw.chance("name/mother", np.arange(len(home)), 0.03))
    return np.select([follows, ~led_by_man & np.isin(relation, (HEAD, FATHER))], [line, wife], own)


def _doubles(draw: Draw, persons: int, draft: _Draft, homes: Homes, area: Indices) -> Indices:
    """Makes pairs of strangers with the same name and birthday, and pairs who were given the same number.

    Only persons who live alone are changed, so that kinship stays sound. Gives, for those who share a number, the
    person whose number it is, else -1.
    """
    alone = homes.first[(homes.kind == households.SINGLE_YOUNG) & (homes.size == 1) & ~homes.foreign]
    alone = alone[draw.order("double/order", alone)]
    namesakes = min(len(alone) // 4, max(2, persons // PERSONS_PER_NAMESAKE))
    sharing = min(len(alone) // 4, max(1, persons // PERSONS_PER_SHARED_NUMBER))
    left, right = alone[:namesakes], alone[namesakes : 2 * namesakes]
    for column in (draft.a, draft.b, draft.c, draft.sex, draft.birth):
        column[right] = column[left]
    left, right = alone[2 * namesakes :][:sharing], alone[2 * namesakes :][sharing : 2 * sharing]
    for column in (draft.sex, draft.birth, area):
        column[right] = column[left]
    draft.b[right], draft.c[right] = names.given(
        draw, right + (1 << 42), draft.sex[right], calendar(draft.birth[right])[0]
    )
    shared = np.full(len(area), -1)
    shared[right] = shared[left] = left
    return shared


# ---- numbers ----------------------------------------------------------------------------------------------
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


def _second_sequences(draw: Draw, persons: int, sex: Indices, sequence: Indices) -> Indices:
    """The sequence of a second number for the few who were given two, else -1; at least one in a city of 1,000."""
    ids = np.arange(len(sex))
    twice = draw.chance("person/second", ids, TWO_NUMBERS_SHARE)
    if persons >= 1000 and not twice[:persons].any():
        twice[int(draw.below("person/second/one", np.zeros(1, dtype=np.int64), persons)[0])] = True
    other = (sequence // 2 + 7 + draw.below("person/second/number", ids, 400)) % 490 * 2 + 10 + (sex == 1)
    return np.where(twice, other, -1)


# ---- relief -----------------------------------------------------------------------------------------------
def _low_income(draw: Draw, ids: Indices, rural: Bools) -> Indices:
    """Kind of relief a person would get: urban or rural allowance, destitute, margin."""
    kind = draw.pick("person/relief", ids, [54.0, 18.0, 28.0])
    return np.where(kind == 0, np.where(rural, 2, 1), kind + 2)


def _low_income_from(draw: Draw, ids: Indices, clock: Clock) -> Indices:
    """The delivery from which a person is on the roll; 0 never."""
    since = draw.chance("person/poor", ids, LOW_INCOME_SHARE).astype(np.int64)
    for period in clock.periods:
        since = np.where((since == 0) & draw.chance(f"person/poor/{period}", ids, NEW_LOW_INCOME), period, since)
    return since


def neighbours(draw: Draw, stream: str, people: People, among: Indices, community: Ints) -> Indices:
    """One of the persons `among` (sorted) for each community given, from that community where it has any."""
    of = people.homes.community[people.household[among]]
    low, high = np.searchsorted(of, community, "left"), np.searchsorted(of, community, "right")
    low, high = np.where(high > low, low, 0), np.where(high > low, high, len(among))
    return np.asarray(among[low + draw.below(stream, np.arange(len(community)), high - low)])
