"""`townlake delivery …`: what was delivered, and taking a delivery out of the foundation or letting it back in."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json
from warehouse.errors import WrongUse
from warehouse.home import Home

app = typer.Typer(no_args_is_help=True, help="Deliveries: list, hold back, withdraw, release.")

Named = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="Id, its first characters (six at least), or the file below landing/.")
]
Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]


@app.command("list", epilog="Example: townlake delivery list --dataset minzheng.dibao")
def list_deliveries(
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    status: Annotated[str | None, typer.Option(help="taken, refused, held or withdrawn.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Every delivery with its rows and what became of it, newest first."""
    from townlake.decisions import deliveries_of

    rows = deliveries_of(Home.from_environment(), dataset=dataset, status=status)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        counts = f"{row['data_rows'] or 0} rows" if row["status"] != "refused" else ""
        split = f" = {row['accepted']} + {row['quarantined']} quarantined" if row["accepted"] is not None else ""
        note = f"  ({row['reason']})" if row["reason"] else ""
        typer.echo(
            f"{row['delivery_id'][:12]}  {row['status']:<9}  {row['delivered_on'] or '':<10}  {row['file']}  {counts}{split}{note}"
        )
    typer.echo(f"{len(rows)} deliveries")


@app.command(epilog="Example: townlake delivery hold 3f9a1c2b --reason 日期待核实")
def hold(delivery: Named, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Keep a delivery out of the next build until it is released."""
    _decide("hold", delivery, reason, as_json)


@app.command(epilog="Example: townlake delivery withdraw minzheng/高龄津贴发放表.xls --reason 发错月份")
def withdraw(delivery: Named, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Take a delivery out for good: the next build is what it would have been without it."""
    _decide("withdraw", delivery, reason, as_json)


@app.command(epilog="Example: townlake delivery release 3f9a1c2b")
def release(delivery: Named, reason: Reason = "", as_json: JsonFlag = False) -> None:
    """Let a held or withdrawn delivery back in."""
    _decide("release", delivery, reason, as_json)


def _decide(decision: str, name: str, reason: str, as_json: bool) -> None:
    from townlake.decisions import decide

    answer = decide(Home.from_environment(), name, decision, by=who(), reason=reason)
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"{answer['file']} is {answer['status']}; the foundation follows with the next `townlake build`")


def who() -> str:
    """Who decides: TOWNLAKE_USER, else the login name."""
    import getpass

    try:
        return os.environ.get("TOWNLAKE_USER") or getpass.getuser()
    except (KeyError, OSError) as error:
        raise WrongUse("nobody is logged in: name the person who decides in TOWNLAKE_USER") from error
