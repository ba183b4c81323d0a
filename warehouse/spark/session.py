"""One Spark session, here or at a Spark Connect address, and dbt speaking through it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warehouse.errors import EnvironmentFault
from warehouse.spark.dialect import to_spark

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",  # as the lake
    "spark.sql.ansi.enabled": "true",  # a cast that fails is an error, as in DuckDB
    "spark.sql.mapKeyDedupPolicy": "LAST_WIN",
    # names of columns made by long expressions are kept as conditions through every step: without end for addresses
    "spark.sql.constraintPropagation.enabled": "false",
    # addresses are taken apart in forty steps, each of them one that the plan is worked through for
    "spark.sql.analyzer.maxIterations": "1000",
    "spark.sql.optimizer.maxIterations": "1000",
    "spark.sql.parquet.compression.codec": "zstd",
}
"""What every session needs, local or remote."""

MARK = "/* models */"
"""In a statement: what follows is a query in the models' SQL."""


def require() -> None:
    """Raises EnvironmentFault where the extra `spark` is not installed."""
    if lacking := [name for name in ("pyspark", "dbt.adapters.spark") if not _is_there(name)]:
        raise EnvironmentFault(
            f"Spark is not installed here ({', '.join(lacking)}): `make setup-spark`, then .venv-spark/bin/townlake"
        )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@contextlib.contextmanager
def session(work: Path, *, remote: str | None = None, cores: int = 2, memory: str = "3g") -> Iterator[Any]:
    """A session at `remote` (sc://host:port; else SPARK_REMOTE), or a local one of so many cores and so much memory.

    `work`: folder for what a local one writes beside its tables. Raises EnvironmentFault where Spark is not installed or
    does not answer.
    """
    require()
    from pyspark.sql import SparkSession

    address = remote or os.environ.get("SPARK_REMOTE")
    builder: Any = SparkSession.builder.appName("townlake")
    if address:
        builder = builder.remote(address)
    else:
        (work / "warehouse").mkdir(parents=True, exist_ok=True)
        builder = (
            builder.master(f"local[{cores}]")
            .config("spark.driver.memory", memory)
            .config("spark.driver.extraJavaOptions", "-Xss64m")  # cases within cases are walked by recursion
            .config("spark.ui.enabled", "false")
            .config("spark.sql.warehouse.dir", str(work / "warehouse"))
            .config("spark.local.dir", str(work))
            .config("spark.sql.shuffle.partitions", str(max(2, 2 * cores)))
        )
    try:
        spark = builder.getOrCreate()
        for name, value in SETTINGS.items():
            spark.conf.set(name, value)
    except Exception as error:
        where = address or "here"
        raise EnvironmentFault(f"Spark does not start at {where}: {str(error).splitlines()[0][:300]}") from error
    if not address:
        spark.sparkContext.setLogLevel("OFF")  # what fails is raised; what Spark then tries instead is not for people
    try:
        yield spark
    finally:
        spark.stop()


_COMMENT = re.compile(r"\A\s*/\*.*?\*/", re.DOTALL)


def statement(sql: str) -> str:
    """A statement of dbt's in Spark's words: queries of the models are translated, dbt-spark's own are Spark's already."""
    before, mark, query = sql.partition(MARK)
    if mark:
        return before + to_spark(query)
    text = _COMMENT.sub("", sql).strip()
    return to_spark(text) if text.lower().startswith(("select", "with")) else text


@contextlib.contextmanager
def dbt_through(spark: Any) -> Iterator[None]:
    """dbt-spark's session method uses this very session, and what it sends is translated on the way.

    dbt-spark opens its own session with Hive; a session with temporary views and one at a Connect address are neither.
    """
    from dbt.adapters.spark import session as dbt_session
    from dbt_common.exceptions import DbtRuntimeError

    def execute(self: Any, sql: str, *parameters: Any) -> None:
        if parameters:
            raise DbtRuntimeError("values are written into the statements of the models")
        try:
            self._df = spark.sql(statement(sql))
        except Exception as error:
            raise DbtRuntimeError(str(error)) from error

    before = dbt_session.Cursor.execute
    dbt_session.Cursor.execute = execute
    try:
        yield
    finally:
        dbt_session.Cursor.execute = before
