"""综治 网格员: who looks after each base grid. Workbook under the same name every time, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import calendar
from sample_city.defects import Defect
from sample_city.organisations import leaders
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, Source
from sample_city.sources.zongzhi_wangge import grid_names
from sample_city.world import World

_COLUMNS = (
    Column("网格编码", (Defect("id_apostrophe", 0.05),)),
    Column("网格名称"),
    Column("社区"),
    Column("网格员姓名"),
    Column("性别"),
    Column("身份证号码", (Defect("id_short", 0.053),)),
    Column("联系电话"),
    Column("专兼职"),
    Column("上岗时间"),
)


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    w = world.places
    every = leaders(world.draw, "grid/worker", w.grid_community, world.people, world.clock.days[0])
    for low in range(0, len(every), CHUNK):
        at = np.arange(low, min(low + CHUNK, len(every)))
        person = np.asarray(every[at]).astype(np.int64)
        world.see(period, person)
        since = world.clock.days[0] - 40 - world.draw.below("grid/since", at, 2400)
        year, month, _ = calendar(since)
        months = pl.DataFrame({"y": pl.Series(year).cast(pl.String), "m": pl.Series(month).cast(pl.String)})
        frame = pl.DataFrame(
            [
                w.grid_codes(at).alias("网格编码"),
                grid_names(world, at).alias("网格名称"),
                w.area("short_name", w.grid_community[at]).alias("社区"),
                world.names(person, period).alias("网格员姓名"),
                take(pl.Series(["男", "女"]), world.people.sex[person] - 1).alias("性别"),
                world.numbers(person).alias("身份证号码"),
                world.phones(person, period).alias("联系电话"),
                take(pl.Series(["专职", "兼职"]), world.draw.pick("grid/post", at, [12, 7])).alias("专兼职"),
                months.select(pl.concat_str("y", "m", separator=".")).to_series().alias("上岗时间"),
            ]
        )
        yield Chunk(frame, at, {"person_key": world.person_keys(person)}, sheet="网格员")


SOURCE = Source(
    name="zongzhi/网格员",
    file=lambda world, period: "zongzhi/网格员名册.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="网格编码",
    layout="xlsx",
    note="same file name in every delivery",
)
