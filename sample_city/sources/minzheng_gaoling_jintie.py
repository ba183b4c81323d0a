"""民政 高龄津贴: old-age allowance paid this month. Old workbook, a sheet per town with a title line; full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import profiles
from sample_city.codes import batches, padded, runs
from sample_city.defects import Defect
from sample_city.draw import Indices, Ints
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, Line, Source
from sample_city.world import World, where

STANDARD = "发放标准(元/月)"
_COLUMNS = (
    Column("序号", kind="number"),
    Column("姓名", (Defect("name_space", 0.009), Defect("name_kangxi", 0.03), Defect("name_rare_lost", 0.1))),
    Column("性别"),
    Column("身份证", profiles.spreadsheet_ids()),
    Column("年龄", (Defect("age_not_matching", 0.035),), kind="number"),
    Column("现住址", profiles.local_addresses(1.2)),
    Column(STANDARD, kind="number"),
    Column("银行卡号"),
    Column(
        "联系人电话",
        (Defect("blank", 0.02), Defect("null_word", 0.01), Defect("phone_dash", 0.01), Defect("phone_short", 0.01)),
    ),
)


def _frame(world: World, ids: Indices, period: int) -> pl.DataFrame:
    age = world.ages(ids, period)
    kin = world.kin(ids, period)
    return pl.DataFrame(
        [
            pl.Series("序号", np.arange(1, len(ids) + 1)).cast(pl.String),
            world.names(ids, period).alias("姓名"),
            take(pl.Series(["男", "女"]), world.people.sex[ids] - 1).alias("性别"),
            world.numbers(ids).alias("身份证"),
            pl.Series("年龄", age).cast(pl.String),
            world.places.addresses(world.residence(ids, period), "below_town").alias("现住址"),
            pl.Series(STANDARD, world.allowance(age)).cast(pl.String),
            padded("6223", world.draw.below("allowance/card", ids, 10**15), 15).alias("银行卡号"),
            where(kin >= 0, world.phones(np.maximum(kin, 0), period)).alias("联系人电话"),
        ]
    )


def _by_town(world: World, period: int) -> tuple[Indices, Ints]:
    """Persons on the payment roll by town of the hukou, and the community of the hukou of each."""
    ids = world.paid(period)
    code = world.places.area("town_code", world.places.house_community[world.hukou(ids)]).cast(pl.Int64).to_numpy()
    ids = ids[np.lexsort((world.draw.bits("allowance/order", ids), code))]
    return ids, world.places.house_community[world.hukou(ids)]


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    ids, community = _by_town(world, period)
    town = world.places.area("town_code", community).cast(pl.Int64).to_numpy()
    world.see(period, ids)
    used: set[str] = set()
    for group in batches(runs(town) or [(0, 0)], CHUNK // 2):
        start = group[0][0]
        at = ids[start : group[-1][1]]
        whole = _frame(world, at, period)
        person, house = world.person_keys(at), world.places.house_keys(world.residence(at, period))
        for low, high in group:
            here = world.places.community.row(int(community[low]) if len(ids) else 0, named=True)
            name = str(here["town_name"])
            sheet = name if name not in used else f"{here['county_name']}{name}"
            used.add(sheet)
            rows = slice(low - start, high - start)
            serial = pl.Series("序号", np.arange(1, high - low + 1)).cast(pl.String)
            frame = whole[rows].with_columns(serial)
            keys = {"person_key": person[rows], "place_key": house[rows]}
            title = f"{name}高龄津贴发放表"
            yield Chunk(frame, at[rows], keys, sheet=sheet, title=title, lines=_lines(frame[STANDARD].cast(pl.Int64)))


def _lines(yuan: pl.Series) -> list[Line]:
    """A subtotal in the middle of the sheet, and the total."""
    half = len(yuan) // 2
    total = Line(2.0, "total", {"序号": "合计", STANDARD: str(yuan.sum())})
    if not half:
        return [total]
    middle = Line((half - 0.2) / len(yuan), "total", {"序号": "小计", STANDARD: str(yuan[:half].sum())})
    return [middle, total]


SOURCE = Source(
    name="minzheng/高龄津贴",
    file=lambda world, period: "minzheng/高龄津贴发放表.xls",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="身份证",
    layout="xls",
    header_rows=2,
)
