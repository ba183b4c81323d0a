"""编办 机关事业单位: public bodies and institutions. CSV in UTF-16, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates
from sample_city.institutions import KIND, PUBLIC
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World

_COLUMNS = tuple(
    Column(name) for name in ("机构名称", "统一社会信用代码证号", "机构性质", "法定代表人", "办公地址", "成立时间")
)


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    i = world.institutions
    at = i.of(PUBLIC)
    at = at[world.draw.order("public/order", at)]
    head, house = i.legal[at].astype(np.int64), i.house[at].astype(np.int64)
    frame = pl.DataFrame(
        [
            i.names(at).alias("机构名称"),
            i.codes(at).alias("统一社会信用代码证号"),
            take(KIND["kind"], i.kind[at]).alias("机构性质"),
            world.names(head, 1).alias("法定代表人"),
            i.places.site_addresses(house).alias("办公地址"),
            dates(i.founded[at], "%Y%m%d").alias("成立时间"),
        ]
    )
    keys = {"org_key": i.keys(at), "place_key": i.places.site_keys(house)}
    roles = [("legal_rep", np.arange(len(at)), world.person_keys(head))]
    yield Chunk(frame, at, keys, roles)


SOURCE = Source(
    name="bianban/机关事业单位",
    file=lambda world, period: f"bianban/机关事业单位_{world.day_text(period)}.csv",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="统一社会信用代码证号",
    encoding="utf-16",
)
