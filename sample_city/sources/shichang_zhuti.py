"""市场监管 市场主体: the business register. CSV in GB18030 with line breaks inside quoted fields, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates
from sample_city.defects import Defect, Luck
from sample_city.draw import Indices
from sample_city.organisations import FIRM, INDUSTRY, KIND_NAMES, STATUS_NAMES
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, RowDefects, Source
from sample_city.world import World, choose, where

NAME = "shichang/市场主体"
UNCLASSIFIED = 0.158  # share of the register without an industry
LEGAL, LEGAL_ID = "法定代表人(负责人/经营者)", "法定代表人证件号"
_COLUMNS = (
    Column("统一社会信用代码", (Defect("uscc_letter_o_i", 0.0102), Defect("uscc_lower", 0.0102))),
    Column("注册号"),
    Column("企业名称"),
    Column("市场主体类型"),
    Column(
        LEGAL,
        (
            Defect("name_space", 0.0128),
            Defect("name_homophone", 0.012),
            Defect("name_rare_variant", 0.35),
            Defect("name_rare_lost", 0.2),
        ),
    ),
    Column(
        LEGAL_ID,
        (
            Defect("id_spaces", 0.0102),
            Defect("id_15_digit", 0.006),
            Defect("id_bad_check", 0.0051),
            Defect("null_word", 0.0051),
            Defect("id_lower_x", 0.03),
        ),
    ),
    Column("注册资本(万元)"),
    Column(
        "成立日期",
        (
            Defect("date_other_format", 0.019),
            Defect("date_serial", 0.0128),
            Defect("date_with_time", 0.0051),
            Defect("date_month_only", 0.0025),
        ),
    ),
    Column(
        "住所",
        (
            Defect("addr_no_province", 0.095),
            Defect("addr_hash", 0.06),
            Defect("addr_office", 0.021),
            Defect("fullwidth", 0.0183),
            Defect("spaces", 0.0133),
            Defect("addr_repeat_head", 0.0027),
        ),
    ),
    Column("经营范围"),
    Column("行业代码", (Defect("blank", UNCLASSIFIED),)),
    Column("行业名称"),
    Column("登记状态"),
    Column("注销吊销日期"),
    Column("登记机关"),
    Column("联系电话"),
)
_SOLE = "有限责任公司(自然人投资或控股)"


def registered(world: World, period: int) -> Indices:
    """Organisations of the register on the day of a delivery, in its own order."""
    at = np.flatnonzero(world.organisations.founded_in <= period)
    return np.asarray(at[world.draw.order("org/file", at)])


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    every = registered(world, period)
    for low in range(0, len(every), CHUNK):
        yield _chunk(world, every[low : low + CHUNK], period)


def _chunk(world: World, at: Indices, period: int) -> Chunk:
    o = world.organisations
    legal = o.legal_at(at, period).astype(np.int64)
    status = o.status_at(at, period)
    county = world.places.area("county_name", world.places.house_community[o.house[at]])
    kind = take(pl.Series(KIND_NAMES), o.kind[at])
    kind = choose(
        (o.kind[at] == FIRM) & world.draw.chance("org/owners", at, 0.5), pl.repeat(_SOLE, len(at), eager=True), kind
    )
    unclassified = Luck.of(world.draw, NAME, at, period).hits(
        "行业代码/blank", UNCLASSIFIED
    )  # the name goes with the code
    frame = pl.DataFrame(
        [
            o.codes(at).alias("统一社会信用代码"),
            o.registration_numbers(at).alias("注册号"),
            o.names(at, period).alias("企业名称"),
            kind.alias("市场主体类型"),
            world.names(legal, period).alias(LEGAL),
            world.numbers_for(NAME, legal).alias(LEGAL_ID),
            pl.Series("注册资本(万元)", o.capital[at]).cast(pl.String),
            dates(o.founded[at]).alias("成立日期"),
            o.addresses(at).alias("住所"),
            take(INDUSTRY["scope"], o.industry[at]).alias("经营范围"),
            take(INDUSTRY["code"], o.industry[at]).alias("行业代码"),
            where(~unclassified, take(INDUSTRY["class"], o.industry[at])).alias("行业名称"),
            take(pl.Series(STATUS_NAMES), status).alias("登记状态"),
            where(status > 0, dates(np.where(status > 0, o.cancelled[at], 0))).alias("注销吊销日期"),
            (county + "市场监督管理局").alias("登记机关"),
            world.phones(legal, period).alias("联系电话"),
        ]
    )
    keys = {"org_key": o.keys(at), "place_key": o.place_keys(at)}
    return Chunk(frame, at, keys, [("legal_rep", np.arange(len(at)), world.person_keys(legal))])


SOURCE = Source(
    name=NAME,
    file=lambda world, period: f"shichang/市场主体_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="统一社会信用代码",
    encoding="gb18030",
    rows=RowDefects(duplicate_near=0.0075, near="住所"),
    renamed=lambda period: {"住所": "经营场所"} if period >= 2 else {},
)
