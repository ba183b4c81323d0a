"""Parquet to rows of text: every value as text, what it was in the kinds, nested values as JSON text.

A file that a pull wrote (ingestion.pull) holds text only and says in its own metadata what each column was.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingestion.readers.model import DATA, Batch, Cell, FileProbe, Refused, TableProbe, unique_names

BATCH_ROWS = 20_000
SAMPLE_ROWS = 50


def _open(path: Path) -> Any:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except Exception as error:
        code = "encrypted" if "encrypt" in str(error).lower() else "corrupt"
        raise Refused(
            code,
            "Parquet 文件已加密" if code == "encrypted" else "Parquet 文件已损坏，无法读取",
            f"parquet: {str(error)[:200]}",
        ) from error


def probe(path: Path) -> FileProbe:
    """One table with the file's columns."""
    file = _open(path)
    names = tuple(file.schema_arrow.names)
    table = TableProbe(0, None, unique_names(names), (), file.metadata.num_rows, False, [], (), (), header=names)
    for batch in batches(path):
        table.sample.extend(
            [column[i] for column in batch.columns] for i in range(min(SAMPLE_ROWS, len(batch.row_kinds)))
        )
        break
    return FileProbe(path, "parquet", None, None, (table,), ())


def batches(path: Path) -> Iterator[Batch]:
    """All rows, batch by batch, numbered from 1."""
    file = _open(path)
    told = _told_kinds(file)
    first = 1
    try:
        for piece in file.iter_batches(batch_size=BATCH_ROWS):
            if told is not None:
                yield _told(piece, told, first)
                first += piece.num_rows
                continue
            columns, kinds = [], []
            for array in piece.columns:
                values = array.to_pylist()
                pairs = [text_of(value) for value in values]
                columns.append([text for text, _ in pairs])
                kind = [what for _, what in pairs]
                kinds.append(kind if any(kind) else None)
            yield Batch(
                range(first, first + piece.num_rows), [DATA] * piece.num_rows, columns, kinds if any(kinds) else None
            )
            first += piece.num_rows
    except OSError as error:
        raise Refused("corrupt", "Parquet 文件已损坏，无法读完", f"parquet: {str(error)[:200]}") from error


def _told_kinds(file: Any) -> dict[str, str] | None:
    """Kinds of the columns by the file's own word; None for a file that says nothing, or holds more than text."""
    import pyarrow as pa

    if not all(pa.types.is_string(field.type) for field in file.schema_arrow):
        return None
    try:
        said = json.loads((file.metadata.metadata or {})[b"townlake"])["kinds"]
        return {
            str(name): str(kind)
            for name, kind in said.items()
            if kind in ("number", "bool", "date", "datetime", "time")
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _told(piece: Any, told: dict[str, str], first: int) -> Batch:
    """Rows of a file of texts, as they are: an empty text is no missing value."""
    kinds: list[Any] = []
    for name, column in zip(piece.schema.names, piece.columns, strict=True):
        kind = told.get(name)
        nulls = column.is_null().to_pylist() if kind and column.null_count else None
        kinds.append([None if n else kind for n in nulls] if nulls else kind)
    rows = range(first, first + piece.num_rows)
    return Batch(rows, [DATA] * piece.num_rows, list(piece.columns), kinds if any(kinds) else None)


def text_of(value: Any) -> tuple[Cell, str | None]:
    """(text, kind) of one value."""
    from ingestion.readers.workbook import duration_text, number_text

    if value is None or isinstance(value, str):
        return value, None
    rules: tuple[tuple[type, Callable[[Any], str], str | None], ...] = (
        (bool, lambda v: str(v).lower(), "bool"),
        (float, number_text, "number"),
        (Decimal, lambda v: format(v, "f"), "number"),
        (int, str, "number"),
        (dt.datetime, lambda v: v.isoformat(), "datetime"),
        (dt.date, lambda v: v.isoformat(), "date"),
        (dt.time, lambda v: v.isoformat(), "time"),
        (dt.timedelta, duration_text, "time"),
        (bytes, lambda v: v.decode("utf-8") if _is_text(v) else v.hex(), None),
    )
    for kind, text, name in rules:
        if isinstance(value, kind):
            return text(value), name
    return json.dumps(value, ensure_ascii=False, default=lambda v: text_of(v)[0]), None


def _is_text(value: bytes) -> bool:
    try:
        return "\x00" not in value.decode("utf-8")
    except UnicodeDecodeError:
        return False
