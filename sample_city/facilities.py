"""Things with a position that departments count: services for the people, party centres, manhole covers and hydrants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from sample_city.codes import padded, shares, words
from sample_city.draw import Draw, Floats, Indices, Ints
from sample_city.places import Places, take, within

SERVICE, CENTRE, PART = 0, 1, 2  # civil affairs, party building, city management
SHARES = (0.00233, 0.0020, 0.03867)  # per person
# name, kind in the key, class in the code, weight; the first three are services, then the centre, then parts
_KINDS: tuple[tuple[str, str, str, int, float], ...] = (
    ("幸福养老院", "养老院", "11", SERVICE, 1.5),
    ("社区食堂", "社区食堂", "12", SERVICE, 2),
    ("卫生服务中心", "卫生服务中心", "13", SERVICE, 3.5),
    ("党群服务中心", "党群服务中心", "14", CENTRE, 1),
    ("污水井盖", "井盖", "01", PART, 24),
    ("雨水井盖", "井盖", "01", PART, 19),
    ("电力井盖", "井盖", "01", PART, 23),
    ("通信井盖", "井盖", "01", PART, 22),
    ("室外消火栓", "消防栓", "02", PART, 28),
)
KIND = pl.DataFrame([k[:3] for k in _KINDS], schema=["name", "kind", "class"], orient="row")
_ROADS = words(
    "机场路 凤凰大街 新建街 师范路 学院西路 泰山路 通海路 工商大街 观海路 珠江路 塔山南路 环山路 大海阳路 永达街"
)


@dataclass(frozen=True)
class Facilities:
    """One element each: kind (row of KIND), community, number inside it, grid; services first, then centres, parts."""

    kind: Ints
    community: Ints
    serial: Ints
    grid: Ints
    first: tuple[int, int, int, int]
    draw: Draw
    places: Places

    def of(self, group: int) -> Indices:
        """Those of one group."""
        return np.arange(self.first[group], self.first[group + 1])

    def keys(self, at: Ints) -> pl.Series:
        """F000001 …"""
        return padded("F", np.asarray(at) + 1, 6)

    def codes(self, at: Ints) -> pl.Series:
        """Community, class and four digits."""
        frame = pl.DataFrame(
            {
                "a": self.places.area("community_code", self.community[at]),
                "k": take(KIND["class"], self.kind[at]),
                "n": padded("", self.serial[at].astype(np.int64) + 1, 4),
            }
        )
        return frame.select(pl.concat_str(pl.all())).to_series()

    def names(self, at: Ints) -> pl.Series:
        """Parts are called after their kind, others after their community too."""
        frame = pl.DataFrame(
            {
                "a": self.places.area("short_name", self.community[at]),
                "k": take(KIND["name"], self.kind[at]),
                "p": pl.Series(np.asarray(at) >= self.first[PART]),
                "n": pl.Series(self.serial[at]).cast(pl.Int64),
            }
        )
        again = pl.when(pl.col("n") > 0).then("第" + (pl.col("n") + 1).cast(pl.String)).otherwise(pl.lit(""))
        return frame.select(pl.when("p").then("k").otherwise(pl.concat_str("a", again, "k"))).to_series()

    def addresses(self, at: Ints) -> pl.Series:
        """A house number nearby."""
        frame = pl.DataFrame(
            {
                "h": self.places.heads(self.community[at], "city"),
                "r": take(pl.Series(_ROADS), self.draw.below("facility/road", at, len(_ROADS))),
                "n": pl.Series(1 + self.draw.below("facility/number", at, 198)).cast(pl.String),
            }
        )
        return frame.select(pl.concat_str("h", "r", "n", pl.lit("号附近"))).to_series()

    def points(self, at: Ints) -> tuple[Floats, Floats]:
        """Degrees CGCS2000."""
        return self.places.coordinates("facility", np.asarray(at), self.grid[at])


def build(draw: Draw, persons: int, places: Places) -> Facilities:
    """Facilities up to their shares, in communities by size, each somewhere in a grid of its community."""
    area = places.community
    weight = area["households"].to_numpy() + 1.0
    kinds, communities, counts = [], [], []
    for group, share in enumerate(SHARES):
        here = shares(max(1, round(persons * share)), weight)
        community = np.repeat(np.arange(area.height), here)
        ids = np.arange(len(community)) + group * (1 << 32)
        rows = [i for i, k in enumerate(_KINDS) if k[3] == group]
        picked = draw.pick("facility/kind", ids, [_KINDS[i][4] for i in rows])
        kinds.append(np.asarray(rows)[picked])
        communities.append(community)
        counts.append(len(community))
    kind, community = np.concatenate(kinds), np.concatenate(communities)
    ids = np.arange(len(kind))
    code = KIND["class"].cast(pl.Int64).to_numpy()[kind]
    order = np.lexsort((ids, code, community))
    cell = (community * 100 + code)[order]
    runs = np.diff(np.flatnonzero(np.r_[True, cell[1:] != cell[:-1], True]))
    serial = np.empty(len(kind), dtype=np.int64)
    serial[order] = within(runs)
    first = np.cumsum([0, *counts])
    grid = area["first_grid"].to_numpy()[community] + draw.below(
        "facility/grid", ids, area["grids"].to_numpy()[community]
    )
    return Facilities(
        kind=kind.astype(np.int8),
        community=community.astype(np.int32),
        serial=serial.astype(np.int16),
        grid=grid.astype(np.int32),
        first=(int(first[0]), int(first[1]), int(first[2]), int(first[3])),
        draw=draw,
        places=places,
    )
