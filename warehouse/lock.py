"""File locks that the system releases by itself when their holder dies, so a kill never leaves a lock behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from warehouse.advisory import RemoteLock, remote_lock
from warehouse.errors import EnvironmentFault
from warehouse.home import Home


@contextlib.contextmanager
def exclusive(path: Path, purpose: str, *, wait_seconds: float = 600.0) -> Iterator[None]:
    """Holds `path` for this process alone; waits up to `wait_seconds`, then raises EnvironmentFault naming the purpose."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        _acquire(handle.fileno(), path, purpose, wait_seconds)
        handle.seek(0)
        handle.truncate()
        handle.write(f"{os.getpid()} {purpose}\n")
        handle.flush()
        try:
            yield
        finally:
            fcntl.flock(handle.fileno(), fcntl.LOCK_UN)


def _acquire(descriptor: int, path: Path, purpose: str, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = path.read_text(errors="replace").strip() or "another process"
                raise EnvironmentFault(f"{purpose}: still held by {holder} after {wait_seconds:.0f} s") from None
            time.sleep(0.1)


@contextlib.contextmanager
def try_exclusive(path: Path) -> Iterator[bool]:
    """Yields whether `path` could be held at once; never waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(handle.fileno(), fcntl.LOCK_UN)


_writing: dict[Path, RemoteLock | None] = {}


@contextlib.contextmanager
def lake_writer(home: Home, purpose: str) -> Iterator[None]:
    """The single writer of the lake: with a SQLite catalogue more than one loses writes (docs/decisions/0001).

    A step called inside a build that holds the lock already goes on under it. With a PostgreSQL catalogue a lock in its
    database is held as well, so that writers on several machines wait for each other.
    """
    from warehouse.lake import wait_writable

    path = home.claims / "lake_writer.lock"
    if path in _writing:
        if (remote := _writing[path]) is not None:
            remote.check()
        yield
        return
    with exclusive(path, f"writing the lake ({purpose})"), contextlib.ExitStack() as held:
        remote = (
            held.enter_context(remote_lock(home.catalog, purpose)) if home.catalog.startswith("postgres:") else None
        )
        wait_writable(home)
        _writing[path] = remote
        try:
            yield
        finally:
            _writing.pop(path, None)
