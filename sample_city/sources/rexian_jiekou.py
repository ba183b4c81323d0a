"""12345 接口: the calls of the last week once more, as the hotline's interface gives them. JSON, delta."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import stamps
from sample_city.defects import Log
from sample_city.draw import Indices
from sample_city.events import DAY, sent
from sample_city.records import json_text
from sample_city.sources.base import Chunk, Column, Source
from sample_city.sources.rexian_gongdan import chunk
from sample_city.world import World

WEEK = 7.5  # days back
STEP = 50_000
_OF = {
    "orderNo": "工单编号",
    "callTime": "来电时间",
    "callerName": "诉求人",
    "callerPhone": "联系电话",
    "category": "问题分类",
    "content": "诉求内容",
    "address": "诉求地址",
    "dept.name": "承办单位",
    "status": "办理状态",
    "satisfaction": "满意度",
}
_COLUMNS = tuple(Column(name) for name in _OF)


def render(rows: pl.DataFrame) -> pl.Series:
    """Records as indented JSON; the status is a number, an empty address is none."""
    pieces: list[pl.Expr] = [pl.lit("   {\n")]
    for i, name in enumerate(rows.columns):
        end = "\n   }" if i == len(rows.columns) - 1 else ",\n"
        value = json_text(name)
        if name == "status":
            value = pl.col(name)
        if name == "address":
            value = pl.when(pl.col(name) == "").then(pl.lit("null")).otherwise(value)
        if name == "dept.name":
            pieces += [pl.lit('    "dept": {\n     "name": '), value, pl.lit("\n    }" + end)]
        else:
            pieces += [pl.lit(f'    "{name}": '), value, pl.lit(end)]
    return rows.select(pl.concat_str(pieces)).to_series()


def _part(world: World, calls: Indices, period: int) -> Chunk:
    whole = chunk(world, calls, period)
    frame = whole.frame.select(pl.col(old).alias(new) for new, old in _OF.items()).with_columns(
        (stamps(world.events.call_time[calls], "%Y-%m-%dT%H:%M:%S") + "+08:00").alias("callTime"),
        pl.col("status").replace({"办理中": "1", "已办结": "3"}),
    )
    number = frame["orderNo"]
    log = Log(np.arange(len(calls)), "*", "same_record_other_file", number, number, True, "no")
    return Chunk(frame, calls, whole.keys, whole.roles, logs=[log] if len(calls) else [])


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    every = sent(world.events, world.clock, period)
    every = every[world.events.call_time[every] >= (world.day(period) + 1) * DAY - round(WEEK * DAY)]
    for low in range(0, max(len(every), 1), STEP):
        yield _part(world, every[low : low + STEP], period)


SOURCE = Source(
    name="rexian/12345接口",
    file=lambda world, period: f"rexian/api_dump_{world.day_text(period)}.json",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="orderNo",
    kind=lambda period: "delta",
    layout="json",
    render=render,
    header_rows=0,
)
