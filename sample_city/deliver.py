"""Turns a source's chunks into a file: hurts cells and rows, orders and writes them, notes every row in the key."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from sample_city import layouts, records
from sample_city.defects import Log, Luck, hurt_column, positions, quarantine, recoverable, replace_at
from sample_city.draw import Bools, Indices, Ints
from sample_city.layouts import BLANK, CUT_SHORT, DELETED, EMPTY_TAIL, FIELD_TOO_MANY, HEADER, PLAIN, TRUNCATED
from sample_city.sources.base import Chunk, Line, Source
from sample_city.truth import Answers
from sample_city.world import World

KEYS = ("person_key", "org_key", "place_key", "event_key", "facility_key")
LARGE = 10_000_000  # persons from whom on a file may pass two gigabytes
ORIGINAL, EXACT_COPY, NEAR_COPY = range(3)
_WHOLE_ROW = {CUT_SHORT: "ragged_missing_fields", FIELD_TOO_MANY: "ragged_extra_field", TRUNCATED: "truncated_line"}
_ROW_KEPT = {EMPTY_TAIL: "ragged_empty_tail"}
_LINES = {"blank": BLANK, "header": HEADER, "deleted": DELETED}
_COPIES = {EXACT_COPY: "duplicate_exact", NEAR_COPY: "duplicate_near"}


@dataclass(frozen=True)
class Delivery:
    """One file of one source: what it is called in the answer key, and the headers it has in this period."""

    world: World
    source: Source
    period: int
    file: str

    @property
    def renamed(self) -> dict[str, str]:
        """Headers that differ from the declared ones."""
        return self.source.renamed(self.period)


@dataclass(frozen=True)
class Rows:
    """Rows of a chunk in the order of the file: position in the chunk (-1: no data), shape, kind of row."""

    origin: Indices
    copy: Indices
    shape: Indices
    row_kind: pl.Series
    frame: pl.DataFrame


def deliver(world: World, source: Source, period: int, root: Path, answers: Answers) -> None:
    """Writes one delivery of one source below `root` (out/landing or out/landing_2 …); a source without rows sends nothing."""
    path = root / source.file(world, period)
    this = Delivery(world, source, period, f"{root.name}/{source.file(world, period)}")
    if source.again(period):
        _send_again(this, path, answers)
        return
    chunks = _unless_empty(source.chunks(world, period))
    if chunks is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    answers.file(period, source.name, this.file, "data", note=source.note, delivery=source.kind(period))
    writer = _writer(this, path, answers.thread)
    for chunk, last in _with_last(chunks):
        frame, logs = _damaged(this, chunk)
        rows, logs = _arrange(this, chunk, frame, logs, last=last)
        numbers, sheets = writer.write(rows.frame, rows.shape, chunk.sheet, chunk.title)
        if isinstance(writer, layouts.XlsxWriter):
            for low, high in chunk.merged:  # rows of such a source stand as they come
                if sheets[low] == sheets[high - 1]:
                    writer.merge(sheets[low], int(numbers[low]), int(numbers[high - 1]), source.merged_columns)
        _note(this, chunk, rows, logs=logs, locators=_locators(this, numbers, sheets), answers=answers)
    writer.close()


def _send_again(this: Delivery, path: Path, answers: Answers) -> None:
    """The bytes of an earlier delivery under the name of this one."""
    earlier = this.source.again(this.period)
    first = f"landing{'' if earlier == 1 else f'_{earlier}'}/{this.source.file(this.world, earlier)}"
    original = path.parents[2] / first
    if not original.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(original.read_bytes())
    note = f"same bytes as {first}"
    delivery = this.source.kind(this.period)
    answers.file(this.period, this.source.name, this.file, "duplicate_file", note=note, delivery=delivery)


def _unless_empty(chunks: Iterator[Chunk]) -> Iterator[Chunk] | None:
    """The chunks, or None where none of them has a row (small cities have no pupils of some kind, no hazards …)."""
    held = []
    for chunk in chunks:
        held.append(chunk)
        if chunk.frame.height:
            return itertools.chain(held, chunks)
    return None


def _with_last(chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, bool]]:
    """Each chunk, and whether it is the last one."""
    waiting: Chunk | None = None
    for chunk in chunks:
        if waiting is not None:
            yield waiting, False
        waiting = chunk
    if waiting is not None:
        yield waiting, True


# ---- files ------------------------------------------------------------------------------------------------
def _writer(this: Delivery, path: Path, thread: Executor) -> layouts.Writer:
    source, columns = this.source, this.source.columns(this.period)
    headers = [this.renamed.get(c.name, c.name) for c in columns]
    kinds = [c.kind for c in columns]
    day = date(1970, 1, 1) + timedelta(days=this.world.day(this.period))
    writer: layouts.Writer
    if source.layout in ("json", "jsonl"):
        assert source.render is not None
        writer = (records.JsonWriter if source.layout == "json" else records.JsonLinesWriter)(path, source.render)
    elif source.layout == "dbf":
        writer = records.DbfWriter(path, [(h, *w) for h, w in zip(headers, source.widths, strict=True)], day)
    elif source.layout == "geojson":
        writer = layouts.GeoJsonWriter(path, path.stem)
    elif source.layout == "xls":
        writer = layouts.XlsWriter(path, headers, kinds)
    elif source.layout == "xlsx":
        writer = _workbook(this, path, headers, day)
    elif source.layout == "zip":
        member = source.member(this.world, this.period)
        large = this.world.persons > LARGE
        writer = records.ZipWriter(path, member, day, lambda file: _csv(this, file, headers, thread), large=large)
    else:
        writer = _csv(this, path, headers, thread)
    return writer


def _workbook(this: Delivery, path: Path, headers: list[str], day: date) -> layouts.XlsxWriter:
    source = this.source
    top, merges = _headers(this, headers)
    book = layouts.XlsxWriter(
        path,
        headers=top,
        merges=merges,
        kinds=[c.kind for c in source.columns(this.period)],
        day=day,
        date_1904=source.date_1904,
        dimension=source.dimension,
    )
    for name, rows in source.other_sheets:
        book.add_sheet(name, rows)
    return book


def _csv(this: Delivery, file: Path | IO[bytes], headers: list[str], thread: Executor) -> layouts.CsvWriter:
    source = this.source
    names = [c.name for c in source.columns(this.period)]
    return layouts.CsvWriter(
        file,
        headers,
        encoding=source.encoding,
        extra_before=names.index(source.rows.extra_before) if source.rows.extra_before else len(names) - 1,
        separator=source.separator,
        quoting=source.quoting,
        line_end=source.line_end,
        thread=thread,
    )


def _headers(this: Delivery, headers: list[str]) -> tuple[list[list[str]], list[layouts.Merge]]:
    """Title lines and header rows of a workbook with their merged cells; two header rows where columns are grouped."""
    width = len(headers)
    rows: list[list[str]] = []
    merges: list[layouts.Merge] = []
    for i, title in enumerate(this.source.titles(this.world, this.period)):
        rows.append([title])
        merges.append((i, 0, i, width - 1))
    if not this.source.groups:
        return [*rows, headers], merges
    at = len(rows)
    upper, grouped = list(headers), set()
    for label, first, span in this.source.groups:
        upper[first : first + span] = [label, *[""] * (span - 1)]
        merges.append((at, first, at, first + span - 1))
        grouped |= set(range(first, first + span))
    lower = [h if i in grouped else "" for i, h in enumerate(headers)]
    merges += [(at, i, at + 1, i) for i in range(width) if i not in grouped]
    return [*rows, upper, lower], merges


# ---- damage -----------------------------------------------------------------------------------------------
def _damaged(this: Delivery, chunk: Chunk) -> tuple[pl.DataFrame, list[Log]]:
    """The chunk's cells after damage, and what was done."""
    luck = Luck.of(this.world.draw, this.source.name, chunk.ids, this.period)
    logs: list[Log] = list(chunk.logs)
    changed: list[pl.Series] = []
    for column in this.source.columns(this.period):
        if column.defects:
            in_key = column.name == this.source.key
            text, found = hurt_column(
                luck,
                column.name,
                chunk.frame[column.name],
                column.defects,
                in_key=in_key,
                in_number=column.name == this.source.number,
                hurt=[log.at for log in chunk.logs if log.column == column.name],
                town_share=this.world.town_share,
            )
            changed.append(text.alias(column.name))
            logs += found
    return chunk.frame.with_columns(changed), logs


def _swap(frame: pl.DataFrame, pair: tuple[str, str], at: Indices) -> tuple[pl.DataFrame, Log]:
    """Exchanges two columns in some rows."""
    left, right = (frame[c].gather(positions(at)) for c in pair)
    frame = frame.with_columns(
        replace_at(frame[pair[0]], at, right).alias(pair[0]), replace_at(frame[pair[1]], at, left).alias(pair[1])
    )
    return frame, Log(at, "+".join(pair), "swapped_columns", left + "|" + right, right + "|" + left, True, "no")


def _mark_numbers(this: Delivery, frame: pl.DataFrame, chunk: Chunk, logs: Sequence[Log]) -> pl.DataFrame:
    """In workbooks half of the numbers a spreadsheet has hurt are still number cells."""
    if this.source.layout not in ("xls", "xlsx"):
        return frame
    for log in logs:
        if log.kind in ("id_excel_000", "id_excel_float") and len(log.at):
            half = this.world.draw.chance(f"defect/{this.source.name}/numeric", chunk.ids[log.at], 0.5)
            marked = layouts.NUMERIC + log.damaged.filter(pl.Series(half))
            frame = frame.with_columns(replace_at(frame[log.column], log.at[half], marked).alias(log.column))
    return frame


def _arrange(
    this: Delivery, chunk: Chunk, frame: pl.DataFrame, logs: list[Log], *, last: bool
) -> tuple[Rows, list[Log]]:
    """Damage to whole rows, copies, stray lines, and the order of the file; the log by rows of the file."""
    spec, n = this.source.rows, len(chunk.ids)
    luck = Luck.of(this.world.draw, this.source.name, chunk.ids, this.period)
    hurt = np.zeros(n, dtype=bool)
    for log in logs:
        hurt[log.at] = True

    def drawn(kind: str, rate: float) -> Indices:
        """Rows with no damage yet that get this one."""
        if not rate:
            return np.zeros(0, dtype=np.int64)
        at = np.flatnonzero(luck.hits(f"*/{kind}", rate) & ~hurt)
        hurt[at] = True
        return at

    swapped = drawn("swapped_columns", spec.swapped)
    if len(swapped):
        frame, log = _swap(frame, spec.swap, swapped)
        logs = [*logs, log]
    shape = np.full(n, PLAIN)
    shape[drawn("ragged_missing_fields", spec.ragged_missing)] = CUT_SHORT
    shape[drawn("ragged_extra_field", spec.ragged_extra)] = FIELD_TOO_MANY
    shape[drawn("ragged_empty_tail", spec.ragged_tail)] = EMPTY_TAIL
    exact, near = drawn("duplicate_exact", spec.duplicate_exact), drawn("duplicate_near", spec.duplicate_near)
    if len(near):
        near = near[(frame[spec.near].gather(positions(near)) != "").to_numpy()]
    frame = _mark_numbers(this, frame, chunk, logs)
    rows = _in_order(this, chunk, frame, shape=shape, copies=(exact, near), last=last)
    return rows, _by_file_row(logs, rows, frame, spec.near)


def _in_order(
    this: Delivery, chunk: Chunk, frame: pl.DataFrame, *, shape: Indices, copies: tuple[Indices, Indices], last: bool
) -> Rows:
    """Rows, copies (exact and nearly so) and stray lines in the order of the file."""
    exact, near = copies
    draw, name, n = this.world.draw, this.source.name, len(chunk.ids)
    lines = [*chunk.lines, *_stray_lines(this, chunk.ids)]
    if this.source.shuffled:
        own, first, second = (
            draw.uniform(f"order/{name}{suffix}", chunk.ids[at])
            for suffix, at in (("", np.arange(n)), ("/exact", exact), ("/near", near))
        )
    else:  # a copy stands right behind its original
        own, first, second = np.arange(n) / max(n, 1), (exact + 0.5) / max(n, 1), (near + 0.5) / max(n, 1)
    order = np.argsort(np.r_[own, first, second, [line.at for line in lines]], kind="stable")
    origin = np.r_[np.arange(n), exact, near, np.full(len(lines), -1)].astype(np.int64)[order]
    copy = np.repeat([ORIGINAL, EXACT_COPY, NEAR_COPY, ORIGINAL], [n, len(exact), len(near), len(lines)])[order]
    strange = [_line_shape(this.source, line) for line in lines]
    shapes = np.r_[shape, np.full(len(exact) + len(near), PLAIN), strange].astype(np.int64)[order]
    if last and this.source.rows.truncate_last and n:
        final = int(np.flatnonzero(origin >= 0)[-1])
        if shapes[final] == PLAIN and copy[final] == ORIGINAL:
            shapes[final] = TRUNCATED
    kinds = pl.Series(["data"] * (len(order) - len(lines)) + [line.row_kind for line in lines], dtype=pl.String)
    body = _body(frame, this.source.rows.near, exact, near, lines)
    at = positions(order)
    return Rows(origin, copy, shapes, kinds.gather(at), body.select(pl.all().gather(at)))


def _body(frame: pl.DataFrame, near_column: str, exact: Indices, near: Indices, lines: Sequence[Line]) -> pl.DataFrame:
    """Rows, copies and stray lines one below the other."""
    parts = [frame]
    if len(exact):
        parts.append(frame.select(pl.all().gather(positions(exact))))
    if len(near):
        parts.append(frame.select(pl.all().gather(positions(near))).with_columns(pl.col(near_column) + " "))
    if lines:
        cells = {c: [line.cells.get(c, "") for line in lines] for c in frame.columns}
        parts.append(pl.DataFrame(cells, schema=dict.fromkeys(frame.columns, pl.String)))
    return pl.concat(parts)


def _stray_lines(this: Delivery, ids: Ints) -> list[Line]:
    """Blank lines, and headers repeated in the middle as happens when files are pasted together."""
    spec = this.source.rows
    found: list[Line] = []
    for kind, rate in (("blank", spec.blank_lines), ("header", spec.repeated_headers if this.period == 1 else 0.0)):
        if rate and len(ids):
            numbers = np.arange(max(1, round(rate * len(ids)))) + int(ids[0]) * 1000
            spots = this.world.draw.uniform(f"line/{this.source.name}/{kind}", numbers)
            found += [Line(0.02 + 0.96 * float(u), kind, {}) for u in spots]
    return found


def _line_shape(source: Source, line: Line) -> int:
    return _LINES.get(line.row_kind, PLAIN) if source.layout in ("csv", "zip", "dbf") else PLAIN


def _by_file_row(logs: Sequence[Log], rows: Rows, frame: pl.DataFrame, near_column: str) -> list[Log]:
    """The log with rows of the file for positions of the chunk, copies included; and the damage of whole rows.

    Cells of a row that was cut or shifted are not logged one by one.
    """
    whole = np.isin(rows.shape, tuple(_WHOLE_ROW))
    known = pl.DataFrame({"at": rows.origin, "row": np.arange(len(rows.origin))})
    known = known.filter(pl.Series(~whole & (rows.origin >= 0)))
    found: list[Log] = []
    for log in logs:
        cells = pl.DataFrame({"at": pl.Series(log.at, dtype=pl.Int64), "o": log.original, "d": log.damaged})
        cells = cells.join(known, on="at").sort("row")
        row = cells["row"].to_numpy()
        found.append(Log(row, log.column, log.kind, cells["o"], cells["d"], log.recoverable, log.quarantine))
    for code, kind in _COPIES.items():
        found += _row_log(np.flatnonzero(rows.copy == code), kind, rows, frame[near_column] if near_column else None)
    for code, kind in (_WHOLE_ROW | _ROW_KEPT).items():
        found += _row_log(np.flatnonzero(rows.shape == code), kind, rows, None)
    return found


def _row_log(at: Indices, kind: str, rows: Rows, near: pl.Series | None) -> list[Log]:
    if not len(at):
        return []
    text = pl.repeat("", len(at), dtype=pl.String, eager=True)
    damaged = text
    if kind == _COPIES[NEAR_COPY] and near is not None:
        text = near.gather(positions(rows.origin[at]))
        damaged = text + " "
    return [Log(at, "*", kind, text, damaged, recoverable(kind), quarantine(kind))]


# ---- answer key -------------------------------------------------------------------------------------------
def _locators(this: Delivery, numbers: Indices, sheets: pl.Series) -> pl.DataFrame:
    """Where each row is."""
    n = len(numbers)
    return pl.DataFrame(
        {
            "period": pl.repeat(this.period, n, dtype=pl.Int64, eager=True),
            "source": pl.repeat(this.source.name, n, dtype=pl.String, eager=True),
            "file": pl.repeat(this.file, n, dtype=pl.String, eager=True),
            "sheet": sheets,
            "row_number": pl.Series(numbers, dtype=pl.Int64),
            "data_row": pl.Series(numbers - this.source.header_rows, dtype=pl.Int64),
        }
    )


def _note(
    this: Delivery, chunk: Chunk, rows: Rows, *, logs: Sequence[Log], locators: pl.DataFrame, answers: Answers
) -> None:
    data: Bools = rows.origin >= 0
    grade = np.where(data, 0, 1)
    for log in logs:
        np.maximum.at(grade, log.at, {"yes": 2, "maybe": 1, "no": 0}[log.quarantine])
    if this.source.register:
        this.world.refuse(this.period, chunk.ids[rows.origin[data & (grade == 2)]])
    verdict = pl.Series(["no", "maybe", "yes"]).gather(positions(grade)).alias("quarantine")
    at, is_data = positions(np.maximum(rows.origin, 0)), pl.Series("d", data)
    keys = [_key(chunk, key, at, is_data) for key in KEYS]
    answers.mentions(locators.with_columns(rows.row_kind.alias("row_kind"), *keys, verdict))

    known = pl.DataFrame({"at": rows.origin, "row": np.arange(len(rows.origin))}).filter(is_data)
    for role, where, persons in chunk.roles:
        found = pl.DataFrame({"at": pl.Series(where, dtype=pl.Int64), "person_key": persons}).join(known, on="at")
        found = found.sort("row")
        place = locators.select(pl.all().gather(found["row"].cast(pl.UInt32)))
        answers.roles(place.with_columns(pl.lit(role).alias("role"), found["person_key"]))
    if logs:
        answers.defects(_defects(this, logs, locators))


def _defects(this: Delivery, logs: Sequence[Log], locators: pl.DataFrame) -> pl.DataFrame:
    """The log as rows of the answer key, with the headers as delivered."""
    lengths = [len(log.at) for log in logs]
    place = locators.select(pl.all().gather(positions(np.concatenate([log.at for log in logs]))))

    def column(name: str, values: Sequence[str]) -> pl.Series:
        """One value per log, repeated for its cells."""
        which = positions(np.repeat(np.arange(len(values)), lengths))
        return pl.Series(name, values, dtype=pl.String).gather(which)

    return place.with_columns(
        column("column", [this.renamed.get(log.column, log.column) for log in logs]),
        column("kind", [log.kind for log in logs]),
        pl.concat([log.original for log in logs]).alias("original"),
        pl.concat([log.damaged for log in logs]).alias("damaged"),
        column("recoverable", ["yes" if log.recoverable else "no" for log in logs]),
        column("should_quarantine", [log.quarantine for log in logs]),
    )


def _key(chunk: Chunk, key: str, at: pl.Series, is_data: pl.Series) -> pl.Series:
    """The entity each row is about; empty for lines that are no data."""
    if key not in chunk.keys or not len(chunk.keys[key]):
        return pl.repeat("", len(at), dtype=pl.String, eager=True).alias(key)
    frame = pl.DataFrame([chunk.keys[key].gather(at).alias("k"), is_data])
    return frame.select(pl.when("d").then("k").otherwise(pl.lit("")).alias(key)).to_series()
