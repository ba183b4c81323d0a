"""YAML of a contract: read with the lines of every part, strictly and by the YAML 1.2 core rules.

`no` and `on` are words, `0601` is a word too (a code must not turn into a number), a key that stands twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

Location = Sequence[int | str]


class _Loader(yaml.CSafeLoader):
    """libyaml's loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own class attribute)


for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"^[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


class NotYaml(ValueError):
    """The text is no YAML document; `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class Document:
    """One YAML document: `data` in plain Python types, and where each part of it stands."""

    def __init__(self, text: str) -> None:
        """Raises NotYaml."""
        loader = _Loader(text)
        try:
            self._root = loader.get_single_node()
            _refuse_repeats(self._root)
            self.data: Any = loader.construct_document(self._root) if self._root is not None else None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise NotYaml(line, error.problem or "cannot be parsed") from error
        finally:
            loader.dispose()

    def line_of(self, location: Location) -> int:
        """Line of the deepest part of `location` that the document has.

        A custom property is named by its `property` and looked up in the list of `property`/`value` pairs.
        """
        node, line = self._root, 1
        for part in location:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line


def _child(node: Any, part: int | str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode):
        if isinstance(part, int) and part < len(node.value):
            return node.value[part].start_mark.line + 1, node.value[part]
        for item in node.value:
            named = _child(item, "property")
            if named and named[1].value == part:
                held = _child(item, "value")
                return item.start_mark.line + 1, held[1] if held else item
    return None


def _refuse_repeats(node: Any) -> None:
    """PyYAML lets the last of two equal keys win; a contract must not say two things."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
            _refuse_repeats(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeats(item)
