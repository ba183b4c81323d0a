"""民政 低保对象: the roll of social relief. Workbook with two title lines, a two-row header and subtotals by town; full."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_city.codes import dates, runs
from sample_city.defects import Defect
from sample_city.draw import Indices, Ints
from sample_city.people import LOW_INCOME_TYPES
from sample_city.places import take
from sample_city.sources.base import Chunk, Column, Line, RowDefects, Source
from sample_city.world import World

SHEET = "花名册"
STANDARD = 1180.0  # yuan a month and head, below which the urban and rural allowances make up the difference
DESTITUTE = 1534.0
_COLUMNS = (
    Column("序号", kind="number"),
    Column("乡镇（街道）"),
    Column("村（居）"),
    Column("姓名", (Defect("name_note", 0.0125), Defect("name_rare_variant", 0.2269), Defect("name_space", 0.0046))),
    Column("性别"),
    Column(
        "身份证号",
        (
            Defect("id_excel_000", 0.0306),
            Defect("id_bad_check", 0.0133),
            Defect("id_transposed", 0.0075),
            Defect("id_lower_x", 0.0454),
        ),
    ),
    Column("联系电话", (Defect("blank", 0.0205), Defect("phone_old7", 0.0408), Defect("phone_short", 0.0136))),
    Column("对象类别"),
    Column("家庭人均月收入（元）", (Defect("blank", 0.0942),), kind="number"),
    Column("月保障金额（元）", kind="number"),
    Column(
        "纳入日期", (Defect("date_other_format", 0.0165), Defect("date_serial", 0.0136), Defect("date_dmy", 0.0068))
    ),
    Column("家庭住址"),
    Column("备注"),
)


def on_roll(world: World, period: int) -> Indices:
    """Persons on the roll of a month, by town of residence."""
    p = world.people
    ids = np.flatnonzero((p.low_income_from > 0) & (p.low_income_from <= period) & (p.arrived <= period))
    home = p.household[ids]
    here = world.served(ids) & (p.homes.departed[home] > period) & p.has_number[ids]
    kept = world.draw.chance("relief/kept", ids, 0.3)
    ids = ids[here & (~world.dead(ids, period) | kept)]
    town = _towns(world, ids, period)
    return np.asarray(ids[np.lexsort((world.draw.bits("relief/order", ids), town))])


def _towns(world: World, ids: Ints, period: int) -> Indices:
    """First seven to nine digits of the code of the town of residence."""
    community = world.places.house_community[world.residence(ids, period)]
    return world.places.area("town_code", community).str.slice(0, 9).cast(pl.Int64).to_numpy()


def income(world: World, ids: Ints) -> np.ndarray:
    """Monthly income of the household per head in yuan."""
    kind = world.people.low_income[ids]
    u = world.draw.uniform("relief/income", ids)
    return np.round(np.select([kind == 4, kind == 3], [900 + 860 * u, 120 * u], 380 + 760 * u), 2)


def amount(world: World, ids: Ints) -> np.ndarray:
    """What is paid a month in yuan: the difference to the standard, at least 200; nothing at the margin."""
    kind = world.people.low_income[ids]
    return np.round(
        np.select([kind == 4, kind == 3], [0.0, DESTITUTE], np.maximum(200.0, STANDARD - income(world, ids))), 2
    )


def _frame(world: World, ids: Indices, period: int) -> pl.DataFrame:
    p = world.people
    house = world.residence(ids, period)
    community = world.places.house_community[house]
    since = world.clock.days[0] - 40 - world.draw.below("relief/since", ids, 4200)
    since = np.where(p.low_income_from[ids] > 1, np.asarray(world.clock.days)[p.low_income_from[ids] - 1] - 20, since)
    return pl.DataFrame(
        [
            pl.Series("序号", np.arange(1, len(ids) + 1)).cast(pl.String),
            world.places.area("town_name", community).alias("乡镇（街道）"),
            world.places.area("short_name", community).alias("村（居）"),
            world.names(ids, period).alias("姓名"),
            take(pl.Series(["男", "女"]), p.sex[ids] - 1).alias("性别"),
            world.numbers_for("minzheng/低保对象", ids).alias("身份证号"),
            world.phones(ids, period).alias("联系电话"),
            take(pl.Series(LOW_INCOME_TYPES), p.low_income[ids]).alias("对象类别"),
            _money(income(world, ids)).alias("家庭人均月收入（元）"),
            _money(amount(world, ids)).alias("月保障金额（元）"),
            dates(since, "%Y.%m.%d").alias("纳入日期"),
            world.places.addresses(house, "below_town").alias("家庭住址"),
            take(
                pl.Series(["", "重病", "子女外出务工", "单人户"]), world.draw.pick("relief/note", ids, [90, 4, 3, 3])
            ).alias("备注"),
        ]
    )


def _money(values: np.ndarray) -> pl.Series:
    return (
        pl.Series(np.rint(values * 100).astype(np.int64))
        .to_frame("c")
        .select((pl.col("c") // 100).cast(pl.String) + "." + (pl.col("c") % 100).cast(pl.String).str.zfill(2))
        .to_series()
        .str.replace(r"\.?0+$", "")
    )


def _total(label: str, column: str, people: int, yuan: float, at: float) -> Line:
    cells = {column: label, "姓名": f"{people}人", "月保障金额（元）": f"{yuan:.2f}".rstrip("0").rstrip(".")}
    return Line(at, "total", cells)


def _lines(world: World, ids: Indices, town: Indices, names: pl.Series) -> list[Line]:
    """A subtotal behind the rows of each town; the total and two notes at the end."""
    n, yuan = len(ids), amount(world, ids)
    lines = [
        _total(f"{names[low]}小计", "乡镇（街道）", high - low, float(yuan[low:high].sum()), (high - 0.2) / n)
        for low, high in runs(town)
    ]
    notes = (
        "注：1.收入以家庭经济状况核对结果为准；2.低保边缘家庭只登记，不发放保障金。",
        "分管领导：          审核：          填表：",
    )
    lines.append(_total("合计", "序号", n, float(yuan.sum()), 2.0))
    return lines + [Line(3.0 + i, "note", {"序号": text}) for i, text in enumerate(notes)]


def _chunks(world: World, period: int) -> Iterator[Chunk]:
    ids = on_roll(world, period)
    world.see(period, ids)
    frame = _frame(world, ids, period)
    lines = _lines(world, ids, _towns(world, ids, period), frame["乡镇（街道）"])
    keys = {"person_key": world.person_keys(ids), "place_key": world.places.house_keys(world.residence(ids, period))}
    yield Chunk(frame, ids, keys, sheet=SHEET, lines=lines)


def _month(world: World, period: int) -> str:
    return f"{world.day_text(period, '%Y')}年{world.day_text(period, '%m')}月"


SOURCE = Source(
    name="minzheng/低保对象",
    file=lambda world, period: f"minzheng/{_month(world, period)}低保及特困边缘对象花名册.xlsx",
    columns=lambda period: _COLUMNS,
    chunks=_chunks,
    key="身份证号",
    layout="xlsx",
    header_rows=4,
    titles=lambda world, period: (
        f"烟台市城乡低保、特困及低保边缘对象花名册（{_month(world, period)}）",
        "填报单位：市民政局",
    ),
    groups=(("保障对象信息", 3, 4), ("保障信息", 7, 4)),
    other_sheets=(("Sheet2", (("x",),)),),
    rows=RowDefects(duplicate_exact=0.0075, swap=("身份证号", "姓名"), swapped=0.0075),
)
