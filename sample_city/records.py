"""Writes rows as JSON, JSON lines, DBF, or as the one CSV of a zip; see `layouts` for what a writer is."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from sample_city.draw import Indices, Ints
from sample_city.layouts import DELETED, TRUNCATED, CsvWriter

Render = Callable[[pl.DataFrame], pl.Series]
_ESCAPES = (["\\", '"', "\n", "\r", "\t"], ["\\\\", '\\"', "\\n", "\\r", "\\t"])


def json_text(column: str) -> pl.Expr:
    """A text column as a JSON string."""
    return pl.lit('"') + pl.col(column).str.replace_many(*_ESCAPES) + pl.lit('"')


def _no_sheet(n: int) -> pl.Series:
    return pl.repeat("", n, dtype=pl.String, eager=True)


class JsonLinesWriter:
    """One object a line, the last one maybe cut off; counted from 1."""

    def __init__(self, path: Path, render: Render) -> None:
        self._file, self._render, self._next = path.open("wb"), render, 1

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer."""
        lines = self._render(rows)
        cut = np.flatnonzero(shape == TRUNCATED)
        if len(cut):
            at = pl.Series(cut.astype(np.uint32))
            lines = lines.scatter(at, lines.gather(at).str.head(180))
        lines.to_frame().write_csv(self._file, include_header=False, quote_style="never", line_terminator="\n")
        numbers = self._next + np.arange(len(lines))
        self._next += len(lines)
        return numbers, _no_sheet(len(lines))

    def close(self) -> None:
        """See Writer."""
        self._file.close()


class JsonWriter:
    """What an interface answered: code, message, and one page with all records, indented; counted from 1."""

    def __init__(self, path: Path, render: Render) -> None:
        self._path, self._render = path, render
        self._parts: list[str] = []
        self._count = 0

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer."""
        if rows.height:
            self._parts.append(str(self._render(rows).str.join(",\n").item()))
        numbers = self._count + 1 + np.arange(rows.height)
        self._count += rows.height
        return numbers, _no_sheet(rows.height)

    def close(self) -> None:
        """See Writer."""
        with self._path.open("w", encoding="utf-8", newline="\n") as file:
            file.write('{\n "code": 0,\n "msg": "success",\n "data": {\n')
            file.write(f'  "total": {self._count},\n  "pageNo": 1,\n  "list": [\n')
            for i, part in enumerate(self._parts):
                file.write((",\n" if i else "") + part)
            file.write("\n  ]\n }\n}\n")


class ZipWriter:
    """A zip of one CSV, its name in GBK without a mark as Windows packs it, beside a leftover of a Mac.

    large: the CSV may grow past two gigabytes
    """

    def __init__(
        self, path: Path, member: str, day: date, make: Callable[[IO[bytes]], CsvWriter], *, large: bool
    ) -> None:
        self._path, self._member = path, member
        self._name = member.encode("gbk")
        self._stamp = (day.year, day.month, day.day, 9, 0, 0)
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        # the real name is written over this one of the same length: zipfile marks any other than ASCII as UTF-8
        self._info = zipfile.ZipInfo("x" * len(self._name), self._stamp)
        self._info.compress_type = zipfile.ZIP_DEFLATED
        self._file = self._archive.open(self._info, "w", force_zip64=large)
        self._writer = make(self._file)

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer; the sheet of a row is the member."""
        numbers, _ = self._writer.write(rows, shape, sheet, title)
        return numbers, pl.repeat(self._member, len(numbers), dtype=pl.String, eager=True)

    def close(self) -> None:
        """See Writer."""
        self._writer.close()
        self._archive.writestr(zipfile.ZipInfo("__MACOSX/._x", self._stamp), b"\x00\x05\x16\x07")
        self._archive.close()
        with self._path.open("r+b") as file:
            for start in (self._info.header_offset + 30, self._archive.start_dir + 46):
                file.seek(start)
                file.write(self._name)


class DbfWriter:
    """dBASE III in GBK without a code page mark: fixed widths, a star before a deleted record; counted from 1.

    fields: name, type (C or N), width and decimals in bytes
    """

    def __init__(self, path: Path, fields: Sequence[tuple[str, str, int, int]], day: date) -> None:
        self._file = path.open("wb")
        self._fields = fields
        self._count = 0
        described = b"".join(
            struct.pack("<11sc4xBB14x", name.encode("gbk"), kind.encode(), width, decimals)
            for name, kind, width, decimals in fields
        )
        length = 1 + sum(width for _, _, width, _ in fields)
        head = struct.pack("<BBBBIHH20x", 3, day.year - 1900, day.month, day.day, 0, 33 + len(described), length)
        self._file.write(head + described + b"\r")

    def write(self, rows: pl.DataFrame, shape: Ints, sheet: str, title: str) -> tuple[Indices, pl.Series]:
        """See Writer."""
        flag = pl.Series("flag", [" ", "*"]).gather(pl.Series((shape == DELETED).astype(np.uint32)))
        cells = [_fixed(rows[name], kind, width) for name, kind, width, _ in self._fields]
        line = pl.DataFrame([flag, *cells]).select(pl.concat_str(pl.all())).to_series()
        self._file.write((line.str.join("").item() or "").encode("gbk"))
        numbers = self._count + 1 + np.arange(rows.height)
        self._count += rows.height
        return numbers, _no_sheet(rows.height)

    def close(self) -> None:
        """See Writer; the number of records goes into the head."""
        self._file.write(b"\x1a")
        self._file.seek(4)
        self._file.write(struct.pack("<I", self._count))
        self._file.close()


def _fixed(text: pl.Series, kind: str, width: int) -> pl.Series:
    """A column filled up to its width in bytes of GBK; characters GBK has not are `?`, what is too long is cut."""
    name = text.name
    odd = text.str.contains("[^ -~\u4e00-\u9fa5\uff01-\uff5e\u3000·]").arg_true()
    if len(odd):
        known = [str(cell).encode("gbk", "replace").decode("gbk") for cell in text.gather(odd)]
        text = text.clone().scatter(odd, pl.Series(known, dtype=pl.String))
    size = text.str.len_chars() + text.str.count_matches("[^\x00-\x7f]")
    long = (size > width).arg_true()
    if len(long):
        cut = [str(cell).encode("gbk")[:width].decode("gbk", "ignore") for cell in text.gather(long)]
        text = text.clone().scatter(long, pl.Series(cut, dtype=pl.String))
        size = text.str.len_chars() + text.str.count_matches("[^\x00-\x7f]")
    blanks = pl.Series([" " * k for k in range(width + 1)]).gather((width - size.cast(pl.Int64)).cast(pl.UInt32))
    frame = pl.DataFrame({"t": text, "b": blanks})
    order = ("b", "t") if kind == "N" else ("t", "b")
    return frame.select(pl.concat_str(*order).alias(name)).to_series()


def json_list(texts: Sequence[str]) -> str:
    """A list of texts as JSON."""
    return json.dumps(list(texts), ensure_ascii=False)
