"""Which pairs are worth comparing: blocking rules chosen from what the columns hold.

A rule is a set of keys (a column's value, its beginning, its sound …) that must agree. Each true pair has slips in some
columns; a set of rules is good when few patterns of slips escape all of them. Such patterns are drawn at random, with
each column's share of empty cells, and rules taken one after another by how many more of the patterns they catch for the
pairs they cost, until nothing worth the cost is left.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from warehouse.linkage.engine.prepare import Column

if TYPE_CHECKING:
    import duckdb

    from warehouse.linkage.engine.spec import Spec

_PATTERNS = 4096
_ONE_BLOCK = 2_000  # rows that may share one key of a rule: above it the key says too little


@dataclass(frozen=True)
class Key:
    """sql over `record`; bits: what agreement is worth against chance; survives: chance to agree in spite of a slip."""

    column: int
    label: str
    sql: str
    bits: float
    survives: float


@dataclass
class Rule:
    """Keys that must all agree."""

    keys: tuple[Key, ...]
    pairs: int = 0

    @property
    def label(self) -> str:
        return " + ".join(key.label for key in self.keys)


def choose(con: duckdb.DuckDBPyConnection, spec: Spec, columns: list[Column], sizes: list[int]) -> list[Rule]:
    """The rules for these columns; `sizes`: rows of each list. Rules the specification names are taken as they are."""
    if spec.blocking is not None:
        by_name = {c.name: c for c in columns}
        return [Rule(tuple(_whole(by_name[name]) for name in rule)) for rule in spec.blocking]
    keys = [key for column in columns if column.filled for key in _keys(con, column)]
    total = sizes[0] * (sizes[0] - 1) / 2 if len(sizes) == 1 else sizes[0] * sizes[1]
    if total <= 0 or not keys:
        return []
    rows = sum(sizes)
    budget = spec.max_pairs or max(300_000, min(10 * rows, 1_500_000), 3 * rows)
    inside = {c.number: set(c.parts) for c in columns}
    candidates = _candidates(keys, inside, total, budget, widest=3 if rows < 200_000 else 2)
    chosen = _greedy(candidates, columns, total, budget, rows)
    return chosen + [rule for rule in _any_order(con, columns) if total * 2.0 ** -rule.keys[0].bits <= budget / 3]


def _whole(column: Column) -> Key:
    return Key(column.number, column.name, f"v{column.number}", column.bits, 0.0)


def _keys(con: duckdb.DuckDBPyConnection, column: Column) -> list[Key]:
    i, name = column.number, column.name
    made = [_whole(column)]

    def add(label: str, sql: str, survives: float) -> None:
        made.append(Key(i, f"{label} of {name}", sql, _bits(con, sql), survives))

    if column.kind == "name":
        if column.han:
            add("sound", f"r{i}", 0.45)
            add("first sign", f"f{i}", 0.85)
        else:
            add("beginning", f"substr(v{i}, 1, 4)", 0.5)
            add("first two letters", f"substr(v{i}, 1, 2)", 0.7)
            add(
                "skeleton of consonants",
                f"nullif(left(v{i}, 1) || regexp_replace(substr(v{i}, 2), '[aeiouyhw ]', '', 'g'), '')",
                0.35,
            )
    elif column.kind == "date":
        add("year", f"substr(v{i}, 1, 4)", 0.65)
        add("month and day", f"nullif(substr(v{i}, 5, 4), '')", 0.4)
        add("year and month", f"nullif(substr(v{i}, 1, 6), '')", 0.35)
    elif column.kind in {"phone", "identifier"} and column.length >= 6:
        half = round(column.length) // 2
        add("first half", f"left(v{i}, {half})", 0.45)
        add("second half", f"right(v{i}, {half})", 0.45)
    elif column.kind == "address":
        add("numbers", f"case when contains(n{i}, '-') then n{i} end", 0.5)
        add("words", f"w{i}", 0.4)
    elif column.kind in {"text", "code"} and column.distinct > 100 and column.length >= 4:
        add("beginning", f"substr(v{i}, 1, 4)", 0.5)
    return made


def _any_order(con: duckdb.DuckDBPyConnection, columns: list[Column]) -> list[Rule]:
    """Two names that may have been written each in the other's column."""
    names = [c for c in columns if c.kind == "name" and c.filled and not c.parts]
    found = []
    for a, b in itertools.pairwise(names):
        x, y = f"v{a.number}", f"v{b.number}"
        sql = f"case when {x} is not null and {y} is not null then least({x}, {y}) || '|' || greatest({x}, {y}) end"
        found.append(Rule((Key(a.number, f"{a.name} and {b.name} in any order", sql, _bits(con, sql), 0.0),)))
    return found


def _bits(con: duckdb.DuckDBPyConnection, sql: str) -> float:
    row = con.execute(
        f"""select sum(n * n::double) - sum(n), sum(n) from (
                select count(*) as n from record where {sql} is not null group by {sql})"""
    ).fetchone()
    if not row or not row[1] or row[1] < 2:
        return 0.0
    return float(-np.log2(max(row[0] / (row[1] * (row[1] - 1)), 1e-12)))


def _candidates(keys: list[Key], inside: dict[int, set[int]], total: float, budget: float, widest: int) -> list[Rule]:
    """Sets of keys of different columns that bring no more pairs than the budget, none with a key it does not need.

    inside: for each column those that stand inside it, which say nothing new beside it.
    """
    found: list[Rule] = []
    for size in range(1, widest + 1):
        for combination in itertools.combinations(keys, size):
            if any(
                a.column == b.column or a.column in inside[b.column] or b.column in inside[a.column]
                for a, b in itertools.combinations(combination, 2)
            ):
                continue
            # Keys of one person's row are not independent: an address tells the postcode.
            bits = sum(key.bits for key in combination) * (1.0 if size == 1 else 0.95)
            pairs = total * 2.0**-bits
            if pairs > budget / 3 or any(key.bits < 1 for key in combination):
                continue
            if any(set(rule.keys) < set(combination) for rule in found):
                continue
            found.append(Rule(combination, int(pairs)))
    return found


def _greedy(candidates: list[Rule], columns: list[Column], total: float, budget: float, rows: int) -> list[Rule]:
    """Adds the rule that catches most of what still escapes for its cost; a join costs as much as some pairs, too."""
    random = np.random.default_rng(0)
    numbers = [c.number for c in columns]
    # 0 as it was, 1 a slip, 2 another value, 3 empty on one side
    states: dict[int, np.ndarray] = {}
    # Rows are not equally careless: some pairs have a slip here and there, others in half of their columns.
    careless = random.choice([0.1, 0.25, 0.5], size=_PATTERNS)
    for column in sorted(columns, key=lambda c: len(c.parts)):
        empty = 1 - (1 - column.missing) ** 2
        draw = random.random(_PATTERNS)
        harm = np.where(draw < careless * 0.55, 1, np.where(draw < careless, 2, 0))
        for part in column.parts:  # the whole is harmed where a part is
            harm = np.maximum(harm, np.where(states.get(part, np.zeros(_PATTERNS)) == 3, 2, states.get(part, 0)))
        states[column.number] = np.where(random.random(_PATTERNS) < empty, 3, harm)
    chance = {n: random.random(_PATTERNS) for n in numbers}

    def catches(rule: Rule) -> np.ndarray:
        caught = np.ones(_PATTERNS, dtype=bool)
        for key in rule.keys:
            state = states[key.column]
            caught &= (state == 0) | ((state == 1) & (chance[key.column] < key.survives))
        return caught

    sets = [catches(rule) for rule in candidates]
    escaped = np.ones(_PATTERNS, dtype=bool)
    chosen: list[Rule] = []
    spent = 0.0
    join = rows / 4
    most = 60 if rows < 50_000 else 30 if rows < 300_000 else 12
    while candidates and escaped.any() and len(chosen) < most:
        gains = np.array([(caught & escaped).sum() for caught in sets], dtype=float)
        costs = np.array([rule.pairs + join for rule in candidates])
        gains[spent + costs - join > budget] = 0
        best = int(np.argmax(gains / costs))
        if gains[best] < max(1, _PATTERNS / 4000):
            break
        chosen.append(candidates[best])
        spent += candidates[best].pairs
        escaped &= ~sets[best]
    return chosen


def pairs(con: duckdb.DuckDBPyConnection, rules: list[Rule], *, two: bool) -> int:
    """Creates `pair(l, r)`, each pair of the rules once; notes in each rule how many it brings. Returns the number of pairs.

    l is the smaller rid (so the left list's row of two lists). Where more rows share a key than a block may have, that key
    is left to the other rules.
    """
    con.execute("create or replace temp table brought (l integer, r integer)")
    for rule in rules:
        filled = " and ".join(f"{key.sql} is not null" for key in rule.keys)
        value = f"hash({', '.join(key.sql for key in rule.keys)})"
        con.execute(
            f"""create or replace temp table keyed as
                with every as (select rid, side, {value} as key from record where {filled}),
                shared as (select key from every group by key having count(*) between 2 and {_ONE_BLOCK})
                select rid, side, key from every semi join shared using (key)"""
        )
        con.execute(
            f"""insert into brought select a.rid, b.rid from keyed as a join keyed as b on a.key = b.key
                where {"a.side = 0 and b.side = 1" if two else "a.rid < b.rid"}"""
        )
        row = con.execute("select count(*) from brought").fetchone()
        rule.pairs = (int(row[0]) if row else 0) - sum(r.pairs for r in rules[: rules.index(rule)])
    con.execute("create or replace temp table pair as select distinct l, r from brought")
    con.execute("drop table brought")
    con.execute("drop table if exists keyed")
    row = con.execute("select count(*) from pair").fetchone()
    return int(row[0]) if row else 0
