"""Splink behind one call: from levels of agreement to weights and probabilities.

The levels themselves are computed in our own SQL (`pairs.py`), once per pair: Splink never sees names or numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.spec import Comparison, Spec


def bits(spec: Spec) -> dict[str, dict[str, float]]:
    """comparison → level → weight in bits: log2(m / u)."""
    return {
        name: {level.level: math.log2(level.m / level.u) for level in comparison.levels}
        for name, comparison in spec.comparisons.items()
    }


def score(con: duckdb.DuckDBPyConnection, spec: Spec, levels: str, into: str) -> None:
    """Creates temp table `into(pair_id, match_weight, match_probability)`.

    levels: temp table `(pair_id, <comparison> …)`, one row per pair, each comparison the number of its level counted
    from 0, null where it says nothing. Weights in bits, the odds of two at random (`population`) included.
    """
    if not _rows(con, levels):
        con.execute(
            f"create or replace temp table {into} (pair_id bigint, match_weight double, match_probability double)"
        )
        return
    predicted = _linker(con, spec, levels).inference.predict().physical_name
    con.execute(
        f"""create or replace temp table {into} as
            select pair_id_l as pair_id, match_weight, match_probability from {predicted}"""
    )
    con.execute(f'drop table "{predicted}"')


def linker(api: Any, left: Any, right: Any, spec: Spec) -> Any:
    """Splink over `left` and `right`, twice the same levels: rows of one `pair_id` are compared, with unequal `unique_id`.

    `api` is any of Splink's; the two are what its `register` takes.
    """
    from splink import Linker, SettingsCreator, block_on

    settings = SettingsCreator(
        link_type="link_only",
        unique_id_column_name="unique_id",
        probability_two_random_records_match=1 / spec.population,
        blocking_rules_to_generate_predictions=[block_on("pair_id")],
        comparisons=[_comparison(name, c) for name, c in spec.comparisons.items()],
    )
    return Linker([api.register(left), api.register(right)], settings, log_level=None)


def _linker(con: duckdb.DuckDBPyConnection, spec: Spec, levels: str) -> Any:
    from splink import DuckDBAPI

    names = ", ".join(spec.comparisons)
    con.execute(
        f"create or replace temp table linked_left as select pair_id, 'l' || pair_id as unique_id, {names} from {levels}"
    )
    con.execute(
        f"create or replace temp table linked_right as select pair_id, 'r' || pair_id as unique_id, {names} from {levels}"
    )
    return linker(DuckDBAPI(connection=con), "linked_left", "linked_right", spec)


def _comparison(name: str, comparison: Comparison) -> Any:
    import splink.comparison_library as library

    said: list[Any] = [{"sql_condition": f"{name}_l is null", "is_null_level": True, "label_for_charts": "missing"}]
    for number, level in enumerate(comparison.levels):
        last = number == len(comparison.levels) - 1
        said.append(
            {
                "sql_condition": "ELSE" if last else f"{name}_l = {number}",
                "label_for_charts": level.level,
                "m_probability": level.m,
                "u_probability": level.u,
            }
        )
    return library.CustomComparison(output_column_name=name, comparison_levels=said)


def _rows(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0
