"""Object storage: raw, archive and lake below TOWNLAKE_STORE (s3://BUCKET/FOLDER) instead of below the home.

Where no store is set every function here is the plain one of the local disk. Claims, receipts, outbox, reports, work and locks
always stay in the home: a receipt is the commit, and a rename on a disk is one; an object appears whole or not at all, but cannot
be renamed. Keys come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), the server from
AWS_ENDPOINT_URL, the region from AWS_REGION or AWS_DEFAULT_REGION; none of them is written anywhere.

Python speaks to it through pyarrow, SQL through DuckDB's httpfs. A server that does not answer is waited for as long as a
catalogue is (TOWNLAKE_CATALOG_WAIT).
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import shutil
import stat
import sys
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from warehouse.errors import EnvironmentFault, TownlakeError, WrongUse, explain

if TYPE_CHECKING:
    import duckdb

    from warehouse.home import Home

T = TypeVar("T")

KEPT = ("archive", "raw", "lake")
"""The folders of a home that a store holds."""
MARKER = "townlake.json"
"""Names, in the store, the one home it belongs to: another one's maintenance would take its files for orphans."""
_BLOCK = 8 << 20
_RETRY_SECONDS = 0.25


@dataclass(frozen=True)
class Kept:
    """Size in bytes and time (seconds since 1970) of the last change of a file."""

    bytes: int
    changed: float


# ---- files, wherever they are; `path` is below the home: raw/…, archive/…, lake/… ----------------------------------------


def place(home: Home, path: str, attempt: str = "") -> Path:
    """Where to write a file of the store: its own place on the disk, or scratch from which `put` sends it."""
    local = home.work / "upload" / (path.replace("/", "__") + attempt) if home.store else home.root / path
    local.parent.mkdir(parents=True, exist_ok=True)
    return local


def put(home: Home, path: str, written: Path) -> None:
    """Sends what was written at `place` under its final name; it is there whole or not at all, or named by no receipt.

    Nothing happens on the disk, where it was written in its place.
    """
    if not home.store:
        return
    size = written.stat().st_size

    def send() -> None:
        with written.open("rb") as source, _files().open_output_stream(_key(home, path), buffer_size=0) as out:
            shutil.copyfileobj(source, out, _BLOCK)
        arrived = _files().get_file_info(_key(home, path)).size
        if arrived != size:  # the stream is closed, and with it the object made, whatever ended the copying
            raise EnvironmentFault(
                f"{home.address(path)} has {arrived} bytes instead of {size}: run the same command again"
            )

    _patiently(home.store, send)


def fetch(home: Home, path: str, target: Path) -> None:
    """Brings a file to a place made by `place`. Nothing happens on the disk, where it is there."""
    if home.store:
        with opened(home, path) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out, _BLOCK)


def forget(home: Home, written: Path) -> None:
    """Removes the scratch of `place`; nothing on the disk, where it is the file itself."""
    if home.store:
        written.unlink(missing_ok=True)


def size(home: Home, path: str) -> int | None:
    """Bytes of a file, None where it is not there."""
    if not home.store:
        local = home.root / path
        return local.stat().st_size if local.exists() else None
    found = _patiently(home.store, lambda: _files().get_file_info(_key(home, path)))
    return None if found.size is None else int(found.size)


def listed(home: Home, folder: str) -> dict[str, Kept]:
    """Every file below a folder (raw, archive, lake), by its path below the home."""
    if not home.store:
        found = {}
        for each in (home.root / folder).rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # renamed or removed meanwhile
                state = each.stat()
                if stat.S_ISREG(state.st_mode):
                    found[each.relative_to(home.root).as_posix()] = Kept(state.st_size, state.st_mtime)
        return found
    from pyarrow.fs import FileSelector

    below = FileSelector(_key(home, folder), recursive=True, allow_not_found=True)
    start = len(_key(home, "")) + 1
    return {
        f.path[start:]: Kept(f.size, f.mtime.timestamp())
        for f in _patiently(home.store, lambda: _files().get_file_info(below))
        if f.size is not None and f.mtime is not None
    }


def any_below(home: Home, folder: str) -> bool:
    """Whether a Parquet file lies below a folder; asks for one folder after the other, not for all of them."""
    if not home.store:
        return next((home.root / folder).rglob("*.parquet"), None) is not None
    from pyarrow.fs import FileSelector, FileType

    waiting = [_key(home, folder)]
    while waiting:
        here = FileSelector(waiting.pop(), allow_not_found=True)
        inside = _patiently(home.store, functools.partial(_files().get_file_info, here))
        if any(f.type == FileType.File and f.path.endswith(".parquet") for f in inside):
            return True
        waiting += [f.path for f in inside if f.type == FileType.Directory]
    return False


@contextlib.contextmanager
def opened(home: Home, path: str) -> Iterator[BufferedIOBase]:
    """A file to read from anywhere in it. Raises FileNotFoundError."""
    if not home.store:
        with (home.root / path).open("rb") as local:
            yield local
        return
    with _patiently(home.store, lambda: _files().open_input_file(_key(home, path))) as remote:
        yield remote


def remove(home: Home, path: str) -> None:
    """Removes a file that may be gone already."""
    if not home.store:
        (home.root / path).unlink(missing_ok=True)
    elif size(home, path) is not None:
        _patiently(home.store, lambda: _files().delete_file(_key(home, path)))


def is_parquet(address: str) -> bool:
    """Whether the file of that full name (`Home.address`) is there and its footer can be read, nothing else of it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read() -> bool:
        try:
            if address.startswith("s3://"):
                pq.read_metadata(address.removeprefix("s3://"), filesystem=_files())
            else:
                pq.read_metadata(Path(address))
        except (OSError, ValueError, pa.ArrowException) as error:
            if "aws error" in str(error).lower():  # says nothing about the file
                raise
            return False
        return True

    return _patiently(address, read)


# ---- DuckDB --------------------------------------------------------------------------------------------------------------


def statements(home: Home) -> list[str]:
    """What DuckDB must run before it sees the store: none for a disk. They carry the keys: never print or keep them."""
    if not home.store:
        return []
    from warehouse.lake import literal

    given = _settings()
    options: dict[str, object] = {"type": "s3", "provider": "config", "scope": home.store + "/"}
    options |= {"key_id": given.key, "secret": given.secret, "session_token": given.token, "region": given.region}
    if given.endpoint:
        options |= {"endpoint": given.endpoint, "url_style": "path", "use_ssl": given.scheme == "https"}
    named = ", ".join(f"{name} {literal(value)}" for name, value in options.items())
    retries = int(math.log2(_wait() / _RETRY_SECONDS + 1))  # each waits twice as long as the one before
    return [
        "load httpfs",
        f"set http_retry_wait_ms = {int(_RETRY_SECONDS * 1000)}",
        "set http_retry_backoff = 2",
        f"set http_retries = {retries}",
        f"create or replace temporary secret townlake ({named})",
    ]


def show(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Lets a DuckDB see the store."""
    for statement in statements(home):
        con.execute(statement)


# ---- one store, one home -------------------------------------------------------------------------------------------------


def record(root: Path) -> Path:
    """The file of a home that says which store it uses: address and, below it, its id."""
    return root / "store" / "used.json"


def checked(root: Path, given: str) -> str:
    """The store as TOWNLAKE_STORE names it, without a last slash. Raises WrongUse where it is none, or not this home's."""
    address = given.rstrip("/")
    bucket = address.removeprefix("s3://").split("/")[0]
    if address and (not address.startswith("s3://") or not bucket or set(address) & set("?*[]'\" ")):
        raise WrongUse(f"TOWNLAKE_STORE is {given!r}: name it as s3://BUCKET or s3://BUCKET/FOLDER")
    if (used := _used(root)) and used["address"] != address:
        raise WrongUse(f"{root} keeps raw, archive and lake in {used['address']}: set TOWNLAKE_STORE to it")
    return address


_claimed: set[tuple[Path, str]] = set()


def claim(home: Home) -> None:
    """Sees that the store can be used and is this home's alone; takes an unused one. Once a process.

    Raises WrongUse where the home has files of its own already, EnvironmentFault where the store is another home's, its bucket
    is missing, the keys are wrong or nothing answers.
    """
    if not home.store or (home.root, home.store) in _claimed:
        return
    used = _used(home.root)
    if used is None and any(any((home.root / folder).rglob("*.*")) for folder in KEPT):
        raise WrongUse(
            f"{home.root} holds raw, archive and lake itself: make a safety copy (`townlake backup`), and put it back into "
            "a new home with TOWNLAKE_STORE set (`townlake restore`)"
        )
    mine = used["home"] if used else uuid.uuid4().hex
    found = _marker(home)
    if found is None:
        need_bucket(home)
        written = home.work / f"store-{uuid.uuid4().hex}"
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(json.dumps({"home": mine}), encoding="utf-8")
        try:
            put(home, MARKER, written)
        finally:
            written.unlink()
    elif found != mine:
        raise EnvironmentFault(
            f"{home.store} belongs to another home, whose files would be taken for leftovers: name another folder in TOWNLAKE_STORE"
        )
    if used is None:
        path = record(home.root)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{uuid.uuid4().hex[:8]}")
        beside.write_text(json.dumps({"address": home.store, "home": mine}) + "\n", encoding="utf-8")
        beside.replace(path)
    _claimed.add((home.root, home.store))


def need_bucket(home: Home) -> None:
    """Raises EnvironmentFault where the bucket is not there: it is made by whoever runs the storage, with its rules."""
    from pyarrow.fs import FileType

    bucket = home.store.removeprefix("s3://").split("/")[0]
    if _patiently(home.store, lambda: _files().get_file_info(bucket)).type == FileType.NotFound:
        raise EnvironmentFault(f"there is no bucket {bucket} (TOWNLAKE_STORE): make it, or name one that is there")


def need_free(home: Home) -> None:
    """Raises WrongUse where the store holds files already; EnvironmentFault where it cannot be used."""
    need_bucket(home)
    if any(listed(home, folder) for folder in KEPT) or (_marker(home) is not None and _used(home.root) is None):
        raise WrongUse(f"{home.store} holds the files of a home: name an empty folder in TOWNLAKE_STORE")


def _marker(home: Home) -> str | None:
    if size(home, MARKER) is None:
        return None
    with opened(home, MARKER) as source:
        return str(json.loads(source.read())["home"])


def _used(root: Path) -> dict[str, str] | None:
    path = record(root)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


# ---- the connection ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Settings:
    key: str = field(repr=False)
    secret: str = field(repr=False)
    token: str = field(repr=False)
    region: str
    scheme: str
    endpoint: str


def _settings() -> _Settings:
    get = os.environ.get
    url = urllib.parse.urlsplit(get("AWS_ENDPOINT_URL_S3") or get("AWS_ENDPOINT_URL") or "")
    key, secret = get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        raise EnvironmentFault("TOWNLAKE_STORE needs a key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if url.geturl() and (url.scheme not in ("http", "https") or not url.netloc):
        raise WrongUse("AWS_ENDPOINT_URL is no address: write http://HOST:PORT or https://HOST")
    region = get("AWS_REGION") or get("AWS_DEFAULT_REGION") or "us-east-1"
    return _Settings(key, secret, get("AWS_SESSION_TOKEN") or "", region, url.scheme or "https", url.netloc)


def _files() -> Any:
    return _connection(_settings(), os.getpid())


@functools.lru_cache(maxsize=2)
def _connection(settings: _Settings, pid: int) -> Any:
    """pyarrow's file system; one for each process, as its threads do not live on in a forked child."""
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    return S3FileSystem(
        access_key=settings.key,
        secret_key=settings.secret,
        session_token=settings.token or None,
        region=settings.region,
        scheme=settings.scheme,
        endpoint_override=settings.endpoint or None,
        connect_timeout=5,
        request_timeout=60,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=2),
        background_writes=False,
    )


def _key(home: Home, path: str) -> str:
    return home.address(path).removeprefix("s3://").rstrip("/")


def _wait() -> float:
    from warehouse.lake import catalogue_wait

    return catalogue_wait()


def _patiently(where: str, call: Callable[[], T]) -> T:
    """Calls again for a bounded time while nothing answers. Raises EnvironmentFault with what is wrong and what to do."""
    deadline = None
    while True:
        try:
            return call()
        except FileNotFoundError:
            raise
        except OSError as error:
            if not away(error):
                raise _fault(where, error) from None
            now = time.monotonic()
            if deadline is None:
                deadline = now + _wait()
                print(f"waiting for the object storage {where}, at most {_wait():.0f} s", file=sys.stderr, flush=True)
            if now >= deadline:
                raise _fault(where, error) from None
            time.sleep(1)


_AWAY = ("network_connection", "could not connect", "couldn't connect", "timeout", "timed out", "slow_down", "service_unavailable", "internal_failure", "http status 503", "http status 500")  # fmt: skip


def away(error: BaseException) -> bool:
    """Whether the error says that the server does not answer, which may pass by itself."""
    return any(phrase in str(error).lower() for phrase in _AWAY)


def _fault(where: str, error: OSError) -> TownlakeError:
    return explain(error) or EnvironmentFault(f"the object storage {where} failed: {str(error).splitlines()[0]}")
