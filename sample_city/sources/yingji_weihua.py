"""应急 危化企业隐患: hazards found at firms with dangerous chemicals. Workbook, a firm's columns merged downwards; full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import figures
from sample_city.codes import dates, runs
from sample_city.defects import Defect, Log
from sample_city.draw import Indices
from sample_city.organisations import FIRM, INDUSTRY
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World, where

FIRM_NAME = "企业名称"
FOUND_LATER = 0.1  # hazards a month at each firm after the first delivery
_COLUMNS = (
    Column("序号"),
    Column(FIRM_NAME),
    Column("统一信用代码"),
    Column("涉及危险化学品"),
    Column("地址"),
    Column("检查日期", (Defect("date_other_format", 0.046),), kind="date"),
    Column("检查单位"),
    Column("隐患描述"),
    Column("隐患级别"),
    Column("整改期限"),
    Column("整改状态"),
)
_HAZARDS = (
    "灭火器压力不足",
    "可燃气体报警器未按期检测",
    "应急预案没有备案",
    "静电接地线脱落",
    "安全警示标志缺失",
    "安全通道堆放杂物",
    "特种作业人员证件过期",
    "防爆灯具损坏",
)


def hazardous(world: World, period: int) -> Indices:
    """Firms in business that handle dangerous chemicals."""
    o = world.organisations
    dangerous = INDUSTRY["hazardous"].to_numpy()[o.industry]
    return np.flatnonzero(dangerous & (o.kind == FIRM) & (o.founded_in <= period) & (o.cancelled_in > period))


def _found(world: World, firms: Indices, period: int) -> tuple[Indices, Indices, Indices]:
    """Firm, serial and day of each hazard, firms together."""
    draw, days = world.draw, world.clock.days
    count = 1 + draw.pick("hazard/count", firms, [25, 28, 25, 22])
    at = [np.repeat(firms, count)]
    serial = [np.arange(len(at[0])) - np.repeat(np.cumsum(count) - count, count)]
    day = [days[0] - 3 - draw.below("hazard/day", at[0] * 64 + serial[0], 185)]
    for later in range(2, period + 1):
        more = firms[draw.chance(f"hazard/later/{later}", firms, FOUND_LATER)]
        at.append(more)
        serial.append(np.full(len(more), 8 + later))
        day.append(days[later - 2] + 1 + draw.below(f"hazard/later/day/{later}", more, 27))
    columns = [np.concatenate(x) for x in (at, serial, day)]
    order = np.lexsort((columns[1], columns[0]))
    return columns[0][order], columns[1][order], columns[2][order]


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    o, draw = world.organisations, world.draw
    at, serial, day = _found(world, hazardous(world, period), period)
    key = at * 64 + serial
    first = np.r_[True, at[1:] != at[:-1]] if len(at) else np.zeros(0, dtype=bool)
    town = world.places.area("town_name", world.places.house_community[o.house[at]])
    due = day + 15
    state = np.where(due <= world.day(period), draw.pick("hazard/state", key, [88, 8, 4]), 1)
    names = o.names(at, period)
    frame = pl.DataFrame(
        [
            where(first, pl.Series(np.cumsum(first)).cast(pl.String)).alias("序号"),
            where(first, names).alias(FIRM_NAME),
            where(first, o.codes(at)).alias("统一信用代码"),
            where(first, figures.chemicals(draw, at)).alias("涉及危险化学品"),
            where(first, world.places.site_addresses(o.house[at]).str.strip_prefix("山东省")).alias("地址"),
            dates(day).alias("检查日期"),
            (town + "应急管理办公室").alias("检查单位"),
            take(pl.Series(_HAZARDS), draw.below("hazard/what", key, len(_HAZARDS))).alias("隐患描述"),
            take(pl.Series(["一般隐患", "重大隐患"]), draw.pick("hazard/level", key, [95, 5])).alias("隐患级别"),
            dates(due, "%Y.%m.%d").alias("整改期限"),
            take(pl.Series(["已整改", "整改中", "逾期未整改"]), state).alias("整改状态"),
        ]
    )
    below = np.flatnonzero(~first)
    empty = pl.repeat("", len(below), dtype=pl.String, eager=True)
    logs = []
    if len(below):
        hidden = names.gather(pl.Series(below.astype(np.uint32)))
        logs.append(Log(below, FIRM_NAME, "vertically_merged", hidden, empty, True, "no"))
    keys = {"org_key": o.keys(at), "place_key": o.place_keys(at)}
    merged = [(low, high) for low, high in runs(at) if high - low > 1]
    yield Chunk(frame, key, keys, sheet="隐患台账", logs=logs, merged=merged)


SOURCE = Source(
    name="yingji/危化企业隐患",
    file=lambda world, period: f"yingji/危化企业隐患排查台账_{world.day_text(period)}.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    layout="xlsx",
    header_rows=2,
    titles=lambda world, period: ("危险化学品企业安全隐患排查治理台账",),
    merged_columns=5,
)
