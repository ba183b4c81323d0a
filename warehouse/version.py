"""Which code this is: written into receipts and builds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from warehouse.home import DBT_PROJECT, REPOSITORY

_PARTS = ("ingestion", "warehouse", "quality", "townlake")
_SUFFIXES = {".py", ".sql", ".yaml", ".yml", ".csv"}


@cache
def code_version() -> str:
    """Twelve hex digits over everything that decides what a build makes (about 20 ms)."""
    digest = hashlib.sha256()
    for folder in _folders():
        for path in sorted(folder.rglob("*")):
            if path.suffix in _SUFFIXES and "rendered" not in path.parts and "target" not in path.parts:
                digest.update(str(path.relative_to(folder.parent)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _folders() -> Iterator[Path]:
    """The packages, the dbt project, and contracts that stand elsewhere (TOWNLAKE_SOURCES)."""
    yield from (REPOSITORY / part for part in _PARTS)
    yield DBT_PROJECT
    if elsewhere := os.environ.get("TOWNLAKE_SOURCES"):
        yield Path(elsewhere)
