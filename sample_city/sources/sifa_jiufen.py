"""司法 矛盾纠纷: cases of people's mediation. Workbook with a title line, delta."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city import reports
from sample_city.codes import dates, padded
from sample_city.defects import Defect
from sample_city.draw import Indices
from sample_city.events import DAY
from sample_city.people import neighbours
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World

_COLUMNS = (
    Column("案件编号"),
    Column("当事人甲", (Defect("name_space", 0.06),)),
    Column("甲证件号", (Defect("id_excel_000", 0.065),)),
    Column("当事人乙"),
    Column("纠纷类型"),
    Column("纠纷简述"),
    Column("发生地点"),
    Column("受理日期", kind="date"),
    Column("调解员"),
    Column("调解结果"),
)
_CAUSES = ("漏水赔偿", "停车位", "噪音", "楼道堆物", "宅基地边界", "饲养宠物")
_MEDIATORS = ("于", "李", "王", "张", "孙", "刘", "曲", "姜")
_RESULTS = ("调解成功", "引导诉讼", "正在调解")


def _parties(world: World, event: Indices) -> tuple[Indices, Indices]:
    """Two adults of the community."""
    p = world.people
    age = (world.clock.days[0] - p.birth[: p.count]) / 365.25
    able = (age >= 20) & (age < 90) & (p.death[: p.count] > world.clock.days[0]) & p.has_number[: p.count]
    adults = np.flatnonzero(able)
    community = world.places.house_community[world.events.house[event]]
    first, second = (neighbours(world.draw, f"mediation/{side}", p, adults, community) for side in ("first", "second"))
    return first, np.where(first == second, adults[(np.searchsorted(adults, first) + 1) % len(adults)], second)


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    e, draw = world.events, world.draw
    event = reports.sent(e, world.clock, period, reports.MEDIATION)
    day = reports.times(e, reports.MEDIATION, event) // DAY
    first, second = _parties(world, event)
    house = e.house[event].astype(np.int64)
    names = world.names(first, period), world.names(second, period)
    cause = take(pl.Series(_CAUSES), draw.below("mediation/cause", event, len(_CAUSES)))
    story = pl.DataFrame({"a": names[0], "b": names[1], "c": cause}).select(
        pl.concat_str("a", pl.lit("、"), "b", pl.lit("两家因"), "c", pl.lit("起争执，申请人民调解"))
    )
    number = "TJ" + dates(day, "%Y%m") + padded("", (event * 48_271 + 8_191) % 10**7, 7)
    frame = pl.DataFrame(
        [
            number.alias("案件编号"),
            names[0].alias("当事人甲"),
            world.numbers(first).alias("甲证件号"),
            names[1].alias("当事人乙"),
            pl.repeat("邻里纠纷", len(event), eager=True).alias("纠纷类型"),
            story.to_series().alias("纠纷简述"),
            world.places.addresses(house, "county").alias("发生地点"),
            dates(day).alias("受理日期"),
            ("人民调解员" + take(pl.Series(_MEDIATORS), draw.below("mediation/who", event, 8))).alias("调解员"),
            take(pl.Series(_RESULTS), draw.pick("mediation/result", event, [80, 12, 8])).alias("调解结果"),
        ]
    )
    world.see(period, first)
    keys = {
        "person_key": world.person_keys(first),
        "place_key": world.places.house_keys(house),
        "event_key": e.keys(event),
    }
    roles = [("party_b", np.arange(len(event)), world.person_keys(second))]
    yield Chunk(frame, event, keys, roles, sheet="台账")


SOURCE = Source(
    name="sifa/矛盾纠纷",
    file=lambda world, period: f"sifa/人民调解案件台账_{world.day_text(period)}.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="案件编号",
    number="甲证件号",
    kind=lambda period: "delta",
    layout="xlsx",
    header_rows=2,
    titles=lambda world, period: ("人民调解案件台账",),
)
