"""The foundation on a real Spark is the lake's: rows and MD5 of every table, here and through Spark Connect."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_quarantine import fill_in, sound_number
from tests.ingestion.postgres import free_port
from townlake import parity
from warehouse.home import Home
from warehouse.lake import reading

pytest.importorskip("pyspark", reason="needs the spark extra: make test-spark")
pytestmark = [pytest.mark.e2e, pytest.mark.spark, pytest.mark.timeout(2400)]


def build(home: Home, out: Path, *more: str) -> dict[str, object]:
    """`townlake build --target spark` in a process of its own: one session, one JVM."""
    found = subprocess.run(
        [sys.executable, "-m", "townlake", "build", "--target", "spark", "--out", str(out), "--cores", "2", *more, "--json"],
        capture_output=True, text=True, check=False, env={**os.environ, "TOWNLAKE_HOME": str(home.root)},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-3000:]
    answer: dict[str, object] = json.loads(found.stdout)
    return answer


@pytest.fixture
def lake(two_months: Home, copied: Callable[[Home], Home]) -> Home:
    """Two months, of which a department corrected what had been refused and one delivery is withdrawn."""
    from townlake import decisions, steps

    home = copied(two_months)
    numbers = iter(range(1, 1000))

    def mend(_id: str, cell: Callable[[str], Any], header: str, _first: bool) -> None:
        cell(header).value, cell("处理").value, cell("更正人").value = sound_number(next(numbers)), "更正", "赵六"

    fill_in(home, mend)
    steps.ingest(home)
    with reading(home) as con:
        last = con.execute(
            "select delivery_id from foundation.delivery where dataset = 'minzheng.dibao' order by delivered_on desc limit 1"
        ).fetchone()
    assert last is not None
    decisions.decide(home, last[0], "withdraw", by="赵六", reason="sent by mistake")
    assert steps.build(home)["published"]
    with reading(home) as con:
        told = con.execute(
            "select count(*), (select count(*) from foundation.delivery where status = 'withdrawn') from quality.correction"
        ).fetchone()
    assert told is not None and told[0] > 3 and told[1] == 1
    return home


def test_every_table_is_the_lakes(lake: Home, tmp_path: Path) -> None:
    home = lake
    answer = build(home, tmp_path / "spark")
    given = answer["given"]
    assert isinstance(given, list)
    there = tmp_path / "spark"
    compared = parity.compare_pairs(home, there) + parity.compare(home, there, copies=given)
    assert {c.table: (c.rows, c.rows_there, c.differing) for c in compared if not c.equal} == {}
    assert {
        "registry.person_pair",
        "foundation.person",
        "foundation.person_value",
        "foundation.place",
        "foundation.entity_tag",
        "marts.policy_match",
    } <= {c.table for c in compared if c.rows}
    rows = answer["rows"]
    assert isinstance(rows, dict)
    assert rows["foundation.person"] == next(c.rows for c in compared if c.table == "foundation.person")


@pytest.fixture
def connect_address(tmp_path: Path) -> Iterator[str]:
    """A Spark Connect server of its own process, as a cluster would have one."""
    import pyspark

    spark_home = Path(pyspark.__file__).parent
    port = free_port()
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.driver.extraJavaOptions": "-Xss64m",
        "spark.driver.memory": "3g",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.warehouse.dir": str(tmp_path / "warehouse"),
        "spark.ui.enabled": "false",
    }
    options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [str(spark_home / "sbin" / "start-connect-server.sh"), "--master", "local[2]", *options],
            env={**os.environ, "SPARK_HOME": str(spark_home), "SPARK_NO_DAEMONIZE": "1"},
            cwd=tmp_path, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(port, server)
        yield f"sc://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


def _wait_for(port: int, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.poll() is None, "the server ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.5)
    raise AssertionError(f"nothing listens at {port}")


def test_the_same_through_spark_connect(
    first_month: Home, copied: Callable[[Home], Home], tmp_path: Path, connect_address: str
) -> None:
    home = copied(first_month)
    build(home, tmp_path / "spark", "--remote", connect_address, "--compare")
