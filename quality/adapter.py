"""Great Expectations on DuckDB, on an attached lake too (docs/decisions/0004-gx-adapter.md).

Importing this module imports Great Expectations, which takes seconds: import it inside functions.

    with opened(folder, setup=[...], config={...}) as source:
        source.execute("create temp table profile as ...")
        source.validate("profile", [unexpected_rows("select * from {batch} where ...", severity="critical")])

Two things differ from GX's own SQL engine. It closes a connection before it has fetched, which loses the result in
DuckDB: here ONE connection stays open, and it runs the statements in `setup` when it is opened. And GX only knows
databases by their type: `duckdb` is registered as one, so a file context can rebuild the datasource from its YAML.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before the import: an office network has no way out, and none is wanted

import great_expectations as gx
import sqlalchemy
from great_expectations.compatibility import pydantic
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.core import UnexpectedRowsExpectation

Severity = Literal["critical", "warning", "info"]
EngineType = type[SqlAlchemyExecutionEngine]


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """One connection, opened once, kept open."""

    _connection: Any

    def __init__(self, *args: Any, setup: Sequence[str] = (), **kwargs: Any) -> None:
        self._setup = tuple(setup)
        super().__init__(*args, **kwargs)

    @contextlib.contextmanager
    def get_connection(self) -> Generator[sqlalchemy.Connection, None, None]:
        """Yields the connection; it is not closed after use."""
        if self._connection is None:
            connection = self.engine.connect()
            try:
                for statement in self._setup:
                    connection.exec_driver_sql(statement)
            except sqlalchemy.exc.DBAPIError as error:
                connection.close()
                raise (error.orig or error) from None  # its own text repeats the statement, which may carry a key
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        yield self._connection

    def close(self) -> None:
        """Releases the database file and whatever `setup` attached."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """`context.data_sources.add_duckdb(name, connection_string="duckdb:///file", setup=[...])`; query assets only.

    The connection string must name a scratch file (column expectations fail on `:memory:`); what is to be validated is
    attached by `setup`, statements run when the connection opens. A process may build the same datasource twice on one
    DuckDB: for a file context write `attach if not exists`.
    """

    type: Literal["duckdb"] = "duckdb"
    setup: list[str] = pydantic.Field(default_factory=list)

    @property
    def execution_engine_type(self) -> EngineType:
        """The engine of this module."""
        return DuckDBExecutionEngine

    def get_engine(self) -> sqlalchemy.Engine:
        """The execution engine's own: a second one would not see what `setup` attached."""
        return self.get_execution_engine().engine

    def test_connection(self, test_assets: bool = True) -> None:
        """Opens the connection, which runs `setup`."""
        with self.get_execution_engine().get_connection():
            pass


_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")


def escaped(sql: str) -> str:
    """SQL that reaches DuckDB as written, although GX formats it (braces) and SQLAlchemy looks for parameters (colons)."""
    return _BIND.sub(r"\:", sql).replace("{", "{{").replace("}", "}}")


def unexpected_rows(
    where: str, *, select: str = "*", severity: Severity = "critical", meta: Mapping[str, Any] | None = None
) -> UnexpectedRowsExpectation:
    """Expects no row of the batch to satisfy `where`; the rows that do are the finding. Write plain SQL."""
    return UnexpectedRowsExpectation(
        unexpected_rows_query=f"select {escaped(select)} from {{batch}} where {escaped(where)}",
        severity=severity,
        meta=dict(meta or {}),
    )


class Source:
    """An open DuckDB, seen through GX."""

    def __init__(self, context: Any, datasource: DuckDBDatasource, docs: Path | None = None) -> None:
        self.context = context
        self.datasource = datasource
        self.docs = docs

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Runs a statement on GX's own connection; colons and percent signs are left alone."""
        with self.datasource.get_execution_engine().get_connection() as connection:
            result = connection.exec_driver_sql(sql)
            return [tuple(row) for row in result.fetchall()] if result.returns_rows else []

    def validate(self, relation: str, expectations: Sequence[Any], *, name: str | None = None) -> list[Any]:
        """One GX validation run over a table or view; results stand in the order of the expectations.

        `relation` is SQL for a relation. What a result says of success is about its expectation alone: whether a build
        goes on is for the caller to decide, by severity.
        """
        name = name or relation
        asset = self.datasource.add_query_asset(name=name, query=f"select * from {relation}")
        batch = asset.add_batch_definition_whole_table("all").get_batch()
        numbered = [_numbered(expectation, i) for i, expectation in enumerate(expectations)]
        suite = gx.ExpectationSuite(name=name, expectations=numbered)
        outcome = batch.validate(suite, result_format="COMPLETE")
        if self.docs is not None:
            _write_page(outcome, self.docs / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.html")
        return sorted(outcome.results, key=lambda result: int(result.expectation_config.meta["position"]))


def _write_page(outcome: Any, path: Path) -> None:
    """GX's own page (Data Docs) of one validation; its looks come from the internet when it is opened."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    path.parent.mkdir(parents=True, exist_ok=True)
    page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(outcome))
    path.write_text(page, encoding="utf-8")


def _numbered(expectation: Any, position: int) -> Any:
    expectation.meta = {**(expectation.meta or {}), "position": position}
    return expectation


def _quiet() -> DataContextConfig:
    """A context that keeps everything in memory, draws no progress bars and sends nothing."""
    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )


@contextlib.contextmanager
def opened(
    folder: Path, *, setup: Sequence[str], config: Mapping[str, str], docs: Path | None = None
) -> Iterator[Source]:
    """A scratch database below `folder`, gone afterwards; `setup` attaches what is looked at, `config` is DuckDB's.

    `docs`: a folder that gets GX's own page of every validation.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gate-", dir=folder) as scratch:
        context = gx.get_context(mode="ephemeral", project_config=_quiet())
        datasource = context.data_sources.add_duckdb(
            name="lake",
            connection_string=f"duckdb:///{Path(scratch) / 'scratch.duckdb'}",
            setup=list(setup),
            kwargs={"connect_args": {"config": dict(config)}, "isolation_level": "AUTOCOMMIT"},
        )
        try:
            yield Source(context, datasource, docs)
        finally:
            datasource.get_execution_engine().close()
