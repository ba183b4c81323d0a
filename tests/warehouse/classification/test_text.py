"""The model of texts: the solution that the ridge equations have, groups of labels, the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from warehouse.classification import industry, text, training
from warehouse.errors import EnvironmentFault

RIDGE = 0.3


@pytest.fixture(scope="module")
def told() -> pl.DataFrame:
    """Some six hundred texts of the vocabulary: several labels share words, some texts stand twice."""
    listed = training.classes()
    few = industry.examples(
        industry.vocabulary()[::30], listed.filter(pl.int_range(pl.len()) % 30 == 0)["industry_code", "name"]
    )
    return pl.concat([few, few.head(40), few.head(20).with_columns(label=pl.lit(few["label"][-1]))])


def closed_form(model: text.TextModel, told: pl.DataFrame, labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(vectors, weights) by the dense inverse of the kernel."""
    texts = told.select("field", "text").unique(maintain_order=True).with_row_index("segment")
    x = model.vectors(texts).toarray().astype(float)
    at = told.join(texts, on=["field", "text"])
    y = np.zeros((texts.height, len(labels)))
    for row, label, weight in at.select("segment", "label", "weight").rows():
        y[row, labels.index(label)] += weight
    total = y.sum(axis=1)
    dual = np.linalg.solve(x @ x.T + np.diag(RIDGE / np.minimum(total, 20.0)), y / total[:, None])
    return x, x.T @ dual


def test_the_weights_are_those_of_the_closed_form(told: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "COMMON", 40)
    monkeypatch.setattr(text, "AT_ONCE", 7)
    model = text.fit(told, ridge=RIDGE, smallest=0.0)
    x, exact = closed_form(model, told, list(model.labels))
    assert np.abs(exact).max() > 0.3
    assert np.abs(model.weights.toarray() - exact).max() < 1e-3
    assert np.abs(x @ model.weights.toarray() - x @ exact).max() < 1e-3


def test_a_group_says_what_its_labels_say_together(told: pl.DataFrame) -> None:
    groups = {label: (label[:1],) for label in told["label"].unique()}
    model = text.fit(told, smallest=0.0, groups=groups)
    columns = model.weights.toarray()
    for group in sorted({g for (g,) in groups.values()}):
        of_group = [at for at, label in enumerate(model.labels) if len(label) == 4 and label[0] == group]
        together = columns[:, of_group].sum(axis=1)
        assert np.abs(columns[:, model.labels.index(group)] - together).max() < 2e-3


def test_the_same_texts_give_the_same_bytes(told: pl.DataFrame, tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        text.fit(told, settings={"version": "t"}).save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_weights_that_decide_nothing_are_not_kept(told: pl.DataFrame) -> None:
    model = text.fit(told, smallest=0.05)
    assert np.abs(model.weights.data).min() >= 0.05


def test_one_text_alone_is_learnt(told: pl.DataFrame) -> None:
    alone = told.head(1)
    scored = text.fit(alone).score(alone.select("field", "text", segment=pl.lit(0)))
    assert scored["label"].to_list() == alone["label"].to_list()


def test_equations_that_do_not_settle_are_told(told: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_ROUNDS", 1)
    with pytest.raises(EnvironmentFault, match="did not settle"):
        text.fit(told)


def test_nothing_to_score_is_no_score(told: pl.DataFrame) -> None:
    nobody = pl.DataFrame(schema={"segment": pl.Int64, "field": pl.String, "text": pl.String})
    assert text.fit(told).score(nobody).is_empty()
