"""综治 网格事件: what grid workers have seen or were told. CSV in UTF-8 with a mark, delta."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_city import reports
from sample_city.codes import fixed, padded, stamps
from sample_city.defects import Defect, Log, replace_at
from sample_city.draw import Indices
from sample_city.events import KIND
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Source
from sample_city.sources.event_reports import chunks, points, told
from sample_city.world import World, choose

NO_POINT = 0.027
STREAM = "report/grid/place"
_COLUMNS = (
    Column("事件编号"),
    Column("上报时间"),
    Column("网格编码", (Defect("blank", 0.027), Defect("leading_zero_lost", 0.0165))),
    Column("事件类型"),
    Column("事件描述"),
    Column("事发位置"),
    Column("经度"),
    Column("纬度"),
    Column("处理状态"),
)


_FORMS = (("走访中居民反映", "", ""), ("", "附近", "，请协调处置"), ("", "发现", "问题"), ("巡查至", "，存在", "情况"))


def _chunk(world: World, event: Indices, period: int) -> Chunk:
    e = world.events
    when = reports.times(e, reports.GRID, event)
    address = e.addresses(event, event, STREAM)
    x, y = points(world, event, STREAM)
    nowhere = np.flatnonzero(world.draw.chance(f"{STREAM}/none", event, NO_POINT))
    lon, lat = fixed(x, 6), fixed(y, 6)
    logs = []
    if len(nowhere):
        empty = pl.repeat("", len(nowhere), dtype=pl.String, eager=True)
        logs.append(
            Log(nowhere, "经度+纬度", "blank", lon.gather(pl.Series(nowhere.astype(np.uint32))), empty, False, "no")
        )
        lon, lat = replace_at(lon, nowhere, empty), replace_at(lat, nowhere, empty)
    number = "WG" + stamps(when, "%Y%m%d%H%M") + padded("", (event * 48_271 + 104_729) % 10**7, 7)
    closed = world.draw.chance(f"{STREAM}/closed", event, 0.88)
    frame = pl.DataFrame(
        [
            number.alias("事件编号"),
            stamps(when, "%Y/%m/%d %H:%M").alias("上报时间"),
            world.places.grid_codes(world.places.house_grid[e.house[event]]).alias("网格编码"),
            take(KIND["kind"], e.kind[event]).alias("事件类型"),
            told(world, event, STREAM, address, _FORMS).alias("事件描述"),
            address.alias("事发位置"),
            lon.alias("经度"),
            lat.alias("纬度"),
            choose(
                closed, pl.repeat("已办结", len(event), eager=True), pl.repeat("办理中", len(event), eager=True)
            ).alias("处理状态"),
        ]
    )
    keys = {"event_key": e.keys(event), "place_key": e.place_keys(event, event, STREAM)}
    return Chunk(frame, event, keys, logs=logs)


SOURCE = Source(
    name="zongzhi/网格事件",
    file=lambda world, period: f"zongzhi/网格事件_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=lambda world, period: chunks(world, period, reports.GRID, _chunk),
    key="事件编号",
    kind=lambda period: "delta",
    encoding="utf-8-sig",
)
