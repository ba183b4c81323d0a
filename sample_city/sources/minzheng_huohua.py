"""民政 殡葬火化: cremations. CSV in GB18030, delta: since 1 January, then since the last delivery."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import profiles
from sample_city.codes import dates, padded
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.people import NEVER
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, Source
from sample_city.world import World, where

_COLUMNS = (
    Column("火化编号"),
    Column("逝者姓名", (Defect("name_rare_lost", 0.4), Defect("name_space", 0.02), Defect("name_note", 0.02))),
    Column("逝者身份证号", (Defect("id_15_digit", 0.035), Defect("id_null_word", 0.01), Defect("id_bad_check", 0.01))),
    Column("性别"),
    Column("死亡日期", (Defect("date_other_format", 0.045),)),
    Column("火化日期"),
    Column("生前住址", (*profiles.full_addresses(), Defect("addr_hash", 0.02))),
    Column("办理人"),
    Column("办理人电话"),
    Column("殡仪馆"),
)
_HALLS = ("烟台市殡仪馆", "福山区殡仪馆", "龙口市殡仪馆", "莱州市殡仪馆", "莱阳市殡仪馆")
WAIT = 2  # days from death to cremation


def cremated(world: World, period: int) -> Indices:
    """The dead of a delivery by the day of cremation."""
    p = world.people
    low = world.clock.start - 1 if period == 1 else world.day(period - 1)
    day = p.death.astype(np.int64) + WAIT
    ids = np.flatnonzero(
        (p.death != NEVER) & (day > low) & (day <= world.day(period)) & (p.document == 0) & p.has_number
    )
    ids = ids[p.homes.departed[p.household[ids]] > period]
    return np.asarray(ids[np.argsort(day[ids], kind="stable")])


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    p, every = world.people, cremated(world, period)
    for low in range(0, max(len(every), 1), CHUNK):
        ids = every[low : low + CHUNK]
        world.see(period, ids)
        kin = np.where(world.draw.chance("cremation/kin", ids, 0.9), world.kin(ids, period), -1)
        known = kin >= 0
        day = p.death[ids].astype(np.int64) + WAIT
        house = world.residence(ids, period)
        number = pl.DataFrame(
            {"d": dates(day, "%Y%m%d"), "n": padded("", ((low + np.arange(len(ids))) * 37_199 + 8_191) % 10**5, 5)}
        )
        frame = pl.DataFrame(
            [
                number.select(pl.lit("HH") + pl.col("d") + pl.col("n")).to_series().alias("火化编号"),
                world.names(ids, period).alias("逝者姓名"),
                world.numbers(ids).alias("逝者身份证号"),
                take(pl.Series(["男", "女"]), p.sex[ids] - 1).alias("性别"),
                dates(p.death[ids]).alias("死亡日期"),
                dates(day).alias("火化日期"),
                world.places.addresses(house, "city").alias("生前住址"),
                where(known, world.names(np.maximum(kin, 0), period)).alias("办理人"),
                where(known, world.phones(np.maximum(kin, 0), period)).alias("办理人电话"),
                take(pl.Series(_HALLS), world.draw.below("cremation/hall", ids, len(_HALLS))).alias("殡仪馆"),
            ]
        )
        at = np.flatnonzero(known)
        keys = {"person_key": world.person_keys(ids), "place_key": world.places.house_keys(house)}
        yield Chunk(frame, ids, keys, [("kin", at, world.person_keys(kin[at]))])


SOURCE = Source(
    name="minzheng/殡葬火化",
    file=lambda world, period: f"minzheng/殡葬火化登记_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="火化编号",
    kind=lambda period: "delta",
    encoding="gb18030",
    renamed=lambda period: {"办理人电话": "经办人电话"} if period >= 3 else {},
)
