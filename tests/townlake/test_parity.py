"""Two copies of one table: equal whatever their order and width of numbers, and the column that differs is named."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.warehouse.kept import built
from townlake import parity
from warehouse.home import Home

TABLE = """select range as n, 'é' || range as said, range / 3 as part, [range] as list, struct_pack(x := range, y := null::int) as pair,
    timestamp '2026-10-31 01:02:03' as seen_at, 1.50::decimal(9, 2) as money, null::varchar as nothing from range(1000)"""


@pytest.fixture
def marts(home: Home) -> Home:
    """A published lake whose only mart is TABLE."""
    from datetime import UTC, datetime

    from warehouse import builds
    from warehouse.lake import writing
    from warehouse.lock import lake_writer

    built(home)
    with lake_writer(home, "test"), writing(home) as con:
        con.execute(f"create or replace table marts.answer as {TABLE}")
        builds.record(con, "b3", datetime.now(UTC), published=True)
    return home


def other(folder: Path, query: str) -> Path:
    (folder / "marts" / "answer").mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute(f"copy ({query}) to '{folder}/marts/answer/part-0.parquet'")
    return folder


def test_order_and_width_do_not_count(marts: Home, tmp_path: Path) -> None:
    query = f"select * replace (n::int as n, part + 1e-13 as part, money::decimal(12, 4) as money) from ({TABLE}) order by n desc"
    (found,) = parity.compare(marts, other(tmp_path, query), ("marts",))
    assert (found.table, found.rows, found.rows_there, found.differing) == ("marts.answer", 1000, 1000, [])
    assert found.equal


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("case when n = 7 then 'x' else said end as said", "said"),
        ("part + 1e-6 as part", "part"),
        ("case when n = 7 then [n, n] else list end as list", "list"),
        ("case when n = 7 then '' end as nothing", "nothing"),
        ("seen_at + interval 1 microsecond as seen_at", "seen_at"),
    ],
)
def test_one_value_that_differs_is_found(marts: Home, tmp_path: Path, change: str, column: str) -> None:
    (found,) = parity.compare(marts, other(tmp_path, f"select * replace ({change}) from ({TABLE})"), ("marts",))
    assert not found.equal
    assert found.differing == [column]


def test_rows_put_together_otherwise_are_not_equal(marts: Home, tmp_path: Path) -> None:
    """Every column holds the same values, but not beside the same others."""
    query = f"select * replace ('é' || (999 - n) as said) from ({TABLE})"
    (found,) = parity.compare(marts, other(tmp_path, query), ("marts",))
    assert not found.equal
    assert found.differing == []


def test_a_copy_of_the_lakes_own_table_is_not_counted(marts: Home, tmp_path: Path) -> None:
    assert parity.compare(marts, other(tmp_path, TABLE), ("marts",), copies=["marts.answer"]) == []


def test_a_table_that_is_not_there_or_lacks_a_column(marts: Home, tmp_path: Path) -> None:
    (found,) = parity.compare(marts, tmp_path, ("marts",))
    assert (found.rows_there, found.equal) == (None, False)
    (found,) = parity.compare(marts, other(tmp_path, f"select * exclude (pair) from ({TABLE})"), ("marts",))
    assert (found.differing, found.equal) == (["pair"], False)
