"""大数据 行政区划代码: codes of the city, its counties, towns and communities. CSV in GB18030, full.

These are the real areas: a city of any size has no more of them than there are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World

_COLUMNS = tuple(
    Column(name) for name in ("区划代码", "名称", "级别", "上级代码", "城乡分类", "曾用代码", "有效起始日期")
)
_CITY = ("370600000000", "烟台市", "2", "370000000000", "", "", "1983-11-15")


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    area = world.places.community
    names = [c.name for c in _COLUMNS]
    county = area.select(
        pl.col("county_code").alias(names[0]),
        pl.col("county_name").alias(names[1]),
        pl.lit("3").alias(names[2]),
        pl.lit(_CITY[0]).alias(names[3]),
        pl.lit("").alias(names[4]),
    ).unique(maintain_order=True)
    town = area.select(
        pl.col("town_code").alias(names[0]),
        pl.col("town_name").alias(names[1]),
        pl.lit("4").alias(names[2]),
        pl.col("county_code").alias(names[3]),
        pl.lit("").alias(names[4]),
    ).unique(maintain_order=True)
    community = area.select(
        pl.col("community_code").alias(names[0]),
        pl.col("community_name").alias(names[1]),
        pl.lit("5").alias(names[2]),
        pl.col("town_code").alias(names[3]),
        pl.when("urban").then(pl.lit("111")).otherwise(pl.lit("220")).alias(names[4]),
    )
    below = pl.concat([county, town, community]).with_columns(pl.lit("").alias(names[5]), pl.lit("").alias(names[6]))
    frame = pl.concat([pl.DataFrame([_CITY], schema=names, orient="row"), below])
    yield Chunk(frame, np.arange(frame.height), {})


SOURCE = Source(
    name="dashuju/行政区划代码",
    file=lambda world, period: f"dashuju/行政区划代码表{'' if period == 1 else '_' + world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="区划代码",
    encoding="gb18030",
)
