"""城管 市政部件: manhole covers and hydrants. CSV in GBK, BD-09 without saying so; once."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from sample_city.codes import fixed
from sample_city.facilities import KIND, PART
from sample_city.places import take
from sample_city.projections import bd09
from sample_city.sources.base import CHUNK, Chunk, Column, Source
from sample_city.world import World

_COLUMNS = tuple(Column(name) for name in ("部件标识码", "部件名称", "部件大类", "X", "Y", "所在位置", "状态"))


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    f = world.facilities
    every = f.of(PART)
    for low in range(0, max(len(every), 1), CHUNK):
        at = every[low : low + CHUNK]
        x, y = bd09(*f.points(at))
        frame = pl.DataFrame(
            [
                f.codes(at).alias("部件标识码"),
                take(KIND["name"], f.kind[at]).alias("部件名称"),
                pl.repeat("公用设施", len(at), eager=True).alias("部件大类"),
                fixed(x, 6).alias("X"),
                fixed(y, 6).alias("Y"),
                f.addresses(at).alias("所在位置"),
                take(pl.Series(["完好", "破损"]), world.draw.pick("facility/state", at, [73, 43])).alias("状态"),
            ]
        )
        yield Chunk(frame, at, {"facility_key": f.keys(at)})


SOURCE = Source(
    name="chengguan/市政部件",
    file=lambda world, period: f"chengguan/市政部件普查_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="部件标识码",
    encoding="gb18030",
    comes=lambda period: period == 1,
    note="BD-09, not declared",
)
