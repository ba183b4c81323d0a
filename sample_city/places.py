"""Standard addresses: estates with buildings, units and rooms in urban communities, numbered houses in villages.

Everything is kept as numbers; `addresses` writes them as text for the rows asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from sample_city import areas
from sample_city.codes import padded, words
from sample_city.draw import Draw, Floats, Indices, Ints

ROOMS_PER_UNIT = 12  # six floors of two
VACANT_SHARE = 0.16
PERSONS_PER_GRID = 158
_ESTATE_HEADS = words(
    "海韵 金桂 梧桐 滨河 锦绣 御景 书香 银河 翡翠 黄海 惠安 祥和 紫薇 万福 华信 东城 "
    "南山 北苑 幸福 民生 嘉禾 鲁能 山水 富甲 怡海"
)
_ESTATE_TAILS = words("小区 花园 华府 家园 名苑 新村 公寓 雅居 庭院 广场")
_ROADS = words(
    "胜利 解放 港城 迎春 观海 建设 青年 文化 新华 通世 府前 振华 环山 魁玉 机场 学府 芝罘 塔山 幸福 红旗 滨州 西盛"
)
_ROAD_TAILS = words("路 街 大街 南路 东路 西街")
NUMERALS = "零一二三四五六七八九"


def numeral(n: int) -> str:
    """Chinese numerals up to 99."""
    tens, ones = divmod(n, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else NUMERALS[tens] + "十")
    return head + (NUMERALS[ones] if ones or not tens else "")


@dataclass(frozen=True)
class Places:
    """The built city. Houses, buildings, estates and grids are numbered from 0, in the order of their communities.

    community: one row per covered community (areas.covered), with first_house, first_grid and the numbers of each
    house_building: building of each house, -1 in a village; house_unit, house_room: 0 in a village;
    house_number: number in the village; building_estate, building_number: number in the estate, from 1
    grid_west, grid_north_west: longitudes of the left edge of each grid at the bottom and the top of its community
    """

    community: pl.DataFrame
    house_community: Ints
    house_building: Ints
    house_unit: Ints
    house_room: Ints
    house_number: Ints
    building_community: Ints
    building_estate: Ints
    building_number: Ints
    estate_community: Ints
    estate_name: pl.Series
    estate_road: pl.Series
    building_grid: Ints
    house_grid: Ints
    grid_community: Ints
    grid_serial: Ints
    grid_edges: Floats
    draw: Draw

    # ---- keys -------------------------------------------------------------------------------------------
    def house_keys(self, houses: Ints) -> pl.Series:
        """H0000001 …; empty where the index is negative."""
        return _or_empty(padded("H", np.maximum(houses, 0) + 1, 7), houses)

    def building_keys(self, buildings: Ints) -> pl.Series:
        """B000001 …; empty where the index is negative."""
        return _or_empty(padded("B", np.maximum(buildings, 0) + 1, 6), buildings)

    def grid_keys(self, grids: Ints) -> pl.Series:
        """G00001 …; empty where the index is negative."""
        return _or_empty(padded("G", np.maximum(grids, 0) + 1, 5), grids)

    def estate_keys(self, estates: Ints) -> pl.Series:
        """EST:community:name:road and number; empty where the index is negative."""
        if not len(self.estate_community):
            return _none(len(estates))
        at = np.maximum(estates, 0)
        frame = pl.DataFrame(
            {
                "code": self.area("community_code", self.estate_community[at]),
                "name": take(self.estate_name, at),
                "road": take(self.estate_road, at).str.strip_suffix("号"),
            }
        )
        return _or_empty(
            frame.select("EST:" + pl.col("code") + ":" + pl.col("name") + ":" + pl.col("road")).to_series(), estates
        )

    def grid_codes(self, grids: Ints) -> pl.Series:
        """CJ/T 349-2010: object class 010101, community, two digits of serial."""
        codes = self.area("community_code", self.grid_community[grids])
        serial = pl.Series(self.grid_serial[grids]).cast(pl.String).str.zfill(2)
        return pl.DataFrame({"c": codes, "s": serial}).select("010101" + pl.col("c") + pl.col("s")).to_series()

    def house_codes(self, houses: Ints) -> pl.Series:
        """Code of a house in the address library: community and eight digits of serial inside it."""
        first = self.community["first_house"].to_numpy()[self.house_community[houses]]
        codes = self.area("community_code", self.house_community[houses])
        serial = pl.Series(houses - first + 1).cast(pl.String).str.zfill(8)
        return pl.DataFrame({"c": codes, "s": serial}).select(pl.col("c") + pl.col("s")).to_series()

    # ---- text -------------------------------------------------------------------------------------------
    def area(self, column: str, communities: Ints) -> pl.Series:
        """A column of `community` for each index."""
        return take(self.community[column], communities)

    def heads(self, communities: Ints, style: str = "full") -> pl.Series:
        """The part before the road or house number: full, city (without the province), county, below_town."""
        column = {"full": "head", "city": "head_city", "county": "head_county", "below_town": "short_name"}[style]
        return self.area(column, communities)

    def building_text(self, buildings: Ints) -> pl.Series:
        """工商大街103号大连小区1号楼; empty where the index is negative."""
        if not len(self.building_estate):
            return _none(len(buildings))
        at = np.maximum(buildings, 0)
        estate = self.building_estate[at]
        frame = pl.DataFrame(
            {
                "road": take(self.estate_road, estate),
                "name": take(self.estate_name, estate),
                "number": pl.Series(self.building_number[at]).cast(pl.String),
            }
        )
        text = frame.select(pl.col("road") + pl.col("name") + pl.col("number") + "号楼").to_series()
        return _or_empty(text, buildings)

    def addresses(self, houses: Ints, style: str = "full") -> pl.Series:
        """Standard addresses of houses."""
        building = self.house_building[houses]
        urban = building >= 0
        frame = pl.DataFrame(
            {
                "head": self.heads(self.house_community[houses], style),
                "building": self.building_text(building),
                "unit": pl.Series(self.house_unit[houses]).cast(pl.String),
                "room": pl.Series(np.where(urban, self.house_room[houses], self.house_number[houses])).cast(pl.String),
                "urban": pl.Series(urban),
            }
        )
        unit = pl.when("urban").then(pl.col("unit") + "单元").otherwise(pl.lit(""))
        return frame.select(pl.concat_str("head", "building", unit, "room", pl.lit("号"))).to_series()

    def building_addresses(self, buildings: Ints, style: str = "full") -> pl.Series:
        """Standard addresses of buildings."""
        head = self.heads(self.building_community[buildings], style)
        return (
            pl.DataFrame({"h": head, "b": self.building_text(buildings)}).select(pl.col("h") + pl.col("b")).to_series()
        )

    def estate_addresses(self, estates: Ints) -> pl.Series:
        """Standard addresses of estates."""
        head = self.heads(self.estate_community[estates])
        frame = pl.DataFrame({"h": head, "r": take(self.estate_road, estates), "n": take(self.estate_name, estates)})
        return frame.select(pl.concat_str(pl.all())).to_series()

    # ---- where offices and shops are: in a building, or in a house of a village --------------------------
    def site_addresses(self, houses: Ints) -> pl.Series:
        """Addresses of the buildings of some houses; of the houses themselves in a village."""
        building = self.house_building[houses]
        if not len(self.building_number):
            return self.addresses(houses)
        frame = pl.DataFrame(
            {
                "h": self.addresses(houses),
                "b": self.building_addresses(np.maximum(building, 0)),
                "u": pl.Series(building >= 0),
            }
        )
        return frame.select(pl.when("u").then("b").otherwise("h")).to_series()

    def site_keys(self, houses: Ints) -> pl.Series:
        """Keys of the same."""
        building = self.house_building[houses]
        frame = pl.DataFrame(
            {"h": self.house_keys(houses), "b": self.building_keys(building), "u": pl.Series(building >= 0)}
        )
        return frame.select(pl.when("u").then("b").otherwise("h")).to_series()

    # ---- geometry ---------------------------------------------------------------------------------------
    def coordinates(self, stream: str, ids: Ints, grids: Ints) -> tuple[Floats, Floats]:
        """A point well inside the grid of each thing; degrees CGCS2000, seven decimals."""
        box = self.community[["y0", "y1"]].to_numpy()[self.grid_community[grids]]
        up = 0.1 + 0.8 * self.draw.uniform(f"point/{stream}/y", ids)
        along = 0.1 + 0.8 * self.draw.uniform(f"point/{stream}/x", ids)
        west, east = (
            self.grid_edges[grids, k] + (self.grid_edges[grids, k + 2] - self.grid_edges[grids, k]) * up for k in (0, 1)
        )
        return np.round(west + (east - west) * along, 7), np.round(box[:, 0] + (box[:, 1] - box[:, 0]) * up, 7)

    def house_points(self, houses: Ints) -> tuple[Floats, Floats]:
        """Coordinates of houses: their building's, or their own in a village."""
        building = self.house_building[houses]
        of_house = self.coordinates("house", houses, self.house_grid[houses])
        of_building = self.coordinates("building", np.maximum(building, 0), self.house_grid[houses])
        return tuple(np.where(building >= 0, b, h) for b, h in zip(of_building, of_house, strict=True))  # type: ignore[return-value]


def take(values: pl.Series, at: Ints) -> pl.Series:
    """Values at positions."""
    return values.gather(pl.Series(np.asarray(at, dtype=np.uint32)))


def _none(count: int) -> pl.Series:
    """Empty texts: a small city may have villages only, and no estate."""
    return pl.repeat("", count, dtype=pl.String, eager=True)


def _or_empty(text: pl.Series, index: Ints) -> pl.Series:
    if len(index) == 0 or int(np.min(index)) >= 0:
        return text
    return (
        pl.DataFrame({"t": text, "ok": pl.Series(np.asarray(index) >= 0)})
        .select(pl.when("ok").then("t").otherwise(pl.lit("")))
        .to_series()
    )


def within(counts: Ints) -> Indices:
    """0 … n-1 for each n in `counts`, one after another."""
    ends = np.cumsum(counts)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)


def build(draw: Draw, community: pl.DataFrame, households: Ints) -> Places:
    """Builds houses for `households` (number per community) and some vacant ones, and the grids around them."""
    n = community.height
    ids = np.arange(n)
    urban = community["urban"].to_numpy()
    wanted = np.ceil(households / (1 - VACANT_SHARE)).astype(np.int64) + 2
    units = 2 + draw.below("estate/units", ids, 2)
    buildings = np.where(urban, -(-wanted // (ROOMS_PER_UNIT * units)), 0)
    houses = np.where(urban, buildings * ROOMS_PER_UNIT * units, wanted)
    first_house, first_building = np.cumsum(houses) - houses, np.cumsum(buildings) - buildings

    building_community = np.repeat(ids, buildings)
    per_estate = 3 + draw.below("estate/size", ids, 4)
    in_community = within(buildings)
    estate_in_community = in_community // per_estate[building_community]
    estates = np.where(urban, -(-buildings // per_estate), 0)
    first_estate = np.cumsum(estates) - estates
    estate_community = np.repeat(ids, estates)
    estate_name, estate_road = _estate_text(draw, estate_community, within(estates))

    house_community = np.repeat(ids, houses)
    inside = within(houses)
    of_urban = urban[house_community]
    per_building = (ROOMS_PER_UNIT * units)[house_community]
    house_building = np.where(of_urban, first_building[house_community] + inside // per_building, -1)
    in_building = inside % per_building
    in_unit = in_building % ROOMS_PER_UNIT
    grids = np.clip(np.rint(households * 2.63 / PERSONS_PER_GRID).astype(np.int64), 1, 99)
    first_grid = np.cumsum(grids) - grids
    grid_community = np.repeat(ids, grids)
    building_grid = (first_grid + 0)[building_community] + in_community * grids[building_community] // np.maximum(
        buildings[building_community], 1
    )
    village_grid = first_grid[house_community] + inside * grids[house_community] // houses[house_community]
    frame = _with_heads(community).with_columns(
        first_house=pl.Series(first_house),
        houses=pl.Series(houses),
        households=pl.Series(households),
        first_building=pl.Series(first_building),
        buildings=pl.Series(buildings),
        first_grid=pl.Series(first_grid),
        grids=pl.Series(grids),
    )
    return Places(
        community=frame,
        house_community=house_community.astype(np.int32),
        house_building=house_building.astype(np.int32),
        house_unit=np.where(of_urban, 1 + in_building // ROOMS_PER_UNIT, 0).astype(np.int16),
        house_room=np.where(of_urban, (1 + in_unit // 2) * 100 + 1 + in_unit % 2, 0).astype(np.int16),
        house_number=np.where(of_urban, 0, inside + 1).astype(np.int32),
        building_community=building_community.astype(np.int32),
        building_estate=(first_estate[building_community] + estate_in_community).astype(np.int32),
        building_number=(in_community % per_estate[building_community] + 1).astype(np.int32),
        estate_community=estate_community.astype(np.int32),
        estate_name=estate_name,
        estate_road=estate_road,
        building_grid=building_grid.astype(np.int32),
        house_grid=np.where(
            of_urban, building_grid[np.maximum(house_building, 0)] if len(building_grid) else 0, village_grid
        ).astype(np.int32),
        grid_community=grid_community.astype(np.int32),
        grid_serial=(within(grids) + 1).astype(np.int16),
        grid_edges=_edges(draw, frame, grid_community, within(grids), grids),
        draw=draw,
    )


def _estate_text(draw: Draw, community: Ints, inside: Ints) -> tuple[pl.Series, pl.Series]:
    """Names (distinct inside a community) and roads with numbers."""
    key = community.astype(np.int64) * 1000 + inside
    heads = (draw.below("estate/head", community, len(_ESTATE_HEADS)) + inside * 7) % len(_ESTATE_HEADS)
    tails = (draw.below("estate/tail", community, len(_ESTATE_TAILS)) + inside // len(_ESTATE_HEADS)) % len(
        _ESTATE_TAILS
    )
    names = pl.DataFrame({"h": take(pl.Series(_ESTATE_HEADS), heads), "t": take(pl.Series(_ESTATE_TAILS), tails)})
    road = pl.DataFrame(
        {
            "a": take(pl.Series(_ROADS), draw.below("estate/road", key, len(_ROADS))),
            "b": take(pl.Series(_ROAD_TAILS), draw.pick("estate/road/tail", key, [8, 5, 4, 2, 2, 1])),
            "n": pl.Series(1 + draw.below("estate/number", key, 298)).cast(pl.String),
        }
    )
    return names.select(pl.col("h") + pl.col("t")).to_series(), road.select(
        pl.col("a") + pl.col("b") + pl.col("n") + "号"
    ).to_series()


def _with_heads(community: pl.DataFrame) -> pl.DataFrame:
    tail = pl.col("county_name") + pl.col("town_name") + pl.col("short_name")
    return community.with_columns(head=areas.CITY + tail, head_city="烟台市" + tail, head_county=tail)


def _edges(draw: Draw, frame: pl.DataFrame, community: Ints, inside: Ints, grids: Ints) -> Floats:
    """West and east edge of each grid at the bottom, then at the top: slanted strips that fill the cell."""
    x0, x1 = frame["x0"].to_numpy()[community], frame["x1"].to_numpy()[community]
    count = grids[community]

    def edge(k: Ints, side: str) -> Floats:
        jitter = 0.4 * (draw.uniform(f"grid/{side}", community.astype(np.int64) * 128 + k) - 0.5)
        share = np.where((k == 0) | (k == count), k, k + jitter) / count
        return np.asarray(np.round(x0 + (x1 - x0) * share, 7))

    return np.stack(
        [edge(inside, "south"), edge(inside + 1, "south"), edge(inside, "north"), edge(inside + 1, "north")], axis=1
    )
