"""A model that changed is reason enough for a build; the same model is none."""

from __future__ import annotations

import duckdb
import pytest

from warehouse.classification import classified, events, industry, text


@pytest.fixture
def lake() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("attach ':memory:' as lake")
    for schema in ("registry", "foundation"):
        con.execute(f"create schema lake.{schema}")
    return con


def test_a_lake_that_classified_nothing_has_no_changed_model(lake: duckdb.DuckDBPyConnection) -> None:
    assert not classified.models_changed(lake)
    classified.prepare(lake)
    assert not classified.models_changed(lake)


@pytest.mark.parametrize("changed", ["organisation_industry", "event_class"])
def test_another_model_is_noticed(lake: duckdb.DuckDBPyConnection, changed: str) -> None:
    classified.prepare(lake)
    firms, orders = (text.load(model).version for model in (industry.MODEL, events.MODEL))
    lake.execute(
        "insert into lake.registry.organisation_industry by name select 'O1' as organisation_id, ? as model_version",
        [firms],
    )
    lake.execute(
        "insert into lake.registry.event_class by name select 'E1' as event_id, ? as rules_version", [f"{orders}-seeds"]
    )
    assert not classified.models_changed(lake)
    column = "model_version" if changed == "organisation_industry" else "rules_version"
    lake.execute(f"update lake.registry.{changed} set {column} = 'other-seeds'")
    assert classified.models_changed(lake)
