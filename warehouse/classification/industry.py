"""GB/T 4754-2017 class of an organisation from its name and business scope.

Two witnesses. The model (`text.py`) knows what firms of each class are called and what their scopes say, from a vocabulary
that a person can read and edit. The lake knows its own organisations with sound codes: those with the same scope, or the
same trade in name and first item of the scope, tell how this city's registrar codes them. Their shares are combined with
the model's as if the model were a few organisations more, first for the coarser likeness, then for the finer one.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from warehouse.classification import text
from warehouse.classification.text import TextModel

VOCABULARY = text.FOLDER / "vocabulary" / "industry.csv"
MODEL = text.FOLDER / "models" / "industry.npz"

ITEM_WEIGHTS = (1.0, 0.5, 0.35, 0.25, 0.2, 0.15, 0.15, 0.1)
"""The first item of a scope is the main business (registration rules ask for that); the eighth hardly tells anything."""
NAME_WEIGHT = 1.3
GROUP_WEIGHT = 0.5
"""What division and section count beside the class: 零售 alone names none of seventy classes, but that it is one of them."""
SLIGHT = 1e-4
"""Below this probability a class is not looked at further."""
SUGGESTED = 3
"""Classes suggested where the source has no sound code."""
THRESHOLD = 0.5
"""Below this probability no class is given."""
CONTRADICTED = 0.02
CERTAIN = 0.95
"""A source's code is contradicted when the texts give it less than 2 % and the classes of another section together 95 % or more."""
LIKENESS = {"trade": 3.0, "scope": 2.0, "scope_trade": 1.0, "name": 3.0}
"""Likeness to organisations with sound codes, coarse to fine → how many of them the model's word weighs."""

_PLACE = r"^(?:[^省市县区旗]{2,4}(?:省|自治区|市))?(?:[^省市县区旗]{1,4}市)?(?:[^省市县区旗]{1,5}(?:县|区|旗))?"
_FORM = (
    r"有限责任公司|股份有限公司|有限公司|集团总公司|总公司|分公司|子公司|集团公司|公司|（有限合伙）|有限合伙|（普通合伙）|"
    r"普通合伙|（个人独资）|个人独资企业|（个体工商户）|农民专业合作社联合社|农民专业合作社|专业合作社|专业合作联社|集团$"
)
_TAIL = r"(?:第?[一二三四五六七八九十0-9]+)?(?:总店|分店|连锁店|旗舰店|总厂|分厂|总部|分部|加盟店)$"
_BRACKETS = r"[（(][^（()）]*[)）]"
_BOILERPLATE = (
    r"依法须经批准的项目[^。；]*|凭(?:营业执照|许可证|有效许可)[^。；，]*|具体经营项目以[^。]*|除依法须经[^。；]*|未经[^。；]*批准[^。；]*|"
    r"(?:许可|一般|前置许可|后置许可)(?:经营)?(?:项目)?[:：]|(?:附设|主营|兼营|经营范围|主营业务)[:：]|[\"“”'‘’]"
)
_SEPARATORS = r"[；;。\n\r，,|]+"


def vocabulary(path: Path = VOCABULARY) -> list[dict[str, str]]:
    """Rows of `industry_code, name_words` (spaces between), `scope_phrases` (；between)."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def core(name: pl.Expr) -> pl.Expr:
    """What a name says of the trade: without place in front, legal form and brackets; the last ten characters."""
    plain = (
        name.str.replace_all(_BRACKETS, "")
        .str.replace(_PLACE, "")
        .str.replace_all(_FORM, "")
        .str.replace(_TAIL, "店")
        .str.replace_all(r"\s|店店$", "")
        .str.slice(-10)
    )
    return pl.when(plain.str.len_chars() >= 2).then(plain).otherwise(name.str.slice(-10))


def items(scope: pl.Expr) -> pl.Expr:
    """The items of a business scope, in order, at most eight."""
    return (
        scope.str.replace_all(_BRACKETS, "")
        .str.replace_all(_BRACKETS, "")
        .str.replace_all(_BOILERPLATE, "")
        .str.replace_all(_SEPARATORS, "；")
        .str.replace_all(r"[ \t　]", "")
        .str.split("；")
        .list.eval(pl.element().filter(pl.element().str.len_chars().is_between(2, 40)))
        .list.head(len(ITEM_WEIGHTS))
    )


def prepared(organisations: pl.DataFrame) -> pl.DataFrame:
    """(organisation_id, name, scope) → (organisation_id, core, items)."""
    return organisations.select(
        "organisation_id", core=core(pl.col("name").fill_null("")), items=items(pl.col("scope").fill_null(""))
    )


def segments(organisations: pl.DataFrame) -> pl.DataFrame:
    """Prepared → (organisation_id, field, text, weight): the name and each item of the scope, once."""
    named = organisations.filter(pl.col("core") != "").select(
        "organisation_id", field=pl.lit("name"), text="core", weight=pl.lit(NAME_WEIGHT)
    )
    listed = (
        organisations.select("organisation_id", "items", position=pl.int_ranges(0, pl.col("items").list.len()))
        .filter(pl.col("items").list.len() > 0)
        .explode("items", "position", empty_as_null=True)
        .select(
            "organisation_id",
            field=pl.lit("item"),
            text="items",
            weight=pl.col("position").replace_strict(dict(enumerate(ITEM_WEIGHTS)), return_dtype=pl.Float64),
        )
    )
    return pl.concat([named, listed]).group_by("organisation_id", "field", "text").agg(pl.col("weight").max())


def opinions(model: TextModel, spoken: pl.DataFrame) -> pl.DataFrame:
    """Segments → (organisation_id, label, z, p): the model's word on each organisation; p sums to at most 1, the rest is none of these.

    Of an organisation's classes those of less than `SLIGHT` probability are left out, but for the first `SUGGESTED`.
    """
    texts = spoken.select("field", "text").unique(maintain_order=True).with_row_index("segment")
    asked = spoken.select("organisation_id").unique(maintain_order=True).with_row_index("at")
    told = spoken.join(texts, on=["field", "text"]).join(asked, on="organisation_id")
    weights = sparse.csr_matrix(
        (told["weight"].to_numpy(), (told["at"].to_numpy(), told["segment"].to_numpy())), (asked.height, texts.height)
    )
    # with single precision the order of the sums would show
    scores = model.scores(texts).astype(np.float64)
    sharpness, doubt = model.settings.get("sharpness", 6.0), model.settings.get("doubt", 0.2)
    names = pl.Series(model.labels, dtype=pl.String)
    parts = []
    for start in range(0, asked.height, text.BATCH):
        summed = _with_groups(weights[start : start + text.BATCH] @ scores, model)
        row = summed.row
        spread = np.exp(summed.data * sharpness)
        p = spread / (np.bincount(row, spread, summed.shape[0]) + math.exp(doubt * sharpness))[row]
        loudest_first = np.lexsort((summed.col, -p, row))
        counted = np.bincount(row, minlength=summed.shape[0])
        rank = np.arange(len(p)) - np.repeat(np.cumsum(counted) - counted, counted)
        heard = loudest_first[(p[loudest_first] >= SLIGHT) | (rank < SUGGESTED)]
        parts.append(
            pl.DataFrame(
                {
                    "organisation_id": asked["organisation_id"].gather(start + row[heard]),
                    "label": names.gather(summed.col[heard]),
                    "z": summed.data[heard],
                    "p": p[heard],
                }
            )
        )
    nothing = pl.DataFrame(
        schema={
            "organisation_id": spoken.schema["organisation_id"],
            "label": pl.String,
            "z": pl.Float64,
            "p": pl.Float64,
        }
    )
    return _as_measured(pl.concat([nothing, *parts]), model.settings.get("measured"))


def groups(classes: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """Division and section of each class of (industry_code, section)."""
    return {code: (code[:2], section) for code, section in classes.select("industry_code", "section").rows()}


def _with_groups(summed: sparse.csr_matrix, model: TextModel) -> sparse.coo_matrix:
    """Organisations x labels of the model → x classes (the first labels), with what their division and section count."""
    sections = model.settings.get("sections", {})
    place = {label: at for at, label in enumerate(model.labels)}
    classes = [label for label in model.labels if len(label) == 4]
    found = summed[:, : len(classes)].tocoo()
    if sections:
        upper = summed[:, len(classes) :].toarray()
        above = [(place[code[:2]], place[sections[code[:2]]]) for code in classes]
        for at in np.array(above).T - len(classes):
            found.data += GROUP_WEIGHT * upper[found.row, at[found.col]]
    return found


def _as_measured(said: pl.DataFrame, measured: dict[str, list[float]] | None) -> pl.DataFrame:
    """The likeliest label's p becomes the share that was right where such a p was stated; the others share the rest as before."""
    if not measured or said.is_empty():
        return said
    highest = pl.col("p").max().over("organisation_id")
    said = said.with_columns(highest=highest)
    right = np.interp(said["highest"].to_numpy(), measured["stated"], measured["right"])
    return (
        said.with_columns(right=pl.Series(right))
        .with_columns(
            p=pl.when(pl.col("p") == pl.col("highest"))
            .then(pl.col("right"))
            .otherwise(pl.col("p") * ((1 - pl.col("right")) / (1 - pl.col("highest")).clip(1e-9)).clip(0, 1))
        )
        .select("organisation_id", "label", "z", "p")
    )


def likeness(organisations: pl.DataFrame) -> pl.DataFrame:
    """Prepared → (organisation_id, level, key): what may be the same in organisations of one class."""
    trade = pl.col("core").str.slice(-2)
    whole = pl.col("items").list.join("；")
    first = pl.col("items").list.first().fill_null("")
    keyed = {
        "trade": pl.when(first != "").then(pl.concat_str(trade, pl.lit("\u0001"), first)),
        "scope": pl.when(first != "").then(whole),
        "scope_trade": pl.when(first != "").then(pl.concat_str(trade, pl.lit("\u0001"), whole)),
        "name": pl.when((first == "") & (pl.col("core").str.len_chars() >= 4)).then(pl.col("core").str.slice(-4)),
    }
    return pl.concat(
        [
            organisations.select("organisation_id", level=pl.lit(level), key=key)
            .drop_nulls()
            .with_columns(pl.col("key").hash(7))
            for level, key in keyed.items()
        ]
    )


def learn(keys: pl.DataFrame, sound: pl.DataFrame) -> pl.DataFrame:
    """Likeness of the organisations of `sound` (organisation_id, label) → (level, key, label, n)."""
    return keys.join(sound, on="organisation_id").group_by("level", "key", "label").agg(n=pl.len())


def with_evidence(
    said: pl.DataFrame, keys: pl.DataFrame, learnt: pl.DataFrame, own: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The model's word corrected by what organisations alike are coded as → (organisation_id, label, p).

    `own` (organisation_id, label): an organisation that is itself among those learnt from does not speak for itself.
    """
    current = said.select("organisation_id", "label", "p")
    for level, model_weighs in LIKENESS.items():
        alike = keys.filter(pl.col("level") == level).join(learnt.filter(pl.col("level") == level), on="key")
        if own is not None:
            alike = alike.join(
                own.select("organisation_id", own="label"), on="organisation_id", how="left"
            ).with_columns(n=pl.col("n") - (pl.col("own") == pl.col("label")).fill_null(False).cast(pl.UInt32))
        counted = (
            alike.filter(pl.col("n") > 0)
            .select("organisation_id", "label", "n")
            .with_columns(total=pl.col("n").sum().over("organisation_id"))
        )
        if counted.is_empty():
            continue
        totals = counted.select("organisation_id", "total").unique()
        current = (
            current.join(
                counted.select("organisation_id", "label", "n"),
                on=["organisation_id", "label"],
                how="full",
                coalesce=True,
            )
            .join(totals, on="organisation_id", how="left")
            .select(
                "organisation_id",
                "label",
                p=(pl.col("n").fill_null(0) + model_weighs * pl.col("p").fill_null(0.0))
                / (pl.col("total").fill_null(0) + model_weighs),
            )
        )
    return current


def examples(rows: Sequence[dict[str, str]], classes: pl.DataFrame) -> pl.DataFrame:
    """Training texts (field, text, label, weight) of the vocabulary and of the classes' own names (industry_code, name)."""
    told: list[tuple[str, str, str, float]] = []
    for row in rows:
        told += [("name", w, row["industry_code"], 1.0) for w in row["name_words"].split()]
        told += [("item", p, row["industry_code"], 1.0) for p in row["scope_phrases"].split("；") if p]
    for code, name in classes.rows():
        told += _of_class_name(code, name)
    frame = pl.DataFrame(told, schema=["field", "text", "label", "weight"], orient="row").filter(
        pl.col("text").str.len_chars() > 1
    )
    listed = (
        frame.filter(pl.col("field") == "item")
        .with_columns(text=items(pl.col("text")))
        .explode("text", empty_as_null=True)
    )
    return pl.concat([frame.filter(pl.col("field") == "name"), listed]).drop_nulls()


_ACTIVITIES = (
    "制造",
    "加工",
    "批发",
    "零售",
    "修理",
    "服务",
    "种植",
    "开采",
    "采选",
    "生产",
    "租赁",
    "仓储",
    "活动",
    "业",
)


def _of_class_name(code: str, name: str) -> list[tuple[str, str, str, float]]:
    """What the name of a class says: 其他 X 制造 is 'X制造' as an item and 'X' in a name; the catch-all classes speak softly.

    A name of several things (、, 及, 和, 或) is one item as it stands: cut up, 食品、酒、饮料及茶生产专用设备制造 would say 食品生产.
    """
    softly = 0.4 if re.match("其他|其它", name) or "未列明" in name else 1.0
    plain = re.sub(r"[（(][^）)]*[)）]|未列明|^其他|及类似(?:制)?品|有关物品|及有关", "", name)
    activity = next((a for a in _ACTIVITIES if plain.endswith(a) and len(plain) > len(a)), "")
    out = [("item", plain, code, softly)]
    stem = plain.removesuffix(activity)
    if re.search("[、及和或]", plain) or len(stem) < 2:
        return out
    if activity == "制造":
        out.append(("item", f"{stem}生产", code, softly))
    if activity not in ("批发", "零售"):
        out.append(("name", stem, code, 0.5 * softly))
    return out
