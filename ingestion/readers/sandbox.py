"""Run one piece of reading in a child process under limits of time and memory, so that no file can take the intake down.

Forking a process that has threads (polars, DuckDB, Arrow) can leave the child waiting for ever, and starting Python anew for
every file costs a second. So each process that reads starts one small server, once: it imports what readers need, stays
single-threaded, and forks for every call a warden, which forks the reader proper, waits for it under the limits and answers
the caller. Any number of threads may call at a time. What cannot be sent (a function of ``__main__``, a closure) is forked
directly.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import pickle
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ingestion.readers.model import Refused

T = TypeVar("T")

SECONDS = 20.0
MEMORY_BYTES = 2 << 30
GRACE_SECONDS = 0.05
PRELOADED = ("ingestion.engines",)
_OUT_OF_MEMORY = "memory"
_UNPORTABLE = b"unportable"


def run_limited(
    fn: Callable[..., T], *args: Any, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES, **kwargs: Any
) -> T:
    """``fn(*args, **kwargs)`` in a child process; its answer comes back as data.

    ``seconds`` bounds wall-clock time, ``memory_bytes`` what the child may hold beyond what it starts with.

    Raises:
        Refused: ``timeout``, ``out_of_memory`` or ``crashed``; and whatever ``Refused`` ``fn`` raised.
        Exception: what else ``fn`` raised (a fault of ours, not of the file).
    """
    call = _portable(fn, args, kwargs)
    data, status, timed_out = (
        _run_in_server(call, seconds, memory_bytes) if call is not None else (_UNPORTABLE, 0, False)
    )
    if data == _UNPORTABLE:
        data, status, timed_out = _run_forked(lambda: fn(*args, **kwargs), seconds, memory_bytes)
    if timed_out:
        raise Refused(
            "timeout", f"读取超过 {seconds:g} 秒仍未完成，文件异常或过大", f"reading took longer than {seconds:g} s"
        )
    return _answer(data, status, memory_bytes)


class _UnportableError(Exception):
    """The server cannot import the function it is asked to run."""


def _portable(fn: Callable[..., Any], args: Any, kwargs: Any) -> bytes | None:
    """The call as bytes another process can unpack, or None when it cannot."""
    if getattr(fn, "__module__", "__main__") == "__main__":
        return None
    try:
        return pickle.dumps((fn, args, kwargs))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None


# ---- one call in a forked child -----------------------------------------------------------------------------------------


def _run_forked(call: Callable[[], Any], seconds: float, memory_bytes: int) -> tuple[bytes, int, bool]:
    """(bytes the child sent, its exit status, whether time ran out)."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _child(call, send, seconds, memory_bytes)
    os.close(send)
    data, timed_out = b"", True
    try:
        data, timed_out = _collect(receive, time.monotonic() + seconds)
    finally:
        os.close(receive)
        status = _reap(child, at_once=timed_out)
    return data, status, timed_out


def _child(call: Callable[[], Any], send: int, seconds: float, memory_bytes: int) -> None:
    """Runs in the child; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        _limit(seconds, memory_bytes)
        if "TOWNLAKE_DEBUG" not in os.environ:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a library that runs out of memory prints pages of addresses
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            payload: tuple[str, Any] = ("ok", call())
        except _UnportableError:
            os.write(send, _UNPORTABLE)
            os._exit(0)
        except BaseException as error:
            payload = (_OUT_OF_MEMORY, None) if _is_memory(error) else ("error", error)
        _send(send, payload)
        code = 0
    except MemoryError:
        os.write(send, pickle.dumps((_OUT_OF_MEMORY, None)))
    finally:
        os._exit(code)


def _limit(seconds: float, memory_bytes: int) -> None:
    import resource

    allowed = _address_space() + memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (allowed if hard == resource.RLIM_INFINITY else min(allowed, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cpu = int(seconds * (os.cpu_count() or 1)) + 2
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu if hard == resource.RLIM_INFINITY else min(cpu, hard), hard))


def _address_space() -> int:
    """Bytes of address space the process has now (libraries and arenas are no fault of the file)."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 1 << 30


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    text = f"{type(error).__name__}: {error}".lower()
    return any(
        words in text
        for words in (
            "out of memory",
            "cannot allocate",
            "bad_alloc",
            "memory allocation",
            "realloc of size",
            "malloc of size",
            "failed to allocate",
        )
    )


def _send(pipe: int, payload: tuple[str, Any]) -> None:
    try:
        data = pickle.dumps(payload)
        pickle.loads(data)
    except Exception as error:
        data = pickle.dumps(("error", RuntimeError(f"{type(payload[1]).__name__}: {payload[1]} ({error})"[:2_000])))
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _collect(pipe: int, deadline: float) -> tuple[bytes, bool]:
    """(all bytes the child sent, whether time ran out)."""
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return b"".join(parts), True
        ready, _, _ = select.select([pipe], [], [], left)
        if not ready:
            continue
        data = os.read(pipe, 1 << 16)
        if not data:
            return b"".join(parts), False
        parts.append(data)


def _reap(child: int, *, at_once: bool) -> int:
    """Wait for the child, ending it (and what it started) when it does not end by itself."""
    until = time.monotonic() + (0 if at_once else GRACE_SECONDS)
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.002)
    for kill, target in ((os.killpg, child), (os.kill, child)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(target, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _answer(data: bytes, status: int, memory_bytes: int) -> Any:
    what: str
    value: Any
    try:
        what, value = pickle.loads(data) if data else ("none", None)
    except Exception:
        what, value = "none", None
    if what == "ok":
        return value
    if what == "error":
        raise value
    if what == _OUT_OF_MEMORY:
        raise Refused(
            "out_of_memory",
            "读取所需内存超过限制，文件异常或过大",
            f"reading needed more than {memory_bytes >> 20} MiB",
        )
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        if os.WTERMSIG(status) == signal.SIGXCPU:
            raise Refused("timeout", "读取耗时超过限制，文件异常或过大", f"reading ended by {name}")
        if os.WTERMSIG(status) in (signal.SIGABRT, signal.SIGKILL):
            raise Refused(
                "out_of_memory",
                "读取所需内存超过限制，文件异常或过大",
                f"reading ended by {name}, most likely out of memory",
            )
    else:
        name = f"exit code {os.waitstatus_to_exitcode(status)}"
    raise Refused("crashed", "文件内容使读取程序异常终止，无法读取", f"reading ended by {name}")


# ---- the server -----------------------------------------------------------------------------------------------------------


class _Server:
    """The process that forks. Callers hand it one end of a socket pair each; all else goes through that pair."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = f"import sys; sys.path[:] = {sys.path!r}; from ingestion.readers.sandbox import serve; serve({theirs.fileno()})"
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", command], pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL
        )
        theirs.close()
        self.socket = ours
        self.owner = os.getpid()

    def call(self, call: bytes, seconds: float, memory_bytes: int) -> tuple[bytes, int, bool] | None:
        """What ``_run_forked`` answers in the warden, or None when server or warden are gone."""
        mine, wardens = socket.socketpair()
        with mine:
            try:
                with wardens:
                    socket.send_fds(self.socket, [b"c"], [wardens.fileno()])
                _put(mine, pickle.dumps((call, seconds, memory_bytes, dict(os.environ), str(Path.cwd()))))
                answer = _get(mine)
            except OSError:
                return None
        return None if answer is None else pickle.loads(answer)

    @property
    def is_usable(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def stop(self) -> None:
        self.socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
            return
        self.process.kill()


_running: list[_Server] = []  # one, or none yet
_guard = threading.Lock()


def _run_in_server(call: bytes, seconds: float, memory_bytes: int) -> tuple[bytes, int, bool]:
    for _ in range(2):
        answer = _current().call(call, seconds, memory_bytes)
        if answer is not None:
            return answer
    return b"", 1 << 8, False


def _current() -> _Server:
    """The server of this process; a fork of this process has its own."""
    with _guard:
        if not _running or not _running[0].is_usable:
            _running[:] = [_Server()]
        return _running[0]


def warm() -> None:
    """Starts the server now, so that it has loaded when the first call comes."""
    _current()


@atexit.register
def _stop() -> None:
    for server in _running:
        if server.owner == os.getpid():
            server.stop()


def serve(handle: int) -> None:
    """The server's loop: ends when its parent closes the socket."""
    import importlib

    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # what is loaded stays: collecting in a child would only copy its pages
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # wardens answer by themselves; nobody waits for them
    with socket.socket(fileno=handle) as control:
        control.set_inheritable(False)
        while True:
            message, handles, _, _ = socket.recv_fds(control, 1, 1)
            if not message:
                return
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                control.close()
                _ward(handles[0])
            os.close(handles[0])


def _ward(handle: int) -> None:
    """Runs in the warden: one call, one answer; never returns."""
    try:
        with socket.socket(fileno=handle) as caller:
            if (request := _get(caller)) is not None:
                call, seconds, memory_bytes, environment, folder = pickle.loads(request)

                def run() -> Any:
                    caller.close()
                    os.environ.clear()
                    os.environ.update(environment)
                    os.chdir(folder)
                    try:
                        fn, args, kwargs = pickle.loads(call)
                    except (ImportError, AttributeError) as error:
                        raise _UnportableError from error
                    return fn(*args, **kwargs)

                _put(caller, pickle.dumps(_run_forked(run, seconds, memory_bytes)))
    finally:
        os._exit(0)


def _put(connection: socket.socket, data: bytes) -> None:
    connection.sendall(struct.pack("<Q", len(data)) + data)


def _get(connection: socket.socket) -> bytes | None:
    """One message, or None when the other side is gone."""
    head = _exactly(connection, 8)
    return None if head is None else _exactly(connection, struct.unpack("<Q", head)[0])


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        data = connection.recv(min(size - len(parts), 1 << 20))
        if not data:
            return None
        parts += data
    return bytes(parts)
