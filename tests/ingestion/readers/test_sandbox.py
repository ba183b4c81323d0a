"""The child process: answers, refusals, faults, and its limits of time and memory."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

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


def test_threads_of_the_parent_do_no_harm(tmp_path: Path) -> None:
    """A fork of this process would wait for polars' threads for ever; the server has none."""
    import polars as pl

    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": list(range(100_000))}).write_parquet(path)
    pl.read_parquet(path).lazy().group_by(pl.col("a") % 7).len().collect()
    answers: list[int] = []

    def ask() -> None:
        answers.append(run_limited(pl.read_parquet, path, seconds=60, memory_bytes=4 << 30).height)

    workers = [threading.Thread(target=ask) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == [100_000] * 3


def test_environment_and_folder_are_the_callers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOWNLAKE_PROOF", "seen")
    monkeypatch.chdir(str(tmp_path))
    assert run_limited(os.getenv, "TOWNLAKE_PROOF") == "seen"
    assert run_limited(os.getcwd) == str(tmp_path)
