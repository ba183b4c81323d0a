"""The trigger: fires for what has settled, once, and again only when it changed or long after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

POLL = 0.02


@pytest.fixture
def trigger(airflow_environment: Any, tmp_path: Path) -> Any:
    from landing_trigger import LandingTrigger

    return LandingTrigger(str(tmp_path / "landing"), poll_seconds=POLL)


def events(trigger: Any, *acts: Callable[[], object], wait: float = 10 * POLL) -> list[list[dict[str, Any]]]:
    """Payloads told after each act, given time to settle."""

    async def follow() -> list[list[dict[str, Any]]]:
        told: list[dict[str, Any]] = []

        async def listen() -> None:
            async for event in trigger.run():
                told.append(event.payload)

        listener = asyncio.create_task(listen())
        out = []
        for act in acts:
            before = len(told)
            act()
            await asyncio.sleep(wait)
            out.append(told[before:])
        listener.cancel()
        return out

    return asyncio.run(follow())


def write(path: Path, text: str) -> Callable[[], object]:
    def act() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return act


def nothing() -> None:
    """Time passes."""


def test_fires_once_for_what_settled_and_again_when_it_changed(trigger: Any, tmp_path: Path) -> None:
    file = tmp_path / "landing" / "minzheng" / "低保.csv"
    absent, first, still, changed, gone = events(
        trigger, nothing, write(file, "a"), nothing, write(file, "ab"), file.unlink
    )
    assert absent == []
    assert [e["files"] for e in first] == [1]
    assert still == []
    assert len(changed) == 1
    assert changed[0]["fingerprint"] != first[0]["fingerprint"]
    assert gone == [], "an emptied folder is not worth waking anyone"


def test_does_not_fire_while_a_file_grows(trigger: Any, tmp_path: Path) -> None:
    file = tmp_path / "landing" / "a.csv"
    trigger.poll_seconds = 0.05
    growing = [write(file, "x" * n) for n in range(1, 20)]
    assert not any(events(trigger, *growing, wait=0.04)[:-1])


def test_hidden_files_and_unreadable_names_do_no_harm(trigger: Any, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    (hidden,) = events(trigger, write(landing / ".DS_Store", "x"))
    assert hidden == []
    (odd,) = events(trigger, write(landing / "\udcb5\udccd.csv", "x"))
    assert [e["files"] for e in odd] == [1]


def test_reminds_because_airflow_can_lose_an_event(trigger: Any, tmp_path: Path) -> None:
    trigger.remind_seconds = 3 * POLL
    (told,) = events(trigger, write(tmp_path / "landing" / "a.csv", "x"), wait=20 * POLL)
    assert len(told) >= 2
    assert len({e["fingerprint"] for e in told}) == 1


def test_survives_serialisation(trigger: Any) -> None:
    path, arguments = trigger.serialize()
    module, name = path.rsplit(".", 1)
    assert type(trigger).__name__ == name
    assert type(trigger).__module__ == module
    assert type(trigger)(**arguments).serialize() == (path, arguments)
