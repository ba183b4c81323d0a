"""公安 流动人口: registered people whose hukou is elsewhere. Workbook with a wrong extent; full, then what is new."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates, padded
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.people import DOCUMENTS, ORIGINS
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, RowDefects, Source
from sample_city.world import World, choose, where

REGISTERED = 0.885  # share of those who live here without a hukou
UPDATED = 0.0012  # monthly share whose registration is changed for another reason
_COLUMNS = (
    Column("登记编号"),
    Column(
        "姓名",
        (
            Defect("name_dot", 0.327),
            Defect("name_rare_lost", 0.2725),
            Defect("name_rare_variant", 0.327),
            Defect("name_space", 0.0044),
        ),
    ),
    Column("性别", (Defect("sex_other_code", 0.008),)),
    Column("证件类型"),
    Column(
        "证件号码",
        (
            Defect("id_excel_000", 0.0125),
            Defect("id_excel_float", 0.0041),
            Defect("id_sci_text", 0.0041),
            Defect("id_apostrophe", 0.008),
            Defect("id_bad_check", 0.008),
            Defect("id_dot_zero", 0.004),
            Defect("id_lower_x", 0.0872),
        ),
    ),
    Column("民族", (Defect("null_word", 0.0322), Defect("blank", 0.008))),
    Column(
        "出生日期",
        (
            Defect("date_other_format", 0.0279),
            Defect("date_two_digit_year", 0.012),
            Defect("date_dmy", 0.008),
            Defect("date_impossible", 0.004),
        ),
        kind="date",
    ),
    Column("户籍地（国籍）"),
    Column(
        "现居住地址",
        (
            Defect("addr_no_province", 0.0872),
            Defect("addr_dashes", 0.0927),
            Defect("addr_hash", 0.0654),
            Defect("addr_office", 0.0338),
            Defect("fullwidth", 0.0256),
            Defect("spaces", 0.0129),
        ),
    ),
    Column("来烟日期", kind="date"),
    Column("居住事由"),
    Column(
        "联系方式",
        (
            Defect("phone_dash", 0.012),
            Defect("phone_old7", 0.012),
            Defect("phone_prefix", 0.008),
            Defect("blank", 0.008),
            Defect("null_word", 0.008),
            Defect("phone_short", 0.004),
        ),
    ),
    Column("登记派出所"),
)
_REASONS = ("务工", "经商", "就学", "投靠亲友", "其他")
_ABROAD = ("", "境外", "境外", "港澳台", "港澳台", "港澳台")


def registered(world: World, period: int) -> Indices:
    """Persons of a delivery: all at first, then those who came or moved, and a few whose entry was changed."""
    p = world.people
    ids = np.flatnonzero((p.homes.outside[p.household] >= 0) & (p.arrived <= period))
    home = p.household[ids]
    here = (p.homes.departed[home] > period) & ~world.dead(ids, period) & (p.has_number[ids] | (p.document[ids] > 0))
    ids = ids[here & world.draw.chance("migrant/registered", ids, REGISTERED)]
    if period > 1:
        fresh = (p.arrived[ids] == period) | (p.homes.moved_in[p.household[ids]] == period)
        ids = ids[fresh | world.draw.chance(f"migrant/updated/{period}", ids, UPDATED)]
    return np.asarray(ids[world.draw.order("migrant/order", ids)])


def _origins(world: World, ids: Indices) -> pl.Series:
    """Where the hukou is, as the police station writes it; from abroad where there is none."""
    p = world.people
    home = p.household[ids]
    origin = np.minimum(p.homes.outside[home].astype(np.int64), len(ORIGINS) - 1)
    villages = ("前进", "东庄", "西河", "大沟", "南庄", "北沟", "小李")
    frame = pl.DataFrame(
        {
            "o": take(pl.Series([text.removeprefix("山东省") for _, text in ORIGINS]), origin),
            "v": take(pl.Series(villages), world.draw.below("origin/village", home, len(villages))),
            "n": pl.Series(1 + world.draw.below("origin/number", home, 199)).cast(pl.String),
            "abroad": take(pl.Series(_ABROAD), p.document[ids]),
        }
    )
    text = pl.concat_str("o", "v", pl.lit("村"), "n", pl.lit("号"))
    return frame.select(pl.when(pl.col("abroad") == "").then(text).otherwise("abroad")).to_series()


def _frame(world: World, ids: Indices, period: int) -> pl.DataFrame:
    p = world.people
    document = p.document[ids].astype(np.int64)
    house = world.residence(ids, period)
    came = world.clock.days[0] - 20 - world.draw.below("migrant/came", ids, 3600)
    came = np.maximum(came, p.birth[ids])
    new = p.arrived[ids] == period
    came = np.where(new & (period > 1), world.day(period) - 1 - world.draw.below("migrant/new", ids, 26), came)
    town = world.places.area("town_name", world.places.house_community[house])
    number = (ids.astype(np.int64) * 7_919_999_983 + 1_234_567_891) % 10**10
    ethnic = where((document == 0) | (document > 2), world.ethnic_names(ids, "汉族"))
    return pl.DataFrame(
        [
            padded("LD", number, 10).alias("登记编号"),
            world.names(ids, period).alias("姓名"),
            take(pl.Series(["男", "女"]), p.sex[ids] - 1).alias("性别"),
            take(pl.Series(["居民身份证", *DOCUMENTS[1:]]), document).alias("证件类型"),
            choose(document > 0, world.documents(ids), world.numbers_for("gongan/流动人口", ids)).alias("证件号码"),
            ethnic.alias("民族"),
            dates(p.birth[ids]).alias("出生日期"),
            _origins(world, ids).alias("户籍地（国籍）"),
            world.places.addresses(house, "city").alias("现居住地址"),
            dates(came).alias("来烟日期"),
            take(pl.Series(_REASONS), world.draw.pick("migrant/reason", ids, [45, 63, 46, 60, 59])).alias("居住事由"),
            world.phones(ids, period).alias("联系方式"),
            (town.str.strip_suffix("街道") + "派出所").alias("登记派出所"),
        ]
    )


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    every = registered(world, period)
    for low in range(0, max(len(every), 1), CHUNK):
        ids = every[low : low + CHUNK]
        world.see(period, ids)
        house = world.residence(ids, period)
        keys = {"person_key": world.person_keys(ids), "place_key": world.places.house_keys(house)}
        yield Chunk(_frame(world, ids, period), ids, keys, sheet="Sheet1")


SOURCE = Source(
    name="gongan/流动人口",
    file=lambda world, period: f"gongan/流动人口(居住证)登记_{world.day_text(period)}.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="证件号码",
    kind=lambda period: "full" if period == 1 else "delta",
    layout="xlsx",
    dimension="A1:A1",
    rows=RowDefects(duplicate_exact=0.0115, duplicate_near=0.004, near="现居住地址"),
    note="dimension A1:A1",
)
