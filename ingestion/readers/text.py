"""Delimited text to records: tolerant, never lost. One damaged line costs one record, not the rest of the file.

A field is quoted when it starts with the quote; it ends at the quote that stands before a delimiter or the line end. A
quote anywhere else is a character like any other. A quoted field may run over lines, but only when it ends properly and
the record has the usual number of fields; otherwise the quote was left open and the record ends with its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ingestion.readers import encoding as enc
from ingestion.readers.dialect import Dialect, lines_of
from ingestion.readers.model import TRUNCATED

LOOK_AHEAD_LINES = 1_000
LOOK_AHEAD_CHARS = 1 << 20


class Splitter:
    """Splits lines into records for one dialect. ``expected``: usual number of fields, 0 when not known yet."""

    def __init__(self, dialect: Dialect, expected: int) -> None:
        self.delimiter, self.quote, self.escape = dialect.delimiter, dialect.quote or "", dialect.escape
        self.strip_return = dialect.newline != "\r"
        self.joiner = "\r" if dialect.newline == "\r" else "\n"
        self.expected = expected
        self.look_ahead = LOOK_AHEAD_LINES
        self.stray = False  # whether a lone quote stood inside the quoted field looked at last
        self.taken = 0  # lines before the record handed out last
        self.starved = False  # whether that record may go on beyond the lines given

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[list[str], str | None]]:
        """Records of ``lines``: (fields, defect). ``lines`` come without their line feed."""
        queue = _Lines(lines)
        quote, escape, delimiter = self.quote, self.escape, self.delimiter
        strip = self.strip_return
        while (line := queue.take()) is not None:
            self.taken = queue.taken - 1
            plain = line[:-1] if strip and line[-1:] == "\r" else line
            if (not quote or quote not in plain) and (not escape or escape not in plain):
                yield plain.split(delimiter), None
            else:
                yield self._record(line, plain, queue)

    def _record(self, line: str, plain: str, queue: _Lines) -> tuple[list[str], str | None]:
        fields, opened = self._scan(plain, 0, [])
        if opened < 0:
            return self._likelier(plain, fields), None
        if (closed := self._closed_early(plain, queue)) is not None:
            return closed, None
        alone = self._scan(plain, 0, [], literal=True)[0]
        self.stray = False
        joined, used = self._over_lines(line, fields, opened, queue)
        if joined is not None and not self._left_open(alone, joined, queue):
            queue.drop(used)
            return joined, None
        return alone, TRUNCATED

    def _closed_early(self, line: str, queue: _Lines) -> list[str] | None:
        """The record when a doubled quote before a delimiter was meant to close: then the line is whole, and so is the next."""
        if not self.expected:
            return None
        fields, opened = self._scan(line, 0, [], eager=True)
        return fields if opened < 0 and len(fields) == self.expected and self._next_is_whole(queue) else None

    def _left_open(self, alone: list[str], joined: list[str], queue: _Lines) -> bool:
        """Whether a quote was left open: what follows is a record by itself, and the line is one, too, or what the quote
        would swallow holds a quote that opens a field."""
        stray = self.stray
        if self.expected == 0 or not self._next_is_whole(queue):
            return False
        return stray or len(joined) != self.expected or len(alone) == self.expected

    def _likelier(self, line: str, fields: list[str]) -> list[str]:
        """A record of an unusual number of fields, read once more with every quote before a delimiter as a closing one."""
        if self.expected in (0, len(fields)) or self.quote not in line:
            return fields
        again, opened = self._scan(line, 0, [], eager=True)
        return again if opened < 0 and len(again) == self.expected else fields

    def _over_lines(
        self, line: str, fields: list[str], opened: int, queue: _Lines, ahead: int = 0
    ) -> tuple[list[str] | None, int]:
        """The record that starts in ``line`` with a quote open at ``opened``: (fields or None, further lines it takes).
        ``ahead``: how many lines ``line`` itself lies ahead."""
        text = line[opened:]
        resume = len(text)
        for used in range(1, self.look_ahead):
            more = queue.peek(used + ahead)
            if more is None or len(text) > LOOK_AHEAD_CHARS:
                self.starved = more is None
                break
            text += self.joiner + more
            if self.quote not in more:
                continue
            whole = text[:-1] if self.strip_return and text[-1:] == "\r" else text
            if self._close(whole, 0, min(resume, len(whole)), len(whole))[0] < 0:
                resume = len(text)
                continue
            rest, still_open = self._scan(whole, 0, [])
            fields = fields + rest
            if still_open < 0:
                self.look_ahead = LOOK_AHEAD_LINES
                return fields, used
            text = text[still_open:]
            resume = len(text)
        self.look_ahead = max(8, self.look_ahead // 2)
        return None, 0

    def _next_is_whole(self, queue: _Lines) -> bool:
        """Whether a record of the usual width starts in the next line: then the quote before it was left open."""
        line = queue.peek(1)
        if line is None:
            self.starved = True
            return False
        fields, opened = self._scan(line.rstrip("\r"), 0, [])
        if opened < 0:
            return len(fields) == self.expected and line.count(self.quote) % 2 == 0
        self.stray = False
        joined, _ = self._over_lines(line, fields, opened, queue, ahead=1)
        return joined is not None and len(joined) == self.expected and not self.stray

    def _scan(
        self, text: str, position: int, fields: list[str], *, literal: bool = False, eager: bool = False
    ) -> tuple[list[str], int]:
        """(fields of ``text`` from ``position``, where a quote was left open or -1). ``literal``: an open quote is a character."""
        end = len(text)
        delimiter, quote = self.delimiter, self.quote
        while True:
            if quote and text.startswith(quote, position):
                close, after, doubled = self._close(text, position, position + 1, end, eager=eager)
                if close >= 0:
                    content = text[position + 1 : close]
                    if doubled:
                        content = content.replace(quote + quote, quote)
                    fields.append(self._unescape(content))
                    if after >= end:
                        return fields, -1
                    position = after + len(delimiter)
                    continue
                if not literal:
                    return fields, position
            stop = self._plain_end(text, position)
            fields.append(self._unescape(text[position:stop]))
            if stop >= end:
                return fields, -1
            position = stop + len(delimiter)

    def _close(self, text: str, start: int, position: int, end: int, *, eager: bool = False) -> tuple[int, int, bool]:
        """(index of the closing quote or -1, where the field ends, whether quotes are doubled inside)."""
        quote, delimiter, escape = self.quote, self.delimiter, self.escape
        while (found := text.find(quote, position)) >= 0:
            if (
                escape
                and found > start + 1
                and text[found - 1] == escape
                and not self._escape_is_escaped(text, start, found - 1)
            ):
                position = found + 1
                continue
            after = found + 1
            if text.startswith(quote, after) and not (eager and self._at_field_end(text, after + 1, end)):
                position = after + 1
                continue
            if eager and text.startswith(quote, after):
                return after, after + 1, False
            if self._at_field_end(text, after, end):
                return found, after, quote + quote in text[start + 1 : found]
            blank = after
            while blank < end and text[blank] == " ":
                blank += 1
            if blank > after and delimiter != " " and self._at_field_end(text, blank, end):
                return found, blank, quote + quote in text[start + 1 : found]
            self.stray = True
            position = after
        return -1, 0, False

    def _at_field_end(self, text: str, position: int, end: int) -> bool:
        return position >= end or text.startswith(self.delimiter, position)

    def _escape_is_escaped(self, text: str, start: int, position: int) -> bool:
        run = 0
        while position - run > start and text[position - run] == self.escape:
            run += 1
        return run % 2 == 0

    def _plain_end(self, text: str, position: int) -> int:
        """Where the unquoted field that starts at ``position`` ends."""
        stop = text.find(self.delimiter, position)
        while stop > position and self.escape and text[stop - 1] == self.escape:
            stop = text.find(self.delimiter, stop + 1)
        return len(text) if stop < 0 else stop

    def _unescape(self, field: str) -> str:
        escape = self.escape
        if not escape or escape not in field:
            return field
        for mark in (self.quote, self.delimiter):
            field = field.replace(escape + mark, mark) if mark else field
        return field


class _Lines:
    """Lines with look-ahead."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._source = iter(lines)
        self._ahead: list[str] = []
        self._head = 0
        self.taken = 0

    def take(self) -> str | None:
        self.taken += 1
        if self._head < len(self._ahead):
            line = self._ahead[self._head]
            self._head += 1
            if self._head > 4_096:
                del self._ahead[: self._head]
                self._head = 0
            return line
        return next(self._source, None)

    def peek(self, distance: int) -> str | None:
        """The line ``distance`` lines ahead (1 is the next one)."""
        while len(self._ahead) - self._head < distance:
            line = next(self._source, None)
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[self._head + distance - 1]

    def drop(self, count: int) -> None:
        for _ in range(count):
            self.take()


class Damage:
    """Counts what decoding met, while lines are handed out."""

    def __init__(self) -> None:
        self.foreign = self.damaged = 0


def lines(path: Path, encoding: enc.Encoding, dialect: Dialect, damage: Damage | None = None) -> Iterator[str]:
    """Physical lines of ``path`` without their line feeds, decoded block by block."""
    for block in enc.blocks(path, encoding, dialect.delimiter):
        if damage is not None:
            damage.foreign += block.foreign
            damage.damaged += block.damaged
        yield from lines_of(block.text, dialect.newline)


def records(
    path: Path, encoding: enc.Encoding, dialect: Dialect, damage: Damage | None = None
) -> Iterator[tuple[int, list[str], str | None]]:
    """(row number, fields, defect) of every record. A quoted field with line breaks is one row; blank lines count."""
    rows = Splitter(dialect, dialect.width).rows(lines(path, encoding, dialect, damage))
    for number, (fields, defect) in enumerate(rows, start=1):
        yield number, fields, defect
