"""Taking one claimed file: archive, recognise, read, write raw Parquet, receipt last.

Nothing here touches the lake, so any number of files are taken in parallel. Every step may be killed and repeated: the
archive is named by content, raw files by attempt, and only the receipt makes a delivery exist.
"""

from __future__ import annotations

import calendar
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion import corrections, review
from ingestion.contracts import Contracts, DatasetContract
from ingestion.files import BEIJING, best_name, sha256_of
from ingestion.identity import same_content, stated_again
from ingestion.landing import Claim, department_of
from ingestion.receipts import add_alias, known_receipts, write_receipt
from ingestion.recognise import Match, Recognition, recognise
from warehouse import store
from warehouse.errors import explain
from warehouse.home import Home
from warehouse.lock import exclusive, try_exclusive

if TYPE_CHECKING:
    from ingestion.readers import FileProbe, RawResult, TableProbe

BASE_SECONDS, SECONDS_PER_GIB = 60.0, 600.0
BASE_MEMORY, MEMORY_PER_FILE_BYTE = 4 * 2**30, 0.5


def take(home: Home, claim: Claim, contracts: Contracts) -> list[dict[str, Any]]:
    """Takes one claim and returns the receipts it led to (several for an archive and for names that state several days,
    none if another process has it)."""
    with try_exclusive(home.claims / "locks" / f"{claim.delivery_id}.lock") as mine:
        if not mine:
            return []
        if (done := known_receipts(home).get(claim.delivery_id)) and not _deserves_retry(done, contracts):
            receipts = [done]
        else:
            receipts = _take(home, claim, contracts)
    for again in _stated_again(claim, receipts[0], contracts):
        receipts += take(home, again, contracts)
    return receipts


def _stated_again(claim: Claim, receipt: Mapping[str, Any], contracts: Contracts) -> list[Claim]:
    """The deliveries that other names of a claim's bytes make by stating another as-of day (docs/decisions/0007)."""
    by_day: dict[str, list[str]] = {}
    for name in (claim.file, *claim.aliases) if claim.of_bytes is None else ():
        if day := other_day(contracts, receipt, name):
            by_day.setdefault(day, []).append(name)
    return [
        replace(
            claim,
            delivery_id=stated_again(claim.sha256, day),
            of_bytes=claim.sha256,
            file=best_name(names),
            aliases=tuple(sorted({*names} - {best_name(names)})),
        )
        for day, names in by_day.items()
    ]


def _take(home: Home, claim: Claim, contracts: Contracts) -> list[dict[str, Any]]:
    from ingestion.readers import Refused, is_archive

    started = time.monotonic()
    receipt = _blank(claim, contracts)
    receipts: list[dict[str, Any]] = []
    stored: Path | None = None
    try:
        stored = _archive(home, claim)
        receipt["archive"] = _archive_path(claim)
        if is_archive(stored, claim.file):
            receipts = _take_members(home, claim, stored, contracts, receipt)
        else:
            receipt |= _read(home, claim, stored, contracts)
            receipt["aliases"] = [name for name in claim.aliases if not other_day(contracts, receipt, name)]
            if claim.of_bytes and (first := known_receipts(home).get(claim.of_bytes)):
                receipt["same_content_as"] = _named(first)
    except Refused as refused:
        receipt |= {
            "status": "refused",
            "code": refused.code,
            "reason_zh": refused.reason_zh,
            "reason_en": refused.reason_en,
        }
    except (OSError, MemoryError) as error:
        raise explain(error) or error from error
    finally:
        if stored is not None:
            store.forget(home, stored)
    receipt["seconds"] = round(time.monotonic() - started, 3)
    _commit(home, receipt)
    if claim.pull:  # the archive has it now
        Path(claim.path).unlink(missing_ok=True)
    return [receipt, *receipts]


def _commit(home: Home, receipt: dict[str, Any]) -> None:
    """Page and workbook, then the receipt that makes the delivery exist."""
    from ingestion.receipt_page import draw

    if receipt["status"] != "taken":
        draw(home, receipt)
        write_receipt(home, receipt)
        return
    # one at a time for each dataset: of two files that say the same, taken side by side, the second must see the first
    with exclusive(home.claims / "locks" / f"{receipt['dataset']}.commit.lock", f"committing {receipt['file']}"):
        known = known_receipts(home)
        first = same_content(home, receipt, known)
        displaced: list[dict[str, Any]] = []
        if first is None:
            pass
        elif first["delivered_on"] != receipt["delivered_on"]:
            receipt["same_content_as"] = _named(first)
        elif _goes_before(receipt, first):
            displaced = _displace(receipt, first, known)
        else:
            add_alias(home, first["delivery_id"], receipt["file"])
            receipt |= _as_alias(first)
        leftover = [r.pop("raw") for r in (receipt, *displaced) if r["status"] == "identical" and "raw" in r]
        for each in (receipt, *displaced):  # never a moment without the content: at worst a killed run leaves it twice
            draw(home, each)
            write_receipt(home, each)
    for raw in leftover:
        store.remove(home, raw)


def _named(receipt: Mapping[str, Any]) -> dict[str, Any]:
    return {k: receipt[k] for k in ("delivery_id", "file", "delivered_on", "received_at")}


def _goes_before(receipt: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Of copies that arrive in one intake the one with the best name is the delivery, whichever was read first."""
    one_intake = receipt["received_at"] == first["received_at"]
    return one_intake and best_name([receipt["file"], first["file"]]) == receipt["file"]


def _displace(
    receipt: dict[str, Any], first: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """``receipt`` becomes the delivery in place of ``first``: the receipts that are its aliases from now on."""
    others = [
        r
        for r in known.values()
        if r["status"] == "identical" and r["same_content_as"]["delivery_id"] == first["delivery_id"]
    ]
    files = {first["file"], *(r["file"] for r in others)}
    receipt["aliases"] = sorted({*receipt["aliases"], *files})
    own = {"aliases": sorted({*first["aliases"]} - files)}
    return [{**first, **own, **_as_alias(receipt)}, *({**r, **_as_alias(receipt)} for r in others)]


def _as_alias(first: Mapping[str, Any]) -> dict[str, Any]:
    """What a receipt says whose content, of the same day, is that of another delivery: it is that one under one more name."""
    return {
        "status": "identical",
        "code": "same_content",
        "same_content_as": _named(first),
        "reason_zh": f"内容与已接收的“{first['file']}”完全相同，记作它的另一个文件名，没有重复接收",
        "reason_en": f"the same content as {first['file']}, of the same day: kept as its alias",
    }


def _blank(claim: Claim, contracts: Contracts) -> dict[str, Any]:
    from warehouse.version import code_version

    return {
        "delivery_id": claim.delivery_id,
        "file": claim.file,
        "aliases": list(claim.aliases),
        "department": claim.department,
        "bytes": claim.bytes,
        "received_at": claim.received_at,
        "dataset": None,
        "status": "refused",
        "code": None,
        "reason_zh": "",
        "reason_en": "",
        "rows": {},
        "contracts": contracts.fingerprint,
        "code_version": code_version(),
        **({"pull": claim.pull} if claim.pull else {}),
        **({"sha256": claim.of_bytes} if claim.of_bytes else {}),
    }


def _archive_path(claim: Claim) -> str:
    return f"archive/{claim.sha256[:2]}/{claim.sha256}"


def _archive(home: Home, claim: Claim) -> Path:
    """Puts the bytes into the archive unless they are there; returns the file to read, which `store.forget` takes."""
    path = _archive_path(claim)
    stored = store.place(home, path, f"-{uuid.uuid4().hex[:8]}")
    try:
        if store.size(home, path) == claim.bytes:
            store.fetch(home, path, stored)
        else:
            _copy_claimed(claim, stored)
            store.put(home, path, stored)
    except BaseException:
        store.forget(home, stored)
        raise
    return stored


def _copy_claimed(claim: Claim, target: Path) -> None:
    """Copies the bytes of a claim; what was copied is what was hashed."""
    from ingestion.readers import Refused

    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        try:
            shutil.copyfile(claim.path, temporary)
        except FileNotFoundError as error:
            raise Refused("gone", "文件在读取前被移走", "the file was moved away before it could be read") from error
        except PermissionError as error:
            raise Refused("no_permission", "没有读取该文件的权限", "no permission to read the file") from error
        if sha256_of(temporary) != claim.sha256:
            raise Refused("changed", "文件在读取时被改动，下次再读", "the file changed while it was being taken")
        temporary.chmod(0o444)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _take_members(
    home: Home, claim: Claim, stored: Path, contracts: Contracts, receipt: dict[str, Any]
) -> list[dict[str, Any]]:
    """Each member of an archive is a delivery of its own, `outer.zip/inner.csv`; the archive's receipt lists them."""
    from ingestion.readers import expand, is_noise
    from ingestion.readers.sandbox import run_limited

    folder = home.work / "expand" / f"{claim.delivery_id[:12]}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        seconds, memory = _limits(claim.bytes)
        members = run_limited(expand, stored, folder, seconds=seconds, memory_bytes=memory)
        receipts: list[dict[str, Any]] = []
        listed = []
        for member in members:
            name = f"{claim.file}/{member.name}"
            if member.path is None or is_noise(Path(member.name).name, Path(member.path).stat().st_size):
                listed.append({"member": member.name, "skipped": member.reason_zh or "系统文件"})
                continue
            path = Path(member.path)
            inner = replace(
                claim, delivery_id=sha256_of(path), path=str(path), file=name, aliases=(), bytes=path.stat().st_size
            )
            taken = take(home, inner, contracts)
            own = next((r for r in taken if r["file"] == name), None)
            listed.append({"member": member.name, "delivery_id": own["delivery_id"] if own else inner.delivery_id})
            receipts += taken
        receipt |= {"status": "container", "members": listed, "format": "archive"}
        return receipts
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _limits(size: int) -> tuple[float, int]:
    """Seconds and bytes of memory a child process gets for a file of `size` bytes."""
    factor = float(os.environ.get("TOWNLAKE_READ_LIMIT_FACTOR", "1"))
    return (
        factor * (BASE_SECONDS + SECONDS_PER_GIB * size / 2**30),
        int(factor * (BASE_MEMORY + MEMORY_PER_FILE_BYTE * size)),
    )


def _read(home: Home, claim: Claim, stored: Path, contracts: Contracts) -> dict[str, Any]:
    from ingestion.readers.sandbox import run_limited

    seconds, memory = _limits(claim.bytes)
    parts = run_limited(_read_in_child, home, claim, stored, contracts, seconds=seconds, memory_bytes=memory)
    if parts.get("raw"):
        written = store.place(home, parts["raw"])
        store.put(home, parts["raw"], written)
        store.forget(home, written)
    return parts


def _read_in_child(home: Home, claim: Claim, stored: Path, contracts: Contracts) -> dict[str, Any]:
    """Probe, recognise and write raw; runs in a child process under limits. Returns the receipt's parts."""
    from ingestion.readers import AnotherTable, probe, with_table_at

    found = probe(stored)
    if corrections.is_correction(found):
        return {"format": found.format, **corrections.read(home, claim, found, stored, contracts)}
    if review.is_review(found):
        return {"format": found.format, **review.read(home, claim, found, stored)}
    while True:
        try:
            return _read_probed(home, claim, found, contracts)
        except AnotherTable as another:
            found = with_table_at(found, another)


def _read_probed(home: Home, claim: Claim, found: FileProbe, contracts: Contracts) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "format": found.format,
        "encoding": found.encoding,
        "dialect": found.dialect,
        "tables": [_describe(t) for t in found.tables],
        "decisions": [asdict(d) for d in found.decisions],
    }
    name = Path(claim.file).name
    known = {claim.pull["dataset"]: contracts[claim.pull["dataset"]]} if claim.pull else contracts
    verdict = recognise(known, claim.department, name, [t.columns for t in found.tables])
    parts["nearest"] = [_nearest(m, contracts) for m in verdict.nearest]
    if verdict.dataset is None:
        return parts | _refusal(verdict, found)
    return parts | _write_raw(home, claim, found, verdict, contracts[verdict.dataset])


def _refusal(verdict: Recognition, found: FileProbe) -> dict[str, Any]:
    if not found.tables:
        return {
            "status": "refused",
            "code": "no_table",
            "reason_zh": "文件中没有找到数据表",
            "reason_en": "no table found in the file",
        }
    return {"status": "refused", "code": verdict.code, "reason_zh": verdict.reason_zh, "reason_en": verdict.reason_en}


def _nearest(found: Match, contracts: Mapping[str, DatasetContract]) -> dict[str, Any]:
    return {
        "dataset": found.dataset,
        "title": contracts[found.dataset].title,
        "score": found.score,
        "missing": list(found.missing_required + found.missing_optional),
    }


def _describe(table: TableProbe) -> dict[str, Any]:
    return {
        "sheet": table.sheet,
        "columns": list(table.columns),
        "header_rows": list(table.header_rows),
        "hidden": table.hidden,
        "titles": list(table.titles),
        "decisions": [asdict(d) for d in table.decisions],
    }


def _left_out(table: TableProbe) -> dict[str, Any]:
    """A table the delivery does not take: where it begins (rows and columns from 1), its columns."""
    begins = min([*table.title_rows, *table.header_rows, table.first_row])
    return {
        "sheet": table.sheet,
        "first_row": begins,
        "first_column": table.first_column + (table.block or (0, 0))[0] + 1,
        "columns": list(table.columns[:50]),
        "estimated_rows": table.estimated_rows,
    }


def _write_raw(
    home: Home, claim: Claim, found: FileProbe, verdict: Recognition, contract: DatasetContract
) -> dict[str, Any]:
    from ingestion.readers import write_raw

    tables = [found.tables[i] for i in sorted(verdict.matches)]
    matches = [verdict.matches[i] for i in sorted(verdict.matches)]
    received = datetime.fromisoformat(claim.received_at)
    today = received.astimezone(BEIJING).date()
    delivered, origin = (today, "pull") if claim.pull else as_of(contract, Path(claim.file).name, tables, today)
    dataset = contract.id.split(".")[1]
    raw = f"raw/{contract.domain}/{dataset}/{claim.delivery_id[:16]}-{uuid.uuid4().hex[:8]}.parquet"
    result: RawResult = write_raw(
        found,
        tables,
        store.place(home, raw),
        columns=[m.columns for m in matches],
        target_columns=[c.name for c in contract.delivered_columns],
        constants={
            "dataset": contract.id,
            "file": claim.file,
            "delivery_id": claim.delivery_id,
            "received_at": received,
            "delivered_on": delivered,
        },
    )
    taken = {t.index for t in tables}
    return {
        "status": "taken",
        "dataset": contract.id,
        "title": contract.title,
        "kind": contract.custom.delivery.kind,
        "contract": contract.fingerprint,
        "delivered_on": delivered.isoformat(),
        "delivered_on_from": origin,
        "raw": raw,
        "rows": result.rows_by_kind,
        "content": result.shape,
        "decisions": [asdict(d) for d in (*found.decisions, *result.decisions)],
        "unread": [asdict(u) for u in result.unread],
        "unread_count": result.unread_count,
        "column_titles": {c.name: c.business_name for c in contract.columns},
        "columns": [{"sheet": t.sheet, "matched": m.columns, "rescued": list(m.extra),
                     "missing": list(m.missing_optional)} for t, m in zip(tables, matches, strict=True)],
        "tables_not_taken": [_left_out(t) for t in found.tables if t.index not in taken],
    }  # fmt: skip


def as_of(contract: DatasetContract, file_name: str, tables: list[TableProbe], intake_day: date) -> tuple[date, str]:
    """The day the content is valid for, and where that was found. A month alone means its last day."""
    for rule in contract.custom.delivery.as_of:
        texts = {
            "file_name": [file_name],
            "title": [t for table in tables for t in table.titles],
            "sheet": [table.sheet or "" for table in tables],
        }[rule.source]
        for text in texts:
            for hit in re.finditer(rule.pattern, text):
                if found := _day(hit.groupdict()):
                    return found, rule.source
    return intake_day, "intake"


def other_day(contracts: Mapping[str, DatasetContract], receipt: Mapping[str, Any], name: str) -> str | None:
    """The as-of day that another name of a full delivery's bytes states, or None where it states no other.

    Only a name can state it: title and sheets are in the bytes. Where the contract has the day in the title first, it stands
    there. What came without a day holds on the day it came: a name of an earlier day says nothing more.
    """
    contract = contracts.get(receipt["dataset"] or "")
    if (
        contract is None
        or receipt["status"] not in ("taken", "identical")
        or receipt.get("kind") != "full"
        or receipt.get("pull")
        or department_of(name) != receipt["department"]
    ):
        return None
    before_name = {r.source for r in takewhile(lambda rule: rule.source != "file_name", contract.custom.delivery.as_of)}
    known = date.fromisoformat(receipt["delivered_on"])
    stated, _ = as_of(contract, Path(name).name, [], known)
    origin = receipt["delivered_on_from"]
    if stated == known or origin in before_name or (origin == "intake" and stated < known):
        return None
    return stated.isoformat()


def other_days(contracts: Contracts) -> Callable[[Mapping[str, Any], str], str | None]:
    """For `landing.scan`: `other_day` under these contracts."""
    return partial(other_day, contracts)


def _day(parts: Mapping[str, str | None]) -> date | None:
    try:
        year, month = int(parts.get("year") or 0), int(parts.get("month") or 0)
        last = calendar.monthrange(year, month)[1]
        return date(year, month, int(parts.get("day") or last))
    except (ValueError, calendar.IllegalMonthError):
        return None


def _deserves_retry(receipt: Mapping[str, Any], contracts: Contracts) -> bool:
    """A refused file is looked at again when contracts or code have changed since, or it had merely been moving."""
    from warehouse.version import code_version

    if receipt["status"] != "refused":
        return False
    return (
        receipt.get("code") in ("gone", "changed", "no_permission")
        or receipt.get("contracts") != contracts.fingerprint
        or receipt.get("code_version") != code_version()
    )


def retry_policy(contracts: Contracts) -> Any:
    """For `landing.scan`: which earlier refusals deserve another look."""
    return lambda receipt: _deserves_retry(receipt, contracts)
