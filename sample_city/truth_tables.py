"""Tables of the answer key about organisations, places, grids, facilities and events."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sample_city import figures, lines
from sample_city.codes import dates
from sample_city.draw import Floats, Indices, Ints
from sample_city.events import AT_HOUSE, DAY, KIND, NOWHERE, WHERE
from sample_city.facilities import KIND as FACILITY
from sample_city.institutions import KIND as INSTITUTION
from sample_city.institutions import SECTION
from sample_city.organisations import FIRM, INDUSTRY, KINDS, SELF_EMPLOYED, STATUSES
from sample_city.places import take
from sample_city.sources.base import CHUNK
from sample_city.sources.yingji_weihua import hazardous
from sample_city.sources.zongzhi_wangge import grid_names, rings
from sample_city.world import World, choose, where

if TYPE_CHECKING:
    from sample_city.truth import Answers

METRE_LON, METRE_LAT = 111_320.0, 110_950.0  # metres of a degree, the first at the equator


def slices(total: int) -> Iterator[Indices]:
    """Positions, CHUNK at a time."""
    for low in range(0, total, CHUNK):
        yield np.arange(low, min(low + CHUNK, total))


def organisations(world: World, at: Indices, period: int) -> pl.DataFrame:
    o = world.organisations
    status = o.status_at(at, period)
    ended = status > 0
    n = len(at)
    building = world.places.house_building[o.house[at]]
    firm = o.kind[at] != SELF_EMPLOYED
    dangerous = INDUSTRY["hazardous"].to_numpy()[o.industry[at]] & (o.kind[at] == FIRM)
    staff = [np.where(firm, x, 0) for x in figures.staff(world.draw, at, period)]
    money = [
        pl.DataFrame({"v": x / 100, "f": firm}).select(pl.when("f").then("v")).to_series()
        for x in figures.accounts(world.draw, at, figures.LAST_YEAR)
    ]
    return pl.DataFrame(
        {
            "period": pl.repeat(period, n, dtype=pl.Int64, eager=True),
            "org_key": o.keys(at),
            "name": o.names(at, period),
            "uscc": o.codes(at),
            "kind": take(pl.Series(KINDS), o.kind[at]),
            "industry_class": take(INDUSTRY["code"], o.industry[at]),
            "industry_section": take(INDUSTRY["section"], o.industry[at]),
            "scope": take(INDUSTRY["scope"], o.industry[at]),
            "legal_person": world.person_keys(o.legal_at(at, period)),
            "capital_wan": pl.Series(o.capital[at]).cast(pl.Float64),
            "founded": dates(o.founded[at]),
            "status": take(pl.Series(STATUSES), status),
            "cancelled": where(ended, dates(np.where(ended, o.cancelled[at], 0))),
            "address": o.addresses(at),
            "building_key": world.places.building_keys(building),
            "phone": world.phones(o.legal_at(at, period).astype(np.int64), period),
            "hazardous": where(dangerous, figures.chemicals(world.draw, at)),
            "hitech": pl.Series(firm & (figures.hitech(world.draw, at) == 1)),
            "staff_begin": pl.Series(staff[0], dtype=pl.Int64),
            "staff_end": pl.Series(staff[1], dtype=pl.Int64),
            "layoffs": pl.Series(staff[2], dtype=pl.Int64),
            "arrears": pl.Series(firm & (figures.arrears(world.draw, at) == 1)),
            "revenue_2025": money[0],
            "profit_2025": money[1],
            "tax_2025": money[2],
            "assets_2025": money[3],
        }
    )


def institutions(world: World, at: Indices, period: int) -> pl.DataFrame:
    i, n = world.institutions, len(at)
    empty = pl.repeat("", n, dtype=pl.String, eager=True)
    nothing = pl.repeat(None, n, dtype=pl.Float64, eager=True)
    zero = pl.repeat(0, n, dtype=pl.Int64, eager=True)
    no = pl.repeat(False, n, eager=True)
    code = take(INSTITUTION["class"], i.kind[at])
    head, building = i.legal[at].astype(np.int64), i.places.house_building[i.house[at]]
    return pl.DataFrame(
        {
            "period": pl.repeat(period, n, dtype=pl.Int64, eager=True),
            "org_key": i.keys(at),
            "name": i.names(at),
            "uscc": i.codes(at),
            "kind": take(INSTITUTION["kind"], i.kind[at]),
            "industry_class": code,
            "industry_section": code.str.slice(0, 2).replace(SECTION),
            "scope": empty,
            "legal_person": world.person_keys(head),
            "capital_wan": pl.repeat(0.0, n, eager=True),
            "founded": dates(i.founded[at]),
            "status": pl.repeat(STATUSES[0], n, eager=True),
            "cancelled": empty,
            "address": i.places.site_addresses(i.house[at].astype(np.int64)),
            "building_key": i.places.building_keys(building),
            "phone": world.phones(head, period),
            "hazardous": empty,
            "hitech": no,
            "staff_begin": zero,
            "staff_end": zero,
            "layoffs": zero,
            "arrears": no,
            **dict.fromkeys(("revenue_2025", "profit_2025", "tax_2025", "assets_2025"), nothing),
        }
    )


def industries(world: World, answers: Answers) -> None:
    """The industry of every firm and shop."""
    o = world.organisations
    for at in slices(len(o)):
        columns = (("class_code", "code"), ("class_name", "class"), ("section", "section"))
        texts = {name: take(INDUSTRY[column], o.industry[at]) for name, column in columns}
        answers.add("industry", pl.DataFrame({"org_key": o.keys(at), **texts}))


def facilities(world: World, answers: Answers) -> None:
    f = world.facilities
    for at in slices(len(f.kind)):
        x, y = f.points(at)
        answers.add(
            "facility",
            pl.DataFrame(
                {
                    "facility_key": f.keys(at),
                    "kind": take(FACILITY["kind"], f.kind[at]),
                    "name": f.names(at),
                    "community": world.places.area("community_code", f.community[at]),
                    "grid_key": world.places.grid_keys(f.grid[at]),
                    "lon": pl.Series(x),
                    "lat": pl.Series(y),
                    "address": f.addresses(at),
                    "code": f.codes(at),
                }
            ),
        )


def line_grids(world: World, answers: Answers) -> None:
    """Grids of the other lines, and how much any two lines share."""
    w = world.places
    town = w.community["town_code"].rle_id().cast(pl.Int64).to_numpy()
    shapes = {"zongzhi": (lines.base(w), town[w.grid_community], w.grid_codes(np.arange(len(w.grid_serial))))}
    for name, grids in world.line_grids.items():
        every = np.arange(len(grids))
        shapes[name] = lines.rectangles(grids), town[grids.community], grids.codes(every)
        empty = pl.repeat("", len(every), dtype=pl.String, eager=True)
        shape = [(pl.Series(x), pl.Series(y)) for x, y in grids.corners(every)]
        frame = pl.DataFrame({"line": pl.repeat(name, len(every), eager=True), "grid_code": shapes[name][2]})
        area, wkt = _outlines(shape)
        extra = [grids.names(every).alias("name"), area, wkt, empty.alias("grid_key"), empty.alias("community")]
        answers.add("grid", frame.with_columns(extra))
    for a, b in itertools.combinations(("zongzhi", "gongan", "chengguan", "dangjian", "huanwei"), 2):
        answers.add("grid_overlap", _overlaps(a, shapes[a], b, shapes[b]))


_Line = tuple[lines.Shape, Ints, pl.Series]


def _overlaps(name_a: str, a: _Line, name_b: str, b: _Line) -> pl.DataFrame:
    left, right = lines.candidates(a[0], b[0], a[1], b[1])
    pair_a, pair_b = a[0].take(left), b[0].take(right)
    common = lines.common_area(pair_a, pair_b)
    kept = np.flatnonzero(common > 1e-10)
    left, right, common = left[kept], right[kept], common[kept]
    sizes = [lines.common_area(x, x) for x in (a[0].take(left), b[0].take(right))]
    middle = a[0].take(left).y.mean(axis=1)
    n = len(kept)
    return pl.DataFrame(
        {
            "line_a": pl.repeat(name_a, n, dtype=pl.String, eager=True),
            "grid_a": take(a[2], left),
            "line_b": pl.repeat(name_b, n, dtype=pl.String, eager=True),
            "grid_b": take(b[2], right),
            "area_m2": pl.Series(np.round(common * METRE_LAT * METRE_LON * np.cos(np.radians(middle)), 1)),
            "share_of_a": pl.Series(np.round(common / sizes[0], 4)),
            "share_of_b": pl.Series(np.round(common / sizes[1], 4)),
        }
    )


def places(world: World, answers: Answers) -> None:
    w = world.places
    for at in slices(len(w.estate_community)):
        first = np.searchsorted(w.building_estate, at)
        answers.add(
            "place",
            _place(
                world,
                w.estate_keys(at),
                level="estate",
                parent=w.area("community_code", w.estate_community[at]),
                text=w.estate_addresses(at),
                community=w.estate_community[at],
                grid=pl.repeat("", len(at), dtype=pl.String, eager=True),
                points=w.coordinates("building", first, w.building_grid[first]),
            ),
        )
    for at in slices(len(w.building_number)):
        answers.add(
            "place",
            _place(
                world,
                w.building_keys(at),
                level="building",
                parent=w.estate_keys(w.building_estate[at]),
                text=w.building_addresses(at),
                community=w.building_community[at],
                grid=w.grid_keys(w.building_grid[at]),
                points=w.coordinates("building", at, w.building_grid[at]),
            ),
        )
    for at in slices(len(w.house_number)):
        building, grid = w.house_building[at], w.grid_keys(w.house_grid[at])
        answers.add(
            "place",
            _place(
                world,
                w.house_keys(at),
                level="house",
                parent=choose(
                    building >= 0, w.building_keys(building), w.area("community_code", w.house_community[at])
                ),
                text=w.addresses(at),
                community=w.house_community[at],
                grid=grid,
                points=w.house_points(at),
            ),
        )
        codes = {"place_key": w.house_keys(at), "grid_key": grid, "grid_code": w.grid_codes(w.house_grid[at])}
        answers.add("house_grid", pl.DataFrame(codes))
    for at in slices(len(w.grid_serial)):
        answers.add("grid", _grids(world, at))


def _place(
    world: World,
    keys: pl.Series,
    *,
    level: str,
    parent: pl.Series,
    text: pl.Series,
    community: Ints,
    grid: pl.Series,
    points: tuple[Floats, Floats],
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "place_key": keys,
            "level": pl.repeat(level, len(keys), dtype=pl.String, eager=True),
            "parent": parent,
            "standard_address": text,
            "community": world.places.area("community_code", community),
            "town": world.places.area("town_code", community),
            "grid_key": grid,
            "lon": pl.Series(points[0]),
            "lat": pl.Series(points[1]),
        }
    )


def _grids(world: World, at: Indices) -> pl.DataFrame:
    area, wkt = _outlines(rings(world, at))
    w = world.places
    return pl.DataFrame(
        {
            "line": pl.repeat("zongzhi", len(at), eager=True),
            "grid_code": w.grid_codes(at),
            "name": grid_names(world, at),
            "area_m2": area,
            "wkt": wkt,
            "grid_key": w.grid_keys(at),
            "community": w.area("community_code", w.grid_community[at]),
        }
    )


def _outlines(corners: Sequence[tuple[pl.Series, pl.Series]]) -> tuple[pl.Series, pl.Series]:
    """Area in square metres and outline as WKT of closed rings."""
    corners = [(x.cast(pl.String), y.cast(pl.String)) for x, y in corners]
    texts = [pl.DataFrame({"x": x, "y": y}).select(pl.col("x") + " " + pl.col("y")).to_series() for x, y in corners]
    wkt = (
        pl.DataFrame([t.alias(str(i)) for i, t in enumerate(texts)])
        .select("POLYGON ((" + pl.concat_str(pl.all(), separator=", ") + "))")
        .to_series()
    )
    x, y = (np.stack([c[k].cast(pl.Float64).to_numpy() for c in corners]) for k in (0, 1))
    metres_x = METRE_LON * np.cos(np.radians(y.mean(axis=0)))
    area = 0.5 * np.abs((x[:-1] * y[1:] - x[1:] * y[:-1]).sum(axis=0)) * metres_x * METRE_LAT
    return pl.Series("area_m2", np.round(area, 1)), wkt.alias("wkt")


def events(world: World, answers: Answers) -> None:
    """Events that some delivery tells of, with the number of rows on each."""
    e, w = world.events, world.places
    days = np.asarray(world.clock.days)
    told = answers.told(len(e.kind))
    for every in slices(len(e.kind)):
        at = every[told[every] > 0]
        house = e.house[at]
        level = WHERE[e.kind[at]]
        building = w.house_building[house]
        lon, lat = w.house_points(house)
        placed = level != NOWHERE
        period = np.searchsorted(days, e.time[at] // DAY, "left") + 1
        burst = e.burst[at].astype(np.int64)
        name = pl.DataFrame(
            {
                "k": take(pl.Series(["W", "G"]), np.maximum(burst, 0) % 2),
                "n": pl.Series(np.maximum(burst, 0) // 2 + 1).cast(pl.String),
            }
        )
        answers.add(
            "event",
            pl.DataFrame(
                {
                    "event_key": e.keys(at),
                    "category": take(KIND["kind"], e.kind[at]),
                    "time": pl.from_epoch(pl.Series(e.time[at]), time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S"),
                    "community": w.area("community_code", w.house_community[house]),
                    "grid_key": w.grid_keys(w.house_grid[house]),
                    "house_place": w.house_keys(np.where(placed & ((level == AT_HOUSE) | (building < 0)), house, -1)),
                    "building_place": w.building_keys(np.where(placed, building, -1)),
                    "org_key": pl.repeat("", len(at), eager=True),
                    "lon": pl.Series(lon),
                    "lat": pl.Series(lat),
                    "status": take(pl.Series(["办理中", "已办结"]), world.draw.pick("event/status", at, [1, 6])),
                    "period": pl.Series(period, dtype=pl.Int64),
                    "burst": where(burst >= 0, name.select(pl.col("k") + pl.col("n")).to_series()),
                    "mentions": pl.Series(told[at], dtype=pl.Int64),
                }
            ),
        )


def bursts(world: World, answers: Answers) -> None:
    """Causes that many calls or events are about."""
    e = world.events
    told = answers.told(len(e.kind))
    at = np.flatnonzero((e.burst >= 0) & (told > 0))
    day = np.asarray(world.clock.days)
    frame = pl.DataFrame(
        {
            "b": pl.Series(e.burst[at]).cast(pl.Int64),
            "kind": take(KIND["kind"], e.kind[at]),
            "community": world.places.area("community_code", world.places.house_community[e.house[at]]),
            "time": pl.Series(e.time[at]),
            "told": pl.Series(told[at]),
            "period": pl.Series(np.searchsorted(day, e.time[at] // DAY, "left") + 1, dtype=pl.Int64),
        }
    )
    frame = frame.group_by("b", maintain_order=True).agg(
        pl.first("kind", "community", "period"), pl.min("time"), reports=pl.sum("told"), events=pl.len().cast(pl.Int64)
    )
    start = pl.from_epoch("time", time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S").alias("start")
    letter = pl.when(pl.col("b") % 2 == 0).then(pl.lit("W")).otherwise(pl.lit("G"))
    name = (letter + (pl.col("b") // 2 + 1).cast(pl.String)).alias("burst")
    answers.add(
        "burst",
        frame.select(name, "kind", "community", pl.lit("").alias("org_key"), start, "reports", "events", "period"),
    )


def firm_tags(world: World, period: int) -> pl.DataFrame:
    """Firms with dangerous chemicals."""
    at = hazardous(world, period)
    return pl.DataFrame(
        {
            "period": pl.repeat(period, len(at), dtype=pl.Int64, eager=True),
            "subject_key": world.organisations.keys(at),
            "tag": pl.repeat("hazardous_chemicals", len(at), dtype=pl.String, eager=True),
        }
    )
