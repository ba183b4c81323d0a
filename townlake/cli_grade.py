"""`townlake grade` and `townlake catalogue`: how sensitive a column is, and where a data element stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json
from warehouse.errors import WrongUse
from warehouse.home import Home

GRADE_EXAMPLES = "Example: townlake grade marts.policy_match"
CATALOGUE_EXAMPLES = "Example: townlake catalogue --json"


def grade(
    table: Annotated[
        str | None, typer.Argument(help="A table (`person`, `marts.policy_match`); all without one.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Grade of every column of the published lake: level, personal data, and what gives it that level."""
    from quality import grades
    from warehouse.lake import reading

    with reading(Home.from_environment()) as con:
        rows = grades.look(con, table)
    if table and not rows:
        raise WrongUse(f"nothing is graded under the name {table!r}: see `townlake grade`")
    if as_json:
        print_json(rows)
        return
    for row in rows:
        told = "" if row["is_told"] else "  (highest of all inputs)"
        name = f"{row['schema']}.{row['table']}.{row['column']}"
        typer.echo(f"{name:<60} {row['level']:<10} {row['personal_data']:<10} {', '.join(row['inputs'])}{told}")


def catalogue(
    page: Annotated[Path | None, typer.Option(help="Write the reference page here.")] = None, as_json: JsonFlag = False
) -> None:
    """Data elements of the contracts by theme, and which share is placed."""
    from ingestion.contracts import load_contracts
    from townlake import elements

    contracts = load_contracts()
    told = elements.coverage(contracts)
    if page is not None:
        page.write_text(elements.page(contracts), encoding="utf-8")
    if as_json:
        print_json(told)
        return
    for theme in told["themes"]:
        typer.echo(f"{theme['theme']:<4} {'' if not theme['parent'] else '  '}{theme['name']}  {theme['elements']}")
    typer.echo(f"{told['placed']} of {told['elements']} elements placed ({told['covered_share']:.1%})")
