"""Receipts (回执): the JSON that commits a delivery, and the index of them.

A delivery exists when its receipt does: raw files that no receipt names are leftovers of a killed attempt and are never
read. Page and workbook for the clerk are drawn from the JSON (ingestion.receipt_page).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingestion.files import safe_stem, write_json
from warehouse.home import Home

UNSORTED = "_unsorted"


def receipt_path(home: Home, department: str, file: str, delivery_id: str) -> Path:
    """`outbox/<department>/<name>.<first 12 of the id>.json`."""
    name = f"{safe_stem(Path(file).name)}.{delivery_id[:12]}.json"
    return home.outbox / (safe_stem(department) if department else UNSORTED) / name


def known_receipts(home: Home) -> dict[str, dict[str, Any]]:
    """Receipts by delivery id. A half-written or foreign JSON is passed over: it commits nothing.

    A step asks many times (each file taken asks three times), and receipts are never removed: a file is read again only when
    it has changed since this process last read it.
    """
    before, now = _read.get(home.outbox, {}), {}
    out: dict[str, dict[str, Any]] = {}
    for path in sorted(home.outbox.glob("*/*.json")):
        try:
            stat = path.stat()  # before reading: never newer than what is read
            seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
            held = before.get(path)
            now[path] = held if held and held[0] == seen else (seen, json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue
        receipt = now[path][1]
        if isinstance(receipt, dict) and "delivery_id" in receipt and "status" in receipt:
            out[receipt["delivery_id"]] = dict(receipt)
    _read.clear()
    _read[home.outbox] = now
    return out


_read: dict[Path, dict[Path, tuple[tuple[int, int, int, int], Any]]] = {}
"""What the files of one outbox held, and when."""


def write_receipt(home: Home, receipt: dict[str, Any]) -> Path:
    """The commit of a delivery: one atomic rename."""
    path = receipt_path(home, receipt["department"], receipt["file"], receipt["delivery_id"])
    write_json(path, receipt)
    return path


def add_alias(home: Home, delivery_id: str, name: str) -> None:
    """The same bytes came under one more name: receipt and page say so, nothing is read again."""
    from ingestion.receipt_page import draw

    receipt = known_receipts(home).get(delivery_id)
    if receipt is None or name in (receipt["file"], *receipt.get("aliases", ())):
        return
    receipt["aliases"] = sorted([*receipt.get("aliases", ()), name])
    draw(home, receipt)
    write_receipt(home, receipt)
