"""Is everything in place, and if not, what to do: each finding is one sentence of what is wrong and one of the remedy.

Looking changes nothing but a probe that is written and removed again. `deep` also reads every file of archive, raw and lake.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from warehouse import catalogue, store
from warehouse.deliveries import ROW_KINDS
from warehouse.errors import TownlakeError, explain
from warehouse.home import Home

if TYPE_CHECKING:
    import duckdb

MINIMUM_FREE_BYTES = 2 * 2**30
CATALOGUE_SECONDS = 5
"""A doctor does not wait for a catalogue as long as a build does."""
CLOCK_TOLERANCE = timedelta(minutes=5)
LONG_LOCK_SECONDS = 12 * 3600.0
_LISTED = 3


class Unwell(TownlakeError):
    """Something is wrong, and what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.remedy = remedy


def examine(home: Home, *, deep: bool = False) -> list[dict[str, Any]]:
    """Findings in the order in which they depend on each other: `what`, `ok`, `detail`, and `remedy` where not ok."""
    checks: list[tuple[str, Callable[[Home], str]]] = [
        ("packages", _packages),
        ("extensions", _extensions),
        ("home", _home),
        ("disk", _disk),
        ("contracts", _contracts),
        ("writer lock", _lock),
        ("receipts", _receipts),
        ("raw files", _raw_files),
        ("archive", _archive),
        ("catalogue", _catalogue),
        ("lake version", _version),
        ("lake files", _lake_files),
        ("clock", _clock),
        ("published", _published),
        ("freshness", _freshness),
    ]
    if home.store:
        checks.insert(2, ("object storage", _storage))
    if deep:
        checks += [
            ("every archived file", _every_archived),
            ("every raw file", _every_raw),
            ("every lake file", _every_lake),
        ]
    findings: list[dict[str, Any]] = []
    with _impatient():
        for what, check in checks:
            if check in _NEEDS_CATALOGUE and any(f["what"] == "catalogue" and not f["ok"] for f in findings):
                continue  # said once
            if check in _NEEDS_STORE and any(f["what"] == "object storage" and not f["ok"] for f in findings):
                continue
            findings.append(_finding(home, what, check))
    return findings


def _finding(home: Home, what: str, check: Callable[[Home], str]) -> dict[str, Any]:
    try:
        return {"what": what, "ok": True, "detail": check(home)}
    except Exception as error:
        known = explain(error)
        detail = str(known or f"{type(error).__name__}: {error}")
        remedy = error.remedy if isinstance(error, Unwell) else detail.rpartition(": ")[2]
        return {"what": what, "ok": False, "detail": detail, "remedy": remedy}


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    before = os.environ.get("TOWNLAKE_CATALOG_WAIT")
    os.environ["TOWNLAKE_CATALOG_WAIT"] = before or str(CATALOGUE_SECONDS)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TOWNLAKE_CATALOG_WAIT"]


def _some(names: list[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


# ---- the ground -------------------------------------------------------------------------------------------------------


def _packages(home: Home) -> str:
    from importlib.metadata import version

    wanted = {"duckdb": "1.5.5"}
    wrong = [f"{p} {version(p)} instead of {v}" for p, v in wanted.items() if version(p) != v]
    if wrong:
        raise Unwell(", ".join(wrong), "run `make setup`")
    return ", ".join(f"{p} {version(p)}" for p in ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations", "polars"))


def _extensions(home: Home) -> str:
    from warehouse.lake import engine

    names = ["ducklake", "sqlite_scanner" if catalogue.is_sqlite(home.catalog) else "postgres_scanner", "spatial"]
    names += ["httpfs"] if home.store else []
    with contextlib.closing(engine(signed=True)) as con:
        for name in names:
            con.execute(f"load {name}")
    return f"{', '.join(names)} load without network, as signed"


def _storage(home: Home) -> str:
    """Python and DuckDB both write or read below TOWNLAKE_STORE; the probe is removed again."""
    from warehouse.lake import engine, literal

    store.claim(home)
    path = f"raw/.doctor-{os.getpid()}.tmp"
    written = store.place(home, path)
    written.write_text("ok")
    try:
        store.put(home, path, written)
        with contextlib.closing(engine(home)) as con:
            con.execute(f"select content from read_text({literal(home.address(path))})")
    finally:
        store.forget(home, written)
        store.remove(home, path)
    return f"{home.store} can be written and read"


def _home(home: Home) -> str:
    from warehouse.backup import UNFINISHED

    if (home.root / UNFINISHED).exists():
        told = json.loads((home.root / UNFINISHED).read_text())
        raise Unwell(
            f"putting a safety copy back into {home.root} was interrupted",
            f"run `townlake restore {told.get('from', 'SRC')} --force` again",
        )
    home.prepare()
    folders = [home.root, home.outbox, home.claims, home.work]
    if not home.store:
        folders += [home.lake, home.raw, home.archive]
    if catalogue.is_sqlite(home.catalog):
        folders.append(catalogue.sqlite_path(home.catalog).parent)
    for folder in folders:
        probe = folder / f".doctor-{os.getpid()}.tmp"
        try:
            probe.write_text("ok")
            probe.unlink()
        except OSError as error:
            raise Unwell(
                f"{folder} cannot be written ({error.strerror})",
                "free some space"
                if error.errno in (28, 122)
                else "mount the disk so that it can be written, or give this user access",
            ) from error
    return f"{home.root} can be written"


def _disk(home: Home) -> str:
    place = home.root if home.root.exists() else home.root.parent
    places = {place, *(p for p in (home.lake, home.raw, home.work) if p.exists())}
    free = {p: shutil.disk_usage(p).free for p in places}
    least = min(free, key=lambda p: free[p])
    if free[least] < MINIMUM_FREE_BYTES:
        raise Unwell(
            f"only {free[least] / 2**30:.1f} GiB are free below {least}",
            f"free {MINIMUM_FREE_BYTES // 2**30} GiB at least, or move the home to a larger disk: builds stop before they lose anything",
        )
    return f"{free[least] / 2**30:.0f} GiB free"


def _clock(home: Home) -> str:
    from ingestion.receipts import known_receipts
    from warehouse.lake import lake_exists, reading, table_exists

    stamps = [datetime.fromisoformat(r["received_at"]) for r in known_receipts(home).values() if r.get("received_at")]
    if lake_exists(home):
        with reading(home, tip=True) as con:
            if table_exists(con, "foundation", "build"):
                row = con.execute("select max(finished_at) from foundation.build").fetchone()
                stamps += [row[0]] if row and row[0] else []
    now = datetime.now(UTC)
    if stamps and now < max(stamps) - CLOCK_TOLERANCE:
        raise Unwell(
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, but something was taken or built at {max(stamps).astimezone(UTC):%Y-%m-%d %H:%M}",
            "set the clock (`timedatectl`) before anything more is taken: the order of deliveries hangs on it",
        )
    return f"{now:%Y-%m-%d %H:%M} UTC, not before anything taken or built"


def _lock(home: Home) -> str:
    from warehouse.lock import try_exclusive

    path = home.claims / "lake_writer.lock"
    if not path.exists():
        return "free"
    with try_exclusive(path) as mine:
        if mine:
            return "free"
        since = time.time() - path.stat().st_mtime
    holder = path.read_text(errors="replace").strip()
    number = holder.split(" ", 1)[0]
    if number.isdigit() and not _alive(int(number)):
        raise Unwell(
            f"the writer's lock is held, but process {number} that took it does not run here",
            f"end what runs on another machine with this home, or, when nothing does, remove {path}",
        )
    if since > LONG_LOCK_SECONDS:
        raise Unwell(
            f"the writer's lock is held since {since / 3600:.0f} hours by process {holder}",
            f"look whether that process still works, and end it if it does not (kill {number}): the lock is free with its end",
        )
    return f"held by process {holder}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


# ---- what was taken ---------------------------------------------------------------------------------------------------


def _contracts(home: Home) -> str:
    from ingestion.contracts import load_contracts

    return f"{len(load_contracts())} contracts are valid"


def _receipts(home: Home) -> str:
    broken, sound = [], 0
    for path in sorted(home.outbox.glob("*/*.json")):
        try:
            receipt = json.loads(path.read_text(encoding="utf-8"))
            sound += isinstance(receipt, dict) and "delivery_id" in receipt
        except (OSError, ValueError):
            broken.append(str(path.relative_to(home.root)))
    if broken:
        raise Unwell(
            f"{len(broken)} receipt(s) cannot be read: {_some(broken)}",
            "remove them and run `townlake run`, which takes the files again from landing (or put them back from a safety copy)",
        )
    return f"{sound} receipts can be read"


def _taken(home: Home) -> list[dict[str, Any]]:
    from ingestion.receipts import known_receipts

    return [r for r in known_receipts(home).values() if r["status"] == "taken"]


def _raw_files(home: Home) -> str:
    taken = _taken(home)
    files = store.listed(home, "raw")
    missing = [r["file"] for r in taken if r["raw"] not in files]
    if missing:
        raise Unwell(
            f"{len(missing)} raw file(s) that a receipt names are gone, of {_some(missing)}",
            "put them back from a safety copy (`townlake restore`), or remove their receipts and run `townlake run` to take the files again",
        )
    broken = [r["file"] for r in taken if not _is_parquet(home, r["raw"], files[r["raw"]].bytes)]
    if broken:
        raise Unwell(f"{len(broken)} raw file(s) are damaged, of {_some(broken)}", _RAW_REMEDY)
    return f"{len(taken)} taken deliveries, every raw file there"


_RAW_REMEDY = (
    "put them back from a safety copy (`townlake restore`), or remove raw file and receipt and run `townlake run` to take the "
    "files again"
)


def _archive(home: Home) -> str:
    from ingestion.receipts import known_receipts

    named = [r for r in known_receipts(home).values() if r.get("archive")]
    files = store.listed(home, "archive")
    missing = [r["file"] for r in named if r["archive"] not in files]
    if missing:
        raise Unwell(
            f"{len(missing)} archived file(s) are gone, of {_some(missing)}",
            "put them back from a safety copy (`townlake restore`)",
        )
    return f"{len(named)} files named by receipts are there"


def _is_parquet(home: Home, path: str, size: int) -> bool:
    """Whether the file begins and ends as Parquet does and has room for the footer it announces."""
    if size < 12:
        return False
    with store.opened(home, path) as handle:
        head = handle.read(4)
        handle.seek(size - 8)
        tail = handle.read(8)
    return head == tail[4:] == b"PAR1" and int.from_bytes(tail[:4], "little") + 12 <= size


# ---- the lake ---------------------------------------------------------------------------------------------------------


def _catalogue(home: Home) -> str:
    from warehouse.lake import lake_exists, reading

    if not lake_exists(home):
        return "no lake yet (the first build makes it)"
    with reading(home, tip=True) as con:
        row = con.execute("select count(*), max(snapshot_id) from ducklake_snapshots('lake')").fetchone()
    if catalogue.is_sqlite(home.catalog):
        _writable(home)
    return f"opens; {row[0] if row else 0} snapshots"


def _writable(home: Home) -> None:
    """A catalogue that another program keeps locked can be read and not written."""
    from warehouse.lock import try_exclusive

    path = catalogue.sqlite_path(home.catalog)
    with try_exclusive(home.claims / "lake_writer.lock") as mine:
        if not mine:
            return  # a build writes
        try:
            with contextlib.closing(sqlite3.connect(path, timeout=CATALOGUE_SECONDS, isolation_level=None)) as con:
                con.execute("begin immediate")
                con.execute("rollback")
        except sqlite3.OperationalError as error:
            raise Unwell(
                f"the catalogue {path} cannot be written ({error})",
                f"find the program that keeps it open (`fuser {path}`) and end it, or give this user access",
            ) from error


def _version(home: Home) -> str:
    from townlake.upgrade import kept_tables
    from warehouse import migrate
    from warehouse.lake import lake_exists, reading

    if not lake_exists(home):
        return "no lake yet"
    with reading(home, tip=True) as con:
        found = migrate.refuse_other(con, kept_tables())
        if migrate.owes_full_build(con):
            raise Unwell("the lake was migrated and not built anew since", "run `townlake build --full` (ids stay)")
    return "nothing kept yet" if found is None else f"version {found}, as this code builds"


def _named_files(home: Home) -> list[tuple[str, int, int, bool]]:
    """(file below the home, bytes, rows, is data) of every file that any snapshot of the lake needs."""
    from warehouse.lake import engine

    with contextlib.closing(engine()) as con:
        catalogue.attach_tables(con, home.catalog, "c")
        rows = con.execute(
            """with s as (select distinct schema_id, path, path_is_relative as below from c.ducklake_schema),
                    t as (select distinct table_id, schema_id, path, path_is_relative as below from c.ducklake_table),
                    folder as (select distinct table_id,
                                      case when not t.below then t.path when not s.below then s.path || t.path
                                           else s.path || t.path end as path, t.below and s.below as below
                               from t join s using (schema_id)),
                    f as (select table_id, path, path_is_relative as below, file_size_bytes, record_count, true as is_data
                          from c.ducklake_data_file
                          union all select table_id, path, path_is_relative, file_size_bytes, delete_count, false
                          from c.ducklake_delete_file)
               select case when f.below then folder.path || f.path else f.path end, f.below and folder.below,
                      file_size_bytes, record_count, is_data
               from f join folder using (table_id)"""
        ).fetchall()
    return [(f"lake/{path}" if below else path, size, count, is_data) for path, below, size, count, is_data in rows]


def _lake_sizes(home: Home, named: list[tuple[str, int, int, bool]]) -> dict[str, int]:
    """Bytes of those that are there; one list of the folder, and a look at each that lies elsewhere."""
    found = {path: file.bytes for path, file in store.listed(home, "lake").items()}
    for path in {p for p, *_ in named if not p.startswith("lake/")}:
        if (size := store.size(home, path)) is not None:
            found[path] = size
    return found


_LAKE_REMEDY = "put the lake back from a safety copy (`townlake restore`), or, where a dbt model makes the table, run `townlake build --full`"


def _lake_files(home: Home) -> str:
    from warehouse.lake import lake_exists

    if not lake_exists(home):
        return "no lake yet"
    named = _named_files(home)
    sizes = _lake_sizes(home, named)
    missing = sorted({p for p, *_ in named if p not in sizes})
    if missing:
        raise Unwell(f"{len(missing)} file(s) that the catalogue names are gone: {_some(missing)}", _LAKE_REMEDY)
    broken = sorted({p for p, size, *_ in named if sizes[p] != size or not _is_parquet(home, p, size)})
    if broken:
        raise Unwell(f"{len(broken)} file(s) of the lake are damaged: {_some(broken)}", _LAKE_REMEDY)
    return f"{len(named)} files named by the catalogue, each there and of its size"


def _published(home: Home) -> str:
    from warehouse.lake import lake_exists, published_snapshot

    snapshot = published_snapshot(home) if lake_exists(home) else None
    return "nothing published yet" if snapshot is None else f"readers attach at snapshot {snapshot}"


def _freshness(home: Home) -> str:
    """Late deliveries are the departments' affair, not a fault of the installation: said, never BAD."""
    from ingestion.contracts import load_contracts
    from quality.freshness import late, look
    from warehouse.lake import lake_exists, reading, table_exists

    if not lake_exists(home):
        return "nothing delivered yet"
    with reading(home, tip=True) as con:
        if not table_exists(con, "foundation", "delivery"):
            return "nothing delivered yet"
        standing = look(con, load_contracts())
    behind = late(standing)
    return (
        f"{len(behind)} dataset(s) late: " + "; ".join(f.zh for f in behind[:10]) if behind else "no delivery is late"
    )


# ---- in depth ---------------------------------------------------------------------------------------------------------


def _every_archived(home: Home) -> str:
    """The archive is named by content: each file says itself what it has to be."""
    count, broken = 0, []
    for path in sorted(store.listed(home, "archive")):
        if path.endswith(".tmp"):
            continue
        count += 1
        with store.opened(home, path) as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != path.rpartition("/")[2]:
                broken.append(path)
    if broken:
        raise Unwell(
            f"{len(broken)} archived file(s) are not what was delivered: {_some(broken)}",
            "put them back from a safety copy (`townlake restore`), or copy the delivered file there",
        )
    return f"{count} files, each hash as its name says"


def _every_raw(home: Home) -> str:
    broken = []
    files = store.listed(home, "raw")
    taken = [r for r in _taken(home) if r["raw"] in files]
    with _reader(home) as con:
        for receipt in taken:
            rows = sum((receipt.get("rows") or {}).get(kind, 0) for kind in ROW_KINDS)
            if _rows(con, home.address(receipt["raw"])) != rows:
                broken.append(receipt["file"])
    if broken:
        raise Unwell(f"{len(broken)} raw file(s) cannot be read whole, of {_some(broken)}", _RAW_REMEDY)
    return f"{len(taken)} files read, each with the rows its receipt counts"


def _every_lake(home: Home) -> str:
    from warehouse.lake import lake_exists

    if not lake_exists(home):
        return "no lake yet"
    named = _named_files(home)
    sizes = _lake_sizes(home, named)
    there = [(p, count) for p, _, count, _ in named if p in sizes]
    with _reader(home) as con:
        broken = sorted({p for p, count in there if _rows(con, home.address(p)) != count})
    if broken:
        raise Unwell(f"{len(broken)} file(s) of the lake cannot be read whole: {_some(broken)}", _LAKE_REMEDY)
    return f"{len(there)} files read, each with the rows the catalogue counts"


@contextlib.contextmanager
def _reader(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    from warehouse.lake import engine

    with contextlib.closing(engine(home)) as con:
        con.execute("load spatial")
        yield con


def _rows(con: duckdb.DuckDBPyConnection, address: str) -> int | None:
    """Rows of a Parquet file, every value of it decoded; None where it cannot be read."""
    import duckdb

    from warehouse.lake import literal

    try:
        row = con.execute(f"select count(*), bit_xor(hash(t)) from read_parquet({literal(address)}) as t").fetchone()
    except duckdb.Error:
        return None
    return int(row[0]) if row else None


_NEEDS_CATALOGUE = (_version, _lake_files, _clock, _published, _freshness, _every_lake)
_NEEDS_STORE = (_home, _raw_files, _archive, _catalogue, _every_archived, _every_raw, *_NEEDS_CATALOGUE)
