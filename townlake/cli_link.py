"""`townlake link …`: two lists against each other, or one within itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json, progress

EXAMPLES = (
    "Examples: townlake link 名单.csv --spec spec.yaml --out links.parquet --clusters clusters.parquet "
    "(what one list holds twice);  townlake link a.csv b.parquet --spec spec.yaml --out links.parquet "
    "(two lists);  townlake link 名单.xlsx foundation.person --spec spec.yaml --out links.parquet "
    "(a list against the foundation).  spec.yaml: 'unique_id: 编号' and "
    "'columns: {姓名: name, 出生日期: date, 身份证号: identifier, 电话: phone, 住址: address}'; "
    "kinds: identifier, name, date, code, phone, address, text, number, ignore"
)


def link(
    left: Annotated[str, typer.Argument(metavar="LEFT", help="A file, or a table like foundation.person.")],
    right: Annotated[
        str | None, typer.Argument(metavar="[RIGHT]", help="The second list; without it LEFT is searched for doubles.")
    ] = None,
    *,
    spec: Annotated[Path, typer.Option(help="YAML: the unique id, and what each column is.")],
    out: Annotated[Path, typer.Option(help="Parquet to write: left_id, right_id, match_probability.")],
    clusters: Annotated[Path | None, typer.Option(help="Parquet to write: id, cluster_id (table, for two).")] = None,
    model: Annotated[
        Path | None, typer.Option(help="JSON of weights: used where it exists, else written after estimating them.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(help="Memory at most, like 2GB [default: two fifths of the machine's].")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the weight of every level compared.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Find rows that speak of the same thing, in one list or between two: links and clusters with probabilities."""
    from townlake.linking import Outputs, link_tables, report
    from townlake.linking import explain as explain_weights

    known = model if model is not None and model.exists() else None
    found = link_tables(
        left, right, spec, Outputs(out, clusters, model if known is None else None),
        known=known, memory=memory, progress=progress,
    )  # fmt: skip
    weights = explain_weights(found) if explain else []
    if as_json:
        print_json({**found.to_json(), "out": str(out), **({"weights": weights} if explain else {})})
        return
    for line in report(found):
        typer.echo(line)
    for comparison in weights:
        typer.echo(comparison["comparison"])
        for level in comparison["levels"]:
            typer.echo(f"  {level['weight']:>7.2f}  {level['level']}")
    typer.echo(f"written: {out}" + (f", {clusters}" if clusters else ""))
