"""SQL and the independent Python implementation say the same of millions of sound, damaged and senseless cells."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.standard import cells, engine
from warehouse import standard

PAIRS = [(kind, opts) for kind in cells.MAKERS for opts in cells.OPTIONS.get(kind, [{}])]
FIRST = [(kind, cells.OPTIONS.get(kind, [{}])[0]) for kind in cells.MAKERS]


def name(pair: tuple[str, dict[str, Any]]) -> str:
    kind, opts = pair
    return kind + ("" if not opts else "-" + "-".join(f"{k}={str(v)[:12]}" for k, v in opts.items()))


def test_every_kind_has_a_maker_and_a_reference() -> None:
    assert set(cells.MAKERS) == set(standard.KINDS) == set(standard.macros()["std_kinds"]())
    assert set(cells.MAKERS) == set(engine.ref.REFERENCE)


@pytest.mark.parametrize("pair", PAIRS, ids=name)
def test_agree_on_random_cells(pair: tuple[str, dict[str, Any]]) -> None:
    """Together a little more than 100,000 cells."""
    kind, opts = pair
    assert engine.disagreements(kind, list(cells.cells(kind, 2_000, seed=11)), opts)[:10] == []


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("pair", FIRST, ids=name)
def test_agree_on_a_million_cells(pair: tuple[str, dict[str, Any]]) -> None:
    kind, opts = pair
    for seed in range(10):
        assert engine.disagreements(kind, list(cells.cells(kind, 100_000, seed)), opts)[:10] == []


ALPHABET = st.sampled_from(
    sorted(set(cells.SIGNS + cells.SPACES + cells.HAN[:20] + "0123456789xXEe.年月日万元（）劉⼀"))
)


@pytest.mark.parametrize("kind", list(cells.MAKERS))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(ALPHABET, max_size=24), min_size=20, max_size=200))
def test_agree_on_any_text(kind: str, texts: list[str]) -> None:
    assert engine.disagreements(kind, texts, cells.OPTIONS.get(kind, [{}])[0]) == []


@pytest.mark.parametrize("kind", list(cells.MAKERS))
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(max_size=12), min_size=50, max_size=200))
def test_any_unicode_is_survived(kind: str, texts: list[str]) -> None:
    """No cell stops a build: every text gets an answer, whatever characters it holds."""
    texts = [t.encode("utf-8", "ignore").decode() for t in texts]
    assert len(engine.run(kind, texts)) == len(texts)


@pytest.mark.parametrize("pair", PAIRS, ids=name)
def test_a_standard_value_is_left_alone(pair: tuple[str, dict[str, Any]]) -> None:
    """Standardising a standard value changes nothing, and there is no rule but a lasting doubt."""
    kind, opts = pair
    if {"codes", "unit", "epoch_1904", "formats", "other"} & set(opts):
        pytest.skip("the declared form of this source is not the standard one")
    first = engine.run(kind, list(cells.cells(kind, 1_500, seed=5)), opts)
    values = sorted({str(value) for _, value, _, _ in first if value is not None})
    for raw, value, rule, outcome in engine.run(kind, values, opts):
        if kind == "coordinate":
            assert float(raw) == value
        else:
            assert str(value) == raw, rule
        assert outcome in (None, "kept"), (raw, rule)


@pytest.mark.parametrize("kind", list(cells.MAKERS))
def test_outcome_fits_value_and_cell(kind: str) -> None:
    """nulled ⇔ no value; nothing said of an empty cell; a rule that is not explained does not exist."""
    rules = standard.rules()
    sample = [None, "", *cells.cells(kind, 1_500, seed=9)]
    for raw, value, rule, outcome in engine.run(kind, sample, cells.OPTIONS.get(kind, [{}])[0]):
        if not raw:
            assert (value, rule) == (None, None)
            continue
        assert (value is None) == (outcome == "nulled"), (raw, value, rule)
        assert rule is None or rules[rule]["outcome"] == outcome
