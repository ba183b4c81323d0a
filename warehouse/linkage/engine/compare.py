"""How two rows are compared: for each column (or group of names) an ordered list of levels, as SQL over `l` and `r`.

The first level whose condition holds is the pair's; the last has none. A comparison is null where nothing can be compared.
Which levels there are follows from the kind of the column and from what stands in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warehouse.lake import literal

if TYPE_CHECKING:
    from warehouse.linkage.engine.prepare import Column
    from warehouse.linkage.engine.spec import Spec


@dataclass
class Level:
    """label: for people; sql: condition; likely: share of true pairs first assumed; frequent: columns whose shared value counts
    more the rarer it is."""

    label: str
    sql: str
    likely: float
    frequent: tuple[int, ...] = ()


@dataclass
class Comparison:
    """One piece of evidence."""

    name: str
    null: str
    levels: list[Level] = field(default_factory=list)
    helpers: dict[str, str] = field(default_factory=dict)  # what several levels need, computed once; named as `h.name`

    def gamma(self) -> str:
        """SQL of the level's number: 0 nothing to compare, 1 the first level …"""
        cases = " ".join(f"when {level.sql} then {n}" for n, level in enumerate(self.levels[:-1], 1))
        return f"case when {self.null} then 0 {cases} else {len(self.levels)} end"


def comparisons(spec: Spec, columns: list[Column]) -> list[Comparison]:
    """The comparisons of these columns."""
    left = {c.number: c for c in columns if c.filled}
    made: list[Comparison] = []
    for whole in [c for c in left.values() if len(c.parts) >= 2]:
        parts = [left[n] for n in whole.parts if n in left and not left[n].parts]
        if len(parts) >= 2 and all(n in left for n in (parts[0].number, parts[-1].number)):
            wholes = [c for c in left.values() if set(whole.parts) & set(c.parts)]
            made.append(_full_name(parts[0], parts[-1], max(wholes, key=lambda c: c.length)))
            for used in [*parts, *wholes]:
                left.pop(used.number, None)
    names = [c for c in left.values() if c.kind == "name"]
    for first, second in zip(names[::2], names[1::2], strict=False):
        if first.han == second.han and spec.comparisons.get(first.name) != "exact":
            made += _two_names(first, second)
            left.pop(first.number)
            left.pop(second.number)
    for column in left.values():
        style = spec.comparisons.get(column.name)
        levels = _exact(column) if style == "exact" or _few(column) else _LEVELS[column.kind](column)
        made.append(Comparison(column.name, _null(column), levels, _helpers(column)))
    return made


def _null(column: Column) -> str:
    return f"l.v{column.number} is null or r.v{column.number} is null"


def _few(column: Column) -> bool:
    """So few values (sex, state) that likeness between two of them means nothing."""
    return column.distinct <= 30 and column.kind in {"code", "text", "number", "identifier"}


def _exact(column: Column) -> list[Level]:
    return [Level("the same", _same(column), 0.9, (column.number,)), Level("different", "", 0.1)]


def _same(column: Column) -> str:
    return f"l.v{column.number} = r.v{column.number}"


def _likeness(x: str, share: float) -> str:
    return f"jaro_winkler_similarity(l.{x}, r.{x}, {share}) >= {share}"


def _slips(x: str, most: int) -> str:
    """At most so many letters changed, lost, added or exchanged with their neighbour.

    Told by Jaro's likeness, which one changed letter of n lowers by 2/3n, one lost or moved by 1/3n: counting edits takes
    twenty times as long.
    """
    return f"jaro_similarity(l.{x}, r.{x}) >= 1 - {0.7 * most} / greatest(strlen(l.{x}), strlen(r.{x}))"


def _name(column: Column) -> list[Level]:
    i = column.number
    same = Level("the same", _same(column), 0.75, (i,))
    other = Level("different", "", 0.04)
    if column.han:
        return [
            same,
            Level("the same sound", f"l.r{i} = r.r{i}", 0.05),
            Level("three signs or more, one differs", f"length(l.b{i}) > 2 and length(r.b{i}) > 2 and {_slips(f'b{i}', 1)}", 0.05),
            Level("one sign differs, same family name", f"l.f{i} = r.f{i} and {_slips(f'b{i}', 1)}", 0.04),
            Level("nearly the same sound", _likeness(f"r{i}", 0.92), 0.02),
            Level("same family name", f"l.f{i} = r.f{i}", 0.03, ()),
            other,
        ]  # fmt: skip
    words = (
        [
            Level("the same words", f"l.k{i} = r.k{i}", 0.02),
            Level("all words of the shorter", f"h.shared{i} > 1 and h.shared{i} = least(len(l.k{i}), len(r.k{i}))", 0.05),
        ]
        if column.words
        else []
    )  # fmt: skip
    shared = (
        [
            Level("two words shared", f"h.shared{i} >= 2", 0.04),
            Level("one word shared", f"h.shared{i} >= 1", 0.05),
        ]
        if column.words
        else []
    )
    return [
        same, *words,
        Level("one slip", f"least(strlen(l.v{i}), strlen(r.v{i})) > 3 and {_slips(f'v{i}', 1)}", 0.08),
        Level("much alike", _likeness(f"v{i}", 0.9), 0.04), *shared,
        Level("alike", _likeness(f"v{i}", 0.8), 0.02),
        Level("one begins the other", f"starts_with(l.v{i}, r.v{i}) or starts_with(r.v{i}, l.v{i})", 0.02),
        other,
    ]  # fmt: skip


def _shared_words(column: Column) -> str:
    i = column.number
    if not column.words:
        return f"(l.v{i} = r.v{i})::int"
    return f"len(list_filter(l.k{i}, word -> list_contains(r.k{i}, word)))"


def _helpers(column: Column) -> dict[str, str]:
    return {f"shared{column.number}": _shared_words(column)} if column.kind == "name" and column.words else {}


def _two_names(first: Column, second: Column) -> list[Comparison]:
    """Each name by itself, but exchanged names are seen: counted once, in the first comparison."""
    a, b = first.number, second.number
    swapped = f"l.v{a} = r.v{b} and l.v{b} = r.v{a} and l.v{a} <> l.v{b}"
    half = f"l.v{a} <> r.v{a} and l.v{b} <> r.v{b} and (l.v{a} = r.v{b} or l.v{b} = r.v{a})"
    levels = _name(first)
    levels[1:1] = [
        Level(f"exchanged with {second.name}", swapped, 0.03),
        Level(f"one exchanged with {second.name}", half, 0.01),
    ]
    return [
        Comparison(
            first.name,
            f"({_null(first)}) and not coalesce(l.v{a} = r.v{b} or l.v{b} = r.v{a}, false)",
            [levels[0], *[Level(x.label, f"coalesce({x.sql}, false)" if x.sql else "", x.likely, x.frequent) for x in levels[1:]]],
            _helpers(first),
        ),
        Comparison(
            second.name,
            f"{_null(second)} or (l.v{a} = r.v{b} and l.v{b} = r.v{a} and l.v{a} <> l.v{b}) or coalesce({half}, false)",
            _name(second),
            _helpers(second),
        ),
    ]  # fmt: skip


def _full_name(first: Column, last: Column, whole: Column) -> Comparison:
    """First, last and whole name together: they repeat one another and would count three times."""
    a, b, w = first.number, last.number, whole.number

    def near(i: int) -> str:
        return f"coalesce({_likeness(f'v{i}', 0.88)}, false)"

    def same(i: int) -> str:
        return f"coalesce(l.v{i} = r.v{i}, false)"

    def empty(i: int) -> str:
        return f"(l.v{i} is null or r.v{i} is null)"

    shared = f"h.shared{w}"
    return Comparison(
        f"{whole.name} ({first.name}, {last.name})",
        f"{_null(whole)}",
        [
            Level("the whole the same", f"l.v{w} = r.v{w} and contains(l.v{w}, ' ')", 0.3, (w,)),
            Level("first and last the same, more words shared", f"{same(a)} and {same(b)} and {shared} > 2", 0.1, (a, b)),
            Level("first and last the same", f"{same(a)} and {same(b)}", 0.2, (a, b)),
            Level("first and last exchanged", f"l.v{a} = r.v{b} and l.v{b} = r.v{a}", 0.01),
            Level("last the same, first alike", f"{same(b)} and {near(a)}", 0.08, (b,)),
            Level("first the same, last alike", f"{same(a)} and {near(b)}", 0.08, (a,)),
            Level("both alike", f"{near(a)} and {near(b)}", 0.03),
            Level("two words shared", f"{shared} > 1", 0.05),
            Level("last the same, first missing", f"{same(b)} and {empty(a)}", 0.02, (b,)),
            Level("last the same", same(b), 0.06, (b,)),
            Level("last alike", near(b), 0.03),
            Level("first the same", same(a), 0.04, (a,)),
            Level("a word shared", f"{shared} > 0", 0.02),
            Level("different", "", 0.02),
        ],
        {f"shared{w}": _shared_words(whole)},
    )  # fmt: skip


def _date(column: Column) -> list[Level]:
    v = f"v{column.number}"

    def part(side: str, start: int, length: int) -> str:
        return f"substr({side}.{v}, {start}, {length})"

    def agree(*places: tuple[int, int]) -> str:
        return " and ".join(f"{part('l', *p)} = {part('r', *p)}" for p in places)

    year, month, day = (1, 4), (5, 2), (7, 2)
    return [
        Level("the same", _same(column), 0.8),
        Level("one digit differs or two are exchanged", _slips(v, 1), 0.07),
        Level("day and month exchanged", f"{agree(year)} and {part('l', *month)} = {part('r', *day)} and {part('l', *day)} = {part('r', *month)}", 0.01),
        Level("two parts of three agree", f"({agree(year, month)}) or ({agree(year, day)}) or ({agree(month, day)})", 0.05),
        Level("the year or month and day nearly", f"{agree(year)}", 0.02),
        Level("different", "", 0.05),
    ]  # fmt: skip


def _digits(column: Column) -> list[Level]:
    v = f"v{column.number}"
    levels = [Level("the same", _same(column), 0.8), Level("one slip", _slips(v, 1), 0.08)]
    if column.length >= 6:
        levels.append(Level("two slips", _slips(v, 2), 0.03))
    return [*levels, Level("different", "", 0.09)]


def _text(column: Column) -> list[Level]:
    v = f"v{column.number}"
    return [
        Level("the same", _same(column), 0.75, (column.number,)),
        Level("one slip", f"least(strlen(l.{v}), strlen(r.{v})) > 3 and {_slips(v, 1)}", 0.06),
        Level("much alike", _likeness(v, 0.92), 0.06),
        Level("alike", _likeness(v, 0.8), 0.04),
        Level("different", "", 0.09),
    ]


def _address(column: Column) -> list[Level]:
    i = column.number
    tail = "[0-9]+-[0-9]+$"
    return [
        Level("the same", _same(column), 0.6),
        Level("the same numbers, words alike", f"l.n{i} = r.n{i} and contains(l.n{i}, '-') and {_likeness(f'w{i}', 0.85)}", 0.15),
        Level("the same numbers", f"l.n{i} = r.n{i} and contains(l.n{i}, '-')", 0.03),
        Level("the last two numbers", f"regexp_extract(l.n{i}, {literal(tail)}) = regexp_extract(r.n{i}, {literal(tail)}) and contains(l.n{i}, '-')", 0.03),
        Level("much alike", _likeness(f"v{i}", 0.93), 0.05),
        Level("words alike", _likeness(f"w{i}", 0.9), 0.04),
        Level("different", "", 0.05),
    ]  # fmt: skip


_LEVELS = {
    "name": _name, "date": _date, "phone": _digits, "identifier": _digits, "code": _digits, "number": _digits, "text": _text,
    "address": _address,
}  # fmt: skip
