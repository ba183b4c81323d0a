"""Safety copies of a lakehouse: everything that cannot be made again, in one folder, and back.

    DEST/objects/<2>/<sha256>   the bytes of every file, once, however many copies hold it
    DEST/copies/<instant>.json  one safety copy: path, hash, size, time and mode of each file; written last, sealed

A copy is whole or it does not exist. It is made while nobody writes the lake; files may be taken meanwhile, so receipts are
copied before what they name, and what they name is proved to be there. The catalogue is copied by SQLite's own means, a
PostgreSQL one table by table in one transaction (warehouse.catalogue), so a copy can come back with either.

Left out: `landing/` (the departments'), `work/` (scratch), `airflow/` (history of runs), `postgres/` (a server's own files). What an
object storage holds (warehouse.store) is copied as if it lay in the home, and comes back to disk or store, as the home says.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import Any

from warehouse import catalogue, store
from warehouse.errors import EnvironmentFault, WrongUse
from warehouse.home import Home
from warehouse.lake import lake_exists
from warehouse.lock import lake_writer
from warehouse.version import code_version

FORMAT = 1
CATALOGUE = "catalog/catalog.sqlite"
"""What the catalogue is called in a copy, wherever it came from."""
LEFT_OUT = frozenset({"landing", "work", "airflow", "postgres", "catalog", "store"})
UNFINISHED = ".restoring"
_TRIES = 5
_BLOCK = 1 << 20

Names = Callable[[bytes], Iterable[str]]
"""The paths below the home that a JSON of the outbox commits."""


@dataclass(frozen=True)
class Entry:
    """One file of a copy."""

    path: str
    sha256: str
    bytes: int
    mtime_ns: int
    mode: int


@dataclass
class Copy:
    """One safety copy, as its manifest says."""

    name: str
    made_at: str
    code_version: str
    files: list[Entry] = field(default_factory=list)
    has_lake: bool = False

    def to_json(self) -> dict[str, Any]:
        value = {"format": FORMAT, **asdict(self)}
        return {**value, "seal": _seal(value)}


@dataclass
class Made:
    """What making or putting back a copy did."""

    copy: str
    files: int = 0
    bytes: int = 0
    copied_files: int = 0
    copied_bytes: int = 0
    set_aside: str | None = None
    removed_copies: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


# ---- making -----------------------------------------------------------------------------------------------------------


def backup(home: Home, dest: Path, names: Names = lambda _: (), *, keep: int | None = None) -> Made:
    """Copies what is new of `home` to `dest`; holds the writer's lock meanwhile. `keep`: only so many copies stay.

    Raises WrongUse where one folder lies in the other or there is nothing to copy, EnvironmentFault where the catalogue is
    gone or files are taken so fast that no state holds still.
    """
    dest = dest.absolute()
    if _within(dest, home.root) or _within(home.root, dest):
        raise WrongUse(f"{dest} and {home.root} lie in each other: keep safety copies elsewhere, best on another disk")
    if not home.root.is_dir() or not any(_walk(home.root)):
        raise WrongUse(f"there is nothing at {home.root} to copy")
    (dest / "objects").mkdir(parents=True, exist_ok=True, mode=0o700)
    (dest / "copies").mkdir(exist_ok=True, mode=0o700)
    with lake_writer(home, "safety copy"):
        for leftover in (dest / "objects").glob(".*.tmp"):
            leftover.unlink()
        known = {(e.path, e.bytes, e.mtime_ns): e for e in _newest_entries(dest)}
        now = datetime.now(UTC)
        copy = Copy(f"{now:%Y%m%dT%H%M%S.%f}-{uuid.uuid4().hex[:6]}", now.isoformat(), code_version())
        made = Made(copy.name)
        if lake_exists(home):
            copy.has_lake = True
            copy.files.append(_store_catalogue(home, dest, made))
        copy.files += _store_all(home, dest, known, names, made)
        made.files, made.bytes = len(copy.files), sum(e.bytes for e in copy.files)
        text = json.dumps(copy.to_json(), ensure_ascii=False, indent=0)
        _write(dest / "copies" / f"{copy.name}.json", text.encode("utf-8", "surrogateescape"))
        if keep is not None:
            made.removed_copies = _prune(dest, keep)
    return made


def _store_all(
    home: Home, dest: Path, known: dict[tuple[str, int, int], Entry], names: Names, made: Made
) -> list[Entry]:
    """Every file but the catalogue: receipts first, then what they name; again where a receipt was replaced meanwhile."""
    for _ in range(_TRIES):
        found: dict[str, Entry] = {}
        wanted: set[str] = set()
        for outbox in (True, False):
            for path in _walk(home.root):
                if path.startswith("outbox/") != outbox or path in found:
                    continue
                with contextlib.suppress(FileNotFoundError):  # taken back by the intake meanwhile
                    entry = found[path] = _store(
                        home, path, _state(home.root / path), dest=dest, known=known, made=made
                    )
                    if outbox and path.endswith(".json"):
                        wanted |= set(names(_object(dest, entry.sha256).read_bytes()))
        for folder in store.KEPT if home.store else ():
            for path, file in store.listed(home, folder).items():
                if path not in found:
                    with contextlib.suppress(FileNotFoundError):
                        state = (file.bytes, int(file.changed * 1e9), 0o644)
                        found[path] = _store(home, path, state, dest=dest, known=known, made=made)
        if wanted <= found.keys():
            return [found[path] for path in sorted(found)]
        missing = sorted(wanted - found.keys())
        if not any(_committed(home, names, path) for path in missing):
            continue
        if all(store.size(home, path) is None for path in missing):
            raise EnvironmentFault(
                f"{len(missing)} file(s) that a receipt names are gone, first: {missing[0]}; `townlake doctor` says more; "
                "no copy was made"
            )
    raise EnvironmentFault("files are being taken so fast that no copy holds still: pause the intake and run again")


def _committed(home: Home, names: Names, path: str) -> bool:
    """Whether a receipt of this moment names `path`."""
    for receipt in home.outbox.glob("*/*.json"):
        with contextlib.suppress(OSError):
            if path in names(receipt.read_bytes()):
                return True
    return False


def _state(source: Path) -> tuple[int, int, int]:
    stat = source.stat()
    return stat.st_size, stat.st_mtime_ns, stat.st_mode & 0o777


def _store(
    home: Home,
    path: str,
    state: tuple[int, int, int],
    *,
    dest: Path,
    known: dict[tuple[str, int, int], Entry],
    made: Made,
) -> Entry:
    size, mtime_ns, mode = state
    before = known.get((path, size, mtime_ns))
    if before and _object_size(dest, before.sha256) == before.bytes:
        return Entry(path, before.sha256, before.bytes, mtime_ns, mode)
    if path.split("/", maxsplit=1)[0] in store.KEPT:
        with store.opened(home, path) as reader:
            digest, size = _keep(reader, dest, made)
    else:
        with (home.root / path).open("rb") as reader:
            digest, size = _keep(reader, dest, made)
    return Entry(path, digest, size, mtime_ns, mode)


def _keep(reader: BufferedIOBase, dest: Path, made: Made) -> tuple[str, int]:
    """Puts a file's bytes among the objects, unless they are there; (hash, size)."""
    temporary = dest / "objects" / f".{uuid.uuid4().hex}.tmp"
    try:
        digest, size = _copy_stream(reader, temporary)
        target = _object(dest, digest)
        if _object_size(dest, digest) != size:
            target.parent.mkdir(exist_ok=True, mode=0o700)
            temporary.replace(target)
            made.copied_files += 1
            made.copied_bytes += size
        return digest, size
    finally:
        temporary.unlink(missing_ok=True)


def copy_hashed(source: Path, target: Path) -> tuple[str, int]:
    """Copies bytes to a new file that its owner alone can read, down to the disk; (hex SHA-256, size)."""
    with source.open("rb") as reader:
        return _copy_stream(reader, target)


def _copy_stream(reader: BufferedIOBase, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while block := reader.read(_BLOCK):
            digest.update(block)
            size += len(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest(), size


def _store_catalogue(home: Home, dest: Path, made: Made) -> Entry:
    temporary = dest / "objects" / f".{uuid.uuid4().hex}.tmp"
    try:
        copy_catalogue(home, temporary)
        with temporary.open("rb") as reader:
            digest, size = _keep(reader, dest, made)
        return Entry(CATALOGUE, digest, size, temporary.stat().st_mtime_ns, 0o644)
    finally:
        for path in dest.glob(f"objects/{temporary.name}*"):
            path.unlink()


def copy_catalogue(home: Home, target: Path) -> None:
    """The catalogue as one SQLite file, consistent in itself. The caller holds the writer's lock."""
    if not catalogue.is_sqlite(home.catalog):
        catalogue.copy(home, home.catalog, f"sqlite:{target}")
        return
    path = catalogue.sqlite_path(home.catalog)
    if not path.exists():
        raise EnvironmentFault(
            f"the catalogue {path} is gone, while {home.address('lake')} holds the files of a lake: no copy was made"
        )
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(target)) as made,
        ):
            source.backup(made)
            made.execute("pragma journal_mode = wal")  # as readers want to find it; closing leaves one file
            (sound,) = made.execute("pragma quick_check").fetchone()
    except sqlite3.DatabaseError as error:
        raise EnvironmentFault(f"the catalogue {path} cannot be copied: {error}; no copy was made") from error
    if sound != "ok":
        raise EnvironmentFault(f"the catalogue {path} is damaged ({sound}): no copy was made; restore the last one")


def _walk(root: Path) -> Iterator[str]:
    """Paths below `root` of every file that belongs into a copy, in order. Linked folders are gone into, once."""
    been: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        below = Path(folder).relative_to(root)
        if real in been:
            folders.clear()
            continue
        been.add(real)
        if below == Path():
            folders[:] = [f for f in folders if f not in LEFT_OUT and not f.startswith(".")]
        folders.sort()
        for name in sorted(files):
            path = Path(folder) / name
            if not name.endswith((".lock", ".tmp")) and path.is_file() and not name.startswith(UNFINISHED):
                yield (below / name).as_posix()


def _prune(dest: Path, keep: int) -> int:
    """Leaves the newest `keep` copies and the objects they need."""
    old = _copies(dest)[: -max(1, keep)]
    for path in old:
        path.unlink()
    needed = {entry.sha256 for path in _copies(dest) for entry in _load(path).files}
    if old:
        for path in (dest / "objects").glob("??/*"):
            if path.name not in needed:
                path.unlink()
    return len(old)


# ---- putting back -----------------------------------------------------------------------------------------------------


def load(source: Path, name: str | None = None) -> Copy:
    """The copy of that name (its first characters are enough), or the newest.

    Raises WrongUse where there is none, EnvironmentFault where its manifest is damaged.
    """
    found = [path for path in _copies(source) if name is None or path.stem.startswith(name)]
    if not found:
        raise WrongUse(f"there is no safety copy{f' {name!r}' if name else ''} in {source}")
    return _load(found[-1])


def verify(source: Path, copy: Copy) -> None:
    """Reads every file of a copy. Raises EnvironmentFault naming the first that is missing or not what it was."""
    for entry in copy.files:
        path = _object(source, entry.sha256)
        if not path.exists():
            raise EnvironmentFault(f"{entry.path} is missing in the safety copy {copy.name}: use an older one (--copy)")
        with path.open("rb") as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != entry.sha256:
                raise _spoiled(copy, entry)


def restore(source: Path, home: Home, *, name: str | None = None, force: bool = False) -> Made:
    """Puts a copy back into an empty home; every byte is verified before anything of the home is touched.

    `force`: what the home holds is moved to a folder in it (`set_aside`), never deleted. Killed anywhere, it can be called
    again with `force`. Raises WrongUse where the home (or, whatever `force`, its store) is not empty, EnvironmentFault where the copy is damaged.
    """
    copy = load(source.absolute(), name)
    sqlite = catalogue.is_sqlite(home.catalog)
    holds = sorted({p.split("/")[0] for p in _walk(home.root)}) if home.root.exists() else []
    if sqlite and catalogue.sqlite_path(home.catalog).exists():
        holds.append("its catalogue")
    if not sqlite and copy.has_lake and not catalogue.is_empty(home.catalog):
        raise WrongUse("the PostgreSQL catalogue holds a lake: name an empty database in TOWNLAKE_CATALOG")
    if (holds or (home.root / UNFINISHED).exists()) and not force:
        raise WrongUse(f"{home.root} is not empty ({', '.join(holds)}): name another home, or --force moves that aside")
    if home.store and not (home.root / UNFINISHED).exists():
        store.need_free(home)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
    for leftover in home.root.glob(".restore-*.tmp"):  # of a restore that was killed
        shutil.rmtree(leftover)
    staged = home.root / f".restore-{stamp}.tmp"
    staged.mkdir(parents=True, mode=0o700)
    made = Made(
        copy.name, len(copy.files), sum(e.bytes for e in copy.files), len(copy.files), sum(e.bytes for e in copy.files)
    )
    try:
        for entry in copy.files:
            _unpack(source.absolute(), staged, copy, entry)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    with lake_writer(home, "restoring"):
        _write(home.root / UNFINISHED, json.dumps({"from": str(source), "copy": copy.name}).encode())
        if holds:
            made.set_aside = str(_set_aside(home, stamp))
        store.claim(home)
        _move_in(home, staged, copy)
        (home.root / UNFINISHED).unlink()
    shutil.rmtree(staged, ignore_errors=True)
    return made


def _unpack(source: Path, staged: Path, copy: Copy, entry: Entry) -> None:
    target = staged / entry.path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        digest, _ = copy_hashed(_object(source, entry.sha256), target)
    except FileNotFoundError:
        raise EnvironmentFault(
            f"{entry.path} is missing in the safety copy {copy.name}: nothing was changed; use an older one (--copy)"
        ) from None
    if digest != entry.sha256:
        raise _spoiled(copy, entry)
    target.chmod(entry.mode)
    os.utime(target, ns=(entry.mtime_ns, entry.mtime_ns))


def _set_aside(home: Home, stamp: str) -> Path:
    aside = home.root / f".replaced-{stamp}"
    aside.mkdir()
    for path in sorted(home.root.iterdir()):
        if path.name == "claims":  # the lock that is being held stays where it is
            (aside / "claims").mkdir()
            for inner in path.iterdir():
                if inner.is_file() and inner.suffix != ".lock":
                    inner.rename(aside / "claims" / inner.name)
        elif path.name not in LEFT_OUT - {"catalog"} and not path.name.startswith("."):
            path.rename(aside / path.name)
    if catalogue.is_sqlite(home.catalog):
        outside = catalogue.sqlite_path(home.catalog)
        for path in (outside, outside.with_name(outside.name + "-wal"), outside.with_name(outside.name + "-shm")):
            if path.exists():
                path.rename(path.with_name(f"{path.name}.replaced-{stamp}"))
    return aside


def _move_in(home: Home, staged: Path, copy: Copy) -> None:
    """The catalogue comes last: without it the road refuses, so a half restored home is never built on."""
    kept = staged / "catalog"
    for path in sorted(staged.iterdir()):
        if path == kept:
            continue
        if home.store and path.name in store.KEPT:
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                store.put(home, file.relative_to(staged).as_posix(), file)
            continue
        target = home.root / path.name
        if target.is_dir():  # an empty one, or the folder with the lock that is being held
            for inner in sorted(path.iterdir()):
                if (target / inner.name).is_dir():
                    shutil.rmtree(target / inner.name)
                inner.rename(target / inner.name)
        else:
            path.rename(target)
    home.prepare()
    if not copy.has_lake:
        return
    file = kept / Path(CATALOGUE).name
    if not catalogue.is_sqlite(home.catalog):
        catalogue.copy(home, f"sqlite:{file}", home.catalog)
        return
    into = catalogue.sqlite_path(home.catalog)
    beside = into.with_name(f".{into.name}.tmp")
    beside.unlink(missing_ok=True)
    copy_hashed(file, beside)
    beside.replace(into)


# ---- the folder of copies ---------------------------------------------------------------------------------------------


def _copies(dest: Path) -> list[Path]:
    return sorted((dest / "copies").glob("*.json"))


def _newest_entries(dest: Path) -> list[Entry]:
    for path in reversed(_copies(dest)):
        with contextlib.suppress(EnvironmentFault):
            return _load(path).files
    return []


def _load(path: Path) -> Copy:
    try:
        value = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        seal = value.pop("seal")
        if value["format"] != FORMAT:
            raise EnvironmentFault(
                f"the safety copy {path.stem} was made by another townlake: use the one that made it"
            )
        if seal != _seal(value):
            raise ValueError("seal")
        del value["format"]
        copy = Copy(**{**value, "files": [Entry(**e) for e in value["files"]]})
        if any(".." in PurePosixPath(e.path).parts or e.path.startswith("/") for e in copy.files):
            raise ValueError("a path leads out of the home")
        return copy
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EnvironmentFault(f"the manifest {path} is damaged: use an older safety copy (--copy)") from error


def _seal(value: dict[str, Any]) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _object(dest: Path, digest: str) -> Path:
    return dest / "objects" / digest[:2] / digest


def _object_size(dest: Path, digest: str) -> int | None:
    path = _object(dest, digest)
    return path.stat().st_size if path.exists() else None


def _spoiled(copy: Copy, entry: Entry) -> EnvironmentFault:
    return EnvironmentFault(
        f"{entry.path} in the safety copy {copy.name} is not what it was (the hash differs): nothing was changed; use an older "
        "one (--copy)"
    )


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _write(path: Path, data: bytes) -> None:
    """All or nothing, down to the disk."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
