"""民政 服务设施: homes for the old, canteens, health stations. Workbook, GCJ-02 without saying so; once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import fixed
from sample_city.facilities import KIND, SERVICE
from sample_city.places import take
from sample_city.projections import gcj02
from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World, where

_COLUMNS = (
    Column("设施编号"),
    Column("设施名称"),
    Column("设施类别"),
    Column("地址"),
    Column("经度", kind="number"),
    Column("纬度", kind="number"),
    Column("床位数", kind="number"),
    Column("坐标系"),
)


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    f = world.facilities
    at = f.of(SERVICE)
    kind = take(KIND["kind"], f.kind[at])
    x, y = gcj02(*f.points(at))
    beds = pl.Series(20 + world.draw.below("facility/beds", at, 120)).cast(pl.String)
    frame = pl.DataFrame(
        [
            f.codes(at).alias("设施编号"),
            f.names(at).alias("设施名称"),
            kind.alias("设施类别"),
            f.addresses(at).alias("地址"),
            fixed(x, 6).alias("经度"),
            fixed(y, 6).alias("纬度"),
            where((kind == "养老院").to_numpy(), beds).alias("床位数"),
            pl.repeat("", len(at), dtype=pl.String, eager=True).alias("坐标系"),
        ]
    )
    yield Chunk(frame, np.asarray(at), {"facility_key": f.keys(at)}, sheet="设施")


SOURCE = Source(
    name="minzheng/服务设施",
    file=lambda world, period: f"minzheng/民生服务设施_{world.day_text(period)}.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="设施编号",
    layout="xlsx",
    comes=lambda period: period == 1,
    note="GCJ-02, not declared",
)
