"""Making the models: from the vocabularies, at an explicit command only, always the same from the same words.

Before the model that is kept is fitted on every word, one is fitted without a quarter of them, and firms are made up that
use those: how far its probabilities can be believed is measured there, and the two numbers that turn scores into
probabilities are chosen there.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import isotonic_regression

from warehouse.classification import events, industry, text
from warehouse.classification.text import TextModel
from warehouse.home import DBT_PROJECT

SEED = 4754
RIDGE = 0.3
SMALLEST = 0.05
"""Weights of the model of classes below this are left out: twice the file for the same answers."""
MOST_LAKE_TEXTS = 3000
_BRANDS = "鑫盛恒瑞祥福宏泰永新东华中德信诚天万国康嘉利隆顺源达丰润通昌和兴泽茂荣裕成发升宇航洋鼎益美安友邦佳合旺景辉"
_PLACES = ("青山市", "临河县", "临河县城关镇", "青山市东湖区", "", "青山")
_FORMS = ("有限公司", "有限责任公司", "", "", "", "股份有限公司", "专业合作社")


def classes(project: Path = DBT_PROJECT) -> pl.DataFrame:
    """(industry_code, name, section) of the four-digit classes."""
    listed = pl.read_csv(project / "seeds" / "industry_class.csv", infer_schema_length=0)
    return listed.filter(pl.col("level") == "4").select("industry_code", "name", section="section_code")


def split(told: pl.DataFrame, share: float = 0.25) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(kept, held out): of each class with three or more texts of a field, about a quarter by the texts' hash."""
    lots = [
        int(hashlib.md5("|".join(row).encode()).hexdigest()[:4], 16) / 65536
        for row in told.select("field", "text", "label").rows()
    ]
    marked = told.with_columns(
        lot=pl.Series(lots),
        many=pl.len().over("field", "label") >= 3,
    )
    out = pl.col("many") & (pl.col("lot") < share) & (pl.col("weight") >= 1)
    return marked.filter(~out).select(told.columns), marked.filter(out).select(told.columns)


def made_up(kept: pl.DataFrame, held: pl.DataFrame, firms_per_class: int = 3) -> pl.DataFrame:
    """Firms for measuring: (organisation_id, name, scope, code, is_main_first). Each uses held-out texts where its class has them.

    Two in five have an item of another trade in their scope, first or second; one in five has a name that says no trade, one
    in five has no scope: registers are no easier. `is_main_first`: whether the scope begins with the firm's own trade, as the
    registration rules ask; null without a scope.
    """
    rng = np.random.default_rng(SEED)
    by_class: dict[tuple[str, str, bool], list[str]] = {}
    for frame, is_held in ((kept, False), (held, True)):
        for field, said, label, weight in frame.iter_rows():
            if weight >= 1:
                by_class.setdefault((field, label, is_held), []).append(said)
    every_item = kept.filter(pl.col("field") == "item")["text"].to_list()
    rows: list[tuple[str, str, str, str, bool | None]] = []

    def any_of(options: list[str] | tuple[str, ...]) -> str:
        return str(options[int(rng.integers(len(options)))])

    for code in sorted(held["label"].unique().to_list()):
        for _ in range(firms_per_class):
            words = by_class.get(("name", code, True), []) or by_class.get(("name", code, False), [])
            fresh = by_class.get(("item", code, True), [])
            known = by_class.get(("item", code, False), [])
            if not words or not (fresh or known):
                continue
            scope = [any_of(fresh or known)]
            if known and rng.random() < 0.5:
                scope.append(any_of(known))
            first = 1
            if rng.random() < 0.4:
                first = int(rng.integers(2))
                scope.insert(first, any_of(every_item))
            brand, shape = "".join(rng.choice(list(_BRANDS), 2)), rng.random()
            trade = "" if shape < 0.2 else any_of(words)
            name = any_of(_PLACES) + brand + trade + any_of(_FORMS)
            said, is_main_first = ("", None) if shape > 0.8 else ("；".join(scope), first > 0)
            rows.append((f"{code}-{len(rows)}", name, said, code, is_main_first))
    return pl.DataFrame(rows, schema=["organisation_id", "name", "scope", "code", "is_main_first"], orient="row")


def top(said: pl.DataFrame) -> pl.DataFrame:
    """(organisation_id, label, p, second) of the likeliest label of each organisation."""
    return (
        said.sort("organisation_id", "p", "label", descending=[False, True, False])
        .group_by("organisation_id", maintain_order=True)
        .agg(pl.col("label").first(), pl.col("p").first())
    )


def reliability(firms: pl.DataFrame, said: pl.DataFrame, bins: int = 10) -> list[dict[str, float]]:
    """Stated probability against share right, by tenths."""
    joined = firms.join(top(said), on="organisation_id", how="left").with_columns(
        pl.col("p").fill_null(0.0), right=(pl.col("label") == pl.col("code")).fill_null(False)
    )
    table = (
        joined.group_by(bin=(pl.col("p") * bins).floor().clip(0, bins - 1).cast(pl.Int32))
        .agg(n=pl.len(), stated=pl.col("p").mean(), right=pl.col("right").mean())
        .sort("bin")
    )
    return [{k: round(float(v), 3) for k, v in row.items()} for row in table.iter_rows(named=True)]


def calibrated(model: TextModel, firms: pl.DataFrame) -> dict[str, float]:
    """`sharpness` and `doubt` under which the made-up firms' true classes are likeliest (a grid; about half of the stated doubt is none of these)."""
    spoken = industry.segments(industry.prepared(firms))
    truth = firms.select("organisation_id", label="code")
    base = industry.opinions(model, spoken).select("organisation_id", "label", "z")
    best: tuple[float, float, float] = (-np.inf, 6.0, 0.2)
    for sharpness in (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0):
        grown = base.with_columns(e=(pl.col("z") * sharpness).exp())
        summed = grown.group_by("organisation_id").agg(total=pl.col("e").sum())
        right = (
            truth.join(summed, on="organisation_id", how="left")
            .join(grown.select("organisation_id", "label", "e"), on=["organisation_id", "label"], how="left")
            .select(pl.col("e").fill_null(0.0), pl.col("total").fill_null(0.0))
        )
        for doubt in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
            none = float(np.exp(doubt * sharpness))
            p = right["e"].to_numpy() / (right["total"].to_numpy() + none)
            unseen = (1 - right["total"].to_numpy() / (right["total"].to_numpy() + none)) / len(model.labels)
            likelihood = float(np.log(np.maximum(p, unseen + 1e-9)).mean())
            best = max(best, (likelihood, sharpness, doubt))
    return {"sharpness": best[1], "doubt": best[2]}


def measured(firms: pl.DataFrame, said: pl.DataFrame) -> dict[str, list[float]]:
    """`stated` and `right`: by isotonic regression, what share of answers was right where a probability was stated."""
    joined = firms.join(top(said), on="organisation_id").sort("p")
    right = (joined["label"] == joined["code"]).to_numpy().astype(float)
    fitted = np.clip(isotonic_regression(right).x, 0.02, 0.99)
    grid = np.linspace(0, 1, 41)
    return {
        "stated": [round(float(g), 4) for g in grid],
        "right": [round(float(v), 4) for v in np.interp(grid, joined["p"].to_numpy(), fitted)],
    }


def _judged(model: TextModel, firms: pl.DataFrame) -> pl.DataFrame:
    return industry.opinions(model, industry.segments(industry.prepared(firms)))


def version_of(told: pl.DataFrame) -> str:
    digest = hashlib.sha256()
    for row in told.sort(told.columns).iter_rows():
        digest.update(repr(row).encode())
    digest.update(repr((RIDGE, SMALLEST, text.SIZES, text.UNKNOWN_WEIGHT, industry.GROUP_WEIGHT)).encode())
    return digest.hexdigest()[:12]


def industry_model(lake: pl.DataFrame | None = None) -> TextModel:
    """Fits the model of classes. `lake`: (name, scope, code) of organisations with sound codes, as further training texts."""
    listed = classes()
    told = industry.examples(industry.vocabulary(), listed.select("industry_code", "name"))
    if lake is not None and not lake.is_empty():
        told = pl.concat([told, _of_lake(lake)])
    kept, held = split(told)
    firms = made_up(kept, held)
    half = pl.int_range(pl.len()) % 2 == 0
    groups = industry.groups(listed)
    sections = dict(groups.values())
    trial = text.fit(kept, ridge=RIDGE, smallest=SMALLEST, settings={"sections": sections}, groups=groups)
    chosen: dict[str, Any] = {"sections": sections, **calibrated(trial, firms.filter(half))}
    trial = replace(trial, settings=chosen)
    chosen["measured"] = measured(firms.filter(half), _judged(trial, firms.filter(half)))
    firms = firms.filter(~half)
    said = _judged(trial, firms)
    section = pl.DataFrame({"label": listed["industry_code"], "section": listed["section"]})
    guessed = (
        firms.join(top(said), on="organisation_id", how="left")
        .join(section, on="label", how="left")
        .join(section.rename({"label": "code", "section": "of_code"}), on="code")
        .with_columns(
            is_right=(pl.col("label") == pl.col("code")).fill_null(False),
            in_section=(pl.col("section") == pl.col("of_code")).fill_null(False),
        )
    )
    ordered = guessed.filter("is_main_first")
    held_out: dict[str, Any] = {
        "firms": firms.height,
        "class": _share(guessed["is_right"]),
        "section": _share(guessed["in_section"]),
        "main_first": {
            "firms": ordered.height,
            "class": _share(ordered["is_right"]),
            "section": _share(ordered["in_section"]),
        },
        "answered": _share((guessed["p"] >= industry.THRESHOLD).fill_null(False)),
        "class_where_answered": _share(guessed.filter(pl.col("p") >= industry.THRESHOLD)["is_right"]),
        "reliability": reliability(firms, said),
    }
    settings = {
        **chosen,
        "version": version_of(told),
        "texts": told.height,
        "held_out": held_out,
        "classes": listed.height,
    }
    return text.fit(told, ridge=RIDGE, smallest=SMALLEST, settings=settings, groups=groups)


def _share(right: pl.Series) -> float:
    return round(int(right.sum()) / len(right), 4) if len(right) else 0.0


def _of_lake(lake: pl.DataFrame) -> pl.DataFrame:
    """The commonest trades and items of the lake's organisations: what two or more of a class say."""
    numbered = lake.with_row_index("organisation_id").with_columns(pl.col("organisation_id").cast(pl.String))
    spoken = industry.segments(industry.prepared(numbered)).join(
        numbered.select("organisation_id", "code"), on="organisation_id"
    )
    return (
        spoken.with_columns(
            text=pl.when(pl.col("field") == "name").then(pl.col("text").str.slice(-4)).otherwise("text")
        )
        .filter((pl.col("field") == "name") | (pl.col("weight") >= industry.ITEM_WEIGHTS[1]))
        .group_by("field", "text", label="code")
        .agg(weight=pl.len().cast(pl.Float64))
        .filter(pl.col("weight") >= 2)
        .sort("weight", "field", "text", "label", descending=[True, False, False, False])
        .head(MOST_LAKE_TEXTS)
        .with_columns(weight=pl.col("weight").clip(1, 5))
        .select("field", "text", "label", "weight")
    )


def event_model() -> TextModel:
    """Fits the model of event categories."""
    told = events.examples(events.vocabulary())
    return text.fit(told, ridge=RIDGE, settings={"version": version_of(told), "texts": told.height})
