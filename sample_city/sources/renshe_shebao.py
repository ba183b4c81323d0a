"""人社 社保参保: people in the pension insurance. Text with bars and no quoting, UTF-8, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import figures, profiles
from sample_city.codes import compact_dates, fixed
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.insurance import DRAWING, FIRM_SCHEME, PAYING, RESIDENT, RESIDENT_DRAWING, RESIDENT_SCHEME, pension
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, RowDefects, Source
from sample_city.world import World, where

NAME = "renshe/社保参保"
_COLUMNS = (
    Column(
        "社会保障号码",
        (
            Defect("id_spaces", 0.0062),
            Defect("id_15_digit", 0.0056),
            Defect("id_apostrophe", 0.0038),
            Defect("id_bad_check", 0.0034),
            Defect("id_transposed", 0.0036),
            Defect("id_fullwidth", 0.0029),
            Defect("id_lower_x", 0.037),
            Defect("id_star_x", 0.005),
        ),
    ),
    Column("姓名", profiles.person_names(1.05)),
    Column("性别", (Defect("sex_other_code", 0.0072), Defect("sex_unknown", 0.0053))),
    Column("险种"),
    Column("参保状态"),
    Column("单位编号"),
    Column("单位名称", (Defect("org_name_variant", 0.037),)),
    Column("单位统一社会信用代码", (Defect("blank", 0.0263),)),
    Column("首次参保年月"),
    Column("缴费基数"),
    Column(
        "手机号码",
        (
            Defect("blank", 0.0273),
            Defect("phone_dash", 0.0177),
            Defect("null_word", 0.0089),
            Defect("phone_prefix", 0.0084),
            Defect("phone_old7", 0.0074),
            Defect("phone_short", 0.0059),
        ),
    ),
)


def _frame(world: World, ids: Indices, state: Indices, period: int) -> pl.DataFrame:
    o = world.organisations
    paying = state == PAYING
    at = np.flatnonzero(paying)
    firm = world.employer(ids[at], period)
    texts: dict[str, pl.Series] = {}
    for name, text in (
        ("单位编号", figures.numbers(firm)),
        ("单位名称", o.names(firm, period)),
        ("单位统一社会信用代码", o.codes(firm)),
        ("缴费基数", fixed(4416.0 + 9000.0 * world.draw.uniform("pension/base", ids[at]) ** 2, 2)),
    ):
        empty = pl.repeat("", len(ids), dtype=pl.String, eager=True)
        texts[name] = empty.scatter(pl.Series(at.astype(np.uint32)), text).alias(name)
    adult = np.maximum(world.people.birth[ids] + 18 * 365, world.clock.days[0] - 33 * 365)
    span = np.maximum(world.clock.days[0] - 60 - adult, 1)
    since = compact_dates(adult + world.draw.below("pension/since", ids, span)) // 100
    resident = np.isin(state, (RESIDENT, RESIDENT_DRAWING))
    drawing = np.isin(state, (DRAWING, RESIDENT_DRAWING))
    return pl.DataFrame(
        [
            world.numbers_for(NAME, ids).alias("社会保障号码"),
            world.names(ids, period).alias("姓名"),
            pl.Series("性别", world.people.sex[ids]).cast(pl.String),
            take(pl.Series([FIRM_SCHEME, RESIDENT_SCHEME]), resident.astype(np.int64)).alias("险种"),
            take(pl.Series(["参保缴费", "待遇领取"]), drawing.astype(np.int64)).alias("参保状态"),
            texts["单位编号"],
            texts["单位名称"],
            texts["单位统一社会信用代码"],
            pl.Series("首次参保年月", since).cast(pl.String),
            texts["缴费基数"],
            world.phones(ids, period).alias("手机号码"),
        ]
    )


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    for low in range(0, len(world.people.sex), CHUNK):
        ids = np.arange(low, min(low + CHUNK, len(world.people.sex)))
        state = pension(world, ids, period)
        ids, state = ids[state > 0], state[state > 0]
        world.see(period, ids)
        employer = np.where(state == PAYING, world.employer(ids, period), -1)
        keys = {
            "person_key": world.person_keys(ids),
            "org_key": where(employer >= 0, world.organisations.keys(np.maximum(employer, 0))),
        }
        yield Chunk(_frame(world, ids, state, period), ids, keys)


SOURCE = Source(
    name=NAME,
    file=lambda world, period: f"renshe/社保参保_{world.day_text(period)}.txt",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="社会保障号码",
    separator="|",
    quoting=False,
    line_end="\n",
    shuffled=True,
    rows=RowDefects(duplicate_exact=0.0029, ragged_missing=0.0014, ragged_tail=0.0005),
    renamed=lambda period: {"社会保障号码": "公民身份号码"} if period >= 2 else {},
)
