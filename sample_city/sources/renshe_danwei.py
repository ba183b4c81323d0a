"""人社 单位参保: units in the pension insurance with the number of their insured. CSV in UTF-8 with a mark, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import figures
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.organisations import SELF_EMPLOYED
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, Source
from sample_city.world import World

_COLUMNS = (
    Column("单位编号"),
    Column("单位名称", (Defect("org_name_variant", 0.0115),)),
    Column("信用代码", (Defect("uscc_bad_check", 0.0222),)),
    Column("年初参保人数"),
    Column("期末参保人数"),
    Column("本年裁员人数", (Defect("blank", 0.055),)),
    Column("是否欠费"),
    Column("累计缴费月数"),
)


def units(world: World, period: int) -> Indices:
    """Firms and co-operatives founded by the day of a delivery."""
    o = world.organisations
    return np.flatnonzero((o.founded_in <= period) & (o.kind != SELF_EMPLOYED))


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    every, o, draw = units(world, period), world.organisations, world.draw
    for low in range(0, max(len(every), 1), CHUNK):
        at = every[low : low + CHUNK]
        begin, now, left = figures.staff(draw, at, period)
        months = np.minimum((world.day(period) - o.founded[at]) // 30, 400)
        frame = pl.DataFrame(
            [
                figures.numbers(at).alias("单位编号"),
                o.names(at, period).alias("单位名称"),
                o.codes(at).alias("信用代码"),
                pl.Series("年初参保人数", begin).cast(pl.String),
                pl.Series("期末参保人数", now).cast(pl.String),
                pl.Series("本年裁员人数", left).cast(pl.String),
                take(pl.Series(["否", "是"]), figures.arrears(draw, at)).alias("是否欠费"),
                pl.Series("累计缴费月数", np.maximum(months, 1)).cast(pl.String),
            ]
        )
        yield Chunk(frame, at, {"org_key": o.keys(at)})


SOURCE = Source(
    name="renshe/单位参保",
    file=lambda world, period: f"renshe/单位参保缴费_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="单位编号",
    number="信用代码",
    encoding="utf-8-sig",
)
