"""What a tag rule may ask: named facts of each entity, one YAML file per entity in `warehouse/classification/facts`.

A fact is a column of one wide relation per entity, made in sets: from the golden record (`from`), from the rows that are
current of one dataset (`rolls`), from other sets over the foundation (`sets`), and from other facts (`derived`).
SQL in the files is DuckDB's; `{{ ref('…') }}` names a model. `as_of` (the day the deliveries are valid for) is a fact of
every entity, and `today.as_of` may be used in rolls and sets.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import WrongUse

FACTS = Path(__file__).parent / "facts"
ENTITIES = ("person", "household", "organisation", "place")
"""In the order they are made: facts of a later one may be taken from the relation of an earlier one (`person_fact`)."""

AS_OF = "as_of"


class Strict(BaseModel):
    """A part of a file in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fact(Strict):
    """One fact. `zh` is its Chinese name, `type` its SQL type; `personal` values are never shown outside the lake.

    `counts_missing` names the fact whose absence a number counts: of how many members the birth date is not known.
    """

    zh: str
    type: str = "varchar"
    personal: bool = False
    counts_missing: str | None = None


class RollFact(Fact):
    """What the current rows of a dataset say of one entity: exactly one of `present`, `row`, `over`."""

    present: bool = Field(False, description="whether the entity is in the dataset at all")
    row: str | None = Field(None, description="SQL over one row (`row`); of several rows the last one with a value")
    over: str | None = Field(None, description="SQL aggregate over all rows (`row`) of the entity")
    otherwise: str | None = Field(None, description="SQL literal where the entity has no row")

    @model_validator(mode="after")
    def _one_way(self) -> RollFact:
        if [self.present, self.row is not None, self.over is not None].count(True) != 1:
            raise ValueError("a fact of a dataset needs exactly one of present, row, over")
        return self

    @property
    def sql_type(self) -> str:
        return "boolean" if self.present else self.type


class Roll(Strict):
    """Facts from the current rows of one dataset that mention the entity in one of `roles`."""

    dataset: str
    roles: tuple[str, ...] = ("subject",)
    facts: dict[str, RollFact]


class SetFact(Fact):
    """A column of a set; `otherwise` is its SQL literal where the set has no row for the entity."""

    otherwise: str | None = None


class FactSet(Strict):
    """Facts from a SELECT that gives at most one row per entity. Left out where a dataset of `needs` was never delivered.

    `rows` names the fact that says whether the entity has rows the set is made of: without one nothing of it is missing.
    """

    needs: tuple[str, ...] = ()
    rows: str | None = None
    sql: str
    facts: dict[str, SetFact]


class Derived(Fact):
    """A fact computed from facts above it."""

    sql: str


class FactBook(Strict):
    """All facts of one entity."""

    entity: Literal["person", "household", "organisation", "place"]
    source: str = Field(alias="from", description="SELECT of the entity's key and the columns under `facts`")
    facts: dict[str, Fact]
    rolls: tuple[Roll, ...] = ()
    sets: dict[str, FactSet] = Field(default_factory=dict)
    derived: dict[str, Derived] = Field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.entity}_id"

    @model_validator(mode="after")
    def _once(self) -> FactBook:
        named = [
            *self.facts,
            *(n for r in self.rolls for n in r.facts),
            *(n for s in self.sets.values() for n in s.facts),
        ]
        named += [*self.derived, AS_OF, self.key]
        if twice := {name for name in named if named.count(name) > 1}:
            raise ValueError(f"the fact {sorted(twice)[0]!r} is there twice")
        if strange := {s.rows for s in self.sets.values() if s.rows} - set(named):
            raise ValueError(f"the fact {sorted(strange)[0]!r} of a set's rows is not there")
        return self

    def all(self) -> dict[str, Fact]:
        """Every fact by name, in order."""
        out: dict[str, Fact] = {AS_OF: Fact(zh="数据截至日", type="date")}
        out |= self.facts
        for roll in self.rolls:
            out |= roll.facts
        for one in self.sets.values():
            out |= one.facts
        return out | self.derived

    def types(self) -> dict[str, str]:
        """SQL type of every fact."""
        return {name: f.sql_type if isinstance(f, RollFact) else f.type for name, f in self.all().items()}

    def counted(self) -> dict[str, str]:
        """Fact that counts what is missing → what is missing where it is above zero."""
        return {name: f.counts_missing for name, f in self.all().items() if f.counts_missing}

    @cached_property
    def needs(self) -> dict[str, frozenset[str]]:
        """Datasets without which a fact cannot be known at all."""
        out: dict[str, frozenset[str]] = {name: frozenset() for name in self.all()}
        for roll in self.rolls:
            out |= dict.fromkeys(roll.facts, frozenset({roll.dataset}))
        for one in self.sets.values():
            out |= dict.fromkeys(one.facts, frozenset(one.needs))
        for name, fact in self.derived.items():
            used = [out[other] for other in out if other != name and mentions(fact.sql, other)]
            out[name] = frozenset().union(*used)
        return out

    def presence(self) -> dict[str, str]:
        """Fact of a row → the fact that says whether the entity has a row: without one nothing is missing."""
        out: dict[str, str] = {}
        for roll in self.rolls:
            present = next((name for name, f in roll.facts.items() if f.present), None)
            if present:
                out |= {name: present for name, f in roll.facts.items() if not f.present}
        for one in self.sets.values():
            if one.rows:
                out |= dict.fromkeys(one.facts, one.rows)
        return out


def mentions(sql: str, name: str) -> bool:
    """Whether `name` stands in a SQL text as a word."""
    return re.search(rf"(?<![\w.]){re.escape(name)}\b", sql) is not None


@lru_cache
def load_facts(folder: Path = FACTS) -> dict[str, FactBook]:
    """The facts of every entity. Raises WrongUse naming file and fault."""
    books = {}
    for entity in ENTITIES:
        path = folder / f"{entity}.yaml"
        try:
            book = FactBook.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError) as error:
            raise WrongUse(f"facts/{path.name}: {' '.join(str(error).split())}") from error
        except ValidationError as error:
            raise WrongUse(f"facts/{path.name}: {first_fault(error)}") from error
        if book.entity != entity:
            raise WrongUse(f"facts/{path.name}: the file of {entity} says it is of {book.entity}")
        books[entity] = book
    return books


def first_fault(error: ValidationError) -> str:
    """Where the first fault of a file is, and what it is."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
