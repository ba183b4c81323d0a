"""The child process: answers, refusals, faults, and its limits of time and memory."""

from __future__ import annotations

import os
import threading
import time

import pytest

from ingestion.readers import Refused
from ingestion.readers.sandbox import run_limited


def double(value: int) -> int:
    return 2 * value


def refuse() -> None:
    raise Refused("encrypted", "有密码", "password")


def fault() -> None:
    raise KeyError("ours")


def sleep() -> None:
    time.sleep(30)


def hoard() -> int:
    kept = []
    while True:
        kept.append(bytearray(50 << 20))


def spin() -> None:
    while True:
        pass


def die() -> None:
    os.abort()


def leave() -> None:
    os._exit(3)


def big() -> bytes:
    return b"x" * (20 << 20)


def threads_then_polars() -> int:
    import polars as pl

    return int(pl.DataFrame({"a": list(range(1000))}).lazy().group_by(pl.col("a") % 7).len().collect().height)


def test_answers_come_back() -> None:
    assert run_limited(double, 21) == 42
    assert len(run_limited(big)) == 20 << 20
    assert run_limited(lambda: "closure") == "closure"


def test_refusals_and_faults_come_back() -> None:
    with pytest.raises(Refused) as refused:
        run_limited(refuse)
    assert (refused.value.code, refused.value.reason_zh) == ("encrypted", "有密码")
    with pytest.raises(KeyError):
        run_limited(fault)


@pytest.mark.parametrize(
    ("fn", "code"),
    [(sleep, "timeout"), (spin, "timeout"), (hoard, "out_of_memory"), (die, "out_of_memory"), (leave, "crashed")],
)
def test_limits_refuse(fn: object, code: str) -> None:
    started = time.monotonic()
    with pytest.raises(Refused) as refused:
        run_limited(fn, seconds=2, memory_bytes=300 << 20)  # type: ignore[arg-type]
    assert refused.value.code == code
    assert refused.value.reason_zh
    assert time.monotonic() - started < 8


def test_threads_of_the_parent_do_no_harm() -> None:
    import polars as pl

    pl.DataFrame({"a": list(range(100_000))}).lazy().group_by(pl.col("a") % 7).len().collect()
    answers: list[int] = []
    workers = [
        threading.Thread(
            target=lambda: answers.append(run_limited(threads_then_polars, seconds=30, memory_bytes=4 << 30))
        )
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == [7, 7, 7]


def test_environment_and_folder_are_the_callers(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("TOWNLAKE_PROOF", "seen")
    monkeypatch.chdir(str(tmp_path))
    assert run_limited(os.getenv, "TOWNLAKE_PROOF") == "seen"
    assert run_limited(os.getcwd) == str(tmp_path)
