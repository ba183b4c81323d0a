"""`townlake review …`: doubtful pairs listed, out to Excel, and decided."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json
from warehouse.errors import WrongUse
from warehouse.home import Home

app = typer.Typer(
    no_args_is_help=True,
    help="Pairs that evidence alone does not decide: list them, export them as workbooks, decide. "
    "Filled workbooks come back through the landing folder like any file.",
)

Entity = Annotated[str | None, typer.Option(help="Only person, organisation or event.")]


@app.command("list", epilog="Example: townlake review list --entity person")
def list_pairs(entity: Entity = None, as_json: JsonFlag = False) -> None:
    """Pairs a person should decide, the most probable first: what each side says, and what speaks for and against."""
    from ingestion.contracts import load_contracts
    from townlake.review.doubtful import find, summary

    found = find(Home.from_environment(), load_contracts(), entity)
    if as_json:
        print_json([d.to_json() for d in found])
        return
    for doubt in found:
        typer.echo(f"{doubt.pair_id}  {doubt.entity}  {min(doubt.probability, 0.999):.1%}  {doubt.reason}")
        for mark, side, entity_id, content in (
            ("甲", doubt.left, doubt.left_entity, doubt.left_content),
            ("乙", doubt.right, doubt.right_entity, doubt.right_content),
        ):
            said = " · ".join("/".join(v[:2]) for k, v in side.items() if k != "sources")
            typer.echo(f"    {mark} {entity_id or '—'} [{content[:12]}] {said}")
        typer.echo("      " + "；".join(f"{level}（{bits:+.1f}）" for _, level, bits in doubt.evidence))
    counts = ", ".join(f"{n} {e}" for e, n in summary(found).items())
    typer.echo(f"{len(found)} pair(s){': ' + counts if counts else ''}")


@app.command(epilog="Example: townlake review export --entity person")
def export(
    entity: Entity = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write into [default: outbox/核对/].")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write one review workbook (核对表) per entity type. Whoever decides fills it in and drops it into landing."""
    from ingestion.contracts import load_contracts
    from townlake.review.export import export as run_export

    written = run_export(Home.from_environment(), load_contracts(), entity=entity, out=out)
    if as_json:
        print_json([asdict(w) for w in written])
        return
    for one in written:
        typer.echo(f"{one.pairs:>6} pairs  {one.file}")
    if not written:
        typer.echo("no pair to decide")


@app.command(epilog="Example: townlake review decide person P1f0c… P93ab… --other --by 张三 --reason 父子同名")
def decide(
    entity: Annotated[str, typer.Argument(help="person, organisation or event")],
    left: Annotated[str, typer.Argument(metavar="LEFT_ID", help="Id of an entity, or a content_id.")],
    right: Annotated[
        str, typer.Argument(metavar="RIGHT_ID", help="The other. Under one identifier it is this one that leaves.")
    ],
    *,
    same: Annotated[bool, typer.Option("--same", help="They are one.")] = False,
    other: Annotated[bool, typer.Option("--other", help="They are two: also undoes a wrong merge.")] = False,
    unsure: Annotated[bool, typer.Option("--unsure", help="Nobody can tell: takes back what was decided.")] = False,
    by: Annotated[str, typer.Option(help="Who decided [default: TOWNLAKE_USER, else the login name].")] = "",
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")],
    as_json: JsonFlag = False,
) -> None:
    """Decide one pair by hand. The next build obeys it, and every later one."""
    from townlake import steps
    from townlake.cli_delivery import who
    from townlake.review import ledger
    from warehouse import reviews
    from warehouse.lake import need_lake, writing
    from warehouse.lock import lake_writer

    chosen = [v for v, flag in ((reviews.SAME, same), (reviews.OTHER, other), (reviews.UNSURE, unsure)) if flag]
    if len(chosen) != 1:
        raise WrongUse("say one of --same, --other, --unsure")
    home = Home.from_environment()
    need_lake(home)
    ledger.check_entity(entity)
    steps.prepare_lake(home)
    with lake_writer(home, "deciding a pair"), writing(home) as con:
        answer = ledger.decide(con, entity, left, right, verdict=chosen[0], by=by or who(), reason=reason)
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"noted: {left} and {right} are {chosen[0]}; the foundation follows with the next `townlake build`")
