"""The adapter on a real DuckLake: what GX's own SQL engine cannot do on DuckDB, and SQL that must arrive untouched."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.home import Home
from warehouse.lake import attach_statement, extension_directory, writing

gx = pytest.importorskip("great_expectations")

from quality.adapter import Source, escaped, opened, unexpected_rows  # noqa: E402


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "home").prepare()
    with writing(home) as con:
        con.execute(
            """create table lake.foundation.人员 as
               select n as 编号, case when n < 3 then null else '张' || n end as 姓名, '{a: 1}' as "备注 {x}",
                      [struct_pack(列 := '姓名', 规则 := 'r' || n % 2)] as issues
               from range(100) as r(n)"""
        )
    return home


def setup_of(home: Home) -> list[str]:
    return ["load ducklake", "load sqlite_scanner", attach_statement(home, read_only=True)]


@pytest.fixture
def source(home: Home) -> Iterator[Source]:
    config = {"extension_directory": str(extension_directory()), "autoinstall_known_extensions": "false"}
    with opened(home.work, setup=setup_of(home), config=config) as source:
        yield source


TABLE = 'lake.foundation."人员"'


def test_core_expectations_run_on_the_attached_lake(source: Source) -> None:
    core = gx.expectations
    results = source.validate(
        TABLE,
        [
            core.ExpectColumnValuesToNotBeNull(column="姓名", severity="warning"),
            core.ExpectColumnValuesToBeUnique(column="编号"),
            core.ExpectTableRowCountToBeBetween(min_value=100, max_value=100),
            core.ExpectColumnValuesToNotBeNull(column="姓名", mostly=0.9),
        ],
    )
    assert [r.success for r in results] == [False, True, True, True]
    assert results[0].result["unexpected_count"] == 3


def test_results_stand_in_the_order_of_the_expectations(source: Source) -> None:
    results = source.validate(TABLE, [unexpected_rows(f"编号 < {n}") for n in (5, 0, 3, 0, 1)])
    assert [r.result["observed_value"] for r in results] == [5, 0, 3, 0, 1]


def test_braces_colons_percent_signs_and_chinese_arrive_as_written(source: Source) -> None:
    where = """"备注 {x}" = '{a: 1}' and '{}' <> ':编号' and 姓名 like '张9%' and '%s %(x)s'::varchar <> '' and {'k': 1}.k = 1"""
    (result,) = source.validate(TABLE, [unexpected_rows(where, select="编号, '{b}' as 值", severity="info")])
    assert not result.exception_info or not any(
        v.get("raised_exception") for v in result.exception_info.values() if isinstance(v, dict)
    )
    assert result.result["details"]["unexpected_rows"][0] == {"编号": 9, "值": "{b}"}
    assert result.result["observed_value"] == 11


def test_lists_of_structs_can_be_looked_into(source: Source) -> None:
    where = "len(list_filter(issues, lambda i: i.规则 = 'r1')) > 0"
    (result,) = source.validate(TABLE, [unexpected_rows(where)])
    assert result.result["observed_value"] == 50


def test_severity_is_kept(source: Source) -> None:
    results = source.validate(TABLE, [unexpected_rows("编号 = 1", severity=s) for s in ("critical", "warning", "info")])  # type: ignore[arg-type]
    assert [r.expectation_config.severity.value for r in results] == ["critical", "warning", "info"]


def test_bad_sql_is_an_exception_of_that_expectation_alone(source: Source) -> None:
    results = source.validate(TABLE, [unexpected_rows("nothing_here = 1"), unexpected_rows("编号 < 0")])
    assert [r.success for r in results] == [False, True]
    raised = [v for v in results[0].exception_info.values() if isinstance(v, dict)]
    assert "nothing_here" in raised[0]["exception_message"]


def test_tables_made_on_the_connection_are_seen_by_gx(source: Source) -> None:
    source.execute(f"create table profile as select count(*) as n, '{{:x}} %' as t from {TABLE}")
    (found,) = source.validate("profile", [gx.expectations.ExpectColumnValuesToBeInSet(column="n", value_set=[100])])
    assert found.success
    assert source.execute("select t from profile") == [("{:x} %",)]


def test_the_lake_cannot_be_written(source: Source) -> None:
    with pytest.raises(Exception, match=r"(?i)read-only"):
        source.execute(f"delete from {TABLE}")


def test_nothing_stays_open_or_on_disk(home: Home) -> None:
    with opened(home.work / "gates", setup=setup_of(home), config={"extension_directory": str(extension_directory())}):
        pass
    assert list((home.work / "gates").iterdir()) == []
    with writing(home) as con:
        con.execute(f"delete from {TABLE}")


def test_a_failing_setup_says_so_and_leaves_nothing(home: Home) -> None:
    with (
        pytest.raises(Exception, match="no_such_extension"),
        opened(
            home.work / "gates",
            setup=["load no_such_extension"],
            config={"extension_directory": str(extension_directory())},
        ),
    ):
        pass
    assert list((home.work / "gates").iterdir()) == []


def test_a_file_context_rebuilds_the_datasource(home: Home, tmp_path: Path) -> None:
    context = gx.get_context(mode="file", project_root_dir=tmp_path / "project")
    config = {"extension_directory": str(extension_directory())}
    context.data_sources.add_duckdb(
        name="lake",
        connection_string=f"duckdb:///{tmp_path / 'scratch.duckdb'}",
        setup=[s.replace("attach ", "attach if not exists ", 1) for s in setup_of(home)],
        kwargs={"connect_args": {"config": config}, "isolation_level": "AUTOCOMMIT"},
    )
    again = gx.get_context(mode="file", project_root_dir=tmp_path / "project").data_sources.get("lake")
    batch = (
        again.add_query_asset("people", f"select * from {TABLE}").add_batch_definition_whole_table("all").get_batch()
    )
    assert batch.validate(gx.expectations.ExpectColumnValuesToBeUnique(column="编号")).success
    again.get_execution_engine().close()
    context.data_sources.get("lake").get_execution_engine().close()


@pytest.mark.parametrize(
    ("sql", "arrives"),
    [
        ("a::varchar", "a::varchar"),
        ("':x'", "'\\:x'"),
        ("{'k': 1}", "{{'k': 1}}"),
        ("l[1:2]", "l[1:2]"),
        ("a = :b", "a = \\:b"),
    ],
)
def test_escaped(sql: str, arrives: str) -> None:
    assert escaped(sql) == arrives


def test_importing_the_gates_is_light() -> None:
    code = "import sys, quality.gates, quality.suites, quality.report; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert "quality.gates" in loaded
    assert not {"great_expectations", "duckdb", "pandas", "jinja2", "pyarrow", "polars"}.intersection(loaded)


def test_analytics_are_off() -> None:
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_no_connection_is_opened(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a connection to the outside was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    config = {"extension_directory": str(extension_directory())}
    with opened(home.work, setup=setup_of(home), config=config) as source:
        assert source.validate(TABLE, [unexpected_rows("编号 < 0")])[0].success
