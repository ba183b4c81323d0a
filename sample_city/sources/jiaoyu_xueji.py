"""教育 学籍: pupils of primary and middle schools. Workbook that counts days from 1904, a sheet per school; full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from sample_city.codes import batches, calendar, dates, padded, runs
from sample_city.defects import NULL_WORDS, Defect, Log, replace_at
from sample_city.draw import Indices
from sample_city.institutions import MIDDLE, PRIMARY, SECOND_PRIMARY
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, Source
from sample_city.world import World

ENROLLED = 0.79  # share of the children of an age who go to the public schools of the city
GRADES = ("一年级", "二年级", "三年级", "四年级", "五年级", "六年级", "七年级", "八年级", "九年级")
BIRTH, NUMBER = "出生日期", "身份证件号"
_ZERO = -24107  # 1904-01-01 in days since 1970
_COLUMNS = (
    Column("全国学籍号"),
    Column("学生姓名", (Defect("name_dot", 0.3), Defect("name_rare_variant", 0.3), Defect("name_space", 0.019))),
    Column("性别"),
    Column(BIRTH, kind="date"),
    Column("身份证件类型"),
    Column(
        NUMBER,
        (
            Defect("id_excel_000", 0.036, recoverable=True),
            Defect("id_sci_text", 0.0155, recoverable=True),
            Defect("id_excel_float", 0.0052, recoverable=True),
            Defect("id_bad_check", 0.0047, recoverable=True),
            Defect("id_short", 0.0047, recoverable=True),
            Defect("id_fullwidth", 0.0047),
            Defect("id_lower_x", 0.052),
            Defect("id_missing_child", 0.047),
        ),
    ),
    Column("民族"),
    Column("年级"),
    Column("班级"),
    Column(
        "家庭住址",
        (
            Defect("addr_dashes", 0.019),
            Defect("addr_hash", 0.026),
            Defect("addr_office", 0.021),
            Defect("fullwidth", 0.015),
            Defect("spaces", 0.015),
        ),
    ),
    Column("监护人姓名"),
    Column(
        "监护人电话",
        (
            Defect("blank", 0.038),
            Defect("phone_dash", 0.039),
            Defect("phone_prefix", 0.015),
            Defect("phone_short", 0.015),
        ),
    ),
    Column("户口性质"),
    Column("是否随迁子女"),
)


def grades(world: World, ids: Indices) -> Indices:
    """Grade from 1 on by the age on 1 September of the first delivery's year; under 1 and over 9: not at these schools."""
    year = int(calendar(np.asarray([world.clock.days[0]]))[0][0])
    born, month, _ = calendar(world.people.birth[ids])
    return np.asarray(year - born - (month >= 9) - 5)


def pupils(world: World, ids: Indices, period: int) -> tuple[Indices, Indices, Indices]:
    """Those of some persons who go to school: person, grade, index of the school among the institutions."""
    p = world.people
    grade = grades(world, ids)
    goes = (grade >= 1) & (grade <= 9) & (p.arrived[ids] <= period) & ~world.dead(ids, period)
    goes &= ~world.departed(ids, period) & world.draw.chance("school/enrolled", ids, ENROLLED)
    ids, grade = ids[goes], grade[goes]
    schools = world.institutions.schools()
    towns = world.institutions.community[schools[PRIMARY]]
    community = world.places.house_community[world.residence(ids, period)]
    town = np.searchsorted(towns, community, "right") - 1
    second = world.draw.chance("school/second", ids, 0.33)
    kind = np.select([grade > 6, second], [MIDDLE, SECOND_PRIMARY], PRIMARY)
    table = np.stack([schools[k] for k in (PRIMARY, SECOND_PRIMARY, MIDDLE)])
    return ids, grade, table[kind - PRIMARY, town]


def _frame(world: World, ids: Indices, grade: Indices, period: int) -> tuple[pl.DataFrame, list[Log]]:
    p, draw = world.people, world.draw
    house = world.residence(ids, period)
    citizen = p.document[ids] == 0
    number = world.numbers(ids)
    none = np.flatnonzero(~p.has_number[ids])
    words = take(pl.Series([*NULL_WORDS, ""]), draw.below("school/word", ids[none], len(NULL_WORDS) + 1))
    old = number.gather(pl.Series(none.astype(np.uint32)))
    shown = replace_at(number, none, words)
    temporary = padded("L", 10**15 + draw.below("school/temporary", ids, 9 * 10**15), 16)
    permanent = pl.DataFrame({"n": number, "t": temporary}).select(
        pl.when(pl.col("n") == "").then("t").otherwise("G" + pl.col("n"))
    )
    guardian = np.maximum(world.guardians(ids, period), 0)
    urban = world.places.community["urban"].to_numpy()[world.places.house_community[house]]
    away = p.homes.outside[p.household[ids]] >= 0
    ethnic = world.ethnic_names(ids, "其他")
    frame = pl.DataFrame(
        [
            permanent.to_series().alias("全国学籍号"),
            world.names(ids, period).alias("学生姓名"),
            take(pl.Series(["男", "女"]), p.sex[ids] - 1).alias("性别"),
            dates(p.birth[ids]).alias(BIRTH),
            take(pl.Series(["其他", "居民身份证"]), citizen.astype(np.int64)).alias("身份证件类型"),
            shown.alias(NUMBER),
            ethnic.replace("汉族", "汉").alias("民族"),
            take(pl.Series(GRADES), grade - 1).alias("年级"),
            (pl.Series(1 + draw.below("school/class", ids, 6)).cast(pl.String) + "班").alias("班级"),
            world.places.addresses(house, "county").alias("家庭住址"),
            world.names(guardian, period).alias("监护人姓名"),
            world.phones(guardian, period).alias("监护人电话"),
            take(pl.Series(["农业", "非农业"]), urban.astype(np.int64)).alias("户口性质"),
            take(pl.Series(["否", "是"]), away.astype(np.int64)).alias("是否随迁子女"),
        ]
    )
    serial = pl.Series(p.birth[ids].astype(np.int64) - _ZERO).cast(pl.String)
    every = np.arange(len(ids))
    logs = [Log(every, BIRTH, "date_1904_workbook", frame[BIRTH], serial, True, "no")]
    if len(none):
        logs.append(Log(none, NUMBER, "id_missing_child", old, words, False, "no"))
    return frame, logs


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    ids, grade, school = pupils(world, np.arange(len(world.people.sex)), period)
    order = np.lexsort((world.draw.bits("school/order", ids), school))
    ids, grade, school = ids[order], grade[order], school[order]
    world.see(period, ids)
    used: set[str] = set()
    for group in batches(runs(school) or [(0, 0)], CHUNK // 2):
        start, end = group[0][0], group[-1][1]
        at = ids[start:end]
        frame, logs = _frame(world, at, grade[start:end], period)
        guardian = world.guardians(at, period)
        house = world.places.house_keys(world.residence(at, period))
        person, kin = world.person_keys(at), world.person_keys(guardian)
        for low, high in ((a - start, b - start) for a, b in group):
            known = np.flatnonzero(guardian[low:high] >= 0)
            keys = {"person_key": person[low:high], "place_key": house[low:high]}
            roles = [("guardian", known, kin[low:high].gather(pl.Series(known.astype(np.uint32))))]
            yield Chunk(
                frame[low:high],
                at[low:high],
                keys,
                roles,
                sheet=_sheet(world, school[start:end][low:high], used),
                logs=[part for log in logs for part in _part(log, low, high)],
            )


def _part(log: Log, low: int, high: int) -> list[Log]:
    """What a log says of some rows, counted from the first of them."""
    a, b = np.searchsorted(log.at, (low, high))
    if a == b:
        return []
    here = replace(log, at=log.at[a:b] - low, original=log.original[a:b], damaged=log.damaged[a:b])
    return [here]


def _sheet(world: World, school: Indices, used: set[str]) -> str:
    """The school without its county, with it where two towns have one name."""
    if not len(school):
        return "Sheet1"
    i = world.institutions
    full = str(i.names(school[:1])[0])
    county = str(i.places.area("county_name", i.community[school[:1]])[0])
    name = full.removeprefix(county)
    name = full if name in used else name
    used.add(name)
    return name


SOURCE = Source(
    name="jiaoyu/学籍",
    file=lambda world, period: f"jiaoyu/{world.day_text(1, '%Y')}年秋季学籍（分校）_{world.day_text(period)}.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="全国学籍号",
    number=NUMBER,
    layout="xlsx",
    date_1904=True,
    note="1904 date system",
)
