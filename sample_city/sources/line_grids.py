"""What the grids of the other lines (police, city management, party building, sanitation) have in common."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.sources.base import CHUNK, Chunk, Column, Source
from sample_city.world import World


def source(department: str, name: str) -> Source:
    """The delivery of a line's grids as GeoJSON."""

    def chunks(world: World, period: int) -> Iterator[Chunk]:
        grids = world.line_grids[department]
        for low in range(0, len(grids), CHUNK):
            at = np.arange(low, min(low + CHUNK, len(grids)))
            points: list[pl.Expr] = []
            columns: list[pl.Series] = [grids.codes(at).alias("code"), grids.names(at).alias("name")]
            for i, (x, y) in enumerate(grids.corners(at)):
                columns += [pl.Series(f"x{i}", x).cast(pl.String), pl.Series(f"y{i}", y).cast(pl.String)]
                points += [
                    pl.lit("[" if i == 0 else ", ["),
                    pl.col(f"x{i}"),
                    pl.lit(", "),
                    pl.col(f"y{i}"),
                    pl.lit("]"),
                ]
            feature = pl.DataFrame(columns).select(
                pl.concat_str(
                    pl.lit('{"type": "Feature", "properties": {"code": "'),
                    "code",
                    pl.lit('", "name": "'),
                    "name",
                    pl.lit(f'", "管理单位": "{department}"}}, "geometry": {{"type": "Polygon", "coordinates": [['),
                    *points,
                    pl.lit("]]}}"),
                ).alias("feature")
            )
            yield Chunk(feature, at, {})

    return Source(
        name=f"{department}/{name}",
        file=lambda world, period: f"{department}/{name}.geojson",
        columns=lambda period: (Column("feature"),),
        chunks=chunks,
        layout="geojson",
        header_rows=0,
        comes=lambda period: period == 1,
    )
