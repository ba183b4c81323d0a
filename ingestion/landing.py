"""The landing area: which files are new, complete and worth reading; each content claimed once.

townlake only reads the landing folder. What it has seen is kept in the home's `claims/`: a batch of claims is written in
one piece before anything is read, so that a run killed anywhere is taken up with the same names and the same intake time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files import best_name, readable, sha256_of, write_json
from ingestion.identity import stated_again
from ingestion.receipts import known_receipts
from warehouse.errors import WrongUse
from warehouse.home import Home
from warehouse.lock import exclusive

if TYPE_CHECKING:
    from ingestion.pull import Pulled

STABLE_SECONDS = 2.0


@dataclass(frozen=True)
class Claim:
    """One content to be taken: where its bytes lie now, and what it is called.

    `pull` says what a database pull was; `of_bytes` is the SHA-256 where the id is another, since the same bytes were taken
    before for another day.
    """

    delivery_id: str
    path: str
    file: str
    department: str
    aliases: tuple[str, ...]
    bytes: int
    received_at: str
    pull: dict[str, Any] | None = None
    of_bytes: str | None = None

    @property
    def sha256(self) -> str:
        """Of the bytes."""
        return self.of_bytes or self.delivery_id

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Claim:
        return cls(**{**value, "aliases": tuple(value["aliases"])})


@dataclass
class Scan:
    """What a look at the landing folder found."""

    landing: str
    files: int = 0
    claims: list[Claim] = field(default_factory=list)
    known: int = 0
    new_aliases: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    growing: list[str] = field(default_factory=list)
    pulls: list[Pulled] = field(default_factory=list)


@dataclass(frozen=True)
class _Seen:
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> _Seen:
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


def scan(
    home: Home,
    landing: Path | None = None,
    *,
    retry: Callable[[dict[str, Any]], bool] | None = None,
    states: Callable[[dict[str, Any], str], str | None] | None = None,
    before_waiting: Callable[[], None] | None = None,
) -> Scan:
    """Looks once and claims what is new and has stopped changing.

    A file counts as complete when size and time are equal two seconds apart (one wait for all files; none when every
    file is known). `retry` says of an earlier refused receipt whether the file deserves another look; `states` what other
    as-of day, if any, a new name of bytes already taken states; `before_waiting` is called when there is something to wait for. Raises WrongUse when the landing folder does not exist.
    """
    landing = (landing or home.landing).absolute()
    if not landing.is_dir():
        raise WrongUse(f"the landing folder {landing} does not exist")
    with exclusive(home.claims / "scan.lock", "looking at the landing folder"):
        return _scan(
            home,
            landing,
            retry or (lambda receipt: False),
            states or (lambda receipt, name: None),
            before_waiting or (lambda: None),
        )


def _scan(
    home: Home,
    landing: Path,
    retry: Callable[[dict[str, Any]], bool],
    states: Callable[[dict[str, Any], str], str | None],
    before_waiting: Callable[[], None],
) -> Scan:
    result = Scan(str(landing))
    cache = _load_cache(home)
    present = dict(_candidates(landing, result))
    result.files = len(present)
    fresh = [p for p, seen in present.items() if cache.get(str(p), (None, ""))[0] != seen]
    if fresh:
        before_waiting()
        time.sleep(STABLE_SECONDS)
    receipts = known_receipts(home)
    names: dict[tuple[str, str | None], list[Path]] = {}
    hashes: dict[str, tuple[_Seen, str]] = {}
    for path, seen in present.items():
        digest = cache[str(path)][1] if path not in fresh else _hash_if_stable(path, seen)
        if digest is None:
            result.growing.append(_relative(path, landing))
            continue
        hashes[str(path)] = (seen, digest)
        day = _other_day(receipts.get(digest), _relative(path, landing), states)
        names.setdefault((digest, day), []).append(path)
    _claim(home, landing, names, receipts, retry=retry, result=result)
    _save_cache(home, cache | hashes)
    return result


def _candidates(landing: Path, result: Scan) -> Iterator[tuple[Path, _Seen]]:
    from ingestion.readers import is_noise

    for folder, folders, files in os.walk(landing, followlinks=False):
        for name in sorted(folders):
            if (Path(folder) / name).is_symlink():
                result.skipped.append((_relative(Path(folder) / name, landing), "符号链接，不读取"))
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n != "__MACOSX")
        for name in sorted(files):
            path = Path(folder) / name
            relative = _relative(path, landing)
            if path.is_symlink() or not path.is_file():
                result.skipped.append((relative, "不是普通文件（符号链接或设备），不读取"))
                continue
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            if reason := is_noise(name, stat.st_size):
                result.skipped.append((relative, reason))
                continue
            yield path, _Seen.of(stat)


def _hash_if_stable(path: Path, seen: _Seen) -> str | None:
    """The file's hash, or None when it changed since `seen` or is changing while it is read."""
    try:
        if _Seen.of(path.stat()) != seen:
            return None
        digest = sha256_of(path)
        return digest if _Seen.of(path.stat()) == seen else None
    except FileNotFoundError:
        return None


def _other_day(
    receipt: dict[str, Any] | None, name: str, states: Callable[[dict[str, Any], str], str | None]
) -> str | None:
    """The other day that a name states, unless the bytes are known by this name already."""
    if receipt is None or name in (receipt["file"], *receipt.get("aliases", ())):
        return None
    return states(receipt, name)


def _claim(
    home: Home,
    landing: Path,
    names: dict[tuple[str, str | None], list[Path]],
    receipts: dict[str, dict[str, Any]],
    *,
    retry: Callable[[dict[str, Any]], bool],
    result: Scan,
) -> None:
    earlier = {c.delivery_id: c for c in pending_claims(home)}
    now = _now(receipts).isoformat(timespec="milliseconds")
    for (digest, day), paths in sorted(names.items(), key=lambda item: _relative(item[1][0], landing)):
        relative = sorted(_relative(p, landing) for p in paths)
        delivery_id = stated_again(digest, day) if day else digest
        receipt = receipts.get(delivery_id)
        if receipt is not None and not (receipt["status"] == "refused" and retry(receipt)):
            result.known += 1
            known = {receipt["file"], *receipt.get("aliases", ())}
            result.new_aliases += [(delivery_id, name) for name in relative if name not in known]
            continue
        file = earlier[delivery_id].file if delivery_id in earlier else best_name(relative)
        source = next((p for p in paths if _relative(p, landing) == file), paths[0])
        result.claims.append(
            Claim(
                delivery_id=delivery_id,
                path=str(source),
                file=file,
                department=department_of(file),
                aliases=tuple(n for n in relative if n != file),
                bytes=source.stat().st_size,
                received_at=earlier[delivery_id].received_at if delivery_id in earlier else now,
                of_bytes=digest if day else None,
            )
        )
    _save_claims(home, result.claims)


_PUT_BACK = timedelta(days=1)
"""A clock put back by more than this is a clock that was wrong before, or is now: `townlake doctor` says so."""


def _now(receipts: dict[str, dict[str, Any]]) -> datetime:
    """The clock, or the newest intake where the clock was put back a little: what comes later is received later."""
    now = datetime.now(UTC)
    newest = max((datetime.fromisoformat(r["received_at"]) for r in receipts.values()), default=now)
    return newest + timedelta(milliseconds=1) if now <= newest <= now + _PUT_BACK else now


def department_of(file: str) -> str:
    """The department whose folder a path below the landing area lies in, empty where it lies in none."""
    return file.split("/", maxsplit=1)[0] if "/" in file else ""


def _relative(path: Path, landing: Path) -> str:
    return "/".join(readable(part) for part in path.relative_to(landing).parts)


def pending_claims(home: Home) -> list[Claim]:
    """Claims of the newest batch."""
    path = home.claims / "batch.json"
    if not path.exists():
        return []
    return [Claim.from_json(c) for c in json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))]


def _save_claims(home: Home, claims: list[Claim]) -> None:
    kept = [c for c in pending_claims(home) if c.delivery_id not in {n.delivery_id for n in claims}]
    receipts = known_receipts(home)
    write_json(
        home.claims / "batch.json",
        [c.to_json() for c in [*kept, *claims] if c.delivery_id not in receipts or c in claims],
    )


def _load_cache(home: Home) -> dict[str, tuple[_Seen, str]]:
    path = home.claims / "seen.json"
    try:
        return {
            k: (_Seen(*v[0]), v[1])
            for k, v in json.loads(path.read_text(encoding="utf-8", errors="surrogateescape")).items()
        }
    except (OSError, ValueError, TypeError):
        return {}


def _save_cache(home: Home, cache: dict[str, tuple[_Seen, str]]) -> None:
    write_json(
        home.claims / "seen.json",
        {k: [[s.size, s.mtime_ns, s.ctime_ns, s.inode], h] for k, (s, h) in cache.items()},
    )
