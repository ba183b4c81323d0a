"""The landing area: noise, copies, files still growing, and claims that outlive a killed run."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from ingestion import landing
from ingestion.files import best_name, without_copy_mark
from ingestion.landing import Claim, scan
from ingestion.receipts import write_receipt
from warehouse.errors import WrongUse
from warehouse.home import Home


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "STABLE_SECONDS", 0.2)


def drop(home: Home, name: str, data: bytes = b"a,b\n1,2\n") -> Path:
    path = home.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def taken(home: Home, claim: Claim, status: str = "taken") -> None:
    write_receipt(home, {**claim.to_json(), "status": status, "aliases": list(claim.aliases), "rows": {}})


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("复件 登记.csv", "登记.csv"),
        ("登记(1).csv", "登记.csv"),
        ("登记（2）.xlsx", "登记.xlsx"),
        ("登记 - 副本.xlsx", "登记.xlsx"),
        ("登记_202610(1) - 副本.xlsx", "登记_202610.xlsx"),
        ("副本 (2) 登记.csv", "登记.csv"),
        ("登记(2026).csv", "登记(2026).csv"),
        ("复件.csv", "复件.csv"),
    ],
)
def test_copy_marks(copy: str, original: str) -> None:
    assert without_copy_mark(copy) == original


def test_the_same_bytes_are_claimed_once_under_the_best_name(home: Home) -> None:
    drop(home, "minzheng/复件 登记.csv")
    drop(home, "minzheng/登记.csv")
    drop(home, "minzheng/登记（1）.csv")
    found = scan(home)
    assert [(c.file, c.aliases) for c in found.claims] == [
        ("minzheng/登记.csv", ("minzheng/复件 登记.csv", "minzheng/登记（1）.csv"))
    ]
    assert best_name(["a/bb.csv", "a/b.csv"]) == "a/b.csv"


def test_noise_is_named_and_skipped(home: Home) -> None:
    for name in ("gongan/~$a.xlsx", "gongan/.DS_Store", "gongan/Thumbs.db"):
        drop(home, name)
    drop(home, "gongan/empty.csv", b"")
    target = drop(home, "gongan/real.csv")
    (home.landing / "gongan" / "link.csv").symlink_to(target)
    found = scan(home)
    assert [c.file for c in found.claims] == ["gongan/real.csv"]
    assert len(found.skipped) == 5
    assert all(reason for _, reason in found.skipped)


def test_a_growing_file_is_left_alone(home: Home) -> None:
    path = drop(home, "gongan/big.csv")
    drop(home, "gongan/done.csv", b"x,y\n1,2\n")
    stop = threading.Event()

    def grow() -> None:
        while not stop.is_set():
            with path.open("ab") as handle:
                handle.write(b"3,4\n")
            time.sleep(0.02)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        found = scan(home)
    finally:
        stop.set()
        writer.join()
    assert [c.file for c in found.claims] == ["gongan/done.csv"]
    assert found.growing == ["gongan/big.csv"]
    assert [c.file for c in scan(home).claims] == ["gongan/big.csv", "gongan/done.csv"]


def test_a_known_delivery_is_not_claimed_again_and_new_names_are_noticed(home: Home) -> None:
    drop(home, "gongan/a.csv")
    taken(home, scan(home).claims[0])
    drop(home, "gongan/a(1).csv")
    found = scan(home)
    assert not found.claims
    assert [name for _, name in found.new_aliases] == ["gongan/a(1).csv"]


def test_a_killed_batch_keeps_names_and_intake_time(home: Home) -> None:
    drop(home, "gongan/a.csv")
    first = scan(home).claims[0]
    drop(home, "gongan/0.csv")  # a shorter name for the same bytes arrives after the kill
    again = scan(home).claims[0]
    assert (again.file, again.received_at) == (first.file, first.received_at)


def test_the_same_name_with_new_bytes_is_a_new_delivery(home: Home) -> None:
    drop(home, "gongan/a.csv")
    taken(home, scan(home).claims[0])
    drop(home, "gongan/a.csv", b"a,b\n1,3\n")
    assert [c.file for c in scan(home).claims] == ["gongan/a.csv"]


def test_a_refused_file_is_looked_at_again_only_when_asked(home: Home) -> None:
    drop(home, "gongan/a.csv")
    taken(home, scan(home).claims[0], status="refused")
    assert not scan(home).claims
    assert len(scan(home, retry=lambda receipt: True).claims) == 1


def test_names_that_are_not_utf8(home: Home) -> None:
    folder = os.fsencode(home.landing / "gongan")
    Path(os.fsdecode(folder)).mkdir(parents=True, exist_ok=True)
    Path(os.fsdecode(folder + b"/" + "登记.csv".encode("gb18030"))).write_bytes(b"a\n1\n")
    assert [c.file for c in scan(home).claims] == ["gongan/登记.csv"]


def test_a_missing_landing_folder_is_wrong_use(home: Home) -> None:
    with pytest.raises(WrongUse, match="does not exist"):
        scan(home, home.root / "nowhere")
