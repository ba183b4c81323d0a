"""Large delimited text to raw Parquet, set-based and streaming.

The text is cut at record ends into pieces of some megabytes. A piece in which quotes stand where they should and no line is
blank is parsed by Arrow's CSV reader at once; rows it finds ragged are read one by one and put back in their place. Any
other piece goes through the tolerant splitter. So a dirty line costs its piece some speed, never a row. Rows that may be
totals, repeated headers, notes or blanks are picked out by whole columns and then judged by the same rules as everywhere.
A second thread compresses and writes, so memory stays at a few pieces whatever the size of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.readers import delimited, encoding, text
from ingestion.readers.dialect import Dialect
from ingestion.readers.kinds import Classifier
from ingestion.readers.model import BLANK, DATA, FileProbe, RawResult, TableProbe
from ingestion.readers.sink import ParquetSink
from ingestion.readers.watch import AHEAD, LEAST_AHEAD, Watch
from ingestion.readers.write import LEADING, TRAILING, Shaper

if TYPE_CHECKING:
    import pyarrow as pa

SMALLEST = 1 << 20
PIECE = 16 << 20
PARSED = 4 << 20
"""Bytes Arrow parses at a time: what stays in the processor's cache is parsed a quarter faster than a whole piece."""
_CONSTANT = ("dataset", "file", "sheet", "delivery_id", "row_kind")
_FIRST_COLUMNS = 3
_LOST = "\ufffd".encode()
_TOTAL_WORDS = ("计", "otal")


def suits(probe: FileProbe, tables: Sequence[TableProbe]) -> bool:
    """Whether the table runs to the end of a large text in a dialect that Arrow's reader knows."""
    if probe.format != "csv" or len(tables) != 1 or probe.path.stat().st_size < SMALLEST:
        return False
    d, table = delimited.dialect_of(probe), tables[0]
    plain = (
        len(d.delimiter) == 1
        and d.delimiter.isascii()
        and d.delimiter not in "\r\n"
        and d.escape is None
        and d.newline == "\n"
    )
    return plain and (d.quote is None or d.quote in "\"'") and table.last_row is None and len(table.columns) > 1


def write(probe: FileProbe, shaper: Shaper, out: Path, result: RawResult) -> None:
    """Stream the shaper's table into ``out``. Same rows, kinds and defects as the record-by-record road."""
    parser = _Parser(probe, shaper, result)
    with ParquetSink(out, parser.schema) as sink:
        for piece in parser.pieces():
            sink.put(piece)
    result.shape = sink.shape.text
    result.decisions += encoding.decisions(parser.damage.foreign, parser.damage.damaged, delimited.encoding_of(probe))


@dataclass
class _Piece:
    """UTF-8 bytes of whole records (as far as quotes tell); ``damaged`` when decoding met broken or foreign bytes."""

    data: bytes
    damaged: bool


class _Parser:
    """Turns the body of one text table into Arrow tables of the raw schema."""

    def __init__(self, probe: FileProbe, shaper: Shaper, result: RawResult) -> None:
        import pyarrow as pa

        table = shaper.table
        self.probe, self.table, self.result = probe, table, result
        self.dialect: Dialect = delimited.dialect_of(probe)
        self.encoding = delimited.encoding_of(probe)
        self.damage = text.Damage()
        self.watch = delimited.watch_of(probe, table, result)
        self.body = delimited.Body(table, result, self.watch)
        coded = pa.dictionary(pa.int32(), pa.string())
        self.schema = pa.schema([(f.name, coded if f.name in _CONSTANT else f.type) for f in shaper.schema])
        self.constants = shaper.target.constants
        self.shaper = shaper
        self.fields = self.body.least
        self.number = 1
        self.quote = (self.dialect.quote or "").encode()
        self.delimiter = self.dialect.delimiter.encode()
        self.first_names = _first_names(table)
        self.few = max(3, len(table.columns) // 3)

    def pieces(self) -> Iterator[pa.Table]:
        """The body, piece by piece, blank rows left out."""
        rest = b""
        blocks = self._blocks()
        block = next(blocks, None)
        while block is not None:
            following = next(blocks, None)
            data, rest = rest + block.data, b""
            if following is not None:
                data, rest = self._cut(data)
            if self.number < self.table.first_row:
                data = self._skip_head(data)
            if data:
                table, left = self._parse(data, block.damaged, last=following is None)
                rest = left + rest
                yield table
            block = following
        if rest:
            yield self._records(rest, last=True)[0]
        if self.watch:
            self.watch.rows([], last=True)

    def _blocks(self) -> Iterator[_Piece]:
        codec = self.encoding.codec
        if codec == "utf-8":
            for data in encoding.byte_blocks(self.probe.path, self.encoding.bom, PIECE):
                yield _Piece(data, damaged=False)
            return
        yield from _ahead(self._decoded())

    def _decoded(self) -> Iterator[_Piece]:
        for block in encoding.blocks(self.probe.path, self.encoding, self.dialect.delimiter, block=PIECE // 4):
            self._count_damage(block)
            yield _Piece(block.text.encode("utf-8", "replace"), bool(block.damaged or block.foreign))

    def _count_damage(self, block: encoding.Block) -> None:
        self.damage.foreign += block.foreign
        self.damage.damaged += block.damaged

    def _skip_head(self, data: bytes) -> bytes:
        """``data`` without the records before the body."""
        starts = [0]

        def lines() -> Iterator[str]:  # one by one: the head is a few lines of millions
            while starts[-1] < len(data):
                end = data.find(b"\n", starts[-1])
                end = len(data) if end < 0 else end
                line = data[starts[-1] : end]
                starts.append(end + 1)
                yield line.decode("utf-8", "surrogateescape")

        splitter = text.Splitter(self.dialect, self.dialect.width)
        for _ in splitter.rows(lines()):
            if self.number >= self.table.first_row:
                return data[starts[splitter.taken] :]
            self.number += 1
        return b""

    def _cut(self, data: bytes) -> tuple[bytes, bytes]:
        """Cut after the last line end outside quotes."""
        import numpy as np

        if not self.quote or self.quote not in data:
            return data, b""
        quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == self.quote[0])
        if len(quotes) % 2 == 0:
            return data, b""
        end = len(data)
        while end > max(len(data) - 2 * text.LOOK_AHEAD_CHARS, 0):
            cut = data.rfind(b"\n", 0, end) + 1
            before = int(np.searchsorted(quotes, cut))
            if before % 2 == 0:
                return data[:cut], data[cut:]
            end = int(quotes[before - 1])
        return data, b""  # a quote was left open somewhere: the splitter will find out where

    def _parse(self, data: bytes, damaged: bool, *, last: bool) -> tuple[pa.Table, bytes]:
        """(rows of a piece, bytes that belong to the next)."""
        import pyarrow as pa

        if not damaged and self._is_regular(data):
            try:
                return self._columns(data), b""
            except (pa.ArrowInvalid, _OddPieceError):
                pass
        return self._records(data, last=last)

    def _is_regular(self, data: bytes) -> bool:
        """Whether every quote opens, closes or is doubled inside a field, and carriage returns only stand before line feeds."""
        returns = data.find(b"\r") >= 0
        if returns and data.count(b"\r") != data.count(b"\r\n"):
            return False
        if _holds(data, _LOST):
            return False
        if not self.quote or self.quote not in data:
            return True
        return (b"\n\n" not in data and b"\n\r\n" not in data) and _quotes_are_sound(
            data, self.quote[0], self.delimiter[0]
        )

    def _columns(self, data: bytes) -> pa.Table:
        """A regular piece through Arrow's reader."""
        import pyarrow as pa
        import pyarrow.csv as pc

        ragged: list[tuple[int, str]] = []

        def keep(row: Any) -> str:
            ragged.append((row.number, row.text))
            return "skip"

        names = [str(i) for i in range(self.fields)]
        quoted = bool(self.quote) and self.quote in data
        table = pc.read_csv(
            pa.BufferReader(data),
            pc.ReadOptions(use_threads=False, block_size=len(data) + 1 if quoted else PARSED, column_names=names),
            pc.ParseOptions(
                delimiter=self.dialect.delimiter,
                quote_char=self.dialect.quote if quoted else False,
                newlines_in_values=quoted,
                invalid_row_handler=keep,
            ),
            pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
                check_utf8=self.encoding.codec == "utf-8",
            ),
        )
        records = table.num_rows + len(ragged)
        if not quoted and records != _count(data, b"\n") + (not data.endswith(b"\n")):
            raise _OddPieceError  # blank lines: Arrow skips them, row numbers must not
        return self._assemble(table, ragged, records)

    def _assemble(self, table: pa.Table, ragged: list[tuple[int, str]], records: int) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        first = self.number
        self.number += records
        numbers = np.arange(first, first + records, dtype=np.int64)
        if not ragged:
            return self._shape(table, numbers)
        if len(ragged) > 0.2 * records:
            self.number = first
            raise _OddPieceError
        rows = [(first + number - 1, *self._one_record(line)) for number, line in ragged]
        if self.body.section or self._opens_section(rows):  # then the order of good and ragged rows matters
            self.number = first
            raise _OddPieceError
        bad = np.array([number - 1 for number, _ in ragged])
        good = self._shape(table, np.delete(numbers, bad))
        shaped = self.shaper.to_arrow(self.body.batch(rows), self.result).cast(self.schema)
        return pa.concat_tables([good, shaped]).sort_by("row_number")

    def _one_record(self, line: str) -> tuple[list[str], str | None]:
        return next(iter(text.Splitter(self.dialect, self.dialect.width).rows(line.split("\n"))))

    def _opens_section(self, rows: list[tuple[int, list[str], str | None]]) -> bool:
        classify = delimited.classifier(self.table)
        return any(classify.kind(number, fields)[0] != DATA for number, fields, _ in rows) or self.body.is_apart

    def _records(self, data: bytes, *, last: bool) -> tuple[pa.Table, bytes]:
        """A piece through the tolerant splitter: (rows, bytes of a record that goes on in the next piece)."""
        block = encoding.decode_block(data, "utf-8", self.dialect.delimiter)
        if self.encoding.codec == "utf-8":
            self._count_damage(block)
        lines = block.text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        splitter = text.Splitter(self.dialect, self.dialect.width)
        rows, left = [], b""
        for fields, defect in splitter.rows(lines):
            if splitter.starved and not last and (splitter.taken or len(lines) < text.LOOK_AHEAD_LINES):
                left = "\n".join([*lines[splitter.taken :], ""]).encode()
                break
            rows.append((self.number, fields, defect))
            self.number += 1
        return self.shaper.to_arrow(self.body.batch(rows), self.result).cast(self.schema), left

    def _shape(self, table: pa.Table, numbers: Any) -> pa.Table:
        """Arrow columns to the raw schema; rows that may be more than data are judged one by one."""
        import numpy as np
        import pyarrow as pa

        count = table.num_rows
        columns = [
            table.column(i).combine_chunks() if table.column(i).num_chunks != 1 else table.column(i).chunk(0)
            for i in range(table.num_columns)
        ]
        columns += [pa.nulls(count, pa.string())] * (len(self.table.columns) - len(columns))
        kinds, sections, keep = self._judge(columns, numbers)
        if self.watch:
            self._look_out(self.watch, columns, numbers, kinds)
        arrays: dict[str, Any] = {
            name: self._constant(name, count)
            for name in ("dataset", "file", "delivery_id", "received_at", "delivered_on")
        }
        arrays["sheet"] = pa.nulls(count, self.schema.field("sheet").type)
        arrays["row_number"] = pa.array(numbers)
        arrays["row_kind"] = pa.DictionaryArray.from_arrays(
            pa.array(kinds if kinds is not None else np.zeros(count, np.int32)), _KINDS_ARRAY()
        )
        for name, place in zip(self.schema.names[len(LEADING) : -len(TRAILING)], self.shaper.targets, strict=True):
            arrays[name] = pa.nulls(count, pa.string()) if place is None else columns[place]
        arrays["_extra"] = self._extra(columns, count)
        arrays["_kinds"] = pa.nulls(count, pa.string())
        arrays["_section"] = pa.nulls(count, pa.string()) if sections is None else pa.array(sections, pa.string())
        arrays["_defect"] = pa.nulls(count, pa.string())
        out = pa.table([arrays[name] for name in self.schema.names], schema=self.schema)
        return out if keep is None else out.filter(pa.array(keep))

    def _look_out(self, watch: Watch, columns: list[Any], numbers: Any, kinds: Any) -> None:
        """Gives the watch those rows of a regular piece where another table could begin, with the rows around them."""
        import numpy as np

        def rows(first: int) -> list[tuple[int, list[str]]]:
            cells = [column.slice(first, AHEAD + 2).to_pylist() for column in columns]
            texts = [[cell or "" for cell in row] for row in zip(*cells, strict=True)]
            return list(zip(numbers[first : first + AHEAD + 2].tolist(), texts, strict=True))

        if watch.waits and len(numbers):
            watch.rows(rows(0))
        places = watch.odd_places(columns)
        if kinds is not None:
            below = np.flatnonzero(kinds == _KINDS.index(BLANK)) + 1
            places = np.union1d(places, below[below < len(numbers)])
        reached = -1
        for place in places.tolist():
            if place >= reached:
                watch.rows(rows(max(place - 1, 0)))
                reached = place + AHEAD - LEAST_AHEAD

    def _constant(self, name: str, count: int) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        value, kind = self.constants[name], self.schema.field(name).type
        if not pa.types.is_dictionary(kind):
            return pa.nulls(count, kind) if value is None else pa.repeat(pa.scalar(value, kind), count)
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([value], pa.string()))

    def _extra(self, columns: list[Any], count: int) -> pa.Array:
        """Unmatched columns as JSON objects, column by column (null cells left out)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rest = [(name, columns[place]) for place, name in self.shaper.rest if columns[place].null_count < count]
        if not rest:
            return pa.nulls(count, pa.string())
        parts = [
            pc.binary_join_element_wise(json.dumps(name, ensure_ascii=False) + ": ", _as_json(column), "")
            for name, column in rest
        ]
        joined = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
        whole = pc.binary_join_element_wise("{", joined, "}", "")
        return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), whole)

    def _judge(self, columns: list[Any], numbers: Any) -> tuple[Any, list[str | None] | None, Any]:
        """(kind codes or None when all are data, sections or None, mask of rows to keep or None)."""
        import numpy as np

        count = len(numbers)
        places = self._suspects(columns, count)
        rows_by_kind = self.result.rows_by_kind
        if not len(places) and self.body.section is None:
            self.body.classify.skip()
            rows_by_kind[DATA] += count
            return None, None, None
        codes = np.zeros(count, np.int32)
        sections: list[str | None] = [self.body.section] * count
        classify: Classifier = self.body.classify
        previous = -1
        for place in places.tolist():
            if place != previous + 1:
                classify.skip()
            previous = place
            kind, opened = classify.kind(int(numbers[place]), [column[place].as_py() for column in columns])
            codes[place] = _KINDS.index(kind)
            if opened:
                self.body.section = opened
                sections[place + 1 :] = [opened] * (count - place - 1)
        if previous != count - 1:
            classify.skip()
        for code, kind in enumerate(_KINDS):
            rows_by_kind[kind] += int((codes == code).sum())
        blank = codes == _KINDS.index(BLANK)
        return codes, sections if any(sections) else None, ~blank if blank.any() else None

    def _suspects(self, columns: list[Any], count: int) -> Any:
        """Places of rows that may be totals, repeated headers, notes, sections or blank."""
        import numpy as np
        import pyarrow.compute as pc

        mask = np.zeros(count, bool)
        nullable = [column for column in columns if column.null_count]
        needed = len(columns) - self.few
        if len(nullable) >= needed:
            empty = np.zeros(count, np.int16)
            for column in nullable:
                empty += column.is_null().to_numpy(zero_copy_only=False)
            mask |= empty >= needed
        for column in columns[:_FIRST_COLUMNS]:
            for word in _TOTAL_WORDS:
                if _occurs(word, column):
                    mask |= _true(pc.match_substring(column, word))
        if self.first_names:
            place, names = self.first_names
            for name in names:
                mask |= _true(pc.equal(columns[place], name))
        mask |= _true(pc.utf8_is_space(columns[0]))
        return np.flatnonzero(mask)


def _ahead(pieces: Iterator[_Piece]) -> Iterator[_Piece]:
    """The same pieces; the next one is decoded in a thread of its own while Arrow, which holds no lock, parses this one."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = pool.submit(next, pieces, None)
            yield piece


def _as_json(column: Any) -> Any:
    """The cells of an Arrow string array as JSON texts; only those with characters to escape are looked at one by one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    quoted = pc.binary_join_element_wise('"', column, '"', "")
    odd = _true(pc.match_substring_regex(column, r'["\\\x00-\x1f]'))
    if not odd.any():
        return quoted
    escaped = [json.dumps(cell, ensure_ascii=False) for cell in column.filter(pa.array(odd)).to_pylist()]
    return pc.replace_with_mask(quoted, pa.array(odd), pa.array(escaped, pa.string()))


def _occurs(word: str, column: Any) -> bool:
    """Whether ``word`` stands in the bytes of an Arrow string array; over the cells' borders counts as well."""
    values = column.buffers()[2]
    return values is not None and _holds(values.to_pybytes(), word.encode())


def _count(data: bytes, byte: bytes) -> int:
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte[0]))


def _holds(data: bytes, word: bytes) -> bool:
    """``word in data``: its first byte is sought alone, which is ten times faster and mostly says no."""
    first = data.find(word[:1])
    return first >= 0 and data.find(word, first) >= 0


def _true(array: Any) -> Any:
    return array.fill_null(False).to_numpy(zero_copy_only=False)


_KINDS = (DATA, "header", "total", "note", "deleted", BLANK)


def _KINDS_ARRAY() -> Any:  # noqa: N802
    import pyarrow as pa

    return pa.array(_KINDS, pa.string())


def _first_names(table: TableProbe) -> tuple[int, list[str]] | None:
    """(column, its header cells): what a repeated header would show in the first column that has a name."""
    for place in range(len(table.columns)):
        names = [row[place] for row in table.header_cells if place < len(row) and row[place].strip()]
        if names:
            return place, names
    return None


class _OddPieceError(Exception):
    """A piece that must go record by record."""


def _quotes_are_sound(data: bytes, quote: int, delimiter: int) -> bool:
    """Whether quotes alternate: one that opens after a delimiter or line end, one that closes before one; or doubled."""
    import numpy as np

    array = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(array == quote)
    if len(places) % 2:
        return False
    opens, closes = places[::2], places[1::2]
    before = np.where(opens > 0, array[opens - 1], 10)
    after = np.where(closes + 1 < len(array), array[np.minimum(closes + 1, len(array) - 1)], 10)
    doubled = np.zeros(len(opens), bool)
    doubled[1:] = opens[1:] == closes[:-1] + 1
    goes_on = np.zeros(len(closes), bool)
    goes_on[:-1] = doubled[1:]
    good_open = (before == delimiter) | (before == 10) | doubled
    good_close = (after == delimiter) | (after == 10) | (after == 13) | goes_on
    return bool(good_open.all() and good_close.all())
