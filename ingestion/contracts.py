"""Data contracts: the one file that says what a dataset is, and the strict reading of it.

A contract is Open Data Contract Standard v3 YAML, `ingestion/sources/<department>/<dataset>/contract.yaml`. What the
standard has no field for stands under `customProperties` (a list of `property`/`value` pairs) and is checked as strictly
as the rest: an unknown key is an error that names the line. docs/reference/contracts.md explains every key.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ingestion.contract_file import Document, NotYaml
from warehouse.errors import WrongUse
from warehouse.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SOURCES = Path(__file__).resolve().parent / "sources"
RESERVED = frozenset(
    [
        "dataset",
        "file",
        "sheet",
        "row_number",
        "delivery_id",
        "received_at",
        "delivered_on",
        "row_kind",
        "row_key",
        "content_hash",
        "issues",
        "is_refused",
    ]
)

Severity = Literal["info", "warning", "quarantine"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


Theme = Annotated[str, Field(pattern=r"^[A-Z][0-9]{2}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _pairs(value: Any) -> Any:
    """ODCS writes custom properties as a list of {property, value}: one mapping is easier to check."""
    if not isinstance(value, list):
        return value
    out: dict[str, Any] = {}
    for item in value:
        if not isinstance(item, dict) or set(item) - {"property", "value", "description"} or "property" not in item:
            raise ValueError("each custom property is a mapping with `property` and `value`")
        if item["property"] in out:
            raise ValueError(f"custom property {item['property']!r} stands twice")
        out[item["property"]] = item.get("value")
    return out


class Standard(_Strict):
    """How a column becomes its standard value: a kind of dbt_project/macros/standard and its options."""

    kind: Name = "text"
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> Standard:
        """Names only: whether the values of the options fit is proved by `townlake source check`."""
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}: one of {', '.join(KINDS)}")
        if unknown := sorted(set(self.options) - set(KINDS[self.kind].options)):
            raise ValueError(f"kind {self.kind} has no option {', '.join(unknown)}")
        return self


class ColumnProperties(_Strict):
    """What ODCS does not know of a column."""

    aliases: tuple[str, ...] = ()
    same_cell_as: Name | None = Field(
        None, alias="sameCellAs", description="another column whose cell holds this value too: `lon,lat`"
    )
    volatile: bool = Field(
        False, description="a change of it is no change of the record: a running number, the time of the last edit"
    )
    standard: Standard = Standard()
    severity: dict[str, Severity] = Field(default_factory=dict)
    personal_data: Literal["none", "general", "sensitive"] = Field("none", alias="personalData")
    grade: Literal["core", "important", "general_4", "general_3", "general_2", "general_1"] = "general_2"
    sensitive_kind: (
        Literal[
            "biometric", "religion", "specific_identity", "health", "financial_account", "whereabouts", "minor_under_14", "other"
        ]
        | None
    ) = Field(None, alias="sensitiveKind", description="why it is sensitive: PIPL art. 28, GB/T 45574")  # fmt: skip
    theme: Theme | None = Field(
        None, description="where the catalogue places it, if not where the dataset or its kind does"
    )


class Column(_Strict):
    """One column: `name` is ours, `businessName` is the header the department writes."""

    name: Name
    business_name: str = Field(alias="businessName", min_length=1)
    logical_type: Literal["string", "date", "timestamp", "number", "integer", "boolean", "object"] = Field(
        "string", alias="logicalType"
    )
    description: str = ""
    required: bool = False
    primary_key: bool = Field(False, alias="primaryKey")
    primary_key_position: int = Field(-1, alias="primaryKeyPosition")
    custom: Annotated[ColumnProperties, BeforeValidator(_pairs)] = Field(
        default_factory=ColumnProperties, alias="customProperties"
    )

    @property
    def headers(self) -> tuple[str, ...]:
        """Every spelling under which the column may arrive, the declared one first; none for part of another's cell."""
        if self.custom.same_cell_as:
            return ()
        return (self.business_name, *self.custom.aliases)


class SchemaObject(_Strict):
    """The table of a delivery."""

    name: Name
    business_name: str = Field("", alias="businessName")
    physical_type: Literal["table", "file"] = Field("file", alias="physicalType")
    description: str = ""
    properties: tuple[Column, ...] = Field(min_length=1)


class AsOf(_Strict):
    """Where the day a delivery is valid for stands: tried in order, the intake's day if none matches.

    `pattern` is a regular expression with groups `year`, `month` and, where the source has it, `day`; a month alone
    means its last day.
    """

    source: Literal["file_name", "title", "sheet"] = Field(alias="from")
    pattern: str


class Delivery(_Strict):
    """Kind and rhythm of the deliveries."""

    kind: Literal["full", "delta"]
    as_of: tuple[AsOf, ...] = Field((), alias="asOf")
    every: Literal["once", "day", "week", "month", "quarter", "year"] = "month"
    minimum_rows: int | None = Field(None, alias="minimumRows", ge=0)
    maximum_rows: int | None = Field(None, alias="maximumRows", ge=0)


class Pull(_Strict):
    """A PostgreSQL table or query that is read like a file (ingestion.pull). The secret stands in the environment only.

    `connection` names the environment variable that holds the connection string. With a `watermark` each pull brings what
    is new since the last one; `overlap` (`30 minutes`, or a plain number for a number) reads that much again, for rows
    that were committed late.
    """

    connection: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    table: str | None = Field(None, pattern=r"^[^\".;\s]+(\.[^\".;\s]+)?$", description="schema.table")
    query: str | None = Field(None, pattern=r"^(?is:\s*(select|with)\b[^;]*)$")
    watermark: str | None = Field(None, min_length=1)
    overlap: str | None = Field(None, pattern=r"^\d{1,9}( (second|minute|hour|day)s?)?$", coerce_numbers_to_str=True)
    every: Literal["intake", "hour", "day", "week", "month"] = "intake"

    @model_validator(mode="after")
    def _coherent(self) -> Pull:
        if (self.table is None) == (self.query is None):
            raise ValueError("name either a `table` or a `query`")
        if self.overlap and not self.watermark:
            raise ValueError("an `overlap` needs a `watermark`")
        return self

    @property
    def label(self) -> str:
        """What receipts and messages call the source."""
        return self.table or "a query"


class Drift(_Strict):
    """What the intake does when the columns of a file are not those of the contract."""

    extra_column: Literal["rescue", "refuse"] = Field("rescue", alias="extraColumn")
    missing_optional_column: Literal["accept", "refuse"] = Field("accept", alias="missingOptionalColumn")


class DriftGate(_Strict):
    """Limits of the comparison with earlier deliveries (docs/reference/gates.md), where a dataset needs others.

    A full delivery with at most `row_share` of the rows it used to have, or in which less than `kept_share` of the last
    records come again, stops the build. Columns in `ignore` are not compared.
    """

    row_share: float = Field(0.6, alias="rowShare", ge=0, le=1)
    kept_share: float = Field(0.7, alias="keptShare", ge=0, le=1)
    ignore: tuple[Name, ...] = ()


class RowRule(_Strict):
    """A condition over standard columns that must hold; a row for which it is false carries the issue."""

    rule: Name
    severity: Severity
    must_hold: str = Field(alias="mustHold", description="SQL over the standard columns")
    column: Name | None = None
    gbt36344: str = "0104"
    reason: str = Field(description="one Chinese sentence for the clerk")


class Mention(_Strict):
    """What one row says about one entity: attribute of the entity → column of this contract."""

    entity: Literal["person", "organisation", "place", "event", "facility"]
    role: Name = "subject"
    attributes: dict[Name, Name]
    derived: dict[Name, str] = Field(
        default_factory=dict, description="attribute → SQL over the standard columns and the locator"
    )
    constants: dict[Name, str] = Field(default_factory=dict)
    trust: int = Field(50, ge=0, le=100, description="how far this source is believed about this entity")
    trust_by_attribute: dict[Name, int] = Field(default_factory=dict, alias="trustByAttribute")


class ContractProperties(_Strict):
    """What ODCS does not know of a dataset."""

    department: str = Field(description="name of the department, Chinese")
    theme: Theme | None = Field(None, description="data theme of its columns (dbt_project/seeds/data_theme.csv)")
    delivery: Delivery
    drift: Drift = Drift()
    drift_gate: DriftGate = Field(DriftGate(), alias="driftGate")
    pull: Pull | None = None
    swaps: tuple[tuple[Name, Name], ...] = Field((), description="pairs of columns that clerks exchange: id and name")
    rules: tuple[RowRule, ...] = ()
    mentions: tuple[Mention, ...] = ()
    file_name: str | None = Field(
        None, alias="fileName", description="usual file name, a regular expression: a hint only"
    )


class TeamMember(_Strict):
    username: str
    role: str = "owner"
    description: str = ""


class Text(_Strict):
    purpose: str = ""
    usage: str = ""
    limitations: str = ""


class DatasetContract(_Strict):
    """One dataset under contract."""

    api_version: Literal["v3.0.2", "v3.1.0"] = Field(alias="apiVersion")
    kind: Literal["DataContract"]
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
    name: str
    version: str
    status: Literal["draft", "active", "deprecated", "retired"]
    domain: Name
    description: Text = Text()
    team: tuple[TeamMember, ...] = Field(min_length=1)
    schema_: tuple[SchemaObject, ...] = Field(alias="schema", min_length=1, max_length=1)
    custom: Annotated[ContractProperties, BeforeValidator(_pairs)] = Field(alias="customProperties")

    @model_validator(mode="after")
    def _coherent(self) -> DatasetContract:
        names = [c.name for c in self.columns]
        _unique(names, "column")
        _unique([h for c in self.columns for h in c.headers], "header or alias")
        if reserved := RESERVED.intersection(names):
            raise ValueError(f"column names {sorted(reserved)} are reserved")
        if self.id.split(".")[0] != self.domain:
            raise ValueError(f"id {self.id!r} must start with the domain {self.domain!r}")
        known = set(names)
        self._refers(known, (c for pair in self.custom.swaps for c in pair), "swaps")
        self._refers(known, (r.column for r in self.custom.rules if r.column), "rules")
        self._refers(known, self.custom.drift_gate.ignore, "driftGate")
        delivered = {c.name for c in self.delivered_columns}
        self._refers(delivered, (c.custom.same_cell_as for c in self.columns if c.custom.same_cell_as), "sameCellAs")
        for mention in self.custom.mentions:
            self._refers(known, mention.attributes.values(), f"mention of {mention.entity}")
        if (source := self.custom.pull) and (self.custom.delivery.kind == "delta") != bool(source.watermark):
            raise ValueError("a pull with a `watermark` needs deliveries of kind delta, one without needs kind full")
        subjects = [m.entity for m in self.custom.mentions if m.role == "subject"]
        _unique(subjects, "subject mention of entity")
        return self

    @staticmethod
    def _refers(known: set[str], names: Iterable[str], where: str) -> None:
        if missing := sorted(set(names) - known):
            raise ValueError(f"{where} name columns the schema has not: {missing}")

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.schema_[0].properties

    @property
    def delivered_columns(self) -> tuple[Column, ...]:
        """Columns with a header of their own: what a file of the department holds."""
        return tuple(c for c in self.columns if c.headers)

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the key columns, in key order; empty where the department has no key."""
        keyed = [c for c in self.columns if c.primary_key]
        return tuple(c.name for c in sorted(keyed, key=lambda c: c.primary_key_position))

    @property
    def model_name(self) -> str:
        """`<department>__<dataset>`, the stem of the staging models."""
        return self.id.replace(".", "__")

    @property
    def title(self) -> str:
        return f"{self.custom.department} {self.name}"

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the resolved contract, written into every receipt."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _unique(names: Sequence[str], what: str) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"{what} stands twice: {twice}")


class Contracts(dict[str, DatasetContract]):
    """All contracts by dataset id."""

    @cached_property
    def fingerprint(self) -> str:
        joined = ",".join(f"{k}={v.fingerprint}" for k, v in sorted(self.items()))
        return hashlib.sha256(joined.encode()).hexdigest()[:16]


def sources_folder() -> Path:
    """Folder of the sources; TOWNLAKE_SOURCES names another one."""
    return Path(os.environ.get("TOWNLAKE_SOURCES") or SOURCES)


def load_contracts(folder: Path | None = None) -> Contracts:
    """Every contract below `folder`. Raises WrongUse naming file, line and what is wrong."""
    folder = folder or sources_folder()
    found = Contracts()
    for path in sorted(folder.glob("*/*/contract.yaml")):
        contract = load_contract(path)
        expected = f"{path.parent.parent.name}.{path.parent.name}"
        if contract.id != expected:
            raise WrongUse(f"{_short(path)}: id {contract.id!r} does not match its folder ({expected!r})")
        found[contract.id] = contract
    if not found:
        raise WrongUse(f"no contract found below {folder}")
    return found


def load_contract(path: Path) -> DatasetContract:
    """One contract. Raises WrongUse with file, line and reason."""
    try:
        document = Document(path.read_text(encoding="utf-8"))
    except NotYaml as error:
        raise WrongUse(f"{_short(path)} line {error.line}: not valid YAML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{_short(path)}: cannot be read: {error}") from error
    try:
        return DatasetContract.model_validate(document.data)
    except ValidationError as error:
        raise WrongUse(_first_problem(path, document, error)) from error


def _first_problem(path: Path, document: Document, error: ValidationError) -> str:
    problems = error.errors()
    first = problems[0]
    place = ".".join(str(p) for p in first["loc"]) or "the contract"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    what = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return f"{_short(path)} line {document.line_of(first['loc'])}: {place}: {what}{more}"


def _short(path: Path) -> str:
    return "/".join(path.parts[-3:])


def by_department(contracts: Mapping[str, DatasetContract]) -> dict[str, list[DatasetContract]]:
    """Contracts grouped by the department's folder."""
    out: dict[str, list[DatasetContract]] = {}
    for contract in contracts.values():
        out.setdefault(contract.domain, []).append(contract)
    return out
