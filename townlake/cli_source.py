"""`townlake source …`: what someone who adds or looks after a source needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json, progress
from warehouse.errors import WrongUse

app = typer.Typer(no_args_is_help=True, help="Sources: list, skeleton, proof, the department's template, pages.")


@app.command("list", epilog="Example: townlake source list")
def list_sources(as_json: JsonFlag = False) -> None:
    """Every dataset under contract."""
    from ingestion.contracts import load_contracts

    rows = [
        {"dataset": c.id, "name": c.title, "kind": c.custom.delivery.kind, "every": c.custom.delivery.every,
         "columns": len(c.columns)}
        for c in load_contracts().values()
    ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(
            f"{row['dataset']:<28} {row['kind']:<6} {row['every']:<8} {row['columns']:>3} columns  {row['name']}"
        )


@app.command(epilog="Example: townlake source new jiaoyu.youeryuan --from 幼儿园名册_20261031.xlsx --key 机构代码")
def new(
    dataset: Annotated[str, typer.Argument(help="department.dataset, pinyin in lower case.")],
    *,
    sample: Annotated[Path, typer.Option("--from", help="A file of the department; its content is not copied.")],
    name: Annotated[str, typer.Option(help="Chinese name of the dataset [default: the file's name].")] = "",
    department: Annotated[str, typer.Option(help="Chinese name of the department.")] = "",
    kind: Annotated[str, typer.Option(help="full or delta.")] = "full",
    key: Annotated[list[str] | None, typer.Option(help="Header of a key column; repeat for several.")] = None,
) -> None:
    """Write the skeleton of a source: contract, staging model, fixture and expectations to fill in."""
    from townlake.sources.new import new_source

    if kind not in ("full", "delta"):
        raise WrongUse(f"--kind is full or delta, not {kind!r}")
    made = new_source(dataset, sample, name=name, department=department, kind=kind, key=key or ())
    for column in made.columns:
        typer.echo(f"  {column.name:<24} {column.kind:<16} {column.header}  ({column.why})")
    for path in (made.contract, made.model, made.fixture):
        typer.echo(f"wrote {path}")
    typer.echo(
        "next: go through the contract, put invented rows into fixture.csv and what must come of them into expected.csv,\n"
        f"then: townlake source check {dataset}"
    )


@app.command(epilog="Example: townlake source check minzheng.dibao")
def check(
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="[DATASET]...", help="All when none is named.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove contract, fixture and staging model; your lake is not touched."""
    from townlake import steps
    from townlake.sources.check import check as run_check

    findings = run_check(datasets or (), progress=steps.quiet if as_json else progress)
    bad = [f for f in findings if not f.ok]
    if as_json:
        print_json([f.to_json() for f in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok ' if finding.ok else 'BAD'} {finding.dataset:<28} {finding.what}: {finding.detail}")
        typer.echo(f"{len({f.dataset for f in findings})} source(s), {len(findings)} checks, {len(bad)} failed")
    if bad:
        raise typer.Exit(1)


@app.command(epilog="Example: townlake source template minzheng.dibao --out 低保模板.xlsx")
def template(
    dataset: Annotated[str, typer.Argument(help="department.dataset")],
    out: Annotated[Path | None, typer.Option(help="Workbook to write [default: NAME模板.xlsx here].")] = None,
) -> None:
    """Write the Excel template of a dataset for the department."""
    from ingestion.contracts import load_contracts
    from ingestion.files import safe_stem
    from townlake.sources.check import select
    from townlake.sources.template import write_template

    contract = select(load_contracts(), [dataset])[0]
    typer.echo(f"wrote {write_template(contract, out or Path(f'{safe_stem(contract.name)}模板.xlsx'))}")


@app.command(epilog="Example: townlake source docs --out docs/reference/sources")
def docs(out: Annotated[Path, typer.Option(help="Folder of the pages.")]) -> None:
    """Write the data dictionary: one Markdown page per dataset, an index, the standard data elements."""
    from ingestion.contracts import load_contracts
    from townlake.sources.pages import write_pages

    typer.echo(f"{out}: {write_pages(load_contracts(), out)} pages")
