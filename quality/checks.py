"""What a gate asks: checks over profiles.

A suite looks at one table. Its `profile` is one SELECT that passes over the table once and gives one row per delivery
(or one row in all) with everything its checks need; the checks are then conditions on those few rows. So a gate over
ten million rows costs about as much as one hand-written query, and a finding knows its delivery.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from warehouse.lake import literal, quote

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")

SAMPLES = 5
"""Locators kept of a failed expectation; never a value of a row."""

ENOUGH_ROWS = 20
"""A share says something about a delivery from this many rows on; below it nothing stops a build by share alone."""


@dataclass(frozen=True)
class Check:
    """One expectation. The SQL parts read a row of the profile; `zh` and `en` say what is expected (half sentences)."""

    name: str
    zh: str
    en: str
    severity: Severity
    failed: str
    """How many rows break it: shown, and it fails where this is above zero unless `fails` says otherwise."""
    column: str | None = None
    fails: str | None = None
    checked: str = '"rows"'
    found_zh: str = "null"
    """What was found, as text; null: the number and share of failed rows say it."""
    found_en: str = "null"
    example: str = "null"
    said: str = "false"
    """True for a row whose finding another check already words."""
    gbt36344: str = "0104"
    """Indicator of GB/T 36344 the expectation counts against."""
    rows_where: str | None = None
    """SQL over a row of the suite's `rows_from`: the rows that break it, for samples."""
    entities: str = "null"
    """SQL: some of the entity ids that break it, a list of texts."""

    @property
    def condition(self) -> str:
        """SQL, true for a row of the profile that breaks the expectation."""
        return self.fails or f"{self.failed} > 0"


@dataclass(frozen=True)
class Suite:
    """The checks of one table. `relations` must exist once `datasets` (none: any) has been delivered."""

    name: str
    zh: str
    profile: str
    checks: tuple[Check, ...]
    relations: tuple[str, ...]
    datasets: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    """Statements that make what the profile reads, in GX's scratch database."""
    rows_from: str | None = None
    """Table whose rows have a locator: where samples of failed expectations are taken."""


@dataclass(frozen=True)
class RowCheck:
    """A condition no row may meet: `wrong` is SQL over a row of the table, `of` narrows which rows count."""

    name: str
    wrong: str
    zh: str
    en: str
    column: str | None = None
    severity: Severity = "critical"
    of: str | None = None
    example: str | None = None
    gbt36344: str = "0104"

    @property
    def key(self) -> str:
        return self.name if self.column is None else f"{self.column}.{self.name}"

    def measures(self) -> list[str]:
        """Columns of the profile this check needs."""
        out = [f"count(*) filter (where {self.wrong}) as {quote(self.key)}"]
        if self.of:
            out.append(f"count(*) filter (where {self.of}) as {quote(self.key + '.of')}")
        if self.example:
            out.append(f"min({self.example}, {SAMPLES}) filter (where {self.wrong}) as {quote(self.key + '.example')}")
        return out

    def check(self) -> Check:
        """The check over the profile."""
        return Check(
            self.name, self.zh, self.en, self.severity, quote(self.key), self.column,
            checked=quote(self.key + ".of") if self.of else '"rows"',
            example=f"{quote(self.key + '.example')}[1]::varchar" if self.example else "null", gbt36344=self.gbt36344,
            rows_where=self.wrong, entities=quote(self.key + ".example") if self.example else "null",
        )  # fmt: skip


def by_share(
    name: str, column: str | None, failed: str, checked: str, *, zh: str, en: str, stops: bool, gbt36344: str,
    rows_where: str | None = None,
) -> list[Check]:  # fmt: skip
    """The two checks of a share: a warning above 10 %, and critical above 50 % of enough rows where `stops`.

    `zh` and `en` hold a `%s` for the limit. What is critical is not worded a second time as a warning.
    """
    share = f"{failed}::double / nullif({checked}, 0)"
    high = f"coalesce({share} > 0.5 and {checked} >= {ENOUGH_ROWS}, false)"
    some = f"coalesce({share} > 0.1, false)"
    more: dict[str, Any] = {"gbt36344": gbt36344, "rows_where": rows_where}
    warning = Check(
        name,
        zh % "10 %",
        en % "10 %",
        "warning",
        failed,
        column,
        some,
        checked,
        said=high if stops else "false",
        **more,
    )
    critical = Check(f"{name}_high", zh % "50 %", en % "50 %", "critical", failed, column, high, checked, **more)
    return [critical, warning] if stops else [warning]


def one_of(values: Iterable[str]) -> str:
    """A SQL list of texts; `in` it is nothing where there are none."""
    return "(" + (", ".join(literal(v) for v in sorted(set(values))) or "null") + ")"


def repeats(key: str) -> str:
    """A measure: rows whose key stands in another row too."""
    return f"count({key}) - count(distinct {key}) as id_repeats"


def table(name: str) -> str:
    """`schema.table` of the lake, quoted."""
    schema, _, relation = name.partition(".")
    return f"lake.{quote(schema)}.{quote(relation)}"


def profile_of(
    relation: str,
    checks: Sequence[RowCheck],
    *,
    joins: Sequence[str] = (),
    by: Sequence[str] = (),
    extra: Sequence[str] = (),
    where: str | None = None,
) -> str:
    """The profile of row checks over a table `e`: one row, or one per value of `by`; `extra` are further measures."""
    columns = [*by, 'count(*) as "rows"', *extra, *(m for c in checks for m in c.measures())]
    lines = [f"select {', '.join(columns)}", f"from {table(relation)} as e", *joins]
    if where:
        lines.append(f"where {where}")
    if by:
        lines.append(f"group by {', '.join(by)}")
    return "\n".join(lines)
