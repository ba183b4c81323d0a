"""大数据 标准地址库: the address library with coordinates and grids. CSV in UTF-8, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import fixed
from sample_city.defects import Log, replace_at
from sample_city.draw import Indices
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, Source
from sample_city.world import World, where

PER_PERSON, KNOWN = 0.4417, 0.985
SWAPPED, ZERO = 0.0015, 0.0030
_COLUMNS = tuple(
    Column(name)
    for name in (
        "地址编码", "标准地址", "省", "市", "县区", "镇街", "社区村", "街路巷",
        "门牌号", "小区", "楼栋", "单元", "户室", "经度", "纬度", "网格编码",
    )
)  # fmt: skip


def _damaged(world: World, houses: Indices, lon: pl.Series, lat: pl.Series) -> tuple[pl.Series, pl.Series, list[Log]]:
    """Coordinates exchanged, or zero, in some rows."""
    luck = world.draw.uniform("address/point", houses)
    swapped, zero = np.flatnonzero(luck < SWAPPED), np.flatnonzero((luck >= SWAPPED) & (luck < SWAPPED + ZERO))
    logs = []
    for at, kind, can in ((swapped, "lon_lat_swapped", True), (zero, "zero_coordinates", False)):
        if not len(at):
            continue
        where_ = pl.Series(at.astype(np.uint32))
        x, y = lon.gather(where_), lat.gather(where_)
        nothing = pl.repeat("0", len(at), dtype=pl.String, eager=True)
        new = (y, x) if can else (nothing, nothing)
        logs.append(Log(at, "经度+纬度", kind, x, new[0], can, "no"))
        lon, lat = replace_at(lon, at, new[0]), replace_at(lat, at, new[1])
    return lon, lat, logs


def _chunk(world: World, houses: Indices) -> Chunk:
    w = world.places
    n = len(houses)
    community, building = w.house_community[houses], w.house_building[houses]
    urban = building >= 0
    at = np.maximum(building, 0)
    some = len(w.building_number) > 0
    estate = w.building_estate[at] if some else at
    roads = w.estate_road.str.extract(r"^(.*?)(\d+)号$", 1)
    doors = w.estate_road.str.extract(r"^(.*?)(\d+)号$", 2)
    empty = pl.repeat("", n, dtype=pl.String, eager=True)
    block = np.where(urban, w.building_number[at] if some else 0, w.house_number[houses])
    x, y = w.house_points(houses)
    lon, lat, logs = _damaged(world, houses, fixed(x, 6), fixed(y, 6))

    def constant(text: str) -> pl.Series:
        return pl.repeat(text, n, dtype=pl.String, eager=True)

    values = (
        w.house_codes(houses),
        w.addresses(houses),
        constant("山东省"),
        constant("烟台市"),
        w.area("county_name", community),
        w.area("town_name", community),
        w.area("short_name", community),
        where(urban, take(roads, estate)) if some else empty,
        where(urban, take(doors, estate)) if some else empty,
        where(urban, take(w.estate_name, estate)) if some else empty,
        pl.Series(block).cast(pl.String),
        where(urban, pl.Series(w.house_unit[houses]).cast(pl.String)),
        where(urban, pl.Series(w.house_room[houses]).cast(pl.String)),
        lon,
        lat,
        w.grid_codes(w.house_grid[houses]),
    )
    frame = pl.DataFrame([v.alias(c.name) for v, c in zip(values, _COLUMNS, strict=True)])
    return Chunk(frame, houses, {"place_key": w.house_keys(houses)}, logs=logs)


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    total = len(world.places.house_community)
    for low in range(0, total, CHUNK):
        houses = np.arange(low, min(low + CHUNK, total))
        yield _chunk(world, world.listed("address/listed", houses, PER_PERSON, KNOWN))


SOURCE = Source(
    name="dashuju/标准地址库",
    file=lambda world, period: f"dashuju/标准地址库_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="地址编码",
)
