"""Workbooks that go out to people and come back decided: what correction (更正表) and review workbooks (核对表) share.

A hidden sheet says of each row what it is about, sealed with a secret of this lakehouse over everything the clerk must not
change. Here are the seal, the cells as text, and what is alike in recognising and reading such a workbook.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.receipts import known_receipts
from warehouse import store
from warehouse.home import Home

if TYPE_CHECKING:
    import polars as pl

    from ingestion.landing import Claim
    from ingestion.readers import FileProbe
    from ingestion.readers import Refused as FileRefused

LONGEST_CELL = 32_000
"""A cell of a workbook holds 32,767 characters; longer text is shown cut and can only be replaced as a whole."""
ROWS_LISTED = 500

_HEADER_WITHIN = 20
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def secret(home: Home) -> bytes:
    """The secret that seals workbooks: 32 random bytes in `secrets/quarantine.key`, made on first use, readable by its owner only."""
    path = home.root / "secrets" / "quarantine.key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(secrets.token_bytes(32))
        try:
            os.link(made, path)  # of two processes that come at once the first wins
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()


def seal(key: bytes, *parts: str | Sequence[str]) -> str:
    """Keyed digest (HMAC-SHA-256, 32 hex digits) of texts and lists of texts."""
    text = json.dumps([p if isinstance(p, str) else list(p) for p in parts], ensure_ascii=False)
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def shown(value: str | None) -> str:
    """A delivered cell as the workbook shows it: what a workbook cannot hold is replaced, very long text cut."""
    text = (value or "").replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c if c in "\n\t" or (c >= " " and not _unfit(ord(c))) else "\ufffd" for c in text)
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "……（内容过长，只显示开头）"


def _unfit(code: int) -> bool:
    return 0xD800 <= code <= 0xDFFF or 0x7F <= code <= 0x9F or code & 0xFFFE == 0xFFFE


def is_sealed(found: FileProbe, manifest: str, marks: Sequence[str]) -> bool:
    """Whether a probed file has the hidden sheet `manifest`, or all but one of the headings `marks`."""
    wanted = set(marks)
    return any(t.sheet == manifest or len(wanted.intersection(t.columns)) >= len(wanted) - 1 for t in found.tables)


@dataclass(frozen=True)
class Cell:
    """A cell as text; `fault` says why it is none."""

    text: str
    fault: str = ""


def read_sheets(path: Path, names: Sequence[str]) -> dict[str, list[list[Cell]]]:
    """The named sheets that are there, cell by cell, formulas seen as formulas.

    Raises:
        readers.Refused: a workbook that cannot be opened.
    """
    import openpyxl

    from ingestion.readers import Refused as FileRefused

    out: dict[str, list[list[Cell]]] = {}
    try:
        with path.open("rb") as handle:  # an archived file has no extension to go by
            book = openpyxl.load_workbook(handle, read_only=True, data_only=False, keep_links=False)
            for name in names:
                if name in book.sheetnames:
                    sheet = book[name]
                    sheet.reset_dimensions()  # the declared size of a sheet may be wrong
                    out[name] = [[_cell(c) for c in row] for row in sheet.iter_rows()]
    except MemoryError:
        raise
    except Exception as error:  # the parser raises whatever a damaged part makes it raise
        raise FileRefused(
            "corrupt", "文件已损坏，请用导出的原文件重新填写", f"openpyxl cannot read it: {type(error).__name__}"
        ) from error
    return out


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell("")
    if cell.data_type == "f":
        return Cell("", "是公式，请改填值")
    if cell.data_type == "e":
        return Cell("", "是错误值，请改填值")
    if isinstance(value, int | float) and abs(value) >= 1e15:
        return Cell("", "是数值，超过 15 位会失真：请把单元格设为文本后重填")
    return Cell(_text(value))


def _text(value: Any) -> str:
    """A typed cell as the readers of deliveries write it: integers without `.0`, no exponent, ISO dates."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return _ESCAPED.sub(lambda m: chr(int(m.group(1), 16)), text).replace("\r", "")


def below_header(
    sheet: list[list[Cell]] | None, wanted: Sequence[str], altered: FileRefused
) -> Iterator[tuple[int, list[Cell]]]:
    """(row number, as many cells as `wanted`) of the rows below the headings that hold anything.

    Raises:
        readers.Refused: `altered`, where the headings are not as they were exported.
    """
    headings, width = list(wanted), len(wanted)
    heads = [[c.text for c in row[:width]] for row in (sheet or [])[:_HEADER_WITHIN]]
    if headings not in heads:
        raise altered
    at = heads.index(headings)
    for number, row in enumerate((sheet or [])[at + 1 :], start=at + 2):
        if any(c.text or c.fault for c in row[:width]):
            yield number, [*row, *[Cell("")] * (width - len(row))][:width]


def brought_before(home: Home, status: str, part: str, workbook: str) -> list[pl.DataFrame]:
    """What earlier copies of a workbook brought, in the order they came; `part` of the receipt names the workbook."""
    earlier = [
        r
        for r in known_receipts(home).values()
        if r["status"] == status and r.get("raw") and r.get(part, {}).get("workbook") == workbook
    ]
    return [read_raw(home, r["raw"]) for r in sorted(earlier, key=lambda r: str(r["received_at"]))]


def write_raw(home: Home, folder: str, claim: Claim, records: pl.DataFrame) -> str:
    """Writes what a workbook brought for `raw/<folder>`; returns the path relative to the home, for the intake to put there."""
    path = f"raw/{folder}/{claim.delivery_id[:16]}-{uuid.uuid4().hex[:8]}.parquet"
    records.write_parquet(store.place(home, path))
    return path


def read_raw(home: Home, path: str) -> pl.DataFrame:
    """What a workbook brought, as `write_raw` was given it."""
    import polars as pl

    with store.opened(home, path) as source:
        return pl.read_parquet(source.read())
