"""How each entity type is linked: one YAML file per type in `warehouse/linkage/specs`, validated strictly."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from warehouse.errors import EnvironmentFault

SPECS = Path(__file__).parent / "specs"
LINKED = ("place", "person", "organisation", "event", "facility")
"""In the order of linking: what is referred to comes first."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Level(_Strict):
    """One outcome of a comparison. The first level whose condition holds counts; the last has none and takes the rest."""

    level: str
    label: str = Field(description="Chinese, for the why card and the review list")
    when: str | None = Field(None, description="SQL over the evidence of both sides: lists <column>_l and <column>_r")
    m: float = Field(gt=0, lt=1, description="share of pairs of one entity at this level")
    u: float = Field(gt=0, lt=1, description="share of pairs of two entities at this level")


class Comparison(_Strict):
    label: str = Field(description="Chinese name of what is compared")
    missing: str = Field(description="SQL: when the comparison says nothing")
    levels: tuple[Level, ...] = Field(min_length=2)
    helpers: dict[str, str] = Field(default_factory=dict, description="{name} in a condition → SQL")

    def condition(self, level: Level) -> str:
        """The level's condition with its helpers put in; ELSE for the last."""
        text = level.when
        if text is None:
            return "ELSE"
        for name, sql in self.helpers.items():
            text = text.replace("{" + name + "}", f"({sql})")
        return text


class Rule(_Strict):
    """When a pair is not linked by evidence alone. `when` is SQL over the names of levels, one column per comparison."""

    rule: str
    reason: str
    when: str


class Spec(_Strict):
    """One entity type. SQL expressions stand over its content table unless said otherwise."""

    entity: str
    prefix: str = Field(pattern="^[A-Z]$")
    verified: str = Field(description="identifier that makes two mentions one entity; null where there is none")
    own: str = Field(description="key of a mention without one: the same record delivered again is the same unit")
    mints: str = Field(description="whether a mention on its own makes an entity")
    loose: str = Field("false", description="whether a mention without verified identifier is compared with others")
    anchors: str = Field(
        "true", description="whether a verified identifier is beyond doubt; a doubted one is compared too"
    )
    exclusive: bool = Field(True, description="two verified identifiers are two entities")
    disowns: bool = Field(
        False, description="an identifier that one delivery gives to two names that are not alike is nobody's there"
    )
    one_per_register: bool = Field(
        True, description="a dataset lists each entity once, so of its records only the best may join"
    )
    names: str | None = Field(
        None, description="SQL of the name whose skeleton and reading the evidence needs; {names} stands for it there"
    )
    population: int = Field(
        1_000_000, gt=1, description="entities in the city: the odds of two at random are 1 to this"
    )
    link_at: float = Field(0.95, gt=0, lt=1)
    review_at: float = Field(0.3, gt=0, lt=1)
    margin: float = Field(3.0, ge=0, description="bits by which the best must lead the second")
    evidence: str = Field("", description="SELECT from `asked(unit_key, content_id)`: unit_key and what is compared")
    blocks: dict[str, str] = Field(
        default_factory=dict, description="key of a row of evidence; units sharing one are compared"
    )
    doubles: dict[str, str] = Field(
        default_factory=dict,
        description="key of a row of evidence; two verified identifiers that share one are put before a person",
    )
    comparisons: dict[str, Comparison] = Field(default_factory=dict)
    never: str = Field("false", description="SQL over the levels: pairs that are two entities whatever else agrees")
    ask_first: tuple[Rule, ...] = ()

    @property
    def compares(self) -> bool:
        """Whether anything is linked beyond verified identifiers."""
        return bool(self.comparisons)


@lru_cache
def load(entity: str) -> Spec:
    """The spec of one entity type.

    Raises EnvironmentFault naming file and fault.
    """
    path = SPECS / f"{entity}.yaml"
    try:
        return Spec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise EnvironmentFault(f"{path.name}: {error}") from error
