"""Airflow on one machine: its environment, starting it, asking it, and always stopping all of it.

Airflow is never imported here: its components are started as programs, each in a session of its own, on the loopback
address alone, and spoken to over REST. `python -m townlake.scheduler` (`make airflow`) runs it in the foreground.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warehouse.errors import EnvironmentFault, TownlakeError, explain
from warehouse.home import REPOSITORY, Home
from warehouse.lock import try_exclusive

HOST = "127.0.0.1"
USER = "admin"
DAGS = REPOSITORY / "dags"
DAG_IDS = ("watch_landing", "ingest", "foundation", "freshness", "maintenance")
COMPONENTS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
"""What `airflow standalone` starts, without its log servers: those listen on every network interface."""

LAKE_WRITER = {"name": "lake_writer", "slots": 1, "description": "the lake's one writer", "include_deferred": False}
PRELOADED = (
    "airflow.executors.local_executor", "airflow.sdk.execution_time.task_runner", "polars", "duckdb", "dbt.cli.main",
    "great_expectations",
)  # fmt: skip
"""Imported once, by the process that tasks are forked from; otherwise each task pays for them anew."""

START_SECONDS = 180.0
STOP_SECONDS = 3.0
LOCKED_SECONDS = 60
"""How long a component waits for another to finish writing the SQLite metadata; the default of 5 s fails under load."""


def airflow_home(home: Home) -> Path:
    """AIRFLOW_HOME of a lakehouse: metadata, passwords, logs."""
    return home.root / "airflow"


def environment(home: Home, port: int) -> dict[str, str]:
    """Everything Airflow must know.

    What the caller's environment says of AIRFLOW__… goes before our preferences, but not before what ties the
    components to each other and to this machine.
    """
    folder = airflow_home(home)
    url = f"http://{HOST}:{port}"
    preferences = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_metadata(folder)}?timeout={LOCKED_SECONDS}",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str((os.cpu_count() or 1) + 1),
        "AIRFLOW__CORE__MAX_MAP_LENGTH": "10000",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "great_expectations=WARNING",
        "AIRFLOW__SCHEDULER__MP_START_METHOD": "forkserver",
        "AIRFLOW__SCHEDULER__MP_FORKSERVER_PRELOAD": ",".join(PRELOADED),
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__ENABLE_SWAGGER_UI": "False",  # its page loads scripts from the internet
    }
    fixed = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_password_file(folder)),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(folder / "bundles"),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "NO_PROXY": HOST,
        "no_proxy": HOST,
        "NO_COLOR": "1",
        "TOWNLAKE_HOME": str(home.root),
        "TOWNLAKE_CATALOG": home.catalog,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(
            p for p in (str(DAGS), str(REPOSITORY), os.environ.get("PYTHONPATH", "")) if p
        ),  # the triggerer imports the trigger by name
    }
    inherited = dict(os.environ)
    if inherited.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Compiling all of Airflow again in each of its processes takes minutes: keep it, but out of the environment.
        fixed["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    return preferences | inherited | fixed


# ---- speaking to it -------------------------------------------------------------------------------------------------


@dataclass
class Airflow:
    """A running Airflow: where it is, and its REST interface (v2)."""

    url: str
    password: str
    folder: Path
    components: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    user: str = USER
    _token: str = ""

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET /api/v2/<path>. Raises EnvironmentFault when there is no proper answer."""
        return self._call("GET", f"{path}?{urllib.parse.urlencode(query, doseq=True)}" if query else path, None)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST /api/v2/<path>."""
        return self._call("POST", path, body)

    def alive(self) -> None:
        """Raises EnvironmentFault when a component has ended by itself, naming its log."""
        for name, process in self.components.items():
            if process.poll() is not None:
                log = component_log(self.folder, name)
                raise EnvironmentFault(f"Airflow's {name} ended with code {process.returncode}; its log: {log}")

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        if not self._token:
            login = {"username": self.user, "password": self.password}
            self._token = str(_request(f"{self.url}/auth/token", "POST", login)["access_token"])
        return _request(f"{self.url}/api/v2/{path}", method, body, self._token)


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _request(url: str, method: str, body: dict[str, Any] | None = None, token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(
        url, method=method, headers=headers, data=None if body is None else json.dumps(body).encode()
    )
    try:
        with _DIRECT.open(request, timeout=30) as answer:
            return dict(json.loads(answer.read() or b"{}"))
    except urllib.error.HTTPError as error:
        raise EnvironmentFault(f"Airflow answered {error.code} to {method} {url}") from error
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"Airflow does not answer at {url}: {error}") from error


# ---- starting and stopping ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(home: Home, *, port: int | None = None, say: Callable[[str], None] = lambda _: None) -> Iterator[Airflow]:
    """A healthy Airflow on this lakehouse; stopped, with every process it started, however the block ends."""
    home.prepare()
    folder = airflow_home(home)
    folder.mkdir(mode=0o700, exist_ok=True)
    with try_exclusive(folder / "owner.lock") as mine:
        if not mine:
            where = _known(folder).get("url", "an address not told yet")
            raise EnvironmentFault(f"Airflow already runs on {home.root}, at {where}: stop it first")
        _stop_sessions(_leftovers(folder))
        port = port or free_port()
        variables = environment(home, port)
        say("preparing Airflow's metadata")
        _migrate(folder, variables)
        airflow = Airflow(f"http://{HOST}:{port}", _password(folder), folder)
        try:
            say("starting Airflow")
            for name, arguments in COMPONENTS.items():
                airflow.components[name] = _start(folder, name, arguments, variables)
                _remember(airflow)
            _wait_until_healthy(airflow, ("metadatabase",))
            _ensure_pool(airflow)
            _wait_until_healthy(airflow, ("metadatabase", "scheduler", "triggerer", "dag_processor"))
            yield airflow
        finally:
            _stop_sessions([process.pid for process in airflow.components.values()])
            for process in airflow.components.values():
                process.wait()
            _known_file(folder).unlink(missing_ok=True)


def free_port(preferred: int = 0) -> int:
    """A port nobody listens on: the preferred one if it is free."""
    for port in (preferred, 0):
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EnvironmentFault("no free port on the loopback address")


def component_log(folder: Path, name: str) -> Path:
    """Where a component writes what it has to say; anew at each start."""
    return folder / "logs" / f"{name}.log"


def _migrate(folder: Path, variables: dict[str, str]) -> None:
    """Makes or upgrades the metadata database, once for each version of Airflow and each database."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        wanted = version("apache-airflow")
    except PackageNotFoundError:
        raise EnvironmentFault("Airflow is not installed in this environment: run `make setup`") from None
    where = variables["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    wanted = f"{wanted} {hashlib.sha256(where.encode()).hexdigest()[:12]}"  # another database has to be made as well
    marker = folder / "migrated"
    if marker.exists() and marker.read_text() == wanted:
        return
    log = component_log(folder, "db-migrate")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=variables, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode:
        raise EnvironmentFault(f"Airflow's metadata could not be prepared; the log: {log}")
    if _metadata(folder).exists():
        with contextlib.closing(sqlite3.connect(_metadata(folder))) as metadata:
            metadata.execute("pragma journal_mode = wal")  # kept in the file: readers and a writer no longer block
    marker.write_text(wanted)


def _metadata(folder: Path) -> Path:
    return folder / "airflow.db"


def _start(folder: Path, name: str, arguments: tuple[str, ...], variables: dict[str, str]) -> subprocess.Popen[bytes]:
    log = component_log(folder, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "airflow", *arguments],
            env=variables, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=_ends_with_its_starter(),  # noqa: PLW1509  no thread runs yet
        )  # fmt: skip


def _ends_with_its_starter() -> Callable[[], object] | None:
    """For a component about to start: Linux asks it to end when the process that started it is gone, even killed."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _wait_until_healthy(airflow: Airflow, parts: tuple[str, ...]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        airflow.alive()
        with contextlib.suppress(EnvironmentFault):
            health = airflow.get("monitor/health")
            if all(health[part]["status"] == "healthy" for part in parts):
                return
        time.sleep(0.5)
    raise EnvironmentFault(f"Airflow was not healthy after {START_SECONDS:.0f} s; its logs: {airflow.folder / 'logs'}")


def _ensure_pool(airflow: Airflow) -> None:
    """Tasks of a pool that does not exist wait, so making it after the start is soon enough."""
    pools = [pool["name"] for pool in airflow.get("pools", limit=1000)["pools"]]
    if LAKE_WRITER["name"] not in pools:
        airflow.post("pools", LAKE_WRITER)


def _password_file(folder: Path) -> Path:
    return folder / "passwords.json"


def _password(folder: Path) -> str:
    """The administrator's password: generated once, readable by the owner of the home alone."""
    path = _password_file(folder)
    if path.exists():
        return str(json.loads(path.read_text())[USER])
    password = secrets.token_urlsafe(12)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(json.dumps({USER: password}) + "\n")
    return password


def _known_file(folder: Path) -> Path:
    return folder / "running.json"


def _remember(airflow: Airflow) -> None:
    sessions = {str(p.pid): _born(p.pid) for p in airflow.components.values()}
    known = {"url": airflow.url, "boot": _boot(), "sessions": sessions}
    _known_file(airflow.folder).write_text(json.dumps(known))


def _known(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(_known_file(folder).read_text()))
    except (OSError, ValueError):
        return {}


def _leftovers(folder: Path) -> list[int]:
    """Sessions of an Airflow whose starter was killed. A process that merely got an old number is left alone."""
    known = _known(folder)
    sessions = known.get("sessions", {}) if known.get("boot") == _boot() else {}
    return [int(pid) for pid, born in sessions.items() if _born(int(pid)) in (born, None)]


def _boot() -> str:
    """Which start of the machine this is."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _born(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot; None when it is gone (or there is no /proc)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _members(sessions: list[int]) -> list[int]:
    """Every living process of these sessions: tasks have process groups of their own, but stay in the session."""
    if not Path("/proc/self/stat").exists():
        return [pid for pid in sessions if _signal(pid, 0)]
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, IndexError):
            state, session = (entry / "stat").read_text().rpartition(")")[2].split()[0:4:3]
            if int(session) in sessions and state not in ("Z", "X"):
                found.append(int(entry.name))
    return found


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def _stop_sessions(sessions: list[int]) -> None:
    """Asks every process to end, and kills what has not ended in time or when asked to hurry by another interrupt."""
    deadline = time.monotonic() + STOP_SECONDS
    try:
        for pid in _members(sessions):
            _signal(pid, signal.SIGTERM)
        while _members(sessions) and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        while left := _members(sessions):
            for pid in left:
                _signal(pid, signal.SIGKILL)
            time.sleep(0.05)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """A polite request to end (SIGTERM) unwinds like Ctrl-C, so that what was started is stopped."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def ended(work: Callable[[], int]) -> int:
    """Runs a program's work and turns its ending into an exit code and at most one sentence."""
    try:
        with interruptible():
            return work()
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on", file=sys.stderr)
        return 130
    except Exception as error:
        known: TownlakeError | None = explain(error)
        if known is None:
            raise
        print(f"townlake: {known}", file=sys.stderr)
        return known.exit_code


def main(arguments: list[str] | None = None) -> int:
    """Runs Airflow in the foreground until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m townlake.scheduler", description=main.__doc__)
    parser.add_argument("--port", type=int, default=8080, help="port on the loopback address; another if it is taken")
    options = parser.parse_args(arguments)
    return ended(lambda: _serve(Home.from_environment(), free_port(options.port)))


def _serve(home: Home, port: int) -> int:
    with running(home, port=port, say=lambda m: print(f"{m} …", flush=True)) as airflow:
        print(
            f"Airflow:  {airflow.url}\nlogin:    {airflow.user} / {airflow.password}\nlake:     {home.root}\n"
            f"landing:  {home.landing}\nlogs:     {airflow.folder / 'logs'}\nCtrl-C stops it.",
            flush=True,
        )
        while True:
            airflow.alive()
            time.sleep(2)


if __name__ == "__main__":
    sys.exit(main())
