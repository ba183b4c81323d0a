"""Tables to one raw Parquet file: every row with its locator, kind, unmatched cells and defects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.readers.model import BLANK, Batch, Cell, FileProbe, RawResult, TableProbe

if TYPE_CHECKING:
    import pyarrow as pa

LEADING = ("dataset", "file", "sheet", "row_number", "delivery_id", "received_at", "delivered_on", "row_kind")
TRAILING = ("_extra", "_kinds", "_section", "_defect")


def raw_schema(target_columns: Sequence[str]) -> pa.Schema:
    """The schema of a raw file."""
    import pyarrow as pa

    special = {"row_number": pa.int64(), "received_at": pa.timestamp("us", tz="UTC"), "delivered_on": pa.date32()}
    return pa.schema(
        [
            (name, special.get(name, pa.string()) if name in LEADING else pa.string())
            for name in (*LEADING, *target_columns, *TRAILING)
        ]
    )


def write_raw(
    probe: FileProbe,
    tables: Sequence[TableProbe],
    out: Path,
    *,
    columns: Sequence[Mapping[str, str]],
    target_columns: Sequence[str],
    constants: Mapping[str, Any],
) -> RawResult:
    """Stream ``tables`` of the probed file into the Parquet file ``out`` (zstd).

    ``columns[i]`` maps delivered header names of ``tables[i]`` to ``target_columns``; other headers go to ``_extra``.
    ``constants``: dataset, file, delivery_id, received_at, delivered_on.

    Raises:
        Refused: the file broke while it was read.
    """
    from ingestion.readers import bulk
    from ingestion.readers.sink import ParquetSink

    result = RawResult()
    target = Target(target_columns, constants)
    shapers = [Shaper(table, mapping, target) for table, mapping in zip(tables, columns, strict=True)]
    if bulk.suits(probe, tables):
        bulk.write(probe, shapers[0], out, result)
        return result
    with ParquetSink(out, raw_schema(target_columns)) as sink:
        for shaper in shapers:
            for batch in batches_of(probe, shaper.table, result):
                sink.put(shaper.to_arrow(batch, result))
    result.shape = sink.shape.text
    return result


@dataclass(frozen=True)
class Target:
    """What a raw file is to hold: its contract's columns and the constants of its delivery."""

    columns: Sequence[str]
    constants: Mapping[str, Any]


def batches_of(probe: FileProbe, table: TableProbe, result: RawResult) -> Iterator[Batch]:
    """The body of one table of any format."""
    from ingestion.readers import dbf, delimited, jsonfile, parquet, workbook

    if probe.format == "csv":
        return delimited.batches(probe, table, result)
    if probe.format in ("json", "jsonl", "geojson"):
        return jsonfile.batches(probe.path, probe.format, table, result)
    if probe.format == "dbf":
        return dbf.batches(probe.path, table, result)
    if probe.format == "parquet":
        return parquet.batches(probe.path)
    result.decisions += workbook.decisions_of(probe.path, probe.format, table)
    return workbook.batches(probe.path, probe.format, table)


class Shaper:
    """Turns batches of one table into Arrow tables of the raw schema."""

    def __init__(self, table: TableProbe, mapping: Mapping[str, str], target: Target) -> None:
        self.table, self.target, self.schema = table, target, raw_schema(target.columns)
        places = {raw: position for position, name in enumerate(table.columns) if (raw := mapping.get(name))}
        self.targets = [places.get(name) for name in target.columns]
        taken = set(places.values())
        self.rest = [(position, name) for position, name in enumerate(table.columns) if position not in taken]
        self.raw_names = [mapping.get(name, name) for name in table.columns]
        self._kind_texts: dict[tuple[str | None, ...], str | None] = {}

    def to_arrow(self, batch: Batch, result: RawResult) -> pa.Table:
        """One Arrow table without the blank rows; counts every row in ``result``."""
        import pyarrow as pa

        count = len(batch.row_kinds)
        _count_kinds(batch.row_kinds, result)
        arrays: dict[str, Any] = {
            name: repeated(self.target.constants[name], self.schema.field(name).type, count)
            for name in ("dataset", "file", "delivery_id", "received_at", "delivered_on")
        }
        arrays["sheet"] = repeated(self.table.sheet, pa.string(), count)
        arrays["row_number"] = (
            pa.array(batch.numbers, pa.int64()) if not isinstance(batch.numbers, range) else arange(batch.numbers)
        )
        arrays["row_kind"] = pa.array(batch.row_kinds, pa.string())
        names = self.schema.names[len(LEADING) : -len(TRAILING)]
        for name, place in zip(names, self.targets, strict=True):
            arrays[name] = pa.nulls(count, pa.string()) if place is None else as_text(batch.columns[place])
        arrays["_extra"] = self._extra(batch, count)
        arrays["_kinds"] = self._kinds(batch, count)
        arrays["_section"] = as_text(batch.sections) if batch.sections else pa.nulls(count, pa.string())
        arrays["_defect"] = as_text(batch.defects) if batch.defects else pa.nulls(count, pa.string())
        table = pa.table([arrays[name] for name in self.schema.names], schema=self.schema)
        if BLANK in batch.row_kinds:
            table = table.filter(pa.array([kind != BLANK for kind in batch.row_kinds]))
        return table

    def _extra(self, batch: Batch, count: int) -> pa.Array:
        import pyarrow as pa

        if not self.rest and not batch.surplus:
            return pa.nulls(count, pa.string())
        texts: list[str | None] = [None] * count
        columns = [(name, as_list(batch.columns[position])) for position, name in self.rest]
        rows = zip(*(values for _, values in columns), strict=True) if columns else repeat((), count)
        for index, row in enumerate(rows):
            more = batch.surplus.get(index)
            if more or any(cell is not None for cell in row):
                cells = {name: cell for (name, _), cell in zip(columns, row, strict=True) if cell is not None}
                for number, cell in enumerate(more or (), 1):
                    cells[f"+{number}"] = cell
                texts[index] = json.dumps(cells, ensure_ascii=False)
        return pa.array(texts, pa.string())

    def _kinds(self, batch: Batch, count: int) -> pa.Array:
        import pyarrow as pa

        if not batch.kinds:
            return pa.nulls(count, pa.string())
        known = [(position, kinds) for position, kinds in enumerate(batch.kinds) if kinds is not None]
        names = [self.raw_names[position] for position, _ in known]
        if all(isinstance(kinds, str) for _, kinds in known):
            return repeated(
                json.dumps({name: kinds for name, (_, kinds) in zip(names, known, strict=True)}, ensure_ascii=False)
                if known
                else None,
                pa.string(),
                count,
            )
        texts = self._kind_texts
        out: list[str | None] = []
        for row in zip(*(repeat(kinds, count) if isinstance(kinds, str) else kinds for _, kinds in known), strict=True):
            if row not in texts:
                found = {name: kind for name, kind in zip(names, row, strict=True) if kind}
                texts[row] = json.dumps(found, ensure_ascii=False) if found else None
            out.append(texts[row])
        if len(texts) > 50_000:
            texts.clear()
        return pa.array(out, pa.string())


def _count_kinds(kinds: Sequence[str], result: RawResult) -> None:
    left = len(kinds)
    for kind in result.rows_by_kind:
        found = kinds.count(kind)
        result.rows_by_kind[kind] += found
        left -= found
        if not left:
            return


def as_list(values: Any) -> Sequence[Cell]:
    """A column as Python values, whatever holds it."""
    return values.to_pylist() if hasattr(values, "to_pylist") else values


def as_text(values: Any) -> pa.Array:
    """An Arrow string array of ``values`` (an Arrow array stays what it is). Lone surrogates become U+FFFD."""
    import pyarrow as pa

    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    try:
        return pa.array(values, pa.string())
    except (UnicodeEncodeError, pa.ArrowException):
        return pa.array(
            [None if v is None else str(v).encode("utf-8", "replace").decode() for v in values], pa.string()
        )


def arange(numbers: range) -> pa.Array:
    """An int64 array of a range."""
    import numpy as np
    import pyarrow as pa

    return pa.array(np.arange(numbers.start, numbers.stop, numbers.step, dtype=np.int64))


def repeated(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    """``count`` times ``value``."""
    import pyarrow as pa

    return pa.nulls(count, kind) if value is None else pa.repeat(pa.scalar(value, kind), count)
