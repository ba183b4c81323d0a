"""The same table saved again under other bytes: recognised by what its data rows say, not by its file.

Two steps, so that the usual case costs nothing. While raw is written every delivery gets a **shape**: data rows, and for
each column its filled cells and bytes. Only when an earlier delivery of the same dataset has the same shape are both raw
files read and their **digests** compared: the number of data rows and the sum over all of them of a 128-bit hash of the
row. A sum does not depend on the order of the rows (a clerk who sorts a table says nothing new), needs no memory, and,
unlike xor, still tells a row that stands twice from one that stands not at all. For two contents to be taken for one by
chance their sums must agree in 128 bits; nobody gains by doing it on purpose.

What counts is the columns under contract, the rescued ones and the section a row stands under. Sheet, row numbers, the
kinds of cells and the way a line break inside a cell is written do not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warehouse import store

if TYPE_CHECKING:
    import pyarrow as pa

    from warehouse.home import Home

LOCATOR = frozenset(
    ["dataset", "file", "sheet", "row_number", "delivery_id", "received_at", "delivered_on", "row_kind"]
)
APART = LOCATOR | {"_kinds", "_defect"}
"""Columns of raw that say where and how, not what."""


class Shape:
    """Counts of the data rows of one raw file, added up piece by piece."""

    def __init__(self) -> None:
        self.rows = 0
        self._columns: dict[str, list[int]] = {}

    def add(self, piece: pa.Table) -> None:
        """Counts the data rows of an Arrow table of the raw schema."""
        import pyarrow as pa
        import pyarrow.compute as pc

        is_data = pc.equal(pc.cast(piece.column("row_kind"), pa.string()), "data")
        if not pc.all(is_data).as_py():
            piece = piece.filter(is_data)
        self.rows += piece.num_rows
        for name in piece.schema.names:
            if name not in APART:
                column = piece.column(name)
                counts = self._columns.setdefault(name, [0, 0])
                counts[0] += len(column) - column.null_count
                counts[1] += (pc.sum(pc.binary_length(column)).as_py() or 0) - _line_breaks(column)

    @property
    def text(self) -> str:
        """The shape in short; equal contents have equal ones."""
        counts = json.dumps([self.rows, sorted(self._columns.items())])
        return hashlib.sha256(counts.encode()).hexdigest()[:16]


def _line_breaks(column: pa.ChunkedArray) -> int:
    """Bytes that line breaks of two characters have more than those of one."""
    import pyarrow.compute as pc

    more = 0
    for chunk in column.chunks:
        buffer = chunk.buffers()[2] if len(chunk) else None
        if buffer is not None and b"\r" in buffer.to_pybytes():
            more += pc.sum(pc.count_substring(chunk, "\r\n")).as_py() or 0
    return more


def stated_again(sha256: str, day: str) -> str:
    """Id of the delivery that states bytes already taken once more, for another as-of day (docs/decisions/0007)."""
    return hashlib.sha256(f"{sha256}|{day}".encode()).hexdigest()


def digest(home: Home, raw: str) -> tuple[tuple[str, ...], int, int, int]:
    """(content columns, data rows, sums of the upper and of the lower halves of the rows' hashes) of one raw file."""
    import contextlib

    from warehouse.lake import engine, literal, quote

    with contextlib.closing(engine(home)) as con:
        source = f"read_parquet({literal(home.address(raw))})"
        names = tuple(sorted(r[0] for r in con.execute(f"describe from {source}").fetchall() if r[0] not in APART))
        cells = [_one_break(quote(name)) for name in names]
        row = " || ".join(f"coalesce(length({cell}) || ':' || {cell}, '-')" for cell in cells) or "''"
        found = con.execute(
            f"""select count(*), coalesce(sum(md5_number_upper(said)), 0), coalesce(sum(md5_number_lower(said)), 0)
                from (select {row} as said from {source} where row_kind = 'data')"""
        ).fetchone()
        assert found is not None
        return names, int(found[0]), int(found[1]), int(found[2])


def _one_break(column: str) -> str:
    return f"replace(replace({column}, chr(13) || chr(10), chr(10)), chr(13), chr(10))"


def same_content(
    home: Home, receipt: Mapping[str, Any], earlier: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """The earlier delivery that says the same as this one, or None; one of the same day before one of another day.

    `receipt` is not committed yet; `earlier` are the committed ones by delivery id. Tables without data rows are
    never the same: they say nothing.
    """
    from ingestion.readers.sandbox import run_limited

    alike = [
        r
        for r in earlier.values()
        if r["status"] == "taken"
        and r["dataset"] == receipt["dataset"]
        and r["delivery_id"] != receipt["delivery_id"]
        and r.get("content") == receipt["content"]
        and r["rows"].get("data")
        and store.size(home, r["raw"]) is not None
    ]
    if not alike:
        return None

    def digest_of(raw: str) -> tuple[tuple[str, ...], int, int, int]:
        seconds = 60 + (store.size(home, raw) or 0) / 5e6
        return run_limited(digest, home, raw, seconds=seconds, memory_bytes=4 << 30)

    own = digest_of(receipt["raw"])
    near = sorted(alike, key=lambda r: (r["delivered_on"] == receipt["delivered_on"], r["received_at"]), reverse=True)
    return next((r for r in near if digest_of(r["raw"]) == own), None)
