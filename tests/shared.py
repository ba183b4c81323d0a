"""The shared sample files beside the repository: used for measuring, never shipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("TOWNLAKE_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def shared_path(relative: str) -> Path:
    """Path below the shared folder; skips the test, saying so, where it is absent."""
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs the shared file {relative} (TOWNLAKE_SHARED)")
    return path
