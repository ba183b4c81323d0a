"""水电气 用量: meter readings of every house. CSV in UTF-8, a file a month, delta; three months in the first delivery."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import calendar, decimals, padded
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World

PER_PERSON = 1.186  # meters: water and electricity in every house, gas as far as its pipes reach
HOUSES = 100_000  # at a time
MONTHS_FIRST = 3
WATER, POWER, GAS = range(3)
_COLUMNS = (
    Column("户号"),
    Column("房屋编码", (Defect("blank", 0.01977),)),
    Column("用户名"),
    Column("用能类型"),
    Column("抄表月份"),
    Column("本期读数"),
    Column("用量", (Defect("negative_reading", 0.00215),)),
    Column("单位"),
)
_KINDS, _UNITS = pl.Series(["水", "电", "气"]), pl.Series(["m3", "kWh", "m3"])
_MEAN = np.asarray([7.6, 178.0, 22.5])


def _gas(world: World) -> tuple[float, float]:
    """Share of the houses of towns, and of villages, that have gas: pipes reach the towns first."""
    urban = int((world.places.house_building >= 0).sum())
    total = len(world.places.house_building)
    wanted = max(0.0, PER_PERSON * world.persons - 2 * total)
    in_towns = min(wanted, float(urban))
    return in_towns / max(urban, 1), min(1.0, (wanted - in_towns) / max(total - urban, 1))


def _month(world: World, period: int, back: int) -> tuple[int, int]:
    """Year and month of the readings: that of the delivery, or some months before."""
    year, month, _ = calendar(np.asarray([world.day(period)]))
    number = int(year[0]) * 12 + int(month[0]) - 1 - back
    return number // 12, number % 12 + 1


def _chunk(world: World, houses: Indices, gas: tuple[float, float], year: int, month: int) -> Chunk:
    w, draw = world.places, world.draw
    urban = w.house_building[houses] >= 0
    piped = draw.chance("meter/gas", houses, np.where(urban, gas[0], gas[1]))
    house = np.repeat(houses, 2 + piped)
    first = np.r_[True, house[1:] != house[:-1]] if len(house) else np.zeros(0, dtype=bool)
    kind = np.arange(len(house)) - np.maximum.accumulate(np.where(first, np.arange(len(house)), 0))
    meter = house * 4 + kind
    lived_in = world.lived_in[house]
    usual = _MEAN[kind] * (0.35 + 1.5 * draw.uniform("meter/usual", meter) ** 1.3)
    now = usual * (0.7 + 0.6 * draw.uniform(f"meter/{year}/{month}", meter))
    tenths = np.where(lived_in, np.rint(now * 10), 0).astype(np.int64)
    past = np.rint(usual * 10).astype(np.int64) * ((year - 2026) * 12 + month)
    reading = 300 + draw.below("meter/start", meter, 4000) + np.where(lived_in, past, 0) + tenths
    codes = w.house_codes(houses)
    spread = np.repeat(np.arange(len(houses)), 2 + piped)
    n = len(house)
    frame = pl.DataFrame(
        [
            padded("", (meter * 7_919_999_983 + 31_415_926_535) % 10**11, 11).alias("户号"),
            take(codes, spread).alias("房屋编码"),
            pl.repeat("", n, dtype=pl.String, eager=True).alias("用户名"),
            take(_KINDS, kind).alias("用能类型"),
            pl.repeat(f"{year}-{month:02d}", n, dtype=pl.String, eager=True).alias("抄表月份"),
            decimals(reading, 1).alias("本期读数"),
            decimals(tenths, 1).alias("用量"),
            take(_UNITS, kind).alias("单位"),
        ]
    )
    return Chunk(frame, meter, {"place_key": take(w.house_keys(houses), spread)})


def _source(back: int) -> Source:
    """The readings of the delivery's month, or of a month before it."""

    def file(world: World, period: int) -> str:
        year, month = _month(world, period, back)
        return f"shuiwudian/水电气用量_{year}{month:02d}.csv"

    def chunks(world: World, period: int) -> Iterator[Chunk]:
        gas, total = _gas(world), len(world.places.house_community)
        for low in range(0, total, HOUSES):
            yield _chunk(world, np.arange(low, min(low + HOUSES, total)), gas, *_month(world, period, back))

    return Source(
        name="shuiwudian/水电气用量",
        file=file,
        columns=lambda period: _COLUMNS,
        chunks=chunks,
        key="户号",
        kind=lambda period: "delta",
        line_end="\n",
        comes=lambda period: back == 0 or period == 1,
    )


SOURCES = tuple(_source(back) for back in reversed(range(MONTHS_FIRST)))
