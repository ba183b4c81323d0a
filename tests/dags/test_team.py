"""What a team sets, and the DAG chain: Airflow's metadata and the lake's catalogue in PostgreSQL (`make team`), files in an object
storage."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ingestion import postgres
from tests.warehouse import s3
from townlake import scheduler, team
from warehouse import store
from warehouse.home import Home
from warehouse.lake import reading

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(postgres.binaries() is None or not postgres.may_run(), reason="needs a PostgreSQL server"),
]


def asked(server: team.Team, statement: str) -> str:
    """What Airflow's database answers."""
    there = ["-h", team.HOST, "-p", str(server.port), "-U", team.OWNER, "-d", "airflow"]
    done = subprocess.run(
        [str(server.programs / "psql"), *there, "-w", "-qtAc", statement],
        capture_output=True, text=True, check=True, env={**os.environ, "PGPASSFILE": str(server.passfile)},
    )  # fmt: skip
    return done.stdout.strip()


def test_the_chain_publishes_under_a_teams_settings(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.let_reach(home.root)
    server = team.start(home, 0)
    try:
        for folder in store.KEPT:
            (home.root / folder).rmdir()
        with s3.running() as objects:
            settings = {**objects.environment, "TOWNLAKE_STORE": f"s3://{s3.BUCKET}/team"}
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            published(home, server, objects)
    finally:
        assert team.stop(home)


def published(home: Home, server: team.Team, objects: s3.Server) -> None:
    """Runs the demo after `. team.env`, and looks where everything is."""
    line = f". {shlex.quote(str(server.settings))} && exec {shlex.quote(sys.executable)} -m townlake.demo --persons 300"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    runs = asked(server, "select dag_id || ' ' || count(*) from dag_run where state = 'success' group by dag_id")
    assert {run.split()[0] for run in runs.splitlines()} >= {"watch_landing", "ingest", "foundation"}
    assert int(asked(server, "select count(*) from task_instance where state = 'success'")) > 10
    assert asked(server, "select distinct state from task_instance where state in ('failed', 'upstream_failed')") == ""
    assert not list(scheduler.airflow_home(home).glob("*.db*"))  # no SQLite metadata beside it
    assert not Path(home.catalog.removeprefix("sqlite:")).exists()
    secrets = [server.passfile.read_text().strip().rsplit(":", 1)[1], objects.environment["AWS_SECRET_ACCESS_KEY"]]
    texts = [done.stdout + done.stderr]
    texts += [log.read_text(errors="replace") for log in scheduler.airflow_home(home).rglob("*.log")]
    assert not [text for text in texts if any(secret in text for secret in secrets)]
    assert not any((home.root / folder).exists() for folder in store.KEPT)
    assert {key.split("/")[1] for key in objects.objects("team/")} == {*store.KEPT, store.MARKER}
    with reading(Home(home.root, server.catalog, f"s3://{s3.BUCKET}/team")) as con:
        rows = con.execute(
            "select sum(data_rows), sum(accepted + quarantined) from foundation.delivery where status = 'taken'"
        ).fetchone()
        builds = con.execute("select count(*) from foundation.build where published").fetchone()
    assert rows is not None
    assert rows[0] == rows[1] > 0
    assert builds == (1,)
