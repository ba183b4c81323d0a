"""How a delimited text is written: record end, delimiter, quote, escape. Detected from the text alone.

Every plausible pair of delimiter and quote splits a sample; the pair wins whose rows agree most on their number of
fields and whose fields look most like data. Commas, tabs, semicolons and bars come first: rarer delimiters are only
asked when none of those makes a table.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from ingestion.readers import cells

SAMPLE_LINES = 400
SAMPLE_FIELDS = 10_000
COMMON = (",", "\t", ";", "|")
RARE = ("，", "；", "\x01", "\x1f", "\x1e", "^", "~", "¦", "§", "#", "&", "*", "!", "$", "@", "%", "、", ":", " ")
_SEP_LINE = re.compile(r'"?sep=(.+?)"?\s*')


@dataclass(frozen=True)
class Dialect:
    """``newline``: "\\n" (a carriage return before it is part of it), "\\r", or "mixed". ``width``: usual number of fields."""

    delimiter: str = ","
    quote: str | None = '"'
    escape: str | None = None
    newline: str = "\n"
    width: int = 1
    skip_lines: int = 0

    def as_dict(self) -> dict[str, str | int | None]:
        """The dialect for a report."""
        return {
            "delimiter": self.delimiter,
            "quote": self.quote,
            "escape": self.escape,
            "newline": self.newline,
            "skip_lines": self.skip_lines,
        }


@dataclass(frozen=True)
class _Trial:
    dialect: Dialect
    agreement: float
    looks: float

    @property
    def score(self) -> float:
        return self.agreement * self.looks * (1 + 0.03 * min(self.dialect.width, 12))

    @property
    def is_table(self) -> bool:
        """Whether enough rows agree: the fewer the fields, the more rows must."""
        needed = {1: 2.0, 2: 0.6, 3: 0.4, 4: 0.3}.get(self.dialect.width, 0.2)
        return self.agreement >= needed


def newline_of(text: str) -> str:
    """How records end in ``text``."""
    feeds, pairs, returns = text.count("\n"), text.count("\r\n"), text.count("\r")
    bare = returns - pairs
    if not feeds:
        return "\r" if returns else "\n"
    if bare and bare > 0.2 * feeds and _bare_returns_end_lines(text):
        return "mixed"
    return "\n"


def _bare_returns_end_lines(text: str) -> bool:
    """Bare carriage returns outside quotes end lines; inside quotes they belong to a cell."""
    outside = re.sub(r'"[^"]*"', "", text)
    return len(re.findall(r"\r(?!\n)", outside)) > 0.5 * len(re.findall(r"\r(?!\n)", text))


def lines_of(text: str, newline: str) -> list[str]:
    """Physical lines without their ends; the carriage return before a line feed stays (the splitter takes it off)."""
    if newline == "mixed":
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\r" if newline == "\r" else "\n")
    if lines and not lines[-1]:
        lines.pop()
    return lines


def detect(text: str) -> Dialect:
    """The dialect of ``text``, the first whole lines of a file (or all of it)."""
    newline = newline_of(text)
    lines = lines_of(text, newline)
    skip = 0
    if lines and (forced := _SEP_LINE.fullmatch(lines[0].rstrip("\r"))):
        trials = _trials(lines[1 : 1 + SAMPLE_LINES], [forced.group(1)], newline)
        best = max(trials, key=lambda t: t.score).dialect
        return Dialect(best.delimiter, best.quote, best.escape, newline, best.width, skip_lines=1)
    sample = [line for line in lines if line.strip()][:SAMPLE_LINES]
    if len(lines) > 3 * SAMPLE_LINES:
        middle = len(lines) // 2
        sample += [line for line in lines[middle : middle + SAMPLE_LINES // 2] if line.strip()]
    if not sample:
        return Dialect(newline=newline, skip_lines=skip)
    for group, strict in ((COMMON, False), (RARE, True)):
        trials = [t for t in _trials(sample, _present(sample, group), newline) if t.is_table]
        if strict:
            typed = sum(cells.is_typed(cells.shape(line)) for line in sample)
            trials = [t for t in trials if _convincing(t) and typed < 0.8 * len(sample)]
        if trials:
            return max(trials, key=lambda t: t.score).dialect
    quote = '"' if not _wraps(sample, ",", "'") else "'"
    return Dialect(quote=quote, newline=newline)


def _convincing(trial: _Trial) -> bool:
    """A rare delimiter must split nearly every line alike; blanks and colons, which prose is full of, into data."""
    if trial.dialect.delimiter in (" ", ":", "、", "-"):
        return trial.agreement >= 0.9 and trial.looks >= (0.75 if trial.dialect.width > 2 else 0.85)
    return trial.agreement >= 0.8


def _present(sample: list[str], group: tuple[str, ...]) -> list[str]:
    """Delimiters of ``group`` that stand in enough lines, and the longer ones made of them ("||", ", ")."""
    found: list[str] = []
    for mark in group:
        holding = [line for line in sample if mark in line]
        if len(holding) < max(1, 0.15 * len(sample)):
            continue
        found.append(mark)
        doubled = mark + mark
        if mark != " " and all(line.count(mark) == 2 * line.count(doubled) for line in holding):
            found[-1] = doubled
    return found


def _trials(sample: list[str], marks: list[str], newline: str) -> list[_Trial]:
    quotes: list[str | None] = ['"']
    if any("'" in line for line in sample):
        quotes.append("'")
    text = "\n".join(sample)
    out = []
    for mark in marks:
        for quote in quotes:
            if quote == "'" and not _wraps(sample, mark, "'"):
                continue
            for escape in _escapes(text, quote):
                out.append(_try(sample, Dialect(mark, quote, escape, newline)))
                if len(mark) == 1 and not mark.isspace() and _always_followed_by_blank(sample, out[-1].dialect):
                    out.append(_try(sample, Dialect(mark + " ", quote, escape, newline)))
    return out


def _wraps(sample: list[str], mark: str, quote: str) -> bool:
    """Whether ``quote`` wraps fields: it opens after a delimiter or a line start and closes before one, several times."""
    q, d = re.escape(quote), re.escape(mark)
    pattern = re.compile(rf"(?:^|{d}\s?){q}[^{q}]*(?:{q}{q}[^{q}]*)*{q}\s?(?={d}|\r?$)")
    wrapped = sum(len(pattern.findall(line)) for line in sample)
    double = sum(line.count('"') for line in sample)
    return wrapped >= max(2, 0.1 * len(sample)) and wrapped * 2 > double


def _escapes(text: str, quote: str | None) -> list[str | None]:
    """Escape characters worth trying: none, and the backslash or NUL where one stands before a quote."""
    out: list[str | None] = [None]
    if quote:
        out += [mark for mark in ("\\", "\x00") if mark + quote in text]
    return out


def _always_followed_by_blank(sample: list[str], dialect: Dialect) -> bool:
    from ingestion.readers.text import Splitter

    rows = [fields for fields, _ in Splitter(dialect, expected=0).rows(sample) if len(fields) > 1]
    rest = [field for fields in rows for field in fields[1:]]
    return bool(rest) and sum(field.startswith(" ") for field in rest) >= 0.98 * len(rest)


def _try(sample: list[str], dialect: Dialect) -> _Trial:
    from ingestion.readers.text import Splitter

    rows = [fields for fields, _ in Splitter(dialect, expected=0).rows(sample)]
    width, agreement = usual_width(rows)
    same = [row for row in rows if len(row) == width] or rows
    looks = _looks(same[:200], dialect)
    if dialect.escape:
        looks *= 1.01 if _helps(sample, dialect) else 0.9
    return _Trial(
        Dialect(dialect.delimiter, dialect.quote, dialect.escape, dialect.newline, width, dialect.skip_lines),
        agreement,
        looks,
    )


def usual_width(rows: list[list[str]]) -> tuple[int, float]:
    """(most usual number of fields, share of rows that have it), rows of one field left out unless there are no others."""
    counts = Counter(len(row) for row in rows if len(row) > 1)
    if not counts:
        return 1, 0.0
    total = sum(1 for row in rows if row != [""])
    width, count = max(counts.items(), key=lambda item: (item[1], item[0]))
    return width, count / max(total, 1)


def _helps(sample: list[str], dialect: Dialect) -> bool:
    """An escape is one when the quote behind it does not close the field it stands in."""
    quote, escape = re.escape(dialect.quote or '"'), re.escape(dialect.escape or "\\")
    inside = re.compile(rf"{escape}{quote}(?!\s*(?:{re.escape(dialect.delimiter)}|\r?$))")
    return any(inside.search(line) for line in sample)


def _looks(rows: list[list[str]], dialect: Dialect) -> float:
    """How much the fields look like single values: 1 for numbers and dates, less for text that could be split again."""
    others = [mark for mark in COMMON if mark not in dialect.delimiter]
    total = points = 0.0
    for row in rows:
        if total > SAMPLE_FIELDS:
            break
        for field in row:
            total += 1
            look = cells.shape(field)
            if look is cells.EMPTY:
                points += 0.75
            elif look is not cells.TEXT:
                points += 1.0
            elif dialect.quote and field.count(dialect.quote) % 2:
                points += 0.2
            elif field[:1] in "\"'" and field[-1:] == field[:1] and len(field) > 1:
                points += 0.3
            elif any(mark in field for mark in others):
                points += 0.6
            else:
                points += 0.9
    return points / total if total else 0.0
