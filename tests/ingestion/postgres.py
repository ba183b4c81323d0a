"""A real PostgreSQL server for the tests: on the loopback address, on a free port, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "p@ss/word 'q' 密"


def binaries() -> Path | None:
    """Folder with initdb and pg_ctl, or None."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return folders[-1].parent if folders else None


def may_run() -> bool:
    """Whether this user may start a server: the server refuses to run as root, which then needs the user `postgres`."""
    if os.geteuid():
        return True
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return False
    return shutil.which("runuser") is not None


def let_reach(folder: Path) -> None:
    """Lets the server's user pass through the test's own folders on the way to this one."""
    for each in [folder, *folder.parents]:
        if each.stat().st_uid == os.geteuid() and "pytest" in str(each):
            each.chmod(each.stat().st_mode | 0o011)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running server; `dsn` names database, user and password."""

    def __init__(self, tools: Path, folder: Path, port: int) -> None:
        self.tools, self.folder, self.port = tools, folder, port

    @property
    def dsn(self) -> str:
        escaped = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
        return f"host=127.0.0.1 port={self.port} dbname=postgres user=townlake password='{escaped}'"

    def sql(self, statement: str) -> None:
        """Runs statements as the owner; raises with the server's own message."""
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        command = [
            str(self.tools / "psql"),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "townlake",
            "-d",
            "postgres",
        ]
        command += ["-v", "ON_ERROR_STOP=1", "-q", "-f", "-"]
        done = subprocess.run(command, input=statement, text=True, capture_output=True, env=environment, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def run(self, *command: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if not os.geteuid() else []
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=self.folder, timeout=60)


@contextmanager
def running() -> Iterator[Server]:
    """A server for the time of the block. `binaries()` and `may_run()` say beforehand whether there can be one."""
    tools = binaries()
    assert tools is not None
    folder = Path(tempfile.mkdtemp(prefix="townlake-pg-"))
    server = Server(tools, folder, free_port())
    try:
        secret = folder / "secret"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        if not os.geteuid():
            for path in (folder, secret):
                shutil.chown(path, "postgres")
        data = str(folder / "data")
        server.run(
            str(tools / "initdb"), "-D", data, "-U", "townlake", "-A", "scram-sha-256", "--pwfile", str(secret),
            "-E", "UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip
        options = f"-p {server.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        server.run(str(tools / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield server
        finally:
            server.run(str(tools / "pg_ctl"), "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
