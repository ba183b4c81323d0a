"""住建 房屋: registered houses and flats with their owners. DBF in GBK, full; deleted records stay in the file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates, fixed
from sample_city.defects import Defect, Log, replace_at
from sample_city.draw import Indices
from sample_city.names import RARE
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, Line, Source
from sample_city.world import World, where

PER_PERSON, KNOWN, OWNED, DELETED = 0.435, 0.97, 0.915, 0.0015
OWNER, NUMBER = "权利人", "证件号"
_FIELDS = (
    ("房屋编码", "C", 22, 0),
    ("坐落", "C", 96, 0),
    ("小区名称", "C", 30, 0),
    ("楼栋号", "C", 8, 0),
    ("单元号", "C", 4, 0),
    ("室号", "C", 6, 0),
    ("建筑面积", "N", 9, 2),
    ("用途", "C", 8, 0),
    (OWNER, "C", 30, 0),
    (NUMBER, "C", 20, 0),
    ("登记日期", "C", 12, 0),
)
_DEFECTS: dict[str, tuple[Defect, ...]] = {
    "坐落": (Defect("addr_dashes", 0.0275), Defect("addr_hash", 0.0295), Defect("fullwidth", 0.0082)),
    "小区名称": (Defect("blank", 0.043, urban=True),),
    OWNER: (
        Defect("name_space", 0.0081),
        Defect("name_homophone", 0.009),
        Defect("name_note", 0.002),
        Defect("name_rare_variant", 0.09),
        Defect("name_traditional", 0.005),
    ),
    NUMBER: (
        Defect("id_15_digit", 0.0062),
        Defect("id_spaces", 0.005),
        Defect("id_bad_check", 0.0042),
        Defect("cut_at_field_width", 0.0061),
        Defect("id_transposed", 0.0034),
        Defect("id_apostrophe", 0.0021),
        Defect("id_lower_x", 0.078),
    ),
}
_COLUMNS = tuple(Column(name, _DEFECTS.get(name, ())) for name, *_ in _FIELDS)
_UNKNOWN = "".join(c for c in RARE if not c.encode("gbk", "ignore"))


def _owners(world: World, houses: Indices) -> Indices:
    """The head of the first household of each house; -1 for vacant ones and some others."""
    homes = world.people.homes
    at = np.searchsorted(homes.house, houses)
    at = np.minimum(at, len(homes.house) - 1)
    lived_in = (homes.house[at] == houses) & ~homes.foreign[at]
    return np.where(lived_in & world.draw.chance("house/owned", houses, OWNED), homes.first[at], -1)


def _chunk(world: World, houses: Indices, period: int) -> Chunk:
    w, draw = world.places, world.draw
    owner = _owners(world, houses)
    known = owner >= 0
    building = w.house_building[houses]
    urban = building >= 0
    at = np.maximum(building, 0)
    estate = w.building_estate[at] if len(w.building_estate) else at
    number = w.building_number[at] if len(w.building_number) else at
    name = where(known, world.names(np.maximum(owner, 0), 1))
    lost = name.str.contains(f"[{_UNKNOWN}]").arg_true()
    logs: list[Log] = []
    if len(lost):
        marked = name.gather(lost).str.replace_all(f"[{_UNKNOWN}]", "?")
        logs.append(
            Log(lost.cast(pl.Int64).to_numpy(), OWNER, "char_lost_in_gbk", name.gather(lost), marked, False, "no")
        )
        name = replace_at(name, logs[0].at, marked)
    area = 45.0 + 95.0 * draw.uniform("house/area", houses)
    use = draw.pick("house/use", houses, [96, 3, 1])
    registered = world.clock.days[0] - 30 - draw.below("house/registered", houses, 7000)
    estates = take(w.estate_name, estate) if len(w.estate_name) else pl.repeat("", len(houses), eager=True)
    room = np.where(urban, w.house_room[houses], w.house_number[houses])
    frame = pl.DataFrame(
        [
            w.house_codes(houses).alias("房屋编码"),
            w.addresses(houses, "city").alias("坐落"),
            where(urban, estates).alias("小区名称"),
            where(urban, pl.Series(number).cast(pl.String)).alias("楼栋号"),
            where(urban, pl.Series(w.house_unit[houses]).cast(pl.String)).alias("单元号"),
            pl.Series("室号", room).cast(pl.String),
            fixed(area, 2).alias("建筑面积"),
            take(pl.Series(["住宅", "商业", "其他"]), use).alias("用途"),
            name.alias(OWNER),
            where(known, world.numbers(np.maximum(owner, 0))).alias(NUMBER),
            dates(registered, "%Y%m%d").alias("登记日期"),
        ]
    )
    gone = np.flatnonzero(draw.chance("house/deleted", houses, DELETED))
    lines = [Line((i + 0.5) / len(houses), "deleted", frame.row(int(i), named=True)) for i in gone]
    here = np.flatnonzero(known)
    roles = [("owner", here, world.person_keys(owner[here]))]
    return Chunk(frame, houses, {"place_key": w.house_keys(houses)}, roles, lines=lines, logs=logs)


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    total = len(world.places.house_community)
    for low in range(0, total, CHUNK):
        houses = np.arange(low, min(low + CHUNK, total))
        yield _chunk(world, world.listed("house/listed", houses, PER_PERSON, KNOWN), period)


SOURCE = Source(
    name="zhujian/房屋",
    file=lambda world, period: f"zhujian/房屋登记_{world.day_text(period)}.dbf",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="房屋编码",
    layout="dbf",
    widths=tuple(field[1:] for field in _FIELDS),
    header_rows=0,
)
