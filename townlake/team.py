"""`make team`: a PostgreSQL server on the loopback address for the lake's catalogue and Airflow's metadata.

Debian's server, in `postgres/` of the home, with a password that is generated once and kept in a file of its owner
(`postgres/pgpass`), never in a connection's text. What is to be set stands in `postgres/team.env`. Where TOWNLAKE_CATALOG names
a PostgreSQL server already, that one is looked at and nothing is started.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from townlake.scheduler import ended, free_port
from warehouse import catalogue
from warehouse.errors import EnvironmentFault
from warehouse.home import Home

HOST = "127.0.0.1"
PORT = 54320
OWNER = "townlake"
DATABASES = ("lake", "airflow")
SERVER_USER = "postgres"
"""Who runs the server where the caller is root: PostgreSQL refuses to run as root."""
_SECONDS = 120


@dataclass(frozen=True)
class Team:
    """A server of ours: its folder, where its programs are, its port."""

    folder: Path
    programs: Path
    port: int

    @property
    def data(self) -> Path:
        return self.folder / "server" / "data"

    @property
    def passfile(self) -> Path:
        return self.folder / "pgpass"

    @property
    def catalog(self) -> str:
        """For TOWNLAKE_CATALOG."""
        return (
            f"postgres:host={HOST} port={self.port} dbname=lake user={OWNER} passfile={_dsn_value(str(self.passfile))}"
        )

    @property
    def metadata(self) -> str:
        """For AIRFLOW__DATABASE__SQL_ALCHEMY_CONN. The triggerer makes the address for asyncpg, its own driver, of it."""
        return f"postgresql+psycopg2://{OWNER}@{HOST}:{self.port}/airflow?passfile={quote(str(self.passfile))}"

    @property
    def settings(self) -> Path:
        return self.folder / "team.env"


def _dsn_value(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'" if set(text) & set(" '\\") else text


def programs() -> Path:
    """Folder of PostgreSQL's server programs. Raises EnvironmentFault where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    if path := shutil.which("initdb"):
        return Path(path).resolve().parent
    raise EnvironmentFault(
        "PostgreSQL's server is not installed: `apt-get install postgresql`, or set TOWNLAKE_CATALOG to a server you have"
    )


def start(home: Home, port: int = PORT) -> Team:
    """The running server of this home: made on first use, started where it does not run. Nothing happens where it does."""
    home.prepare()
    folder = home.root / "postgres"
    folder.mkdir(mode=0o711, exist_ok=True)
    port_file = folder / "port"
    team = Team(folder, programs(), int(port_file.read_text()) if port_file.exists() else free_port(port))
    if not (team.data / "PG_VERSION").exists():
        _create(team)
        port_file.write_text(str(team.port))
    if not running(team):
        options = f"-p {team.port} -c listen_addresses={HOST} -c unix_socket_directories='' -c max_connections=200"
        _run(
            team,
            "pg_ctl",
            "-D",
            str(team.data),
            "-w",
            "-l",
            str(team.folder / "server" / "log"),
            "-o",
            options,
            "start",
        )
    for database in DATABASES:
        there = _psql(team, f"select 1 from pg_database where datname = '{database}'")
        if not there.strip():
            _psql(team, f"create database {database}")
    _write_settings(team)
    return team


def stop(home: Home) -> bool:
    """Stops the server of this home; whether it ran."""
    folder = home.root / "postgres"
    if not (folder / "port").exists():
        return False
    team = Team(folder, programs(), int((folder / "port").read_text()))
    if not running(team):
        return False
    _run(team, "pg_ctl", "-D", str(team.data), "-m", "fast", "-w", "stop")
    return True


def running(team: Team) -> bool:
    """Whether the server runs."""
    done = subprocess.run(
        [*_as_server_user(), str(team.programs / "pg_ctl"), "-D", str(team.data), "status"],
        capture_output=True, check=False, cwd="/",
    )  # fmt: skip
    return done.returncode == 0


def _create(team: Team) -> None:
    server = team.folder / "server"
    shutil.rmtree(server, ignore_errors=True)  # of an attempt that was killed: without PG_VERSION it holds nothing
    server.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24)
    secret = server / "secret"
    _write(secret, password + "\n")
    _write(team.passfile, f"{HOST}:*:*:{OWNER}:{password}\n")
    if not os.geteuid():
        for path in (server, secret):
            shutil.chown(path, SERVER_USER)
    try:
        _run(
            team, "initdb", "-D", str(team.data), "-U", OWNER, "-A", "scram-sha-256", "--pwfile", str(secret), "-E", "UTF8",
            "--no-locale",
        )  # fmt: skip
    finally:
        secret.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


def _write_settings(team: Team) -> None:
    settings = {"TOWNLAKE_CATALOG": team.catalog, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": team.metadata}
    _write(team.settings, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()))


def _as_server_user() -> list[str]:
    if os.geteuid():
        return []
    try:
        pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise EnvironmentFault(
            f"PostgreSQL does not run as root, and there is no user {SERVER_USER}: use another user"
        ) from None
    return ["runuser", "-u", SERVER_USER, "--"]


def _run(team: Team, program: str, *arguments: str) -> None:
    try:
        done = subprocess.run(
            [*_as_server_user(), str(team.programs / program), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, cwd="/",
            timeout=_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise EnvironmentFault(
            f"{program} did not end within {_SECONDS} s; see {team.folder / 'server' / 'log'}"
        ) from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[0]
        raise EnvironmentFault(
            f"{program} failed: {said} (log: {team.folder / 'server' / 'log'}; the server's user must be able to reach {team.folder})"
        )


def _psql(team: Team, statement: str) -> str:
    done = subprocess.run(
        [str(team.programs / "psql"), "-h", HOST, "-p", str(team.port), "-U", OWNER, "-d", "postgres", "-w", "-qtAc", statement],
        capture_output=True, text=True, check=False, env={**os.environ, "PGPASSFILE": str(team.passfile)}, timeout=_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise EnvironmentFault(
            f"PostgreSQL on port {team.port}: {(done.stderr.strip().splitlines() or ['no answer'])[0]}"
        )
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Starts the server (or looks at the one that TOWNLAKE_CATALOG names) and says what to set; `--stop` stops it."""
    parser = argparse.ArgumentParser(prog="python -m townlake.team", description=main.__doc__)
    parser.add_argument(
        "--port", type=int, default=PORT, help="port on the loopback address, on first use; another if it is taken"
    )
    parser.add_argument("--stop", action="store_true", help="stop the server of this home")
    options = parser.parse_args(arguments)
    return ended(lambda: _serve(Home.from_environment(), options.port, stopping=options.stop))


def _serve(home: Home, port: int, *, stopping: bool) -> int:
    if stopping:
        print("stopped" if stop(home) else "it did not run")
        return 0
    own = f"passfile={home.root / 'postgres' / 'pgpass'}" in home.catalog.replace("'", "")
    if not catalogue.is_sqlite(home.catalog) and not own:
        empty = catalogue.is_empty(home.catalog)
        print(
            f"TOWNLAKE_CATALOG names a server that answers; {'no lake is in it yet' if empty else 'a lake is in it'}."
        )
        return 0
    team = start(home, port)
    print(f"PostgreSQL runs on {HOST}:{team.port}, files in {team.folder}; stop it with `make team-stop`.")
    print(f"before townlake and Airflow:  . {shlex.quote(str(team.settings))}")
    with contextlib.suppress(EnvironmentFault):
        if catalogue.is_sqlite(home.catalog) and catalogue.sqlite_path(home.catalog).exists():
            print(f'a lake with a SQLite catalogue is here; move it once:  townlake migrate --catalog "{team.catalog}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
