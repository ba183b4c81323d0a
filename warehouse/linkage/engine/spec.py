"""What the columns of a list are: the one thing `townlake link` must be told.

    unique_id: rec_id
    columns: {given_name: name, surname: name, born: date, ssn: identifier, postcode: code, street: text}

Further keys may override what the engine chooses from the data.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import WrongUse

Kind = Literal["identifier", "name", "date", "code", "phone", "address", "text", "number", "ignore"]
Text = Annotated[str, Field(min_length=1)]


class Other(BaseModel):
    """Where RIGHT calls things otherwise: its unique id, and for columns of LEFT their names in RIGHT."""

    model_config = ConfigDict(extra="forbid", strict=True)

    unique_id: Text | None = None
    columns: dict[Text, Text] = {}


class Spec(BaseModel):
    """A read specification. `blocking`: lists of columns that must be equal for a pair to be compared."""

    model_config = ConfigDict(extra="forbid", strict=True)

    unique_id: Text
    columns: Annotated[dict[Text, Kind], Field(min_length=1)]
    right: Other = Other()
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    one_to_one: bool | None = None
    blocking: Annotated[list[Annotated[list[Text], Field(min_length=1)]], Field(min_length=1)] | None = None
    comparisons: dict[Text, Literal["exact", "similar"]] = {}
    max_pairs: Annotated[int, Field(ge=1_000)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Spec:
        used = self.used
        if not used:
            raise ValueError("every column is ignored: say of at least one what it is")
        for place, names in (
            ("blocking", [name for rule in self.blocking or [] for name in rule]),
            ("comparisons", list(self.comparisons)),
            ("right.columns", list(self.right.columns)),
        ):
            if unknown := [name for name in names if name not in used]:
                raise ValueError(f"{place} speaks of {', '.join(unknown)}, which columns does not have (or ignores)")
        return self

    @property
    def used(self) -> dict[str, Kind]:
        """The columns that take part, in the order written."""
        return {name: kind for name, kind in self.columns.items() if kind != "ignore" and name != self.unique_id}

    def name_in(self, side: int, column: str) -> str:
        """How table `side` (0 left, 1 right) calls a column."""
        return self.right.columns.get(column, column) if side else column

    def id_in(self, side: int) -> str:
        """How table `side` calls its unique id."""
        return (self.right.unique_id if side else None) or self.unique_id


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key written twice is an error, not the last one wins."""


def _no_double(loader: yaml.SafeLoader, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
    seen: set[object] = set()
    for key, _ in node.value:
        name = loader.construct_object(key, deep=True)
        if name in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} stands twice", key.start_mark)
        seen.add(name)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _no_double)


def read_spec(path: Path) -> Spec:
    """Reads a specification. Raises WrongUse with every fault in plain words."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise WrongUse(f"there is no specification {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"the specification {path} cannot be read as UTF-8 text") from error
    try:
        # A loader of ours, derived from the safe one.
        written = yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        raise WrongUse(f"{path} is not YAML: {str(error).splitlines()[0]}{_where(error)}") from error
    if not isinstance(written, dict):
        raise WrongUse(f"{path} must say unique_id and columns, like 'columns: {{surname: name, born: date}}'")
    try:
        return Spec.model_validate(written)
    except ValidationError as error:
        faults = "; ".join(_plain(dict(fault)) for fault in error.errors())
        raise WrongUse(f"{path}: {faults}") from error


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or ""
    return f" {problem} (line {mark.line + 1})" if mark else ""


def _plain(fault: dict[str, object]) -> str:
    place = fault["loc"]
    where = ".".join(str(part) for part in place if part != "[key]") if isinstance(place, tuple) else str(place)
    kind, message = fault["type"], str(fault["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        known = ", ".join(Other.model_fields if where.startswith("right.") else Spec.model_fields)
        return f"unknown key {where} (there are {known})"
    if kind == "missing":
        return f"the key {where} is missing"
    if kind == "literal_error":
        return f"{where}: {fault['input']!r} is not one of {str(message).removeprefix('Input should be ')}"
    return f"{where}: {message}" if where else message
