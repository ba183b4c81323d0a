"""税务 纳税: accounts and taxes of firms by year. CSV in GB18030, full once, then corrections of the last year."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import figures
from sample_city.codes import calendar, grouped
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, Line, RowDefects, Source
from sample_city.sources.renshe_danwei import units
from sample_city.world import World, choose

YEARS = (figures.LAST_YEAR - 2, figures.LAST_YEAR - 1, figures.LAST_YEAR)
CORRECTED = 0.142  # share of the firms whose last year is delivered again
NAME = "shuiwu/纳税"
_COLUMNS = (
    Column(
        "纳税人识别号", (Defect("uscc_blank", 0.0154), Defect("uscc_spaces", 0.0077), Defect("uscc_letter_o_i", 0.004))
    ),
    Column("纳税人名称", (Defect("org_name_variant", 0.0233),)),
    Column("所属年度"),
    Column("营业收入", (Defect("unit_in_value", 0.0265),)),
    Column("应纳税所得额", (Defect("negative_in_brackets", 0.4),)),
    Column("实缴税额"),
    Column("资产总额", (Defect("blank", 0.0695),)),
    Column("金额单位"),
    Column("纳税信用等级"),
    Column("是否高新技术企业"),
    Column("主管税务所"),
)


def _amounts(cents: Indices, large: np.ndarray) -> pl.Series:
    """Yuan with separators, or 万元 with four decimals."""
    yuan = np.rint(cents / 100).astype(np.int64)
    frame = pl.DataFrame({"w": np.abs(yuan) // 10_000, "r": np.abs(yuan) % 10_000, "n": yuan < 0})
    wan = frame.select(
        pl.concat_str(
            pl.when("n").then(pl.lit("-")).otherwise(pl.lit("")),
            pl.col("w").cast(pl.String),
            pl.lit("."),
            pl.col("r").cast(pl.String).str.zfill(4),
        )
    ).to_series()
    return choose(large, wan, grouped(cents))


def _frame(world: World, at: Indices, year: Indices, period: int) -> pl.DataFrame:
    o, draw = world.organisations, world.draw
    key = at * 16 + (year - YEARS[0])
    large = draw.chance("tax/unit", key, 0.11)
    cents = np.zeros((4, len(at)), dtype=np.int64)
    for one in YEARS:
        here = np.flatnonzero(year == one)
        cents[:, here] = np.stack(figures.accounts(draw, at[here], one))
    if period > 1:  # what is corrected is the profit, and the tax on it
        cents[1:3] = cents[1:3] * 104 // 100
    revenue, income, tax, assets = cents
    town = world.places.area("town_name", world.places.house_community[o.house[at]])
    office = town.str.strip_suffix("街道").str.strip_suffix("镇") + "税务所"
    return pl.DataFrame(
        [
            o.codes(at).alias("纳税人识别号"),
            o.names(at, period).alias("纳税人名称"),
            pl.Series("所属年度", year).cast(pl.String),
            _amounts(revenue, large).alias("营业收入"),
            _amounts(income, large).alias("应纳税所得额"),
            _amounts(tax, large).alias("实缴税额"),
            _amounts(assets, large).alias("资产总额"),
            take(pl.Series(["元", "万元"]), large.astype(np.int64)).alias("金额单位"),
            take(pl.Series(["A", "B", "M", "C", "D"]), draw.pick("tax/credit", key, [62, 102, 34, 37, 24])).alias(
                "纳税信用等级"
            ),
            take(pl.Series(["否", "是"]), figures.hitech(draw, at)).alias("是否高新技术企业"),
            office.alias("主管税务所"),
        ]
    )


def _rows(world: World, firms: Indices, period: int) -> tuple[Indices, Indices]:
    """Firm and year of each row: the years since a firm was founded, or the last one of those corrected."""
    o = world.organisations
    if period > 1:
        again = firms[world.draw.chance(f"tax/again/{period}", firms, CORRECTED)]
        return again, np.full(len(again), YEARS[-1])
    at, year = np.repeat(firms, len(YEARS)), np.tile(np.asarray(YEARS), len(firms))
    founded = calendar(o.founded[at])[0]
    kept = (founded <= year) | (year == YEARS[-1])
    return at[kept], year[kept]


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    firms = units(world, period)
    step = CHUNK // len(YEARS)
    for low in range(0, max(len(firms), 1), step):
        at, year = _rows(world, firms[low : low + step], period)
        frame = _frame(world, at, year, period)
        total = grouped(np.asarray([int(frame.height and figures.accounts(world.draw, at, YEARS[-1])[2].sum())]))[0]
        lines = [Line(0.5, "total", {"纳税人识别号": "合计", "实缴税额": total, "金额单位": "元"})] if low == 0 else []
        yield Chunk(frame, at * 16 + (year - YEARS[0]), {"org_key": world.organisations.keys(at)}, lines=lines)


SOURCE = Source(
    name=NAME,
    file=lambda world, period: f"shuiwu/企业纳税情况_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="纳税人识别号",
    kind=lambda period: "full" if period == 1 else "delta",
    encoding="gb18030",
    rows=RowDefects(duplicate_exact=0.004),
)
