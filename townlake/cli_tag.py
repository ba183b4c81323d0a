"""`townlake tag …`: which tags there are, what one means, how many carry it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json
from warehouse.home import Home

app = typer.Typer(no_args_is_help=True, help="Tags of people, households, organisations and places.")

EntityOption = Annotated[
    str | None, typer.Option("--entity", help="Only those of person, household, organisation or place.")
]


@app.command("list", epilog="Example: townlake tag list --entity person")
def list_tags(entity: EntityOption = None, as_json: JsonFlag = False) -> None:
    """Every tag with its name, what it waits for, and how many carry it in the published foundation."""
    from townlake import tags

    rows = tags.catalogue(Home.from_environment(), entity)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        counts = "" if row["yes"] is None else f"{row['yes']:>8} yes {row['cannot_tell']:>8} cannot tell"
        waits = f"  waits for {', '.join(row['waits_for'])}" if row["waits_for"] else ""
        typer.echo(f"{row['entity']:<13} {row['tag']:<32} {counts}  {row['name']}{waits}")


@app.command(epilog="Example: townlake tag show living_alone_80")
def show(tag: Annotated[str, typer.Argument(help="A tag's name.")], as_json: JsonFlag = False) -> None:
    """A tag: definition, source, rule, facts, and examples of its evidence without personal data."""
    from townlake import tags

    found = tags.one(Home.from_environment(), tag)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['tag']}  {found['name']}（{found['entity']}，{found['group_name']}）")
    for rule in found["rules"]:
        ends = f" 至 {rule['valid_to']} 前" if rule["valid_to"] else ""
        typer.echo(f"\n定义  {rule['definition']}\n依据  {rule['source']}\n负责  {rule['owner']}")
        typer.echo(f"生效  {rule['valid_from']} 起{ends}\n规则  {rule['when']}")
        for name, zh in rule["inputs"].items():
            typer.echo(f"      {name:<28} {zh}")
    if found["waits_for"]:
        typer.echo(f"\n未用：没有收到过 {'、'.join(found['waits_for'])}")
    if found["yes"] is not None:
        typer.echo(f"\n符合 {found['yes']}，无法判断 {found['cannot_tell']}")
    for example in found["examples"]:
        typer.echo(f"例    {example['outcome']}  {example['evidence']}")


@app.command(epilog="Example: townlake tag count living_alone_80")
def count(
    tag: Annotated[str | None, typer.Argument(help="One tag; all when none is named.")] = None,
    entity: EntityOption = None,
    as_json: JsonFlag = False,
) -> None:
    """How many carry each tag, and of how many it cannot be told."""
    from townlake import tags

    rows = tags.counts(Home.from_environment(), tag, entity)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['entity']:<13} {row['tag']:<32} {row['yes']:>8} {row['cannot_tell']:>8}  {row['name']}")


@app.command(epilog="Example: townlake tag docs --out docs/reference/tags.md")
def docs(out: Annotated[Path, typer.Option(help="The page to put the table of tags into.")]) -> None:
    """Write the generated part of the reference page."""
    from townlake import tags

    typer.echo(f"{out}: {tags.write_page(out)} tags")
