"""Which of several values of an attribute survives into the golden record: one YAML file per entity type beside this one.

    load("person").of("phone").prefer   # ('current', 'trust', 'agreement', 'recent')

`dbt_project/macros/golden.sql` turns the order into SQL; `townlake.render` hands it over. How much a source is trusted stands
with the source (`trust`, `trustByAttribute` in its contract).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import EnvironmentFault

RULES = Path(__file__).parent
ENTITIES = ("person", "organisation", "event", "facility")
Criterion = Literal["identifies", "whole", "uncontradicted", "current", "trust", "agreement", "recent"]
MOST_CRITERIA = 6


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Attribute(_Strict):
    """How the values of one attribute are ranked: by the first criterion, where equal by the next."""

    prefer: tuple[Criterion, ...] = Field(("current", "trust", "recent"), min_length=1, max_length=MOST_CRITERIA)
    only_current: bool = Field(False, description="says where somebody is, not who: void once no source delivers it")
    from_id_number: Literal["birth_date", "sex_code"] | None = Field(
        None, description="what a verified citizen number says of it stands in where no source says anything"
    )

    @model_validator(mode="after")
    def _once(self) -> Attribute:
        if len(set(self.prefer)) < len(self.prefer):
            raise ValueError("a criterion is named twice")
        return self


class Survivorship(_Strict):
    """The rules of one entity type."""

    default: Attribute = Attribute()
    attributes: dict[str, Attribute] = Field(default_factory=dict)

    def of(self, attribute: str) -> Attribute:
        return self.attributes.get(attribute, self.default)


@lru_cache
def load(entity: str, folder: Path = RULES) -> Survivorship:
    """The rules of `entity`. Raises EnvironmentFault naming the file and the place where it is wrong."""
    path = folder / f"{entity}.yaml"
    try:
        return Survivorship.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise EnvironmentFault(f"{path.name}: cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise EnvironmentFault(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def for_dbt(folder: Path = RULES) -> dict[str, dict[str, object]]:
    """All rules as plain values, for the macro that `townlake.render` writes."""
    return {entity: load(entity, folder).model_dump(mode="json") for entity in ENTITIES}
