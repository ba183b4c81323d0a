"""Grades of columns, and what a derived column inherits.

A column of a delivery has the grade its contract declares. A derived column has the highest grade of the columns it is made
from: of each model the compiled SQL is read (sqlglot), select by select, and where it cannot be told from what a column is
made, it takes the highest grade of everything the model reads. So nothing loses its grade by omission.

    book = Lineage(compiled_folder, leaves)
    book.columns("marts", "policy_match")    # column → Graded

The levels are those of GB/T 43697-2024 (core, important, general 4 to 1); sensitive personal information (PIPL art. 28,
GB/T 45574-2025) is general 4 at least, other personal information general 2 (TC260-PG-20212A).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from warehouse.classification.detectors import Grade, PersonalData

GRADES: tuple[Grade, ...] = ("general_1", "general_2", "general_3", "general_4", "important", "core")
"""From the lowest to the highest."""
PERSONAL: tuple[PersonalData, ...] = ("none", "general", "sensitive")
_FLOOR: dict[PersonalData, Grade] = {"none": "general_1", "general": "general_2", "sensitive": "general_4"}
SENSITIVE_KINDS = {
    "biometric": "生物识别信息",
    "religion": "宗教信仰信息",
    "specific_identity": "特定身份信息",
    "health": "医疗健康信息",
    "financial_account": "金融账户信息",
    "whereabouts": "行踪轨迹信息",
    "minor_under_14": "不满十四周岁未成年人的个人信息",
    "other": "其他敏感个人信息",
}
"""Kinds of sensitive personal information: PIPL art. 28 and GB/T 45574-2025."""

_TOO_LONG = 150_000
"""Characters of SQL from which on a model is not read but takes the highest of what it reads: it says the same, sooner."""
_REFERENCE = re.compile(r'"?\blake"?\."?([a-z]+)"?\."?([a-z0-9_]+)"?')


def exceeds(grade: str, declared: str) -> bool:
    """Whether a grade is above the declared one."""
    return GRADES.index(grade) > GRADES.index(declared)


@dataclass(frozen=True)
class Graded:
    """Level and kind of personal data of a column, and the columns of deliveries that give it its level."""

    level: Grade = "general_1"
    personal_data: PersonalData = "none"
    inputs: tuple[str, ...] = ()
    is_told: bool = True
    """False where lineage could not be told and the highest of all inputs was taken."""

    def __or__(self, other: Graded) -> Graded:
        level = max(self.level, other.level, key=GRADES.index)
        personal = max(self.personal_data, other.personal_data, key=PERSONAL.index)
        mine = self.inputs if (self.level, self.personal_data) == (level, personal) or self.level == level else ()
        its = other.inputs if other.level == level else ()
        return Graded(level, personal, tuple(dict.fromkeys((*mine, *its)))[:_NAMED], self.is_told and other.is_told)


_NAMED = 5
"""So many inputs are named with a grade."""
HIGHEST = Graded("general_4", "sensitive", ("unknown",), False)


def held(level: Grade, personal_data: PersonalData, name: str) -> Graded:
    """The grade of a declared column: what is declared, and never less than its kind of personal data asks for."""
    return Graded(max(level, _FLOOR[personal_data], key=GRADES.index), personal_data, (name,))


def highest(grades: Iterable[Graded]) -> Graded:
    """The highest of all, nothing (general 1) of none."""
    out = Graded()
    for grade in grades:
        out = out | grade
    return out


Columns = Mapping[str, Graded]


class Lineage:
    """Grades of every relation that dbt makes, from the compiled SQL below `compiled` and the grades of `leaves`.

    `leaves` names relations by `schema.table`; of one neither there nor compiled, `unknown(relation)` says the columns.
    """

    def __init__(
        self, compiled: Path, leaves: Mapping[str, Columns], unknown: Mapping[str, Columns] | None = None
    ) -> None:
        self._files = {p.stem: p for p in compiled.rglob("*.sql")} if compiled.exists() else {}
        self._known: dict[str, Columns] = dict(leaves)
        self._unknown = unknown or {}
        self._open: set[str] = set()

    def columns(self, schema: str, name: str) -> Columns:
        """Column → grade of a relation; `*` holds what a column that is not named takes."""
        relation = f"{schema}.{name}"
        if relation in self._known:
            return self._known[relation]
        if relation in self._open:  # an incremental model reads itself: that adds nothing
            return {}
        if name not in self._files or schema == "registry":
            return self._unknown.get(relation, {"*": HIGHEST})
        self._open.add(relation)
        try:
            self._known[relation] = self._read(self._files[name].read_text(encoding="utf-8"), relation)
        finally:
            self._open.discard(relation)
        return self._known[relation]

    def _read(self, sql: str, relation: str) -> Columns:
        read = {r for r in _REFERENCE.findall(sql) if ".".join(r) != relation}
        everything = highest(g for r in read for g in self.columns(*r).values())
        fallback = Graded(everything.level, everything.personal_data, everything.inputs, False)
        if len(sql) > _TOO_LONG:
            return {"*": fallback}
        try:
            return {"*": fallback, **_Select(self).of(_parse(sql), {})}
        except Exception:  # SQL that sqlglot does not know: the highest of everything
            return {"*": fallback}


@lru_cache(maxsize=160)  # a first build and one after it are 140 texts, 0.7 MB each
def _parse(sql: str) -> Any:
    """The tree of a compiled model, which nobody changes: many homes of one process compile the same text."""
    import sqlglot

    return sqlglot.parse_one(sql, read="duckdb")


class _Select:
    """Walks a query: what grade each of its columns has."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage

    def of(self, query: Any, named: Mapping[str, Columns]) -> dict[str, Graded]:
        """Grades by column of a query, with the named ones (`with`) it may read."""
        from sqlglot import exp

        named = dict(named)
        with_ = query.args.get("with_") or query.args.get("with")
        for part in with_.expressions if with_ else ():
            itself: dict[str, Columns] = {part.alias: {}} if with_.args.get("recursive") else {}
            named[part.alias] = self.of(part.this, {**named, **itself})
        if isinstance(query, exp.Subquery):
            return self.of(query.this, named)
        if isinstance(query, exp.SetOperation):
            return self._union(query, named)
        if not isinstance(query, exp.Select):
            raise ValueError(f"not a query: {type(query).__name__}")
        return self._select(query, named)

    def _union(self, query: Any, named: Mapping[str, Columns]) -> dict[str, Graded]:
        left, right = self.of(query.this, named), self.of(query.expression, named)
        if query.args.get("by_name"):
            return {c: left.get(c, Graded()) | right.get(c, Graded()) for c in {**left, **right}}
        if "*" in left or "*" in right or len(left) != len(right):
            both = highest([*left.values(), *right.values()])
            return dict.fromkeys({**left, **right, "*": both}, both)
        return {c: left[c] | r for c, r in zip(left, right.values(), strict=True)}

    def _select(self, query: Any, named: Mapping[str, Columns]) -> dict[str, Graded]:
        from sqlglot import exp

        sources: dict[str, Columns] = {}
        from_ = query.args.get("from_") or query.args.get("from")
        for item in [
            from_.this if from_ else None,
            *(j.this for j in query.args.get("joins") or ()),
            *(query.args.get("laterals") or ()),
        ]:
            if item is not None:
                sources[item.alias_or_name or f"_{len(sources)}"] = self._source(item, named, sources)
        out: dict[str, Graded] = {}
        for item in query.expressions:
            star = (
                item
                if isinstance(item, exp.Star)
                else item.this
                if isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
                else None
            )
            if star is not None:
                wanted = (
                    [sources.get(item.table, {"*": HIGHEST})]
                    if isinstance(item, exp.Column) and item.table
                    else sources.values()
                )
                excluded = {e.name for e in star.args.get("except_") or star.args.get("except") or ()}
                for columns in wanted:
                    out |= {c: g for c, g in columns.items() if c not in excluded}
                for changed in star.args.get("replace") or ():
                    out[changed.alias] = self._value(changed.this, sources, out, named)
            else:
                out[item.alias_or_name or f"_{len(out)}"] = self._value(item, sources, out, named)
        return out

    def _source(self, item: Any, named: Mapping[str, Columns], before: Mapping[str, Columns]) -> Columns:
        from sqlglot import exp

        if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
            return named[item.name] if not item.db and item.name in named else self.lineage.columns(item.db, item.name)
        if isinstance(item, exp.Subquery):
            return self.of(item.this, named)
        # unnest, a table function, values: made from what stands before it or in it
        own = self._value(item, before, {}, named)
        return {"*": own}

    def _value(
        self, item: Any, sources: Mapping[str, Columns], so_far: Columns, named: Mapping[str, Columns]
    ) -> Graded:
        """The highest of the columns a value is made from; what only orders or filters rows is no input."""
        from sqlglot import exp

        grade = Graded()
        stack = [item]
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Column):
                grade = grade | _resolve(node, sources, so_far)
            elif isinstance(node, exp.Query):
                grade = grade | highest(self.of(node, named).values())
            elif isinstance(node, (exp.Filter, exp.Window, exp.ArgMax, exp.ArgMin)):
                stack.append(node.this)
            elif not isinstance(node, (exp.Star, exp.Count, exp.CountIf)):  # a number of rows tells of no row
                stack.extend(node.iter_expressions())
        return grade


def _any(sources: Mapping[str, Columns]) -> Graded:
    return highest(g for columns in sources.values() for g in columns.values())


def _resolve(column: Any, sources: Mapping[str, Columns], so_far: Columns) -> Graded:
    name, table = column.name, column.table
    if table:
        if table in sources:
            return _of(sources[table], name)
        # a struct's field, or a column of the query around: everything there is
        return _resolve_plain(table, sources, so_far) or _any(sources)
    return _resolve_plain(name, sources, so_far) or (_any(sources) if sources else Graded())


def _resolve_plain(name: str, sources: Mapping[str, Columns], so_far: Columns) -> Graded | None:
    if name in sources:  # a whole row, or an unnested value
        return highest(sources[name].values())
    found = [columns[name] for columns in sources.values() if name in columns]
    if found:
        return highest(found)
    if name in so_far:
        return so_far[name]
    stars = [columns["*"] for columns in sources.values() if "*" in columns]
    return highest(stars) if stars else None


def _of(columns: Columns, name: str) -> Graded:
    return columns[name] if name in columns else columns.get("*", highest(columns.values()))
