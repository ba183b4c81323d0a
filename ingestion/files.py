"""Small file habits used by every step: write-then-rename, hashing, safe names."""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

BEIJING = timezone(timedelta(hours=8))
"""The clock of every office: days are counted by it, instants are kept in UTC."""

_COPY_MARK = re.compile(
    r"^(?:复件|副本|copy of)\s*(?:[(（]\d+[)）])?\s*|\s*[-—_]?\s*(?:副本|复件|copy)\s*(?:[(（]\d+[)）])?$|\s*[(（]\d{1,3}[)）]$",
    re.IGNORECASE,
)


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_atomic(path: Path, data: bytes) -> None:
    """Writes beside `path` and renames, so that a reader sees all or nothing, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """`value` as UTF-8 JSON, atomically; paths that are not UTF-8 keep their bytes (surrogateescape)."""
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    write_atomic(path, text.encode("utf-8", "surrogateescape"))


def without_copy_mark(name: str) -> str:
    """The file name a copy was made from: 复件 x.csv, x - 副本.csv, x(1).csv → x.csv."""
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if stem else (suffix, "")
    while (shorter := _COPY_MARK.sub("", stem)) != stem and shorter:
        stem = shorter
    return stem + suffix


def best_name(names: list[str]) -> str:
    """Of the paths one content arrived under: one without a copy mark, then the shortest, then the first by name."""
    return min(names, key=lambda n: (without_copy_mark(Path(n).name) != Path(n).name, len(n), n))


def readable(name: str) -> str:
    """A path part as text: bytes that are not UTF-8 are taken as GB18030, control characters are shown."""
    text = os.fsencode(name)
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError:
        decoded = text.decode("gb18030", errors="replace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in decoded)


def safe_stem(name: str, limit: int = 80) -> str:
    """A name fit for a file of ours: no separators, no leading dot, bounded length in bytes."""
    text = re.sub(r"[\\/:*?\"<>|\s]+", "_", readable(name)).lstrip(".") or "file"
    while len(text.encode()) > limit:
        text = text[:-1]
    return text
