"""The writer's lock in a PostgreSQL catalogue: held by one process at a time, whichever machine it runs on.

The server ties an advisory lock to a connection and gives it free when that ends, so a killed writer leaves none behind. The
connection lives in a small process of its own: where the server goes away under it, that process ends and not the build,
which learns of it at its next step.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator

from warehouse.errors import EnvironmentFault

KEY = int.from_bytes(b"townlake", "big") >> 1
"""Of the lock, in the database of the catalogue: a lake has a database of its own."""
WAIT_SECONDS = 600.0
LOOK_SECONDS = 10.0
_START_SECONDS = 60.0
_TRY = f"from postgres_query('catalogue', 'select pg_try_advisory_xact_lock({KEY})')"


class RemoteLock:
    """A lock that a process of ours holds in the catalogue's database."""

    def __init__(self, holder: subprocess.Popen[str]) -> None:
        self._holder = holder

    def check(self) -> None:
        """Raises EnvironmentFault where the lock was lost: somebody else may write by now."""
        if self._holder.poll() is not None:
            raise EnvironmentFault(
                "the catalogue's server ended the connection that held the writer's lock: nothing is lost; see that it runs "
                "and run the same command again"
            )


@contextlib.contextmanager
def remote_lock(catalog: str, purpose: str, *, wait_seconds: float = WAIT_SECONDS) -> Iterator[RemoteLock]:
    """Holds the writer's lock of a PostgreSQL catalogue; waits up to `wait_seconds`, then raises EnvironmentFault."""
    holder = subprocess.Popen(
        [sys.executable, "-m", "warehouse.advisory", str(wait_seconds)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "TOWNLAKE_CATALOG": catalog,
             "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    try:
        answer = _answer(holder, wait_seconds + _START_SECONDS)
        if answer != "held":
            raise EnvironmentFault(f"writing the lake ({purpose}): {answer or 'the catalogue cannot be locked'}")
        yield RemoteLock(holder)
    finally:
        assert holder.stdin is not None
        with contextlib.suppress(OSError):
            holder.stdin.close()
        try:
            holder.wait(timeout=10)
        except subprocess.TimeoutExpired:
            holder.kill()
            holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


def _answer(holder: subprocess.Popen[str], seconds: float) -> str:
    assert holder.stdout is not None
    ready, _, _ = select.select([holder.stdout], [], [], seconds)
    return holder.stdout.readline().strip() if ready else ""


def hold(catalog: str, wait_seconds: float) -> str:
    """In the process of its own: takes the lock, says `held`, and keeps it until standard input ends."""
    import duckdb

    from warehouse.lake import catalogue_wait, engine, literal, redact

    dsn = catalog.removeprefix("postgres:")
    con, reachable = engine(), time.monotonic() + catalogue_wait()
    con.execute("load postgres_scanner")
    while True:
        try:
            con.execute(f"attach if not exists {literal(dsn)} as catalogue (type postgres, read_only)")
            break
        except duckdb.Error as error:
            if time.monotonic() >= reachable:
                return f"the catalogue {redact(catalog)} does not answer: {redact(str(error).splitlines()[0])}"
            time.sleep(0.5)
    con.execute("begin")  # keeps one connection of the pool, and with it the lock
    deadline = time.monotonic() + wait_seconds
    while con.execute(_TRY).fetchall() != [(True,)]:
        if time.monotonic() >= deadline:
            return f"still held by a writer elsewhere after {wait_seconds:.0f} s"
        time.sleep(0.2)
    print("held", flush=True)
    while not select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
        con.execute(_TRY)
    return ""


def main() -> None:
    """Entry point of the process that holds the lock; ends hard, since a lost connection cannot be closed politely."""
    try:
        said = hold(os.environ["TOWNLAKE_CATALOG"], float(sys.argv[1]))
    except BaseException as error:
        from warehouse.lake import redact

        said = redact(str(error).splitlines()[0] if str(error) else type(error).__name__)
    if said:
        print(said, flush=True)
    os._exit(1 if said else 0)


if __name__ == "__main__":
    main()
