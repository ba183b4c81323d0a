"""The macros outside dbt (townlake standardise) and inside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from warehouse import standard
from warehouse.errors import WrongUse


def test_standardise_a_csv_column(tmp_path: Path) -> None:
    source = tmp_path / "people.csv"
    source.write_text("编号,电话\n1,018576073697\n2,无\n3,\n4,13812345678\n", encoding="utf-8")
    counts = standard.standardise("phone", source, "电话", tmp_path / "out.parquet")
    assert counts == {"as_is": 2, "nulled": 1, "standardised": 1}
    rows = duckdb.execute("select raw, value, rule, outcome from read_parquet($1)", [str(tmp_path / "out.parquet")])
    assert rows.fetchall() == [
        ("018576073697", "18576073697", "phone_prefix", "standardised"),
        ("无", None, "null_word", "nulled"),
        (None, None, None, None),
        ("13812345678", "13812345678", None, None),
    ]


def test_standardise_a_parquet_column_of_another_type(tmp_path: Path) -> None:
    source = tmp_path / "a'b.parquet"
    duckdb.execute(
        f'copy (select 45047 as "day ""x") to \'{str(source).replace(chr(39), chr(39) * 2)}\' (format parquet)'
    )
    assert standard.standardise("date", source, 'day "x', tmp_path / "out.parquet") == {"standardised": 1}


def test_options_reach_the_macros(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("x\n0\n", encoding="utf-8")
    counts = standard.standardise("sex", source, "x", tmp_path / "o.parquet", codes={"0": "1", "1": "2"})
    assert counts == {"as_is": 1}


@pytest.mark.parametrize(
    ("kind", "file", "column", "opts", "said"),
    [
        ("nothing", "a.csv", "x", {}, "unknown kind"),
        ("date", "b.csv", "x", {}, "no such file"),
        ("date", "a.csv", "y", {}, "no column"),
        ("date", "a.csv", "x", {"units": []}, "no option"),
        ("date", "a.xlsx", "x", {}, "reads .parquet and .csv"),
    ],
)
def test_wrong_use_is_said(  # noqa: PLR0917
    tmp_path: Path, kind: str, file: str, column: str, opts: dict[str, object], said: str
) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n", encoding="utf-8")
    (tmp_path / "a.xlsx").write_bytes(b"")
    with pytest.raises(WrongUse, match=said):
        standard.standardise(kind, tmp_path / file, column, tmp_path / "o.parquet", **opts)


@pytest.mark.parametrize("kind", list(standard.KINDS))
@pytest.mark.parametrize("stage", ["clean", "value", "rule"])
def test_spark_text_has_nothing_of_duckdb(kind: str, stage: standard.Stage) -> None:
    text = standard.expression(kind, stage, dialect="spark")
    for word in ("regexp_full_match", "regexp_matches", "to_seconds", "//", ", 'g')", "varchar"):
        assert word not in text.replace("://", "")


def test_import_is_light() -> None:
    """The command line loads this module for --help."""
    code = (
        "import sys, warehouse.standard; print([m for m in ('polars', 'pandas', 'dbt', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=standard.MACROS.parents[2]
    )
    assert done.stdout.strip() == "[]"


def test_the_macros_load_under_dbt(tmp_path: Path) -> None:
    """dbt renders the same SQL: one model that runs every kind through its three stages."""
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(
        "name: probe\nversion: 1.0.0\nprofile: probe\n"
        f"macro-paths: ['{standard.MACROS.as_posix()}']\nflags: {{send_anonymous_usage_stats: false}}\n",
        encoding="utf-8",
    )
    (tmp_path / "profiles.yml").write_text(
        f"probe: {{target: dev, outputs: {{dev: {{type: duckdb, path: '{(tmp_path / 'p.duckdb').as_posix()}', threads: 1}}}}}}\n",
        encoding="utf-8",
    )
    (tmp_path / "models" / "probe.sql").write_text(PROBE, encoding="utf-8")
    dbt = Path(sys.executable).with_name("dbt")
    command = [
        str(dbt),
        "run",
        "--profiles-dir",
        str(tmp_path),
        "--project-dir",
        str(tmp_path),
        "--target-path",
        str(tmp_path / "t"),
        "--log-path",
        str(tmp_path / "l"),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )
    assert done.returncode == 0, done.stdout[-3000:]
    with duckdb.connect(str(tmp_path / "p.duckdb")) as connection:
        found = connection.execute("select kind, value, rule, outcome from probe order by kind").fetchall()
    assert len(found) == len(standard.KINDS)
    for kind, value, rule, outcome in found:
        with duckdb.connect() as connection:
            query = standard.select(kind, f"(select '{RAW}' as x)", "x")
            expected = connection.execute(f"select cast(value as varchar), rule, outcome from ({query})").fetchone()
        assert (value, rule, outcome) == expected, kind


RAW = "610104620927690"
PROBE = (
    "{% for kind in std_kinds() %}{{ 'union all' if not loop.first }}\n"
    "select '{{ kind }}' as kind, cast(value as varchar) as value, rule, {{ std_outcome('rule') }} as outcome from (\n"
    "  select *, {{ std('rule', kind, 'raw', 'clean', 'value', {}) }} as rule from (\n"
    "    select *, {{ std('value', kind, 'clean', 'raw', {}) }} as value from (\n"
    "      select *, {{ std('clean', kind, 'raw', {}) }} as clean from (select '" + RAW + "' as raw))))\n"
    "{% endfor %}"
)
