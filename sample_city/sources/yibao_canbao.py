"""医保 医保参保: everybody in the medical insurance. A zip of one CSV, UTF-8 with a mark, its name in GBK; full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import profiles
from sample_city.codes import dates, padded
from sample_city.defects import NULL_WORDS, Defect, Log, quarantine, recoverable, replace_at
from sample_city.draw import Indices
from sample_city.insurance import CHILD, EMPLOYED, MEDICAL, WORKER, employment, medical
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, RowDefects, Source
from sample_city.world import World, choose, where

NAME, NUMBER = "yibao/医保参保", "证件号码"
OF_RELATIVE = 0.0008
_COLUMNS = (
    Column("个人编号"),
    Column("证件类型"),
    Column(
        NUMBER,
        (
            Defect("id_excel_000", 0.0182),
            Defect("id_sci_text", 0.0066),
            Defect("id_excel_float", 0.0025),
            Defect("id_spaces", 0.0081),
            Defect("id_bad_check", 0.0045),
            Defect("id_fullwidth", 0.0044),
            Defect("id_apostrophe", 0.0034),
            Defect("id_15_digit", 0.0028),
            Defect("id_dot_zero", 0.0023),
            Defect("id_transposed", 0.0016),
            Defect("id_short", 0.0004),
            Defect("id_lower_x", 0.03),
            Defect("id_star_x", 0.0165),
        ),
    ),
    Column("姓名", profiles.person_names(1.05)),
    Column("性别", (Defect("sex_other_code", 0.0044), Defect("sex_unknown", 0.0025))),
    Column(
        "出生年月日",
        (
            Defect("date_other_format", 0.0285),
            Defect("date_serial", 0.0139),
            Defect("date_with_time", 0.0092),
            Defect("date_dmy", 0.0045),
            Defect("date_two_digit_year", 0.0041),
            Defect("date_month_only", 0.003),
            Defect("date_impossible", 0.0007),
        ),
    ),
    Column("民族", (Defect("null_word", 0.0095),)),
    Column("人员类别"),
    Column("参保地区划"),
    Column("参保单位（村居）"),
    Column("参保状态"),
    Column("缴费年度"),
    Column(
        "手机",
        (
            Defect("blank", 0.0258),
            Defect("phone_dash", 0.0154),
            Defect("phone_old7", 0.0122),
            Defect("phone_prefix", 0.0096),
            Defect("null_word", 0.0094),
            Defect("phone_short", 0.0041),
        ),
    ),
)


def _numbers(world: World, ids: Indices, period: int) -> tuple[pl.Series, list[Log]]:
    """Numbers of documents; children without one get a word for it, a few people the number of a relative."""
    p = world.people
    number = choose(p.document[ids] > 0, world.documents(ids), world.numbers_for(NAME, ids))
    missing = np.flatnonzero(~p.has_number[ids] & (p.document[ids] == 0))
    words = take(pl.Series([*NULL_WORDS, ""]), world.draw.below("medical/word", ids[missing], len(NULL_WORDS) + 1))
    kin = world.kin(ids, period)
    wrong = np.flatnonzero((kin >= 0) & p.has_number[ids] & world.draw.chance("medical/relative", ids, OF_RELATIVE))
    logs = []
    for at, text, kind in ((missing, words, "id_missing_child"), (wrong, world.numbers(kin[wrong]), "id_of_relative")):
        if len(at):
            old = number.gather(pl.Series(at.astype(np.uint32)))
            number = replace_at(number, at, text)
            logs.append(Log(at, NUMBER, kind, old, text, recoverable(kind), quarantine(kind, in_number=True)))
    return number, logs


def _frame(world: World, ids: Indices, kind: Indices, number: pl.Series, period: int) -> pl.DataFrame:
    p = world.people
    community = world.places.house_community[world.residence(ids, period)]
    working = (kind == WORKER) & (employment(world, ids, period) == EMPLOYED)
    at = np.flatnonzero(working)
    firm = world.organisations.names(world.employer(ids[at], period), period)
    unit = replace_at(world.places.area("short_name", community), at, firm)
    head = world.first_of_home[p.household[ids]]
    caller = np.where(kind == CHILD, head, ids)
    return pl.DataFrame(
        [
            padded("3706", (ids.astype(np.int64) * 6_180_339_887 + 2_718_281_829) % 10**10, 10).alias("个人编号"),
            take(
                pl.Series(["01", "03", "04"]), np.select([p.document[ids] == 0, p.document[ids] == 1], [0, 1], 2)
            ).alias("证件类型"),
            number.alias(NUMBER),
            world.names(ids, period).alias("姓名"),
            take(pl.Series(["M", "F"]), p.sex[ids] - 1).alias("性别"),
            dates(p.birth[ids], "%Y/%-m/%-d").alias("出生年月日"),
            world.ethnic_names(ids, "其他").alias("民族"),
            take(pl.Series(MEDICAL), kind).alias("人员类别"),
            world.places.area("county_code", community).str.slice(0, 6).alias("参保地区划"),
            unit.alias("参保单位（村居）"),
            take(pl.Series(["正常参保", "暂停参保"]), world.draw.pick("medical/state", ids, [999, 1])).alias(
                "参保状态"
            ),
            pl.repeat(world.day_text(period, "%Y"), len(ids), eager=True).alias("缴费年度"),
            world.phones(caller, period).alias("手机"),
        ]
    )


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    for low in range(0, len(world.people.sex), CHUNK):
        ids = np.arange(low, min(low + CHUNK, len(world.people.sex)))
        kind = medical(world, ids, period)
        ids, kind = ids[kind > 0], kind[kind > 0]
        world.see(period, ids)
        number, logs = _numbers(world, ids, period)
        frame = _frame(world, ids, kind, number, period)
        if period > 1:
            grade = np.where(kind == WORKER, 0, 1 + world.draw.pick("medical/grade", ids, [3, 2]))
            frame = frame.with_columns(take(pl.Series(["", "一档", "二档"]), grade).alias("缴费档次"))
        working = (kind == WORKER) & (employment(world, ids, period) == EMPLOYED)
        employer = np.where(working, world.employer(ids, period), -1)
        keys = {
            "person_key": world.person_keys(ids),
            "org_key": where(employer >= 0, world.organisations.keys(np.maximum(employer, 0))),
        }
        yield Chunk(frame, ids, keys, logs=logs)


def _member(world: World, period: int) -> str:
    return f"城乡医保参保人员明细_{world.day_text(period, '%Y%m')}.csv"


SOURCE = Source(
    name=NAME,
    file=lambda world, period: f"yibao/医保数据_{world.day_text(period)}.zip",
    columns=lambda period: _COLUMNS if period == 1 else (*_COLUMNS, Column("缴费档次")),
    chunks=_chunks,
    key="个人编号",
    number=NUMBER,
    layout="zip",
    encoding="utf-8-sig",
    member=_member,
    rows=RowDefects(duplicate_exact=0.0026, duplicate_near=0.0008, near="参保单位（村居）"),
    note="one CSV, its name in GBK",
)
