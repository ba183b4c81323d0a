"""农业 村集体经济组织: economic collectives of villages. Workbook with a total at the end, full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates, decimals
from sample_city.defects import Defect
from sample_city.institutions import COLLECTIVE
from sample_city.sources.base import Chunk, Column, Line, Source
from sample_city.world import World

_COLUMNS = (
    Column("序号", kind="number"),
    Column("镇街"),
    Column("村"),
    Column("组织名称"),
    Column("统一社会信用代码"),
    Column("负责人", (Defect("name_space", 0.4),)),
    Column("负责人身份证", (Defect("id_lower_x", 0.1),)),
    Column("成员数（人）", kind="number"),
    Column("集体资产总额（万元）", kind="number"),
    Column("年经营收益（万元）", kind="number"),
    Column("登记日期"),
)


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    i, draw = world.institutions, world.draw
    at = i.of(COLLECTIVE)
    members = 180 + draw.below("collective/members", at, 2000)
    assets = members * (200 + draw.below("collective/assets", at, 200))
    income = assets * (10 + draw.below("collective/income", at, 25)) // 1000
    head = i.legal[at].astype(np.int64)
    frame = pl.DataFrame(
        [
            pl.Series("序号", np.arange(1, len(at) + 1)).cast(pl.String),
            i.places.area("town_name", i.community[at]).alias("镇街"),
            i.places.area("short_name", i.community[at]).alias("村"),
            i.names(at).alias("组织名称"),
            i.codes(at).alias("统一社会信用代码"),
            world.names(head, period).alias("负责人"),
            world.numbers(head).alias("负责人身份证"),
            pl.Series("成员数（人）", members).cast(pl.String),
            decimals(assets, 2).alias("集体资产总额（万元）"),
            decimals(income, 2).alias("年经营收益（万元）"),
            dates(i.founded[at], "%Y年%-m月%-d日").alias("登记日期"),
        ]
    )
    total = {
        "序号": "合计",
        "组织名称": f"{len(at)}个",
        "成员数（人）": str(int(members.sum())),
        "集体资产总额（万元）": decimals(np.asarray([assets.sum()]), 2)[0],
    }
    roles = [("legal_rep", np.arange(len(at)), world.person_keys(head))]
    lines = [Line(2.0, "total", total)]
    yield Chunk(frame, at, {"org_key": i.keys(at)}, roles, sheet="登记表", lines=lines)


SOURCE = Source(
    name="nongye/村集体经济组织",
    file=lambda world, period: f"nongye/农村集体经济组织登记_{world.day_text(period)}.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="统一社会信用代码",
    layout="xlsx",
)
