"""Short Chinese texts to labels: character n-grams under a linear model that is a sparse matrix.

A text is taken in segments (a firm's name, one item of its business scope, what a citizen said). Each segment becomes a
unit vector over the n-grams the model knows, each n-gram weighted by how few training texts have it; the model's score of a
label is a sum over n-grams, so that every decision can say which words made it. Trained by ridge regression on the
labels' indicators, which has one solution and needs no random start: the same words give the same model.

The model is kept as arrays (npz, read without pickle): loading it runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

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
AT_ONCE = 64
"""Labels solved together."""
COMMON = 1000
"""N-grams whose ties the preconditioner solves."""
NEAR = 3e-4
"""Residual at which the equations count as solved, as a share of the right-hand side: scores agree to about three decimals."""
MOST_ROUNDS = 500
EDGES = {"name": ("", "\u0001"), "item": ("\u0002", "\u0003"), "said": ("", "")}
"""Marks of where a segment begins and ends: a name's trade stands at its end, an item's activity too."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


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

    def scores(self, segments: pl.DataFrame) -> sparse.csr_matrix:
        """Segments x labels: how far each label speaks up for each (segment, field, text), about its chance where the words are known."""
        blocks = []
        for start in range(0, segments.height, BATCH):
            block = self.vectors(segments.slice(start, BATCH)) @ self.weights
            block.data[block.data <= FAINT] = 0
            block.eliminate_zeros()
            blocks.append(block)
        shape = (0, len(self.labels))
        return sparse.vstack(blocks, format="csr") if blocks else sparse.csr_matrix(shape, dtype=np.float32)

    def score(self, segments: pl.DataFrame) -> pl.DataFrame:
        """(segment, label, score): `scores` as rows."""
        found = self.scores(segments).tocoo()
        return pl.DataFrame(
            {
                "segment": segments["segment"].gather(found.row),
                "label": pl.Series(self.labels, dtype=pl.String).gather(found.col),
                "score": found.data.astype(np.float32),
            }
        )

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
    examples: pl.DataFrame,
    *,
    ridge: float = 0.3,
    smallest: float = 0.02,
    settings: dict[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> TextModel:
    """Learns from (field, text, label, weight). Weights below `smallest` are left out: they decide nothing and fill the file.

    `groups`: of a label, the groups it belongs to. They become labels of their own, told by every text of theirs: what each of
    fifty labels of a group says too softly to be kept is kept of the group.

    Memory follows the n-grams that the texts hold, not the square of the texts: about 20 bytes for each, and while `AT_ONCE`
    labels are solved 4 bytes for each of them and each different n-gram (42,000 texts, 248,000 different n-grams, 1,498 labels
    and groups: 0.3 GB, 77 s of one core).
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
    pairs = [(label, group) for label in labels for group in (groups or {}).get(label, ())]
    grouped = tuple(sorted({group for _, group in pairs}))
    rows = [labels.index(label) for label, _ in pairs]
    belongs = sparse.csr_matrix(
        (np.ones(len(pairs)), (rows, [grouped.index(group) for _, group in pairs])), (len(labels), len(grouped))
    )
    share = sparse.hstack([share, share @ belongs], format="csc")
    weights = _ridge(x, ridge / np.minimum(total, 20.0), share, smallest)
    return TextModel(features, idf, weights, labels + grouped, settings or {})


def _ridge(x: sparse.csr_matrix, ridge: Doubles, share: sparse.csc_matrix, smallest: float) -> sparse.csr_matrix:
    """x.T @ (x @ x.T + diag(ridge))^-1 @ share without the entries below `smallest`; x is texts x n-grams, share texts x labels.

    Conjugate gradients from zero, `AT_ONCE` labels together, until the largest residual is `NEAR` of its right-hand side. An
    n-gram that stands in one text only adds to that text's own diagonal. The `COMMON` commonest n-grams, which tie most texts
    to each other, are solved exactly in the preconditioner (Woodbury), so that some fifteen rounds are enough.
    """
    holders = np.diff(x.tocsc().indptr)
    own = ridge + np.asarray(x[:, holders == 1].power(2).sum(axis=1)).ravel()
    tied = x[:, holders > 1].astype(np.float32).tocsr()
    common = x[:, np.sort(np.argsort(-holders, kind="stable")[: min(COMMON, int((holders > 1).sum()))])]
    core = (common.T @ sparse.diags(1 / own) @ common).toarray() + np.eye(common.shape[1])
    inverse = np.linalg.inv(core).astype(np.float32)
    common = common.astype(np.float32).tocsr()
    tied_back, common_back, back = tied.T.tocsr(), common.T.tocsr(), x.T.astype(np.float32).tocsr()
    diagonal = own.astype(np.float32)[:, None]

    def eased(rest: Floats) -> Floats:
        scaled = rest / diagonal
        return np.asarray(scaled - common @ (inverse @ (common_back @ scaled)) / diagonal)

    blocks, tiny = [], np.finfo(np.float32).tiny
    for start in range(0, share.shape[1], AT_ONCE):
        rest = share[:, start : start + AT_ONCE].toarray().astype(np.float32)
        goal = NEAR**2 * (rest**2).sum(axis=0)
        dual, way = np.zeros_like(rest), np.zeros_like(rest)
        before = np.ones(rest.shape[1], dtype=np.float32)
        for _ in range(MOST_ROUNDS):
            if ((rest**2).sum(axis=0) <= goal).all():
                break
            eased_rest = eased(rest)
            now = (rest * eased_rest).sum(axis=0)
            way = eased_rest + (now / np.maximum(before, tiny)) * way
            before = now
            step = tied @ (tied_back @ way) + diagonal * way
            stride = now / np.maximum((way * step).sum(axis=0), tiny)
            dual += stride * way
            rest -= stride * step
        else:
            raise EnvironmentFault(f"no model: the texts' equations did not settle in {MOST_ROUNDS} rounds")
        full = back @ dual
        full[np.abs(full) < smallest] = 0
        blocks.append(sparse.csr_matrix(full))
    return sparse.hstack(blocks, format="csr", dtype=np.float32)
