"""The same macros on Spark: value and rule of each cell are those of DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.standard import cells, engine
from warehouse import standard

pyspark_sql = pytest.importorskip("pyspark.sql", reason="needs the spark extra")
pytestmark = [pytest.mark.slow, pytest.mark.spark]

PAIRS = [(kind, opts) for kind in cells.MAKERS for opts in cells.OPTIONS.get(kind, [{}])[:3]]


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    builder = pyspark_sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.session.timeZone", "Asia/Shanghai").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.mark.parametrize(("kind", "opts"), PAIRS, ids=lambda v: str(v)[:40])
def test_spark_says_the_same(spark: Any, kind: str, opts: dict[str, Any]) -> None:
    texts = [text for text in dict.fromkeys(cells.cells(kind, 2_500, seed=21)) if "\x00" not in text]
    expected = {raw: (as_text(value), rule, outcome) for raw, value, rule, outcome in engine.run(kind, texts, opts)}
    spark.createDataFrame([(text,) for text in texts], "x string").createOrReplaceTempView("cells")
    query = standard.select(kind, "cells", "x", opts, dialect="spark")
    found = {row.raw: (as_text(row.value), row.rule, row.outcome) for row in spark.sql(query).collect()}
    differing = {raw: (expected[raw], found[raw]) for raw in texts if expected[raw] != found[raw]}
    assert not differing, list(differing.items())[:5]


def as_text(value: Any) -> str | None:
    """One spelling for both engines: floats to eight places, the rest as Python writes it."""
    if isinstance(value, float):
        return f"{value:.8f}"
    return None if value is None else str(value)
