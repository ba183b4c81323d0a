"""12345 工单: calls of the hotline. CSV in UTF-8, delta; free text with line breaks and quotation marks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import profiles
from sample_city.codes import dates, padded, stamps
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.events import DAY, KIND, SATISFACTION, sent
from sample_city.names import POOLS
from sample_city.places import take
from sample_city.sources.base import CHUNK, Chunk, Column, RowDefects, Source
from sample_city.world import World, choose, where

_COLUMNS = (
    Column("工单编号"),
    Column("来电时间", (Defect("date_other_format", 0.014),)),
    Column("诉求人"),
    Column("联系电话", profiles.phones(0.039, 1.22)),
    Column("问题分类"),
    Column("诉求内容"),
    Column("诉求地址"),
    Column("承办单位"),
    Column("派单时间"),
    Column("办结时间"),
    Column("办理状态"),
    Column("满意度"),
)


def _callers(world: World, calls: Indices, period: int) -> tuple[pl.Series, np.ndarray]:
    """Names as given (full, surname with a title, anonymous), and who stays anonymous."""
    person = world.events.call_person[calls].astype(np.int64)
    how = world.draw.pick("call/caller", calls, [0.70, 0.22, 0.08])
    a, _, _ = world.name_parts(person, period)
    title = take(pl.Series(["先生", "女士"]), world.people.sex[person] - 1)
    polite = (
        pl.DataFrame({"a": take(POOLS.parts, a).str.strip_chars("· "), "t": title})
        .select(pl.col("a") + pl.col("t"))
        .to_series()
    )
    anonymous = pl.repeat("匿名", len(calls), eager=True)
    return choose(how == 0, world.names(person, period), choose(how == 1, polite, anonymous)), how == 2


def chunk(world: World, calls: Indices, period: int) -> Chunk:
    """Some calls as the hotline knows them."""
    e = world.events
    event, time = e.call_event[calls], e.call_time[calls]
    person = e.call_person[calls].astype(np.int64)
    kind = e.kind[event].astype(np.int64)
    text, anonymous = _callers(world, calls, period)
    address = e.addresses(calls)
    passed = time + 300 + world.draw.below("call/passed", calls, 5400)
    done = passed + 3600 * (4 + world.draw.below("call/done", calls, 120))
    closed = e.status(calls, world.day(period))
    hidden = world.draw.chance("call/hidden", calls, 0.05)
    number = pl.DataFrame({"d": dates(time // DAY, "%Y%m%d"), "n": padded("", (calls * 611_953 + 104_729) % 10**6, 6)})
    office = where(~world.draw.chance("call/office", calls, 0.05), take(KIND["department"], kind))
    frame = pl.DataFrame(
        [
            number.select(pl.lit("YT") + pl.col("d") + pl.col("n")).to_series().alias("工单编号"),
            stamps(time).alias("来电时间"),
            text.alias("诉求人"),
            where(~(anonymous & world.draw.chance("call/phone", calls, 0.5)), world.phones(person, period)).alias(
                "联系电话"
            ),
            take(KIND["class"], kind).alias("问题分类"),
            e.texts(calls, address).alias("诉求内容"),
            where(~hidden, address).alias("诉求地址"),
            office.alias("承办单位"),
            stamps(passed).alias("派单时间"),
            stamps(done).alias("办结时间"),
            take(pl.Series(["办理中", "已办结"]), closed).alias("办理状态"),
            take(pl.Series(SATISFACTION), world.draw.pick("call/satisfaction", calls, [50, 28, 10, 12])).alias(
                "满意度"
            ),
        ]
    )
    if period > 1:
        frame = frame.with_columns(take(pl.Series(["未回访", "已回访"]), closed).alias("回访情况"))
    known, unknown = np.flatnonzero(~anonymous), np.flatnonzero(anonymous)
    roles = [
        ("reporter", known, world.person_keys(person[known])),
        ("reporter_anonymous", unknown, world.person_keys(person[unknown])),
    ]
    return Chunk(frame, calls, {"event_key": e.keys(event), "place_key": e.place_keys(calls)}, roles)


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    every = sent(world.events, world.clock, period)
    for low in range(0, max(len(every), 1), CHUNK):
        yield chunk(world, every[low : low + CHUNK], period)


SOURCE = Source(
    name="rexian/12345工单",
    file=lambda world, period: f"rexian/12345工单_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS if period == 1 else (*_COLUMNS, Column("回访情况")),
    chunks=_chunks,
    key="工单编号",
    kind=lambda period: "delta",
    rows=RowDefects(duplicate_exact=0.012, duplicate_near=0.0014, near="诉求内容"),
)
