"""The real areas of the city (seed `division.csv`), the part of them a city of N persons covers, and where each one lies.

Codes and names are those of the 2023 edition of the statistical divisions. The geometry is invented: every county is a
box near its real place, its towns and their communities are cells of it, so that no two areas overlap and a community
has the same cell in a city of any size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from sample_city.draw import Draw

SEED_FILE = Path(__file__).parents[1] / "dbt_project" / "seeds" / "division.csv"
CITY = "山东省烟台市"
PERSONS_PER_COMMUNITY = 320  # of a small city; a large one covers all communities and grows inside them
COMMUNITIES_PER_TOWN = 7
URBAN_WEIGHT = 5.0  # inhabitants of an urban community for one of a village

# longitude and latitude of the lower left and upper right corner, degrees CGCS2000; boxes do not overlap
COUNTY_BOXES: dict[str, tuple[float, float, float, float]] = {
    "370602": (121.30, 37.48, 121.42, 37.60),
    "370611": (121.06, 37.30, 121.28, 37.50),
    "370612": (121.52, 37.10, 121.85, 37.46),
    "370613": (121.30, 37.33, 121.50, 37.47),
    "370614": (120.66, 37.55, 121.05, 37.85),
    "370671": (121.44, 37.48, 121.50, 37.53),
    "370676": (121.06, 37.52, 121.28, 37.65),
    "370681": (120.25, 37.52, 120.65, 37.75),
    "370682": (120.45, 36.70, 120.95, 37.05),
    "370683": (119.75, 37.00, 120.10, 37.40),
    "370685": (120.20, 37.20, 120.60, 37.50),
    "370686": (120.62, 37.10, 121.05, 37.50),
    "370687": (120.96, 36.55, 121.40, 36.95),
}


def short_names(names: pl.Expr) -> pl.Expr:
    """The name used in addresses: 凤凰社区居民委员会 is 凤凰社区, 馆前于家村委会 is 馆前于家村."""
    bare = names.str.replace(r"(社区)?(居民委员会|居委会|村民委员会|村委会|虚拟社区|社区)$", "")
    bare = bare.str.replace(r"村$", "")
    return bare + pl.when(names.str.contains(r"(村民委员会|村委会)$")).then(pl.lit("村")).otherwise(pl.lit("社区"))


def _cells(frame: pl.DataFrame, parent: str, code: str) -> pl.DataFrame:
    """Gives each child of each parent box (px0 … py1) a cell of it, as nearly square as their number allows."""
    frame = frame.sort(code).with_columns(
        _rank=pl.int_range(pl.len()).over(parent), _count=pl.len().over(parent).cast(pl.Int64)
    )
    columns = pl.col("_count").sqrt().ceil().cast(pl.Int64)
    rows = ((pl.col("_count") - 1) // columns) + 1
    width = (pl.col("px1") - pl.col("px0")) / columns
    height = (pl.col("py1") - pl.col("py0")) / rows
    x0 = pl.col("px0") + (pl.col("_rank") % columns) * width
    y0 = pl.col("py0") + (pl.col("_rank") // columns) * height
    cells = [(x0, "x0"), (y0, "y0"), (x0 + width, "x1"), (y0 + height, "y1")]
    return frame.with_columns([cell.round(6).alias(name) for cell, name in cells]).drop("_rank", "_count")


def load(path: Path = SEED_FILE) -> pl.DataFrame:
    """All communities now valid: code, name, short name, town, county, kind, cell (x0, y0, x1, y1 in degrees)."""
    area = pl.read_csv(path, infer_schema=False).filter(pl.col("valid_to").is_null() | (pl.col("valid_to") == ""))
    area = area.with_columns(level=pl.col("level").cast(pl.Int8))
    boxes = pl.DataFrame(
        [(code + "000000", *box) for code, box in COUNTY_BOXES.items()],
        schema=["county_code", "px0", "py0", "px1", "py1"],
        orient="row",
    )
    county = area.filter(pl.col("level") == 3).select(county_code="area_code", county_name="name")
    town = (
        area.filter(pl.col("level") == 4)
        .select(town_code="area_code", town_name="name", county_code="parent_code")
        .join(county, on="county_code")
        .join(boxes, on="county_code")
    )
    town = _cells(town, "county_code", "town_code").drop("px0", "py0", "px1", "py1")
    town = town.rename({"x0": "px0", "y0": "py0", "x1": "px1", "y1": "py1"})
    community = (
        area.filter(pl.col("level") == 5)
        .select(community_code="area_code", community_name="name", town_code="parent_code", kind="kind")
        .join(town, on="town_code")
        .with_columns(short_name=short_names(pl.col("community_name")), urban=pl.col("kind") != "村委会")
    )
    return _cells(community, "town_code", "community_code").drop("px0", "py0", "px1", "py1").sort("community_code")


def covered(draw: Draw, persons: int, path: Path = SEED_FILE) -> pl.DataFrame:
    """The communities of a city of `persons`, sorted by code, with `weight`, their relative population.

    Towns come from every county in turn; all 6,509 communities are covered from about two million persons on.
    """
    every = load(path)
    wanted = min(every.height, max(6, -(-persons // PERSONS_PER_COMMUNITY)))
    chosen = every.join(_towns(draw, every, wanted), on="town_code", how="semi").sort("community_code")
    luck = draw.uniform("community/order", np.arange(chosen.height)) - 0.05 * chosen["urban"].to_numpy()
    chosen = chosen.with_columns(_luck=luck).with_columns(_turn=pl.col("_luck").rank("ordinal").over("town_code"))
    chosen = chosen.sort("_turn", "_luck").head(wanted).sort("community_code").drop("_luck", "_turn")
    size = np.where(chosen["urban"].to_numpy(), URBAN_WEIGHT, 1.0)
    return chosen.with_columns(weight=size * np.exp(0.45 * _normal(draw, chosen.height)))


def _towns(draw: Draw, every: pl.DataFrame, wanted: int) -> pl.DataFrame:
    """The towns of a city of `wanted` communities: one of each county in turn, urban ones a little earlier."""
    town = every.group_by("town_code").agg(pl.first("county_code"), size=pl.len(), urban=pl.col("urban").any())
    town = town.sort("town_code")
    luck = draw.uniform("town/order", np.arange(town.height)) - 0.25 * town["urban"].to_numpy()
    county = draw.uniform("county/order", town["county_code"].str.slice(0, 6).cast(pl.Int64).to_numpy())
    town = town.with_columns(_luck=luck, _county=county).sort("_luck", "town_code")
    town = town.with_columns(_turn=pl.int_range(pl.len()).over("county_code")).sort("_turn", "_county")
    enough = int((town["size"].cum_sum() < wanted).sum()) + 1
    return town.head(max(3, -(-wanted // COMMUNITIES_PER_TOWN), enough))


def _normal(draw: Draw, n: int) -> np.ndarray:
    """Roughly normal numbers: the sum of three uniform ones, centred."""
    ids = np.arange(n)
    return np.asarray(sum(draw.uniform(f"community/size/{k}", ids) for k in range(3)) - 1.5) * 2.0
