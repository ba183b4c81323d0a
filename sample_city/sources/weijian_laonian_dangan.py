"""卫健 老年人健康档案: health records of people of 65 and older. JSON lines, full; the last line is cut off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates, padded
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.places import take
from sample_city.records import json_list, json_text
from sample_city.sources.base import CHUNK, Chunk, Column, RowDefects, Source
from sample_city.world import World, where

OLD, RECORDED = 65, 0.872
_DISEASES = ("高血压", "糖尿病", "冠心病", "脑卒中", "骨关节病", "慢阻肺")
_COLUMNS = (
    Column("archiveNo"),
    Column(
        "person.idCard",
        (
            Defect("id_null_word", 0.0126),
            Defect("id_spaces", 0.0084),
            Defect("id_15_digit", 0.0042),
            Defect("id_apostrophe", 0.0042),
            Defect("id_fullwidth", 0.0042),
            Defect("id_lower_x", 0.045),
            Defect("id_star_x", 0.045),
        ),
    ),
    Column(
        "person.name",
        (
            Defect("name_rare_lost", 0.3),
            Defect("name_rare_variant", 0.4),
            Defect("name_dot", 0.5),
            Defect("name_space", 0.0168),
            Defect("name_homophone", 0.0125),
            Defect("name_traditional", 0.0105),
            Defect("name_note", 0.0042),
        ),
    ),
    Column("person.gender"),
    Column("person.birthday", (Defect("date_other_format", 0.02), Defect("date_month_only", 0.0127))),
    Column("address.city"),
    Column("address.county"),
    Column("address.town"),
    Column("address.detail", (Defect("addr_dashes", 0.074), Defect("addr_hash", 0.076), Defect("spaces", 0.0212))),
    Column(
        "contact.phone",
        (
            Defect("blank", 0.0272),
            Defect("phone_dash", 0.017),
            Defect("null_word", 0.0127),
            Defect("phone_old7", 0.0106),
            Defect("phone_short", 0.0085),
            Defect("phone_prefix", 0.0064),
        ),
    ),
    Column("contact.emergency"),
    Column("health.bloodPressure"),
    Column("health.chronic"),
    Column("health.selfCare"),
    Column("health.disabled"),
    Column("doctor"),
    Column("updatedAt"),
)


def _diseases() -> pl.Series:
    """All sets of diseases as JSON, by the bits of their number."""
    sets = [[d for k, d in enumerate(_DISEASES) if bits >> k & 1] for bits in range(2 ** len(_DISEASES))]
    return pl.Series([json_list(s) for s in sets])


def _emergency(world: World, kin: Indices, period: int) -> pl.Series:
    """A list of one relative, or an empty one."""
    frame = pl.DataFrame(
        {
            "n": world.names(np.maximum(kin, 0), period),
            "p": world.phones(np.maximum(kin, 0), period),
            "k": pl.Series(kin >= 0),
        }
    )
    one = pl.concat_str(pl.lit('[{"name": '), json_text("n"), pl.lit(', "phone": '), json_text("p"), pl.lit("}]"))
    return frame.select(pl.when("k").then(one).otherwise(pl.lit("[]"))).to_series()


def render(rows: pl.DataFrame) -> pl.Series:
    """Records as lines of JSON; lists and truth values are JSON already."""
    raw = {"contact.emergency", "health.chronic", "health.disabled"}
    pieces: list[pl.Expr] = []
    outer = ""
    for i, column in enumerate(rows.columns):
        group, _, leaf = column.rpartition(".")
        start = "{" if i == 0 else ", "
        if group != outer:
            start = ("}" if outer else "") + start + (f'"{group}": {{' if group else "")
            outer = group
        elif not group and i == 0:
            start = "{"
        pieces += [pl.lit(f'{start}"{leaf}": '), pl.col(column) if column in raw else json_text(column)]
    return rows.select(pl.concat_str(*pieces, pl.lit("}"))).to_series()


def _chunk(world: World, ids: Indices, period: int) -> Chunk:
    p, draw = world.people, world.draw
    house = world.residence(ids, period)
    community = world.places.house_community[house]
    kin = np.where(draw.chance("archive/kin", ids, 0.98), world.guardians(ids, period), -1)
    pressure = pl.DataFrame(
        {
            "h": pl.Series(105 + draw.below("archive/high", ids, 70)),
            "l": pl.Series(62 + draw.below("archive/low", ids, 38)),
        }
    )
    care = draw.pick("archive/care", ids, [86, 10, 4])
    town = world.places.area("town_name", community)
    seen = world.clock.days[0] - 1 - draw.below("archive/seen", ids, 300)
    clock = pl.Series([f"{8 + k // 12:02d}:{k % 12 * 5:02d}" for k in range(108)])
    updated = dates(seen) + "T" + take(clock, draw.below("archive/clock", ids, 108)) + ":00+08:00"
    frame = pl.DataFrame(
        [
            padded("3706", (ids.astype(np.int64) * 61_195_324_613 + 104_729) % 10**12, 12).alias("archiveNo"),
            world.numbers_for("weijian/老年人健康档案", ids).alias("person.idCard"),
            world.names(ids, period).alias("person.name"),
            pl.Series("person.gender", p.sex[ids] - 1).cast(pl.String),
            dates(p.birth[ids]).alias("person.birthday"),
            pl.repeat("烟台市", len(ids), eager=True).alias("address.city"),
            world.places.area("county_name", community).alias("address.county"),
            town.alias("address.town"),
            world.places.addresses(house, "below_town").alias("address.detail"),
            where(draw.chance("archive/phone", ids, 0.97), world.phones(ids, period)).alias("contact.phone"),
            _emergency(world, kin, period).alias("contact.emergency"),
            pressure.select(pl.concat_str(pl.all().cast(pl.String), separator="/"))
            .to_series()
            .alias("health.bloodPressure"),
            take(_diseases(), draw.below("archive/disease", ids, 64) & draw.below("archive/disease/2", ids, 64)).alias(
                "health.chronic"
            ),
            take(pl.Series(["能自理", "部分自理", "不能自理"]), care).alias("health.selfCare"),
            take(pl.Series(["false", "true"]), (p.disability_type[ids] > 0).astype(np.int64)).alias("health.disabled"),
            (town.str.strip_suffix("街道") + "卫生院").alias("doctor"),
            updated.alias("updatedAt"),
        ]
    )
    known = np.flatnonzero(kin >= 0)
    keys = {"person_key": world.person_keys(ids), "place_key": world.places.house_keys(house)}
    return Chunk(frame, ids, keys, [("kin", known, world.person_keys(kin[known]))])


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    p = world.people
    every = np.flatnonzero((p.birth <= world.day(period) - OLD * 365) & (p.arrived <= period))
    every = every[(world.ages(every, period) >= OLD) & p.has_number[every]]
    every = every[~world.departed(every, period) & world.draw.chance("archive/kept", every, RECORDED)]
    every = every[~world.dead(every, period) | world.draw.chance("archive/dead", every, 0.1)]
    every = every[world.draw.order("archive/order", every)]
    for low in range(0, max(len(every), 1), CHUNK // 2):
        ids = every[low : low + CHUNK // 2]
        world.see(period, ids)
        yield _chunk(world, ids, period)


SOURCE = Source(
    name="weijian/老年人健康档案",
    file=lambda world, period: f"weijian/elderly_archive_{world.day_text(period)}.jsonl",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="archiveNo",
    number="person.idCard",
    layout="jsonl",
    render=render,
    header_rows=0,
    rows=RowDefects(truncate_last=True),
)
