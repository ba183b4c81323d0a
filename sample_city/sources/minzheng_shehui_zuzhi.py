"""民政 社会组织: associations, private institutions, residents' and villages' committees. Workbook, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates
from sample_city.institutions import KIND, SOCIAL
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Source
from sample_city.world import World

_COLUMNS = tuple(
    Column(name) for name in ("组织名称", "社会信用代码", "组织类型", "负责人姓名", "住所", "登记日期", "电话")
)
_TYPES = {"村委会": "基层群众性自治组织", "社团": "社会团体", "民非": "民办非企业单位"}


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    i = world.institutions
    at = i.of(SOCIAL)
    at = at[world.draw.order("social/order", at)]
    head, house = i.legal[at].astype(np.int64), i.house[at].astype(np.int64)
    frame = pl.DataFrame(
        [
            i.names(at).alias("组织名称"),
            i.codes(at).alias("社会信用代码"),
            take(KIND["kind"].replace(_TYPES), i.kind[at]).alias("组织类型"),
            world.names(head, period).alias("负责人姓名"),
            i.places.site_addresses(house).alias("住所"),
            dates(i.founded[at], "%Y/%m/%d").alias("登记日期"),
            world.phones(head, period).alias("电话"),
        ]
    )
    keys = {"org_key": i.keys(at), "place_key": i.places.site_keys(house)}
    roles = [("legal_rep", np.arange(len(at)), world.person_keys(head))]
    yield Chunk(frame, at, keys, roles, sheet="Sheet1")


SOURCE = Source(
    name="minzheng/社会组织",
    file=lambda world, period: f"minzheng/社会组织及自治组织_{world.day_text(period)}.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="社会信用代码",
    layout="xlsx",
)
