"""What reports of events by others than the hotline (grid workers, inspectors of the city) have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from sample_city import reports
from sample_city.draw import Indices
from sample_city.events import KIND
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk
from sample_city.world import World


def chunks(world: World, period: int, way: str, chunk: Callable[[World, Indices, int], Chunk]) -> Iterator[Chunk]:
    """The reports of one delivery on one way, some at a time; one without rows where there are none."""
    every = reports.sent(world.events, world.clock, period, way)
    for low in range(0, max(len(every), 1), CHUNK):
        yield chunk(world, every[low : low + CHUNK], period)


def told(
    world: World, event: Indices, stream: str, address: pl.Series, forms: tuple[tuple[str, str, str], ...]
) -> pl.Series:
    """A sentence of one of some forms: before the place, between place and kind, behind the kind."""
    which = world.draw.below(f"{stream}/form", event, len(forms))
    parts = [take(pl.Series([f[k] for f in forms]), which).alias(str(k)) for k in range(3)]
    kind = take(KIND["kind"], world.events.kind[event]).alias("kind")
    frame = pl.DataFrame([*parts, address.alias("address"), kind])
    return frame.select(pl.concat_str("0", "address", "1", "kind", "2")).to_series()


def points(world: World, event: Indices, stream: str) -> tuple[np.ndarray, np.ndarray]:
    """Where it happened, some metres off the house."""
    x, y = world.places.house_points(world.events.house[event].astype(np.int64))
    off = [0.0003 * (world.draw.uniform(f"{stream}/{axis}", event) - 0.5) for axis in "xy"]
    return x + off[0], y + off[1]
