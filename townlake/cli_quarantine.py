"""`townlake quarantine …`: refused rows out to Excel, corrected rows back in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json
from warehouse.home import Home

app = typer.Typer(
    no_args_is_help=True,
    help="Refused rows: list, export as correction workbooks, check again, dismiss. "
    "Corrected workbooks come back through the landing folder like any file.",
)

Department = Annotated[str | None, typer.Option(help="Only this department (its folder's name).")]
Dataset = Annotated[str | None, typer.Option(help="Only this dataset, like minzheng.dibao.")]


@app.command("list", epilog="Example: townlake quarantine list --department minzheng --status open")
def list_rows(
    department: Department = None,
    dataset: Dataset = None,
    status: Annotated[str | None, typer.Option(help="open, corrected, replayed or dismissed.")] = None,
    limit: Annotated[int, typer.Option(help="Rows shown at most; 0 for all.")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """Refused rows of the published quarantine: where each stands, why, what became of it."""
    from ingestion.contracts import load_contracts
    from townlake.quarantine import look

    home, contracts = Home.from_environment(), load_contracts()
    limit = 0 if as_json else limit
    found = look.rows(home, contracts, department=department, dataset=dataset, status=status, limit=limit)
    if as_json:
        print_json(found)
        return
    for row in found:
        sheet = f" [{row['sheet']}]" if row["sheet"] else ""
        more = f"  ({row['note']}{', ' + row['status_by'] if row['status_by'] else ''})" if row["note"] else ""
        typer.echo(
            f"{row['quarantine_id']}  {row['status']:<9}  {row['file']}{sheet} 第 {row['row_number']} 行  {row['reason']}{more}"
        )
    typer.echo(f"{len(found)} rows" + (" (--limit 0 shows all)" if limit and len(found) == limit else ""))


@app.command(epilog="Example: townlake quarantine export --department minzheng")
def export(
    department: Department = None,
    dataset: Dataset = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write into [default: outbox/<department>/].")] = None,
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Also rows of full deliveries that a newer one has replaced.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write one correction workbook (更正表) per dataset with open rows. The clerk corrects it and drops it into landing."""
    from ingestion.contracts import load_contracts
    from townlake.quarantine.export import export as run_export

    written = run_export(
        Home.from_environment(),
        load_contracts(),
        department=department,
        dataset=dataset,
        out=out,
        superseded=superseded,
    )
    if as_json:
        print_json([asdict(w) for w in written])
        return
    for one in written:
        typer.echo(f"{one.rows:>6} rows  {one.file}")
    typer.echo(f"{len(written)} workbook(s), {sum(w.rows for w in written)} rows" if written else "no open rows")


@app.command(epilog="Example: townlake quarantine replay --rule id_bad_check --dataset gongan.changzhu")
def replay(
    rule: Annotated[str | None, typer.Option(help="Only deliveries with rows that this rule refused.")] = None,
    dataset: Dataset = None,
    later: Annotated[bool, typer.Option("--later", help="Leave it to the next build instead of building now.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check refused rows again after a rule, look-up or contract changed; what is sound now enters the foundation."""
    from ingestion.contracts import load_contracts
    from townlake import report, steps
    from townlake.quarantine import look

    home, contracts = Home.from_environment(), load_contracts()
    asked = look.replay(home, contracts, rule=rule, dataset=dataset)
    answer: dict[str, object] = {**asked, "built": False}
    if asked["deliveries"] and not later:
        before = _standing(home)
        built = steps.build(home)
        after = _standing(home)
        answer |= {
            "built": True,
            "replayed": after["replayed"] - before["replayed"],
            "build": report.build_summary(home, built),
        }
    if as_json:
        print_json(answer)
        return
    typer.echo(f"{asked['rows']} refused rows in {asked['deliveries']} deliveries are checked again")
    if answer["built"]:
        typer.echo(f"{answer['replayed']} of them are in the foundation now")
    elif asked["deliveries"]:
        typer.echo("they follow with the next `townlake build`")


@app.command(epilog="Example: townlake quarantine dismiss 4F0C2A9B77E1 --reason 重复报送")
def dismiss(
    quarantine_id: Annotated[str, typer.Argument(metavar="ID", help="隔离编号, see `quarantine list`.")],
    reason: Annotated[str, typer.Option(help="Why nobody need mend it; kept with the row.")],
    as_json: JsonFlag = False,
) -> None:
    """Close one row without a correction: it stays refused and kept, and is not asked for any more."""
    from townlake.cli_delivery import who
    from townlake.quarantine import look

    answer = look.dismiss(Home.from_environment(), quarantine_id, by=who(), reason=reason)
    if as_json:
        print_json(answer)
    else:
        typer.echo(
            f"{answer['file']} row {answer['row_number']} is dismissed; readers see it with the next `townlake build`"
        )


def _standing(home: Home) -> dict[str, int]:
    """Rows of the published quarantine by status."""
    from warehouse.lake import reading

    with reading(home) as con:
        found = con.execute("select status, count(*) from lake.foundation.quarantine group by 1").fetchall()
    return {"open": 0, "corrected": 0, "replayed": 0, "dismissed": 0, **dict(found)}
