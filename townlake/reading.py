"""`townlake read`: any supported file with nothing but its bytes, what was detected, and its tables as UTF-8 CSV."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import WrongUse

if TYPE_CHECKING:
    from ingestion.readers import FileProbe

BASE_SECONDS, SECONDS_PER_GIB = 20.0, 600.0
BASE_MEMORY, MEMORY_PER_FILE_BYTE = 2 << 30, 0.5


def read_file(file: Path, *, out: Path | None, every: bool, as_json: bool) -> None:
    """Reads `file` in a child process under limits and prints what was found.

    A file that cannot be read ends with exit code 2 and its reason (as JSON too, with `--json`).
    """
    from ingestion.readers import Refused

    if not file.is_file():
        raise WrongUse(f"there is no file {file}")
    if out is not None and not out.absolute().parent.is_dir():
        raise WrongUse(f"the folder {out.absolute().parent} does not exist")
    try:
        answer = read_limited(file, out, every=every)
    except Refused as refused:
        if as_json:
            answer = {
                "status": "refused",
                "file": str(file),
                "code": refused.code,
                "reason_en": refused.reason_en,
                "reason_zh": refused.reason_zh,
            }
            print(json.dumps(answer, ensure_ascii=False, indent=1))
        raise WrongUse(f"{file.name} cannot be read: {refused.reason_en} ({refused.reason_zh})") from refused
    print(json.dumps(answer, ensure_ascii=False, indent=1, default=str)) if as_json else _print(answer)


def read_limited(file: Path, out: Path | None, *, every: bool) -> dict[str, Any]:
    """Reads `file` in a child process under limits of time and memory; its first table, or every one, goes to `out` as CSV.

    Raises Refused where it cannot be read.
    """
    from ingestion.readers.sandbox import run_limited

    size = file.stat().st_size
    answer: dict[str, Any] = run_limited(
        _read, file, out, every,
        seconds=BASE_SECONDS + SECONDS_PER_GIB * size / 2**30,
        memory_bytes=int(BASE_MEMORY + MEMORY_PER_FILE_BYTE * size),
    )  # fmt: skip
    return answer


def _read(file: Path, out: Path | None, every: bool) -> dict[str, Any]:
    """Runs in the child: members of an archive are read one after another, as if each were a file."""
    from ingestion.readers import Refused, expand, is_archive, is_noise

    if not is_archive(file, file.name):
        return {"status": "read", "file": str(file), **_read_plain(file, out, every, 1)}
    folder = Path(tempfile.mkdtemp(prefix="townlake-read-"))
    try:
        members: list[dict[str, Any]] = []
        written = 0
        for member in expand(file, folder):
            if member.path is None or is_noise(Path(member.name).name, os.path.getsize(member.path)):  # noqa: PTH202
                members.append({"member": member.name, "status": "skipped", "reason_zh": member.reason_zh})
                continue
            try:
                first = written == 0
                found = _read_plain(Path(member.path), out if first or every else None, every, written + 1)
                members.append({"member": member.name, "status": "read", **found})
                written += len(found["written"])
            except Refused as refused:
                members.append(
                    {
                        "member": member.name,
                        "status": "refused",
                        "code": refused.code,
                        "reason_en": refused.reason_en,
                        "reason_zh": refused.reason_zh,
                    }
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not any(m["status"] == "read" for m in members):
        raise Refused("no_table", "压缩包中没有可读取的表", "no readable table in the archive")
    return {"status": "read", "file": str(file), "format": "archive", "members": members}


def _read_plain(file: Path, out: Path | None, every: bool, number: int) -> dict[str, Any]:
    from ingestion.readers import AnotherTable, probe, with_table_at

    found = probe(file)
    while True:
        try:
            return _read_probed(file, found, out, every, number)
        except AnotherTable as another:
            found = with_table_at(found, another)


def _read_probed(file: Path, found: FileProbe, out: Path | None, every: bool, number: int) -> dict[str, Any]:
    from ingestion.readers import Refused, iter_tables, report, write_csv

    tables = list(iter_tables(file, found))
    if not tables:
        raise Refused("no_table", "文件中没有找到数据表", "no table found in the file")
    visible = [t for t in tables if not t.table.hidden] or tables
    wanted = tables if every else visible[:1]
    written = []
    for position, table in enumerate(wanted, start=number):
        target = _numbered(out, position) if out is not None else Path(os.devnull)
        write_csv(table, target)
        if out is not None:
            written.append(str(target))
    return {**report(found, wanted), "written": written}


def _numbered(out: Path, position: int) -> Path:
    """F.csv, F.2.csv, F.3.csv …"""
    return out if position == 1 else out.with_name(f"{out.stem}.{position}{out.suffix}")


def _print(answer: dict[str, Any]) -> None:
    for part in answer.get("members", [answer]):
        if "member" in part:
            print(f"{part['member']}: {part['status']} {part.get('reason_en') or part.get('reason_zh') or ''}".rstrip())
        if part["status"] == "read":
            _print_part(part)


def _print_part(part: dict[str, Any]) -> None:
    detected = [
        part["format"],
        part.get("encoding"),
        ", ".join(f"{k}={v!r}" for k, v in (part.get("dialect") or {}).items()),
    ]
    print("format: " + " · ".join(str(d) for d in detected if d))
    for table in part["tables"]:
        where = f"sheet {table['sheet']!r}" if table["sheet"] else "table"
        hidden = " (hidden)" if table["hidden"] else ""
        print(
            f"{where}{hidden}: {len(table['columns'])} columns, header in row {', '.join(map(str, table['header_rows'])) or '-'}"
        )
        print("  columns: " + " | ".join(table["columns"]))
        if "rows" in table:
            print("  rows: " + ", ".join(f"{n} {k}" for k, n in table["rows"].items() if n))
        for decision in table["decisions"]:
            print(f"  - {decision['detail_en']}")
        for row in table.get("left_out", [])[:20]:
            print(
                f"  left out row {row['row_number']} ({row['kind']}): {' | '.join(c or '' for c in row['cells'])[:120]}"
            )
    for decision in part["decisions"]:
        print(f"- {decision['detail_en']}")
    for path in part["written"]:
        print(f"written: {path}")
