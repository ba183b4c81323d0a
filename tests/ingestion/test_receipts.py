"""The index of receipts shows what is on disk at every moment, though a process reads each only once."""

from __future__ import annotations

import json

from ingestion.receipts import known_receipts
from warehouse.home import Home


def write(home: Home, name: str, **values: object) -> None:
    path = home.outbox / "gongan" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"delivery_id": name, "status": "taken", **values}), encoding="utf-8")


def test_what_changes_is_read_again_and_what_a_caller_changes_is_not_kept(home: Home) -> None:
    write(home, "a", file="one")
    write(home, "b", file="two")
    known_receipts(home)["a"]["file"] = "spoiled"
    assert {k: r["file"] for k, r in known_receipts(home).items()} == {"a": "one", "b": "two"}
    write(home, "a", file="six")  # as many bytes
    write(home, "c", file="three")
    (home.outbox / "gongan" / "b.json").write_text('{"delivery_id": "b", "sta', encoding="utf-8")
    assert {k: r["file"] for k, r in known_receipts(home).items()} == {"a": "six", "c": "three"}
    (home.outbox / "gongan" / "c.json").unlink()
    assert list(known_receipts(home)) == ["a"]
