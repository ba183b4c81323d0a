"""Safety copies of a home, and back: what `townlake backup` and `townlake restore` do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from warehouse import backup as safety
from warehouse.home import Home


def named_by(receipt: bytes) -> list[str]:
    """The paths below the home that a receipt commits; none where the JSON is no receipt."""
    try:
        value = json.loads(receipt)
    except ValueError:
        return []
    if not isinstance(value, dict) or "delivery_id" not in value:
        return []
    return [value[k] for k in ("raw", "archive") if isinstance(value.get(k), str) and value[k]]


def backup(home: Home, dest: Path, *, keep: int | None = None, check: bool = False) -> dict[str, Any]:
    """Makes a safety copy; `check` then reads all of it again and compares the hashes."""
    made = safety.backup(home, dest, named_by, keep=keep)
    if check:
        safety.verify(dest.absolute(), safety.load(dest.absolute(), made.copy))
    return {**made.to_json(), "dest": str(dest), "checked": check}


def restore(source: Path, home: Home, *, name: str | None = None, force: bool = False) -> dict[str, Any]:
    """Puts a safety copy back and examines the home in depth; `findings` are the doctor's."""
    from townlake.doctor import examine

    made = safety.restore(source, home, name=name, force=force)
    return {**made.to_json(), "home": str(home.root), "findings": examine(home, deep=True)}
