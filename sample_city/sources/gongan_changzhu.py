"""公安 常住人口: the household register, everybody whose hukou is in the city. CSV in GB18030, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import profiles
from sample_city.codes import dates, padded
from sample_city.defects import Defect, replace_at
from sample_city.draw import Indices, Ints
from sample_city.households import SPOUSE
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, RowDefects, Source
from sample_city.world import World, where

_COLUMNS = (
    Column("公民身份号码", profiles.register_ids()),
    Column("姓名", profiles.person_names()),
    Column("曾用名"),
    Column("性别", (Defect("sex_unknown", 0.0046), Defect("sex_other_code", 0.0043))),
    Column("民族", (Defect("leading_zero_lost", 0.0183), Defect("ethnic_as_text", 0.0091))),
    Column(
        "出生日期",
        (Defect("date_other_format", 0.0089), Defect("date_serial", 0.0014), Defect("date_impossible", 0.0004)),
    ),
    Column("户号"),
    Column("与户主关系"),
    Column("户籍地址", profiles.full_addresses()),
    Column("社区代码", (Defect("blank", 0.0035),)),
    Column("婚姻状况"),
    Column("文化程度"),
    Column("服务处所"),
    Column("联系电话", profiles.phones()),
    Column("更新时间"),
)
_SCHOOLING = ("20", "30", "40", "60", "70", "80", "90")


def marital(world: World, ids: Ints, period: int) -> pl.Series:
    """10 single, 20 married, 30 widowed, 40 divorced (GB/T 2261.2)."""
    p = world.people
    age = world.ages(ids, period)
    home = p.household[ids]
    couples = np.zeros(len(p.homes.house), dtype=bool)
    couples[p.household[: p.count][p.relation[: p.count] == SPOUSE]] = True
    paired = couples[home] & (p.relation[ids] <= SPOUSE)
    alone = np.where(age >= 66, 2, np.where(world.draw.chance("person/divorced", ids, 0.2) & (age > 28), 3, 0))
    return take(pl.Series(["10", "20", "30", "40"]), np.where(age < 22, 0, np.where(paired, 1, alone)))


def schooling(world: World, ids: Ints, period: int) -> pl.Series:
    """Level of education (GB/T 4658), less of it among the old."""
    age = world.ages(ids, period)
    weights = {
        0: [0, 0, 0, 0, 0, 30, 70],
        16: [25, 25, 15, 25, 8, 2, 0],
        30: [22, 22, 14, 16, 22, 4, 0],
        50: [6, 8, 8, 20, 45, 12, 1],
        65: [2, 3, 3, 10, 32, 40, 10],
    }
    result = np.zeros(len(ids), dtype=np.int64)
    for low, shares in weights.items():
        here = np.flatnonzero(age >= low)
        result[here] = world.draw.pick("person/school", ids[here], shares)
    return take(pl.Series(_SCHOOLING), result)


def employers(world: World, ids: Ints, period: int) -> pl.Series:
    """The name of the employer, where the register has one."""
    org = world.employer(ids, period)
    shown = (org >= 0) & world.draw.chance("register/employer", ids, 0.33)
    at = np.flatnonzero(shown)
    empty = pl.repeat("", len(ids), dtype=pl.String, eager=True)
    return replace_at(empty, at, world.organisations.names(org[at], 1))


def household_numbers(world: World, homes: Ints) -> pl.Series:
    """County of the hukou and eight digits."""
    community = world.places.house_community[world.people.homes.hukou[homes]]
    county = world.places.area("county_code", community).str.slice(0, 6).cast(pl.Int64).to_numpy()
    return padded("", county * 10**8 + (homes.astype(np.int64) * 49_979_687 + 15_485_863) % 10**8, 14)


def _frame(world: World, ids: Indices, period: int) -> pl.DataFrame:
    p, home = world.people, world.people.household[ids]
    updated = world.clock.days[0] - 30 - world.draw.below("register/updated", ids, 850)
    touched = (p.arrived[ids] == period) & (period > 1)
    updated = np.where(touched, world.day(period) - 1 - world.draw.below("register/new", ids, 25), updated)
    community = world.places.house_community[p.homes.hukou[home]]
    return pl.DataFrame(
        [
            world.numbers(ids).alias("公民身份号码"),
            world.names(ids, period).alias("姓名"),
            world.former_names(ids, period).alias("曾用名"),
            pl.Series("性别", p.sex[ids]).cast(pl.String),
            padded("", p.ethnic[ids].astype(np.int64), 2).alias("民族"),
            dates(p.birth[ids], "%Y%m%d").alias("出生日期"),
            household_numbers(world, home).alias("户号"),
            padded("", p.relation[ids].astype(np.int64), 2).alias("与户主关系"),
            world.places.addresses(world.hukou(ids)).alias("户籍地址"),
            world.places.area("community_code", community).alias("社区代码"),
            marital(world, ids, period).alias("婚姻状况"),
            schooling(world, ids, period).alias("文化程度"),
            employers(world, ids, period).alias("服务处所"),
            where(world.ages(ids, period) >= 14, world.phones(ids, period)).alias("联系电话"),
            (dates(updated) + " 00:00:00").alias("更新时间"),
        ]
    )


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    total = len(world.people.sex)
    for low in range(0, total, CHUNK):
        ids = np.arange(low, min(low + CHUNK, total))
        ids = ids[world.in_register(ids, period)]
        world.see(period, ids)
        keys = {"person_key": world.person_keys(ids), "place_key": world.places.house_keys(world.hukou(ids))}
        yield Chunk(_frame(world, ids, period), ids, keys)


SOURCE = Source(
    name="gongan/常住人口",
    file=lambda world, period: f"gongan/常住人口_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="公民身份号码",
    encoding="gb18030",
    shuffled=True,
    register=True,
    rows=RowDefects(
        duplicate_exact=0.0034,
        duplicate_near=0.0031,
        near="户籍地址",
        ragged_missing=0.0010,
        ragged_extra=0.0031,
        extra_before="户籍地址",
        swap=("公民身份号码", "姓名"),
        swapped=0.0010,
        truncate_last=True,
        blank_lines=0.0012,
        repeated_headers=0.0002,
    ),
    note="full snapshot",
)
