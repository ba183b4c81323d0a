"""The real thing: a scheduler, a dropped city, and DAGs that wake each other up to a published foundation."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from townlake import demo, scheduler
from warehouse.home import Home
from warehouse.lake import reading

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(1500)]


def alive(home: Home) -> list[int]:
    """Processes of an Airflow of this home (every component names its logs or the home's path in its environment)."""
    needle = str(scheduler.airflow_home(home)).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if needle in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[tuple[dict[str, str], float]]]]:
    """Gauges that an OpenTelemetry collector on the loopback address received: name → (tags, value) …"""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    got: dict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = ExportMetricsServiceRequest.FromString(body)
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        for point in metric.gauge.data_points:
                            tags = {a.key: a.value.string_value for a in point.attributes}
                            got[metric.name].append((tags, point.as_double or float(point.as_int)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AIRFLOW__METRICS__OTEL_ON", "True")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield got
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dropped_city_becomes_a_published_foundation(
    home: Home, capfd: pytest.CaptureFixture[str], collected: dict[str, list[tuple[dict[str, str], float]]]
) -> None:
    assert demo.main(["--persons", "300"]) == 0
    told = capfd.readouterr().out
    assert "foundation.publish" in told
    assert alive(home) == []
    with reading(home) as con:
        builds = con.execute("select count(*), count(*) filter (published) from foundation.build").fetchone()
        rows = con.execute(
            "select sum(data_rows), sum(accepted + quarantined) from foundation.delivery where status = 'taken'"
        ).fetchone()
        people = con.execute("select count(*) from foundation.person").fetchone()
    assert builds == (1, 1)
    assert rows is not None
    assert rows[0] == rows[1] > 0
    assert people is not None
    assert people[0] > 100
    seconds = {
        tags["step"]
        for name, points in collected.items()
        if name.endswith("townlake.step.seconds")
        for tags, _ in points
    }
    assert seconds >= {"take", "staging", "linkage", "marts"}
    read = {
        tags["dataset"]: value
        for name, points in collected.items()
        if name.endswith("townlake.rows.read")
        for tags, value in points
    }
    assert sum(read.values()) == rows[0]

    started = time.monotonic()
    assert demo.main(["--persons", "300"]) == 0
    assert time.monotonic() - started < 90
    assert "nothing new to do" in capfd.readouterr().out


def test_a_killed_demo_is_taken_up_again(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    """SIGKILL in the middle of a build: the next start stops what was left and goes on to the same end."""
    command = [sys.executable, "-m", "townlake.demo", "--persons", "300", "--seed", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert any("foundation.register" in line for line in first.stdout)
        time.sleep(3)
        first.kill()
    assert subprocess.run(command, check=False).returncode == 0
    assert alive(home) == []
    with reading(home) as con:
        published = con.execute("select count(*) from foundation.build where published").fetchone()
    assert published == (1,)
