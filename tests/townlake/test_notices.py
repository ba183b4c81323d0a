"""A failure is told with the department and the file, to a file and to a web hook; nobody listening never fails a step."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import duckdb
import pytest

from townlake import notices
from warehouse.errors import EnvironmentFault, GateStopped
from warehouse.home import Home
from warehouse.lake import writing


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """What a web hook on the loopback address was sent."""
    told: list[dict[str, object]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv(notices.URL, f"http://127.0.0.1:{server.server_port}/")
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_file_that_was_taken_is_named(home: Home, heard: list[dict[str, object]]) -> None:
    notice = notices.failed(
        home, "ingest.take", OSError(28, "disk is full"), file="minzheng/低保.xlsx", link="http://127.0.0.1/log"
    )
    assert notice.files == (("minzheng", "minzheng/低保.xlsx"),)
    assert notices.tell(home, notice)
    [sent] = heard
    assert sent["msgtype"] == "text"
    text = str(sent["text"])
    assert all(part in text for part in ("minzheng", "低保.xlsx", "ingest.take", "disk is full", "127.0.0.1/log"))
    [line] = (home.reports / "notices.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["zh"] == notice.zh


def test_the_deliveries_that_a_gate_found_at_fault_are_named(kept: Home) -> None:
    with writing(kept) as con:
        delivery, department, file = con.execute(
            "select delivery_id, department, file from lake.foundation.delivery order by all limit 1"
        ).fetchone()
        con.execute(
            """insert into lake.quality.rule_result by name
               select 'B9' as build_id, 'staging' as layer, ? as delivery_id, 'row_count_drift' as "rule", 'critical' as severity,
                      1 as checked_rows, 1 as failed_rows""",
            [delivery],
        )
    notice = notices.failed(kept, "foundation.gate_staging", "stopped", build_id="B9")
    assert notice.files == ((department, file),)
    assert department in notice.zh
    assert file in notice.zh
    assert notices.failed(kept, "foundation.link", "no memory", build_id="B10").files == ()


def test_a_hook_that_does_not_answer_fails_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(notices.URL, "http://127.0.0.1:9/")
    assert not notices.tell(home, notices.failed(home, "foundation.link", "x"))
    monkeypatch.setenv(notices.URL, "file:///etc/passwd")
    assert not notices.tell(home, notices.failed(home, "foundation.link", "x"))
    assert len((home.reports / "notices.jsonl").read_text().splitlines()) == 2


def test_a_password_in_a_message_is_not_told(home: Home) -> None:
    fault = EnvironmentFault("postgres:dbname=lake host=db user=u password=geheim does not answer")
    said = notices.failed(home, "foundation.register", fault)
    assert "does not answer" in said.zh
    assert "geheim" not in said.zh


def test_what_an_engine_says_of_a_cell_is_not_told(home: Home) -> None:
    """DuckDB repeats the value that it could not convert; ours, even wrapped, is told."""
    with pytest.raises(duckdb.Error) as found:
        duckdb.sql("select cast('王小明13800000001' as integer)").fetchall()
    assert "王小明" in str(found.value)
    told = notices.failed(home, "foundation.staging", found.value)
    assert "王小明" not in told.zh
    assert "1380" not in told.zh
    assert "ConversionException" in told.reason
    wrapped = RuntimeError("failed")
    wrapped.__cause__ = GateStopped("the gate after staging stopped the build")
    assert notices.failed(home, "foundation.gate_staging", wrapped).reason == "the gate after staging stopped the build"
