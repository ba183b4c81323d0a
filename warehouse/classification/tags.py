"""Tags: dated rules over facts, one YAML file per group in `warehouse/classification/tags`, read strictly.

A rule is a SQL condition over named facts. It is true (the entity carries the tag), false (no row) or NULL: a fact it
turns on is missing, so nobody can tell. Two rules of one tag hold at different times (`valid_from`, `valid_to`); the day
the deliveries are valid for decides which one applies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import yaml
from pydantic import Field, ValidationError, model_validator

from warehouse.classification.facts import AS_OF, FactBook, Strict, first_fault, load_facts
from warehouse.errors import WrongUse

if TYPE_CHECKING:
    import duckdb

TAGS = Path(__file__).parent / "tags"

_NAME = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
_CLOCK = (
    "current_date", "today", "now", "current_timestamp", "get_current_timestamp", "get_current_time", "current_time",
    "transaction_timestamp", "current_localtimestamp", "random", "uuid", "gen_random_uuid", "nextval", "getenv",
)  # fmt: skip
"""Functions whose answer depends on when or where a build runs: a rule gives the same answer for the same deliveries."""

Entity = Literal["person", "household", "organisation", "place"]


class _Written(Strict):
    """One rule as it stands in a file."""

    tag: str = Field(pattern=_NAME)
    name: str = Field(min_length=1, description="Chinese name")
    definition: str = Field(min_length=4, description="Chinese: who carries it")
    source: str = Field(min_length=2, description="law, standard or policy the definition rests on")
    inputs: tuple[str, ...] = Field(min_length=1, description="facts the rule uses, beside those of the group")
    when: str = Field(min_length=1, description="SQL condition over the facts")
    since: str | None = Field(None, description="SQL date over the facts: since when it holds, where they tell")
    until: str | None = Field(None, description="SQL date over the facts: when it will end by itself")
    valid_from: date = Field(description="first day on which the rule applies")
    valid_to: date | None = Field(None, description="first day on which it no longer applies")
    entity: Entity | None = None
    among: str | None = None
    owner: str | None = None

    @model_validator(mode="after")
    def _ordered(self) -> _Written:
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} is not after valid_from {self.valid_from}")
        return self


class _Group(Strict):
    """A file: what its tags share, and the tags."""

    group: str = Field(pattern=_NAME)
    name: str
    owner: str
    entity: Entity
    among: str | None = Field(None, description="SQL: whom the tags of this group can concern at all")
    inputs: tuple[str, ...] = Field((), description="facts `among` uses")
    tags: tuple[_Written, ...]


class Tag(Strict):
    """One rule, complete."""

    tag: str
    name: str
    group: str
    group_name: str
    entity: Entity
    definition: str
    source: str
    owner: str
    inputs: tuple[str, ...]
    conditions: tuple[str, ...] = Field(description="SQL: whom it can concern, and what must hold")
    since: str | None
    until: str | None
    valid_from: date
    valid_to: date | None

    @property
    def when(self) -> str:
        """The whole condition."""
        return " and ".join(f"({c})" for c in self.conditions)


@lru_cache
def load_tags(folder: Path = TAGS, facts: Path | None = None) -> tuple[Tag, ...]:
    """All rules, by group and in the order of their files.

    Raises WrongUse with one sentence that names file and tag: an unknown key or fact, a name used twice on one day, SQL
    that is no condition over the inputs.
    """
    books = load_facts() if facts is None else load_facts(facts)
    found: list[tuple[str, Tag]] = []
    for path in sorted(folder.glob("*.yaml")):
        found += [(path.name, tag) for tag in _read(path)]
    _check_names(found)
    _check_sql(found, books)
    return tuple(tag for _, tag in found)


def rules_version(tags: Sequence[Tag], books: Mapping[str, FactBook]) -> str:
    """Twelve hex digits over everything that decides who carries which tag."""
    said = [t.model_dump(mode="json") for t in tags] + [books[k].model_dump(mode="json") for k in sorted(books)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def _refuse(file: str, tag: str, fault: str) -> NoReturn:
    raise WrongUse(f"tags/{file}, tag {tag!r}: {fault}")


def _read(path: Path) -> Iterator[Tag]:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WrongUse(f"tags/{path.name}: {' '.join(str(error).split())}") from error
    try:
        group = _Group.model_validate(said)
    except ValidationError as error:
        where = error.errors()[0]["loc"]
        if len(where) > 1 and where[0] == "tags" and isinstance(where[1], int):
            written = said["tags"][where[1]]
            name = written.get("tag") if isinstance(written, dict) else None
            _refuse(path.name, str(name or f"number {where[1] + 1}"), first_fault(error).split(".", 2)[-1])
        raise WrongUse(f"tags/{path.name}: {first_fault(error)}") from error
    if path.stem != group.group:
        raise WrongUse(f"tags/{path.name}: the file of a group has its name: {group.group}.yaml")
    for one in group.tags:
        among = one.among if one.among is not None else group.among
        shared = group.inputs if one.among is None and group.among is not None else ()
        yield Tag(
            tag=one.tag, name=one.name, group=group.group, group_name=group.name, entity=one.entity or group.entity,
            definition=one.definition, source=one.source, owner=one.owner or group.owner,
            inputs=tuple(dict.fromkeys((*shared, *one.inputs))),
            conditions=(among, one.when) if among else (one.when,),
            since=one.since, until=one.until, valid_from=one.valid_from, valid_to=one.valid_to,
        )  # fmt: skip


def _check_names(found: Sequence[tuple[str, Tag]]) -> None:
    """A name means one thing: one entity, one group, and on any day one rule."""
    known: dict[str, list[tuple[str, Tag]]] = {}
    for file, tag in found:
        for other_file, other in known.get(tag.tag, []):
            if (other.entity, other.group) != (tag.entity, tag.group):
                _refuse(file, tag.tag, f"the name is taken by a tag of {other.entity} in {other_file}")
            ends = (other.valid_to or date.max, tag.valid_to or date.max)
            if tag.valid_from < ends[0] and other.valid_from < ends[1]:
                _refuse(file, tag.tag, f"two rules apply on {max(tag.valid_from, other.valid_from)}")
        known.setdefault(tag.tag, []).append((file, tag))


def _check_sql(found: Sequence[tuple[str, Tag]], books: Mapping[str, FactBook]) -> None:
    import duckdb

    types = {entity: book.types() for entity, book in books.items()}
    con = duckdb.connect(config={"enable_external_access": "false", "autoinstall_known_extensions": "false"})
    try:
        for file, tag in found:
            known = types[tag.entity]
            if unknown := [name for name in tag.inputs if name not in known]:
                _refuse(file, tag.tag, f"{unknown[0]!r} is no fact of {tag.entity}: see facts/{tag.entity}.yaml")
            columns = ", ".join(f'null::{known[name]} as "{name}"' for name in dict.fromkeys((AS_OF, *tag.inputs)))
            for part, sql, kind in (
                *(("when", condition, "boolean") for condition in tag.conditions),
                ("since", tag.since, "date"),
                ("until", tag.until, "date"),
            ):
                if sql is not None and (fault := _fault(con, sql, kind, columns)):
                    _refuse(file, tag.tag, f"{part}: {fault}")
            if unused := [name for name in tag.inputs if not _used(tag, name)]:
                _refuse(file, tag.tag, f"the input {unused[0]!r} is not used")
    finally:
        con.close()


def _used(tag: Tag, name: str) -> bool:
    from warehouse.classification.facts import mentions

    return any(sql is not None and mentions(sql, name) for sql in (tag.when, tag.since, tag.until))


def _fault(con: duckdb.DuckDBPyConnection, sql: str, kind: str, columns: str) -> str | None:
    """Why a text is no expression of a type over some columns, in one sentence; None where it is one."""
    import duckdb

    # serialised before anything is run: one expression, no subquery, nothing that asks the clock
    row = con.execute("select json_serialize_sql('select ' || ?)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {}
    if tree.get("error"):
        return str(tree.get("error_message", "no SQL")).splitlines()[0]
    statements = tree.get("statements", [])
    node = statements[0]["node"] if len(statements) == 1 else {}
    beyond = [
        k for k in ("where_clause", "group_expressions", "having", "qualify", "modifiers", "sample") if node.get(k)
    ]
    if len(node.get("select_list", [])) != 1 or beyond or node.get("from_table", {}).get("type") != "EMPTY":
        return "one expression is needed"
    for part in _parts(statements[0]):
        if part.get("class") == "SUBQUERY":
            return "a rule asks facts, not tables: no SELECT in it"
        if str(part.get("function_name", "")).lower() in _CLOCK or part.get("column_names") == ["current_date"]:
            return f"no {part.get('function_name') or 'current_date'} in a rule: use {AS_OF}"
    try:
        # in a WHERE clause, so that aggregates and windows are refused too
        con.execute(f"select 1 from (select {columns}) where ({sql}\n)::{kind} is not null")
    except duckdb.Error as error:
        return " ".join(str(error).split("\n\n")[0].split())
    return None


def _parts(tree: object) -> Iterator[dict[str, object]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _parts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _parts(value)
