"""Grids that other departments have drawn for themselves: rectangles over a town, whatever the base grids are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from sample_city.codes import padded, shares
from sample_city.draw import Floats, Indices, Ints
from sample_city.places import Places, within

TOWNS = 16  # whose grids are compared at a time


@dataclass(frozen=True)
class Line:
    """A line of work: department, head of its codes, what it calls a grid (before and after the number), per person."""

    department: str
    head: str
    before: str
    after: str
    share: float
    points: int = 0  # on the way along the southern border, then the northern one


LINES = {
    line.department: line
    for line in (
        Line("gongan", "JG", "第", "警务区", 0.00267, points=2),
        Line("chengguan", "CG", "城管单元", "", 0.0080),
        Line("dangjian", "DJ", "第", "党建网格", 0.0020),
        Line("huanwei", "HW", "保洁片区", "", 0.0020, points=1),
    )
}


@dataclass(frozen=True)
class LineGrids:
    """Grids of one line: town (row of its first community), number inside it, rectangle in degrees CGCS2000."""

    line: Line
    community: Ints
    serial: Ints
    box: Floats
    places: Places

    def __len__(self) -> int:
        return len(self.serial)

    def codes(self, at: Ints) -> pl.Series:
        """JG370613002001 …: head, town, number."""
        town = self.places.area("town_code", self.community[at]).str.slice(0, 9)
        return self.line.head + town + padded("", self.serial[at].astype(np.int64) + 1, 4)

    def names(self, at: Ints) -> pl.Series:
        """初家街道第1警务区."""
        town = self.places.area("town_name", self.community[at])
        number = pl.Series(self.serial[at].astype(np.int64) + 1).cast(pl.String)
        return town + self.line.before + number + self.line.after

    def corners(self, at: Ints) -> list[tuple[Floats, Floats]]:
        """The corners of each, closed: five, and points in the middle of the southern and the northern border."""
        x0, y0, x1, y1 = (self.box[at, i] for i in range(4))
        middle = np.round((x0 + x1) / 2, 6)
        south, north = [(middle, y0)][: self.line.points], [(middle, y1)][: max(self.line.points - 1, 0)]
        return [(x0, y0), *south, (x1, y0), (x1, y1), *north, (x0, y1), (x0, y0)]


def build(persons: int, places: Places, line: Line) -> LineGrids:
    """As many grids as the line's share, at least one a town: rows and columns over the extent of the town."""
    area = (
        places.community.with_row_index("at")
        .group_by("town_code", maintain_order=True)
        .agg(pl.first("at"), pl.min("x0", "y0"), pl.max("x1", "y1"), pl.sum("households"))
    )
    towns = np.arange(area.height)
    count = np.maximum(1, shares(round(persons * line.share), area["households"].to_numpy() + 1.0))
    columns = np.ceil(np.sqrt(count)).astype(np.int64)
    rows = -(-count // columns)
    town, serial = np.repeat(towns, count), within(count)
    x0, y0, x1, y1 = (area[c].to_numpy() for c in ("x0", "y0", "x1", "y1"))
    west, south = x0[town], y0[town]
    row, column = serial // columns[town], serial % columns[town]
    in_row = np.where(row == rows[town] - 1, count[town] - row * columns[town], columns[town])
    width, height = (x1 - x0)[town] / in_row, (y1 - y0)[town] / rows[town]
    box = np.stack(
        [west + column * width, south + row * height, west + (column + 1) * width, south + (row + 1) * height], axis=1
    )
    return LineGrids(
        line=line,
        community=area["at"].to_numpy().astype(np.int32)[town],
        serial=serial.astype(np.int32),
        box=np.round(box, 6),
        places=places,
    )


# ---- overlaps ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Shape:
    """Trapezoids with level bottom and top: y0, y1, and west and east edge at the bottom and at the top (n, 4)."""

    y: Floats
    edges: Floats

    def take(self, at: Indices) -> Shape:
        """Some of them."""
        return Shape(self.y[at], self.edges[at])


def rectangles(grids: LineGrids) -> Shape:
    """The grids of a line as trapezoids."""
    x0, y0, x1, y1 = grids.box.T
    return Shape(np.stack([y0, y1], axis=1), np.stack([x0, x1, x0, x1], axis=1))


def base(places: Places) -> Shape:
    """The base grids."""
    y = places.community[["y0", "y1"]].to_numpy()[places.grid_community]
    return Shape(y, places.grid_edges)


def candidates(a: Shape, b: Shape, town_a: Ints, town_b: Ints) -> tuple[Indices, Indices]:
    """Pairs of grids of one town whose extents meet."""
    frame_a, frame_b = (
        pl.DataFrame(
            {
                "town": pl.Series(np.asarray(town)),
                "at": pl.Series(np.arange(len(s.y))),
                "x0": s.edges.min(axis=1),
                "x1": s.edges.max(axis=1),
                "y0": s.y[:, 0],
                "y1": s.y[:, 1],
            }
        )
        for s, town in ((a, town_a), (b, town_b))
    )
    met = (
        (pl.col("x0") < pl.col("x1_b"))
        & (pl.col("x0_b") < pl.col("x1"))
        & (pl.col("y0") < pl.col("y1_b"))
        & (pl.col("y0_b") < pl.col("y1"))
    )
    found = []
    for low in range(0, int(max(np.max(town_a), np.max(town_b))) + 1, TOWNS):
        left, right = (f.filter(pl.col("town").is_between(low, low + TOWNS - 1)) for f in (frame_a, frame_b))
        found.append(left.join(right, on="town", suffix="_b").filter(met).select("at", "at_b"))
    pairs = pl.concat(found).sort("at", "at_b")
    return pairs["at"].to_numpy(), pairs["at_b"].to_numpy()


def common_area(a: Shape, b: Shape) -> Floats:
    """Area in square degrees that each pair shares: the common width is linear between the heights where edges cross."""
    low = np.maximum(a.y[:, 0], b.y[:, 0])
    high = np.maximum(low, np.minimum(a.y[:, 1], b.y[:, 1]))

    def edge(s: Shape, k: int, y: Floats) -> Floats:
        slope = (s.edges[:, k + 2] - s.edges[:, k]) / (s.y[:, 1] - s.y[:, 0])
        return np.asarray(s.edges[:, k][:, None] + slope[:, None] * (y - s.y[:, :1]))

    ends = np.stack([low, high], axis=1)
    cuts = [low, high]
    for i in (0, 1):
        for j in (0, 1):
            gap = edge(a, i, ends) - edge(b, j, ends)
            step = gap[:, 0] - gap[:, 1]
            part = np.divide(gap[:, 0], step, out=np.zeros_like(step), where=step != 0)
            cuts.append(low + np.clip(part, 0.0, 1.0) * (high - low))
    y = np.sort(np.stack(cuts, axis=1), axis=1)
    width = np.minimum(edge(a, 1, y), edge(b, 1, y)) - np.maximum(edge(a, 0, y), edge(b, 0, y))
    # where the edges of the two cross each other the width passes through zero at one of the cuts
    width = np.maximum(width, 0.0)
    return np.asarray(((y[:, 1:] - y[:, :-1]) * (width[:, 1:] + width[:, :-1]) / 2.0).sum(axis=1))
