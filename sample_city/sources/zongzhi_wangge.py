"""综治 网格: the base grid of the city. GeoJSON in CGCS2000, once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.draw import Indices
from sample_city.places import numeral, take
from sample_city.sources.base import CHUNK, Chunk, Column, Source
from sample_city.world import World

_NUMERALS = pl.Series([f"第{numeral(n)}网格" for n in range(100)])


def grid_names(world: World, grids: Indices) -> pl.Series:
    """凤凰社区第一网格."""
    community = world.places.grid_community[grids]
    return (world.places.area("short_name", community) + take(_NUMERALS, world.places.grid_serial[grids])).alias("name")


def rings(world: World, grids: Indices) -> list[tuple[pl.Series, pl.Series]]:
    """The five corners of each grid, closed, as text of longitude and latitude."""
    edges = world.places.grid_edges[grids]
    box = world.places.community[["y0", "y1"]].to_numpy()[world.places.grid_community[grids]]
    corners = [
        (edges[:, 0], box[:, 0]),
        (edges[:, 1], box[:, 0]),
        (edges[:, 3], box[:, 1]),
        (edges[:, 2], box[:, 1]),
        (edges[:, 0], box[:, 0]),
    ]
    return [(pl.Series(x).cast(pl.String), pl.Series(y).cast(pl.String)) for x, y in corners]


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    total = len(world.places.grid_serial)
    for low in range(0, total, CHUNK):
        at = np.arange(low, min(low + CHUNK, total))
        community = world.places.grid_community[at]
        frame = pl.DataFrame(
            {
                "code": world.places.grid_codes(at),
                "name": grid_names(world, at),
                "village": world.places.area("short_name", community),
                "community": world.places.area("community_code", community),
                "town": world.places.area("town_name", community),
            }
        )
        ring = pl.DataFrame(
            [
                s.alias(f"{axis}{i}")
                for i, pair in enumerate(rings(world, at))
                for axis, s in zip("xy", pair, strict=True)
            ]
        )
        points: list[pl.Expr | str] = []
        for i in range(5):
            points += [pl.lit("[" if i == 0 else ", ["), f"x{i}", pl.lit(", "), f"y{i}", pl.lit("]")]
        feature = frame.hstack(ring).select(
            pl.concat_str(
                pl.lit('{"type": "Feature", "properties": {"网格编码": "'),
                "code",
                pl.lit('", "网格名称": "'),
                "name",
                pl.lit('", "所属社区": "'),
                "village",
                pl.lit('", "社区代码": "'),
                "community",
                pl.lit('", "所属镇街": "'),
                "town",
                pl.lit('", "网格员": "", "类型": "基础网格"}, "geometry": {"type": "Polygon", "coordinates": [['),
                *points,
                pl.lit("]]}}"),
            ).alias("feature")
        )
        yield Chunk(feature, at, {})


SOURCE = Source(
    name="zongzhi/网格",
    file=lambda world, period: "zongzhi/综治网格.geojson",
    columns=lambda period: (Column("feature"),),
    chunks=_chunks,
    layout="geojson",
    header_rows=0,
    comes=lambda period: period == 1,
)
