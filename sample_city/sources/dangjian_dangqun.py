"""党建 党群服务中心: party centres of the communities. CSV in UTF-8 with a mark, longitude and latitude in one column; once."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from sample_city.codes import fixed
from sample_city.facilities import CENTRE
from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World

_COLUMNS = tuple(Column(name) for name in ("名称", "所属社区", "详细地址", "经纬度", "负责人"))


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    f = world.facilities
    at = f.of(CENTRE)
    x, y = f.points(at)
    point = pl.DataFrame({"x": fixed(x, 6), "y": fixed(y, 6)}).select(pl.concat_str("x", "y", separator=","))
    frame = pl.DataFrame(
        [
            f.names(at).alias("名称"),
            world.places.area("short_name", f.community[at]).alias("所属社区"),
            f.addresses(at).alias("详细地址"),
            point.to_series().alias("经纬度"),
            pl.repeat("", len(at), dtype=pl.String, eager=True).alias("负责人"),
        ]
    )
    yield Chunk(frame, at, {"facility_key": f.keys(at)})


SOURCE = Source(
    name="dangjian/党群服务中心",
    file=lambda world, period: "dangjian/党群服务中心.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="名称",
    encoding="utf-8-sig",
    comes=lambda period: period == 1,
)
