"""What firms report of themselves: staff, revenue, taxes. Amounts in cents of yuan."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_city.codes import padded
from sample_city.draw import Draw, Floats, Indices, Ints

CHEMICALS = ("汽油", "柴油", "液化石油气", "甲醇", "液氨", "盐酸", "硫酸", "丙烯腈", "液氯", "氢氧化钠溶液")
LAST_YEAR = 2025  # of the accounts, at the first delivery


def _normal(draw: Draw, stream: str, ids: Ints) -> Floats:
    """Roughly normal numbers."""
    return np.asarray(sum(draw.uniform(f"{stream}/{k}", ids) for k in range(4)) - 2.0) * np.sqrt(3.0)


def numbers(at: Ints) -> pl.Series:
    """Number of a unit in the pension insurance: DW and eight digits."""
    return padded("DW", 10_000_000 + (np.asarray(at, dtype=np.int64) * 48_271 + 12_345_677) % 89_999_999, 8)


def staff(draw: Draw, at: Ints, period: int) -> tuple[Indices, Indices, Indices]:
    """Insured on 1 January, insured now, dismissed this year."""
    begin = np.maximum(3, np.exp(2.75 + 0.7 * _normal(draw, "firm/staff", at))).astype(np.int64)
    growth = draw.below("firm/growth", at, 4) - 1 + draw.below(f"firm/growth/{period}", at, 2)
    left = np.where(draw.chance("firm/dismiss", at, 0.12), 1 + draw.below("firm/dismissed", at, 4), 0)
    left = np.minimum(left, begin - 1)
    return begin, np.maximum(1, begin + growth - left), left


def arrears(draw: Draw, at: Ints) -> Indices:
    """1 where contributions are owed."""
    return draw.chance("firm/arrears", at, 0.077).astype(np.int64)


def hitech(draw: Draw, at: Ints) -> Indices:
    """1 for a high-tech enterprise."""
    return draw.chance("firm/hitech", at, 0.1).astype(np.int64)


def accounts(draw: Draw, at: Ints, year: int) -> tuple[Indices, Indices, Indices, Indices]:
    """Revenue, taxable income, tax and assets of a year."""
    last = np.exp(15.1 + 0.85 * _normal(draw, "firm/revenue", at))
    now = last * (1.0 + 0.5 * (draw.uniform(f"firm/year/{year}", at) - 0.5)) if year != LAST_YEAR else last
    profit = now * (-0.045 + 0.19 * draw.uniform(f"firm/profit/{year}", at))
    tax = now * 0.03 + np.maximum(profit, 0.0) * 0.02
    assets = now * (0.5 + 3.0 * draw.uniform(f"firm/assets/{year}", at))
    revenue, income, paid, owned = (np.rint(x * 100).astype(np.int64) for x in (now, profit, tax, assets))
    return revenue, income, paid, owned


def chemicals(draw: Draw, at: Ints) -> pl.Series:
    """One to three hazardous chemicals of a firm."""
    n = len(CHEMICALS)
    first = draw.below("firm/chemical", at, n)
    count = 1 + draw.pick("firm/chemicals", at, [4, 4, 3])
    names = pl.Series(CHEMICALS)
    parts = [names.gather(pl.Series(((first + 3 * k) % n).astype(np.uint32))).alias(str(k)) for k in range(3)]
    frame = pl.DataFrame([*parts, pl.Series("n", count)])
    return frame.select(
        pl.when(pl.col("n") == 1)
        .then("0")
        .when(pl.col("n") == 2)
        .then(pl.concat_str("0", "1", separator="、"))
        .otherwise(pl.concat_str("0", "1", "2", separator="、"))
    ).to_series()
