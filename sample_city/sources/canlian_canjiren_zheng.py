"""残联 残疾人证: certificates of disability. Workbook, full; every other month the last file comes again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.people import DISABILITY_TYPES
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World, where

SHEET = "持证残疾人"
_COLUMNS = (
    Column("残疾人证号", (Defect("id_bad_check", 0.0235), Defect("id_short", 0.0119), Defect("id_lower_x", 0.504))),
    Column(
        "姓名", (Defect("name_homophone", 0.0224), Defect("name_rare_variant", 0.392), Defect("name_rare_lost", 0.224))
    ),
    Column("性别"),
    Column("残疾类别"),
    Column("残疾等级", (Defect("blank", 0.0119),)),
    Column(
        "发证日期",
        (Defect("date_other_format", 0.0594), Defect("date_impossible", 0.0119), Defect("date_with_time", 0.0119)),
        kind="date",
    ),
    Column("有效期至"),
    Column("监护人姓名"),
    Column("监护人电话"),
    Column(
        "现住址",
        (
            Defect("addr_no_province", 0.1075),
            Defect("addr_hash", 0.0638),
            Defect("addr_dashes", 0.0325),
            Defect("spaces", 0.0477),
            Defect("fullwidth", 0.0239),
        ),
    ),
    Column("证件状态"),
)


def holders(world: World, period: int) -> Indices:
    """Persons with a certificate whose hukou is in the city."""
    p = world.people
    ids = np.flatnonzero((p.disability_type > 0) & (p.arrived <= period))
    home = p.household[ids]
    kept = ~world.dead(ids, period) | world.draw.chance("certificate/kept", ids, 0.4)
    ids = ids[world.served(ids) & (p.homes.departed[home] > period) & p.has_number[ids] & kept]
    return np.asarray(ids[world.draw.order("certificate/order", ids)])


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    p = world.people
    ids = holders(world, period)
    world.see(period, ids)
    kind, level = p.disability_type[ids].astype(np.int64), p.disability_level[ids].astype(np.int64)
    issued = world.clock.days[0] - 90 - world.draw.below("certificate/issued", ids, 3300)
    guardian = np.where(world.draw.chance("certificate/guardian", ids, 0.9), world.kin(ids, period), -1)
    known = guardian >= 0
    number = pl.DataFrame(
        {
            "n": world.numbers_for("canlian/残疾人证", ids),
            "k": pl.Series(kind).cast(pl.String),
            "l": pl.Series(level).cast(pl.String),
        }
    )
    house = world.residence(ids, period)
    frame = pl.DataFrame(
        [
            number.select(pl.concat_str("n", "k", "l")).to_series().alias("残疾人证号"),
            world.names(ids, period).alias("姓名"),
            take(pl.Series(["男性", "女性"]), p.sex[ids] - 1).alias("性别"),
            take(pl.Series([f"{t}残疾" for t in DISABILITY_TYPES]), kind - 1).alias("残疾类别"),
            take(pl.Series(["一级", "二级", "三级", "四级"]), level - 1).alias("残疾等级"),
            dates(issued).alias("发证日期"),
            dates(issued + 3652).alias("有效期至"),
            where(known, world.names(np.maximum(guardian, 0), period)).alias("监护人姓名"),
            where(known, world.phones(np.maximum(guardian, 0), period)).alias("监护人电话"),
            world.places.addresses(house).alias("现住址"),
            take(pl.Series(["正常", "注销"]), world.draw.pick("certificate/status", ids, [97, 3])).alias("证件状态"),
        ]
    )
    at = np.flatnonzero(known)
    roles = [("guardian", at, world.person_keys(guardian[at]))]
    yield Chunk(
        frame,
        ids,
        {"person_key": world.person_keys(ids), "place_key": world.places.house_keys(house)},
        roles,
        sheet=SHEET,
    )


def _file(world: World, period: int) -> str:
    if period % 2:
        return f"canlian/持证残疾人信息_{world.day_text(period, '%Y%m')}.xlsx"
    return f"canlian/持证残疾人信息_{world.day_text(period - 1, '%Y%m')}(1).xlsx"


SOURCE = Source(
    name="canlian/残疾人证",
    file=_file,
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="残疾人证号",
    layout="xlsx",
    again=lambda period: 0 if period % 2 else period - 1,
)
