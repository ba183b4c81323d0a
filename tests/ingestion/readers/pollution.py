"""Writes polluted CSV files with their expected reading, by the kinds of pollution the Pollock benchmark publishes.

The table is our own; each pollution is one change to a sound file. The expected reading follows the benchmark's rules:
parse, do not repair; skip the preamble; join header rows by one space; take the first of two tables; keep ragged rows.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path

HEADER = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments"]


def table(rows: int, seed: int) -> list[list[str]]:
    """A small sales table: dates, times, numbers, codes, prices, words with commas and quotes, URLs, empty cells."""
    rnd = random.Random(seed)
    out = [list(HEADER)]
    for n in range(rows):
        words = rnd.sample(["large", "blue", "round", "old", 'say "yes"', "wood, oak", "n°5", "café", "£9 off"], 3)
        out.append([
            f"{rnd.randint(1, 28):02d}/{rnd.randint(1, 12):02d}/2019", f"{rnd.randint(0, 23):02d}:{rnd.randint(0, 59):02d}", str(rnd.randint(1, 90)), f"P{rnd.randint(1000, 9999)}",
            f"£{rnd.randint(1, 99)}.{rnd.randint(0, 99):02d}", rnd.choice(["Furniture", "Home", "Garden"]), " ".join(words), f"https://example.org/{n}?q={rnd.randint(1, 9)}",
            rnd.choice(["", "", "late delivery", "ok"]),
        ])  # fmt: skip
    return out


def text(
    rows: list[list[str]],
    *,
    delimiter: str = ",",
    quote: str = '"',
    escape: str | None = None,
    newline: str = "\r\n",
    quoting: int = csv.QUOTE_MINIMAL,
) -> str:
    """The rows written in one dialect; a delimiter of several characters is written by hand."""
    lines = [delimiter.join(_field(cell, delimiter, quote, escape, quoting) for cell in row) for row in rows]
    return "".join(line + newline for line in lines)


def _field(cell: str, delimiter: str, quote: str, escape: str | None, quoting: int) -> str:
    if quoting != csv.QUOTE_ALL and not any(mark in cell for mark in (delimiter, quote, "\n", "\r")):
        return cell
    return quote + cell.replace(quote, (escape or quote) + quote) + quote


def cases(
    rows: int = 40, seed: int = 1, quoting: int = csv.QUOTE_MINIMAL, step: int = 1
) -> Iterator[tuple[str, bytes, list[list[str]]]]:
    """(name, bytes of the polluted file, expected rows: header first)."""
    base = table(rows, seed)

    def write(**dialect: object) -> bytes:
        return text(base, quoting=quoting, **dialect).encode()  # type: ignore[arg-type]

    yield "source", write(), base
    yield "file_no_trailing_newline", write()[:-2], base
    yield "file_double_trailing_newline", write() + b"\r\n", base
    yield "file_header_only", text(base[:1], quoting=quoting).encode(), base[:1]
    yield "file_one_data_row", text(base[:2], quoting=quoting).encode(), base[:2]
    yield "file_bom", b"\xef\xbb\xbf" + write(), base
    yield "file_utf16", text(base, quoting=quoting).encode("utf-16"), base
    yield "file_latin1", text(base, quoting=quoting).encode("cp1252"), base
    for mark in (";", "\t", "|", " ", ", ", "^", "~"):
        yield f"file_field_delimiter_{mark!r}", write(delimiter=mark), base
    for mark in ("\n", "\r"):
        yield f"file_record_delimiter_{mark!r}", write(newline=mark), base
    yield "file_quotation_char", write(quote="'"), base
    for mark in ("\\", "\x00"):
        yield f"file_escape_char_{mark!r}", write(escape=mark), base
    yield "file_preamble", b"Report of sales\r\nPrinted by: the office, on Monday\r\n\r\n" + write(), base
    yield "file_preamble_padded", text([["Report of sales", *[""] * 8], *base], quoting=quoting).encode(), base
    for levels in (2, 3):
        extra = [[f"{name} {level}" for name in HEADER] for level in "ab"[: levels - 1]]
        joined = [" ".join(parts) for parts in zip(HEADER, *extra, strict=True)]
        yield (
            f"file_header_multirow_{levels}",
            text([base[0], *extra, *base[1:]], quoting=quoting).encode(),
            [joined, *base[1:]],
        )
    other = [
        ["City", "Country", "Population"],
        ["Rome", "Italy", "2761632"],
        ["Bonn", "Germany", "329673"],
        ["Nice", "France", "342669"],
    ]
    same = [[f"{cell} {n}" if i == 0 else cell for n in range(3) for cell in row] for i, row in enumerate(other)]
    more = [row + row[:2] for row in same]
    for name, second in (("less", other), ("same", same), ("more", more)):
        for gap in (b"", b"\r\n"):
            yield f"file_multitable_{name}_{len(gap)}", write() + gap + text(second, quoting=quoting).encode(), base
    yield from _row_cases(base, quoting, step)


def _row_cases(base: list[list[str]], quoting: int, step: int) -> Iterator[tuple[str, bytes, list[list[str]]]]:
    lines = [",".join(_field(cell, ",", '"', None, quoting) for cell in row) for row in base]

    def whole(index: int, line: str) -> bytes:
        return ("\r\n".join([*lines[:index], line, *lines[index + 1 :]]) + "\r\n").encode()

    for index in range(0, len(base), step):
        fields = [_field(cell, ",", '"', None, quoting) for cell in base[index]]
        for column in range(len(fields)):
            extra = ",".join([*fields[: column + 1], "", *fields[column + 1 :]])
            yield (
                f"row_more_sep_row{index}_col{column}",
                whole(index, extra),
                [*base[:index], [*base[index][: column + 1], "", *base[index][column + 1 :]], *base[index + 1 :]],
            )
            if column + 1 < len(fields):
                line = ",".join([*fields[:column], fields[column] + fields[column + 1], *fields[column + 2 :]])
                parsed = next(csv.reader(io.StringIO(line)))
                yield (
                    f"row_less_sep_row{index}_col{column}",
                    whole(index, line),
                    [*base[:index], parsed, *base[index + 1 :]],
                )
            for side in ("start", "end"):
                hurt = f'"{fields[column]}' if side == "start" else f'{fields[column]}"'
                cells = [
                    *base[index][:column],
                    ('"' + base[index][column]) if side == "start" else base[index][column] + '"',
                    *base[index][column + 1 :],
                ]
                yield (
                    f"row_extra_quote{index}_col{column}_{side}",
                    whole(index, ",".join([*fields[:column], hurt, *fields[column + 1 :]])),
                    [*base[:index], cells, *base[index + 1 :]],
                )
        for mark in (";", "\t", " "):
            line = mark.join(fields)
            yield (
                f"row_field_delimiter_{index}_{mark!r}",
                whole(index, line),
                [*base[:index], next(csv.reader(io.StringIO(line))), *base[index + 1 :]],
            )


def write_cases(root: Path, **options: object) -> list[str]:
    """Write ``csv`` and ``clean`` folders as the scorer wants them; returns the names."""
    (root / "csv").mkdir(parents=True, exist_ok=True)
    (root / "clean").mkdir(exist_ok=True)
    names = []
    for number, (name, data, expected) in enumerate(cases(**options)):  # type: ignore[arg-type]
        safe = "".join(ch if ch.isalnum() or ch == "_" else f"{ord(ch):02x}" for ch in name) + f"_{number}.csv"
        (root / "csv" / safe).write_bytes(data)
        (root / "clean" / safe).write_text(text(expected, newline="\n"), encoding="utf-8", newline="")
        names.append(safe)
    return names
