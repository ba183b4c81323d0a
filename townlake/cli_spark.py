"""`townlake build --target spark`: what it prints."""

from __future__ import annotations

from pathlib import Path

import typer

from townlake.console import print_json, progress
from warehouse.errors import GateStopped
from warehouse.home import Home


def build(home: Home, out: Path, *, remote: str | None, cores: int, memory: str, compare: bool, as_json: bool) -> None:
    """Builds, and says what stands where. Raises GateStopped where `compare` finds a table that differs."""
    from townlake import parity, spark

    say = (lambda _: None) if as_json else progress
    answer = spark.build(home, out, remote=remote, cores=cores, memory=memory, progress=say)
    compared = []
    if compare:
        say("comparing with the lake")
        made = Path(answer["out"])
        compared = parity.compare_pairs(home, made) + parity.compare(home, made, copies=answer["given"])
        answer["compared"] = [c.to_json() for c in compared]
    different = [c for c in compared if not c.equal]
    if as_json:
        print_json(answer)
    else:
        entities = ("person", "organisation", "place", "household", "event", "facility")
        counted = ", ".join(f"{answer['rows'].get(f'foundation.{e}', 0)} {e}" for e in entities)
        typer.echo(f"{answer['out']}: {answer['models']} models, as of lake snapshot {answer['snapshot']}; {counted}")
        typer.echo("not made on Spark but given by the lake: " + ", ".join(answer["given"]))
        typer.echo("seconds: " + ", ".join(f"{name} {value}" for name, value in answer["seconds"].items()))
        if compared:
            typer.echo(f"{len(compared) - len(different)} of {len(compared)} tables are the lake's, row by row")
        for c in different:
            there = "not built" if c.rows_there is None else f"{c.rows_there} rows"
            columns = f"; columns {', '.join(c.differing)}" if c.differing else ""
            typer.echo(f"  {c.table}: {c.rows} rows in the lake, {there}{columns}")
    if different:
        raise GateStopped(
            f"{len(different)} tables on Spark are not those of the lake: {', '.join(c.table for c in different)}"
        )
