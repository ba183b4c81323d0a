"""The trigger behind `watch_landing`: fires when the landing folder has changed and then held still.

Runs in the triggerer, for as long as the DAG is not paused. It keeps nothing: after a restart it fires for what lies
there, which also catches what was dropped meanwhile. So what it wakes must be idempotent, and is.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

POLL_SECONDS = 2.0
REMIND_SECONDS = 1800.0


class LandingTrigger(BaseEventTrigger):
    """Yields when the set of (path, size, time) below `folder` was the same at two looks and is not the last one told.

    Airflow can lose what is told (apache/airflow#56050), so the same is told again every `remind_seconds`. An empty
    folder is not worth waking anyone; a folder that does not exist yet counts as empty.
    """

    def __init__(self, folder: str, poll_seconds: float = POLL_SECONDS, remind_seconds: float = REMIND_SECONDS) -> None:
        super().__init__()
        self.folder = folder
        self.poll_seconds = poll_seconds
        self.remind_seconds = remind_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        arguments = {
            "folder": self.folder, "poll_seconds": self.poll_seconds, "remind_seconds": self.remind_seconds,
        }  # fmt: skip
        return "landing_trigger.LandingTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        told, told_at, before = "", 0.0, ""
        while True:
            files, fingerprint = await asyncio.to_thread(look, Path(self.folder))
            due = fingerprint != told or time.monotonic() - told_at >= self.remind_seconds
            if files and fingerprint == before and due:
                told, told_at = fingerprint, time.monotonic()
                yield TriggerEvent({"files": files, "fingerprint": fingerprint})
            before = fingerprint
            await asyncio.sleep(self.poll_seconds)


def look(folder: Path) -> tuple[int, str]:
    """Number of files below `folder`, and a fingerprint of their names, sizes and times. Hidden ones do not count."""
    digest = hashlib.sha256()
    files = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith("."))
        for name in sorted(n for n in names if not n.startswith(".")):
            path = Path(parent) / name
            try:
                stat = path.stat()
            except OSError:
                continue  # gone since it was listed, or not ours to see
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode(errors="surrogateescape"))
            files += 1
    return files, digest.hexdigest()[:16]
