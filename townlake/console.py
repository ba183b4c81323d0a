"""What every verb of the command line shares: the `--json` flag, and printing for people and programs."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def print_json(value: Any) -> None:
    """One JSON document on standard output; days and instants as text."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def progress(message: str) -> None:
    """How far long work is: on standard error, so that answers can be piped."""
    typer.echo(message, err=True)
