"""Run one piece of reading in a child process under limits of time and memory, so that no file can take the intake down."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ingestion.readers.model import Refused

T = TypeVar("T")

SECONDS = 20.0
MEMORY_BYTES = 2 << 30
GRACE_SECONDS = 0.05
_OUT_OF_MEMORY = "memory"


def run_limited(fn: Callable[..., T], *args: Any, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES, **kwargs: Any) -> T:
    """``fn(*args, **kwargs)`` in a child process; its answer comes back as data.

    ``seconds`` bounds wall-clock time, ``memory_bytes`` what the child may hold beyond what it starts with.

    Raises:
        Refused: ``timeout``, ``out_of_memory`` or ``crashed``; and whatever ``Refused`` ``fn`` raised.
        Exception: what else ``fn`` raised (a fault of ours, not of the file).
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        _child(fn, args, kwargs, send, seconds, memory_bytes)
    os.close(send)
    try:
        data, timed_out = _collect(receive, time.monotonic() + seconds)
    finally:
        os.close(receive)
        status = _reap(child)
    if timed_out:
        raise Refused("timeout", f"读取超过 {seconds:g} 秒仍未完成，文件异常或过大", f"reading took longer than {seconds:g} s")
    return _answer(data, status, memory_bytes)


def _child(fn: Callable[..., Any], args: Any, kwargs: Any, send: int, seconds: float, memory_bytes: int) -> None:
    """Runs in the child; never returns."""
    code = 1
    try:
        _limit(seconds, memory_bytes)
        with contextlib.suppress(AttributeError, ValueError):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            payload = ("ok", fn(*args, **kwargs))
        except MemoryError:
            payload = (_OUT_OF_MEMORY, None)
        except BaseException as error:
            payload = (_OUT_OF_MEMORY, None) if _is_memory(error) else ("error", error)
        _send(send, payload)
        code = 0
    except MemoryError:
        _send(send, (_OUT_OF_MEMORY, None))
    finally:
        os._exit(code)


def _limit(seconds: float, memory_bytes: int) -> None:
    import resource

    allowed = _address_space() + memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        allowed = min(allowed, hard)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cpu = int(seconds * (os.cpu_count() or 1)) + 2
    _, hard_cpu = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu if hard_cpu == resource.RLIM_INFINITY else min(cpu, hard_cpu), hard_cpu))


def _address_space() -> int:
    """Bytes of address space the process has now (libraries and arenas are no fault of the file)."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123
            return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 1 << 30


def _is_memory(error: BaseException) -> bool:
    text = f"{type(error).__name__}: {error}".lower()
    return any(words in text for words in ("out of memory", "cannot allocate", "bad_alloc", "memory allocation", "realloc of size", "malloc of size", "arrowmemoryerror", "failed to allocate"))


def _send(pipe: int, payload: tuple[str, Any]) -> None:
    try:
        data = pickle.dumps(payload)
    except Exception as error:
        data = pickle.dumps(("error", RuntimeError(f"{type(payload[1]).__name__}: {payload[1]} ({error})"[:2_000])))
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _collect(pipe: int, deadline: float) -> tuple[bytes, bool]:
    """(all bytes the child sent, whether time ran out)."""
    import select

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


def _reap(child: int) -> int:
    """Wait for the child, ending it when it does not end by itself."""
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _answer(data: bytes, status: int, memory_bytes: int) -> Any:
    try:
        what, value = pickle.loads(data) if data else ("none", None)
    except Exception:
        what, value = "none", None
    if what == "ok":
        return value
    if what == "error":
        raise value
    if what == _OUT_OF_MEMORY:
        raise Refused("out_of_memory", "读取所需内存超过限制，文件异常或过大", f"reading needed more than {memory_bytes >> 20} MiB")
    name = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.waitstatus_to_exitcode(status)}"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM):
        raise Refused("timeout", "读取耗时超过限制，文件异常或过大", f"reading ended by {name}")
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGABRT, signal.SIGKILL):
        raise Refused("out_of_memory", "读取所需内存超过限制，文件异常或过大", f"reading ended by {name}, most likely out of memory")
    raise Refused("crashed", "文件内容使读取程序异常终止，无法读取", f"reading ended by {name}")
