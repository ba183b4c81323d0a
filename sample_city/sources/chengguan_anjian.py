"""城管 案件: cases of city management. CSV in GBK with some cells in another encoding, delta."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_city import reports
from sample_city.codes import dates, fixed, padded, stamps
from sample_city.defects import Log, quarantine, recoverable, replace_at
from sample_city.draw import Indices
from sample_city.events import DAY, KIND
from sample_city.layouts import BYTE
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Source
from sample_city.sources.event_reports import chunks, points, told
from sample_city.world import World

STREAM = "report/city/place"
OTHER_ENCODING, BROKEN = 0.034, 0.0114
_COLUMNS = tuple(
    Column(name)
    for name in (
        "案卷编号", "上报日期", "大类", "小类", "问题描述", "发生地点", "X坐标", "Y坐标", "责任部门", "立案状态",
    )
)  # fmt: skip
_FORMS = (("", "", ""), ("巡查上报：", "有", "问题"), ("监控发现", "", ""))


def _raw(text: str) -> str:
    """Bytes of UTF-8 in a file of another encoding."""
    return "".join(chr(b) if b < 0x80 else chr(BYTE + b) for b in text.encode())


def _damaged(
    world: World, event: Indices, text: pl.Series, address: pl.Series
) -> tuple[pl.Series, pl.Series, list[Log]]:
    """Some texts in UTF-8, some addresses with bytes that are no text."""
    luck = world.draw.uniform(f"{STREAM}/bytes", event)
    other = np.flatnonzero(luck < OTHER_ENCODING)
    broken = np.flatnonzero((luck >= OTHER_ENCODING) & (luck < OTHER_ENCODING + BROKEN) & (address != "").to_numpy())
    logs = []
    for at, kind, column, said in (
        (other, "other_encoding", "问题描述", "(UTF-8 bytes in a GBK file)"),
        (broken, "undecodable_bytes", "发生地点", "(bytes FF FE 81)"),
    ):
        if len(at):
            old = (text if kind == "other_encoding" else address).gather(pl.Series(at.astype(np.uint32)))
            note = pl.repeat(said, len(at), dtype=pl.String, eager=True)
            logs.append(Log(at, column, kind, old, note, recoverable(kind), quarantine(kind)))
            if kind == "other_encoding":
                text = replace_at(text, at, pl.Series([_raw(t) for t in old], dtype=pl.String))
            else:
                address = replace_at(address, at, old + "".join(chr(BYTE + b) for b in (0xFF, 0xFE, 0x81)))
    return text, address, logs


def _chunk(world: World, event: Indices, period: int) -> Chunk:
    e = world.events
    when = reports.times(e, reports.CITY, event)
    address = e.addresses(event, event, STREAM)
    text, where, logs = _damaged(world, event, told(world, event, STREAM, address, _FORMS), address)
    x, y = points(world, event, STREAM)
    town = world.places.area("town_name", world.places.house_community[e.house[event]])
    state = world.draw.pick(f"{STREAM}/state", event, [11, 77])
    number = dates(when // DAY, "%Y%m%d").str.slice(2) + padded("", (event * 16_807 + 8_191) % 10**7, 7)
    frame = pl.DataFrame(
        [
            number.alias("案卷编号"),
            stamps(when, "%Y年%m月%d日 %H时%M分").alias("上报日期"),
            pl.repeat("市容环境", len(event), eager=True).alias("大类"),
            take(KIND["kind"], e.kind[event]).alias("小类"),
            text.alias("问题描述"),
            where.alias("发生地点"),
            fixed(x, 6).alias("X坐标"),
            fixed(y, 6).alias("Y坐标"),
            (town + "综合行政执法队").alias("责任部门"),
            take(pl.Series(["处置中", "已结案"]), state).alias("立案状态"),
        ]
    )
    keys = {"event_key": e.keys(event), "place_key": e.place_keys(event, event, STREAM)}
    return Chunk(frame, event, keys, logs=logs)


SOURCE = Source(
    name="chengguan/案件",
    file=lambda world, period: f"chengguan/城管案件_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=lambda world, period: chunks(world, period, reports.CITY, _chunk),
    key="案卷编号",
    kind=lambda period: "delta",
    encoding="gb18030",
)
