"""Short Chinese texts to labels: character n-grams under a linear model that is a sparse matrix.

A text is taken in segments (a firm's name, one item of its business scope, what a citizen said). Each segment becomes a
unit vector over the n-grams the model knows, each n-gram weighted by how few training texts have it; the model's score of a
label is a sum over n-grams, so that every decision can say which words made it. Trained by ridge regression on the
labels' indicators, whose closed form needs no iterations and no random start: the same words give the same model.

The model is kept as arrays (npz, read without pickle): loading it runs nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import linalg, sparse

from warehouse.errors import EnvironmentFault

FOLDER = Path(__file__).parent
BATCH = 16384
"""Segments scored at a time."""
FAINT = 0.02
"""A label's score below this is noise."""
SIZES = (2, 3, 4)
UNKNOWN_WEIGHT = {"name": 0.12, "item": 0.6, "said": 0.0}
"""What an n-gram the model does not know counts in a segment's length: in a name it is the firm's own word, in an item of a
scope something the model has not learnt, in speech an address."""
EDGES = {"name": ("", "\u0001"), "item": ("\u0002", "\u0003"), "said": ("", "")}
"""Marks of where a segment begins and ends: a name's trade stands at its end, an item's activity too."""

Floats = NDArray[np.float32]


def grams(segments: pl.DataFrame) -> pl.DataFrame:
    """(segment, field, text) → (segment, gram): every n-gram of 2 to 4 characters with the marks of the edges, and the whole text."""
    begin = pl.col("field").replace_strict({k: v[0] for k, v in EDGES.items()}, return_dtype=pl.String)
    end = pl.col("field").replace_strict({k: v[1] for k, v in EDGES.items()}, return_dtype=pl.String)
    marked = segments.select("segment", text=begin + pl.col("text") + end).with_columns(
        length=pl.col("text").str.len_chars()
    )
    pieces = []
    for size in SIZES:
        starts = (
            marked.filter(pl.col("length") >= size)
            .with_columns(start=pl.int_ranges(0, pl.col("length").cast(pl.Int64) - size + 1))
            .explode("start", empty_as_null=True)
        )
        pieces.append(starts.select("segment", gram=pl.col("text").str.slice(pl.col("start"), size)))
    whole = marked.filter(pl.col("length") > SIZES[-1]).select("segment", gram="text")
    return pl.concat([*pieces, whole])


@dataclass(frozen=True)
class TextModel:
    """`weights` is n-grams x labels; `idf` one number per n-gram; `settings` what was measured when it was trained."""

    features: pl.Series
    idf: Floats
    weights: sparse.csr_matrix
    labels: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def version(self) -> str:
        return str(self.settings["version"])

    def _known(self, segments: pl.DataFrame) -> pl.DataFrame:
        """(at, feature, value) of each segment's known n-grams, as parts of a unit vector; `at` is the segment's position."""
        numbered = segments.with_row_index("at")
        found = grams(numbered.select("field", "text", segment=pl.col("at"))).join(self._index(), on="gram", how="left")
        rare = float(self.idf.max()) ** 2 if len(self.idf) else 1.0
        known = found.filter(pl.col("feature").is_not_null()).select("segment", "feature", "idf").unique()
        square = known.group_by("segment").agg(known=(pl.col("idf") ** 2).sum())
        strange = found.filter(pl.col("feature").is_null()).group_by("segment").agg(strange=pl.len())
        length = (
            square.join(strange, on="segment", how="left")
            .join(numbered.select("at", "field"), left_on="segment", right_on="at")
            .select(
                "segment",
                length=(
                    pl.col("known")
                    + pl.col("strange").fill_null(0)
                    * pl.col("field").replace_strict(UNKNOWN_WEIGHT, return_dtype=pl.Float64)
                    * rare
                ).sqrt(),
            )
        )
        return known.join(length, on="segment").select(
            pl.col("segment").alias("at"), "feature", value=(pl.col("idf") / pl.col("length")).cast(pl.Float32)
        )

    def _index(self) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "gram": self.features,
                "feature": np.arange(len(self.features), dtype=np.int32),
                "idf": self.idf.astype(np.float64),
            }
        )

    def vectors(self, segments: pl.DataFrame) -> sparse.csr_matrix:
        """Segments x n-grams."""
        known = self._known(segments)
        shape = (segments.height, len(self.features))
        return sparse.csr_matrix(
            (known["value"].to_numpy(), (known["at"].to_numpy(), known["feature"].to_numpy())), shape
        )

    def score(self, segments: pl.DataFrame) -> pl.DataFrame:
        """(segment, label, score): the labels that speak up for each (segment, field, text), about the chance of each where the words are known."""
        names = pl.Series(self.labels)
        parts = []
        for start in range(0, segments.height, BATCH):
            block = segments.slice(start, BATCH)
            product = self.vectors(block) @ self.weights
            loud = product.data > FAINT
            row = np.repeat(np.arange(block.height, dtype=np.uint32), np.diff(product.indptr))[loud]
            parts.append(
                pl.DataFrame(
                    {
                        "segment": block["segment"].gather(row),
                        "label": names.gather(product.indices[loud]),
                        "score": product.data[loud].astype(np.float32),
                    }
                )
            )
        empty = pl.DataFrame(schema={"segment": segments.schema["segment"], "label": pl.String, "score": pl.Float32})
        return pl.concat(parts) if parts else empty

    def decided(self, segments: pl.DataFrame) -> pl.DataFrame:
        """(segment, word, share): the n-gram that spoke most for the column `label` of each (segment, field, text, label)."""
        coo = self.weights.tocoo()
        spoken = pl.DataFrame({"feature": coo.row, "label_at": coo.col, "weight": coo.data})
        at = pl.DataFrame({"label": self.labels, "label_at": np.arange(len(self.labels), dtype=coo.col.dtype)})
        known = self._known(segments)
        numbered = segments.with_row_index("at").join(at, on="label").select("at", "segment", "label_at")
        share = (
            known.join(numbered, on="at")
            .with_columns(pl.col("feature").cast(spoken.schema["feature"]))
            .join(spoken, on=["feature", "label_at"])
            .with_columns(share=pl.col("value") * pl.col("weight"))
            .filter(pl.col("share") > 0)
        )
        names = pl.DataFrame({"feature": np.arange(len(self.features)), "word": self.features}).with_columns(
            pl.col("feature").cast(spoken.schema["feature"]), pl.col("word").str.replace_all("[\u0001-\u0003]", "")
        )
        # of words that speak alike the longest says most to a reader
        longest = pl.col("share") * (1 + pl.col("word").str.len_chars())
        return (
            share.join(names, on="feature")
            .filter(pl.col("word").str.len_chars() > 1)
            .group_by("segment")
            .agg(
                word=pl.col("word").sort_by(longest.round(5), "word", descending=[True, False]).first(),
                share=pl.col("share").sum(),
            )
        )

    def save(self, path: Path) -> None:
        np.savez_compressed(
            path,
            features=np.frombuffer("\n".join(self.features.to_list()).encode(), dtype=np.uint8),
            idf=self.idf.astype(np.float16),
            data=self.weights.data.astype(np.float16),
            indices=self.weights.indices.astype(np.int16),
            indptr=self.weights.indptr.astype(np.int64),
            labels=np.frombuffer("\n".join(self.labels).encode(), dtype=np.uint8),
            settings=np.frombuffer(json.dumps(self.settings, ensure_ascii=False, sort_keys=True).encode(), dtype=np.uint8),
        )  # fmt: skip


@lru_cache(maxsize=4)
def load(path: Path) -> TextModel:
    """Reads a model; EnvironmentFault where the file is absent or no model."""
    try:
        with np.load(path, allow_pickle=False) as held:
            text = {k: bytes(held[k]).decode() for k in ("features", "labels", "settings")}
            labels = tuple(text["labels"].split("\n"))
            features = pl.Series(text["features"].split("\n"))
            weights = sparse.csr_matrix(
                (held["data"].astype(np.float32), held["indices"].astype(np.int32), held["indptr"]),
                shape=(len(features), len(labels)),
            )
            return TextModel(features, held["idf"].astype(np.float32), weights, labels, json.loads(text["settings"]))
    except (OSError, ValueError, KeyError) as error:
        raise EnvironmentFault(
            f"{path} is no readable model: {error}; make it with `townlake classify train`"
        ) from error


def fit(
    examples: pl.DataFrame, *, ridge: float = 0.3, smallest: float = 0.02, settings: dict[str, Any] | None = None
) -> TextModel:
    """Learns from (field, text, label, weight). Weights below `smallest` are left out: they decide nothing and fill the file.

    Memory: the square of the number of distinct texts, 8 bytes each (9,000 texts: 650 MB).
    """
    texts = examples.select("field", "text").unique(maintain_order=True).with_row_index("segment")
    found = grams(texts.select("segment", "field", "text")).unique()
    count = found.group_by("gram").agg(texts=pl.len()).sort("gram")
    features = count["gram"]
    idf = (np.log((1 + texts.height) / (1 + count["texts"].to_numpy())) + 0.3).astype(np.float32)
    labels = tuple(examples["label"].unique().sort().to_list())
    model = TextModel(
        features, idf, sparse.csr_matrix((len(features), len(labels)), dtype=np.float32), labels, settings or {}
    )
    x = model.vectors(texts).astype(np.float64)
    told = (
        examples.join(texts, on=["field", "text"])
        .join(pl.DataFrame({"label": labels, "label_at": np.arange(len(labels))}), on="label")
        .group_by("segment", "label_at")
        .agg(pl.col("weight").sum())
    )
    y = sparse.csr_matrix(
        (told["weight"].to_numpy(), (told["segment"].to_numpy(), told["label_at"].to_numpy())),
        (texts.height, len(labels)),
    )
    # a text that several labels use speaks for each by its share; what is said often counts more than what is said once
    total = np.asarray(y.sum(axis=1)).ravel()
    share = sparse.diags(1 / total) @ y
    kernel = np.asarray((x @ x.T).todense())
    kernel[np.diag_indices_from(kernel)] += ridge / np.minimum(total, 20.0)
    dual = linalg.solve(
        kernel, np.asarray(share.todense()), assume_a="pos", overwrite_a=True, overwrite_b=True, check_finite=False
    )
    full = (x.T @ dual).astype(np.float32)
    full[np.abs(full) < smallest] = 0
    return TextModel(features, idf, sparse.csr_matrix(full), labels, settings or {})
