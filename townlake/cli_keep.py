"""`townlake backup`, `restore`, `migrate`, `doctor`: keeping a lakehouse safe and up to date, and saying what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from townlake.console import JsonFlag, print_json, progress
from warehouse.home import Home

BACKUP_EXAMPLES = "Example: townlake backup /mnt/safe/townlake --keep 14"
RESTORE_EXAMPLES = (
    "Examples: townlake restore /mnt/safe/townlake;  townlake restore /mnt/safe/townlake --into /tmp/drill"
)
MIGRATE_EXAMPLES = (
    """Examples: townlake migrate;  townlake migrate --catalog "postgres:dbname=lake host=127.0.0.1 user=townlake\""""
)
DOCTOR_EXAMPLES = "Example: townlake doctor --deep"


def backup(
    dest: Annotated[Path, typer.Argument(help="Folder for safety copies; one that holds some gets only what is new.")],
    *,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Remove all but so many of the newest copies [default: none].")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Read the whole copy again and compare the hashes.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a safety copy of everything that cannot be made again: catalogue, lake, raw, archive, receipts, decisions."""
    from townlake import keeping

    made = keeping.backup(Home.from_environment(), dest, keep=keep, check=check)
    if as_json:
        print_json(made)
        return
    typer.echo(
        f"{dest}: copy {made['copy']}, {made['files']} files, {_size(made['bytes'])}; new {made['copied_files']} files, "
        f"{_size(made['copied_bytes'])}{', checked' if check else ''}"
    )
    if made["removed_copies"]:
        typer.echo(f"{made['removed_copies']} older copies removed")


def restore(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of safety copies.")],
    *,
    into: Annotated[
        Path | None,
        typer.Option(help="Another home than TOWNLAKE_HOME, with a SQLite catalogue of its own."),
    ] = None,
    copy: Annotated[str | None, typer.Option(help="Name of the copy, or how it begins [default: the newest].")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Move what the home holds aside, to a folder in it, instead of refusing.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Put a safety copy back: every byte verified first, then examined as `doctor --deep` does."""
    from townlake import keeping

    home = Home.throwaway(into.expanduser()) if into else Home.from_environment()
    done = keeping.restore(source, home, name=copy, force=force)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{done['home']}: copy {done['copy']} is back, {done['files']} files, {_size(done['bytes'])}")
        if done["set_aside"]:
            typer.echo(f"what was there is in {done['set_aside']}")
        print_findings(done["findings"])
    end_with(done["findings"])


def migrate(
    *,
    catalog: Annotated[
        str | None,
        typer.Option(help="Move the catalogue there instead: postgres:dbname=… host=… (empty), or sqlite:FILE."),
    ] = None,
    backup: Annotated[
        Path | None, typer.Option(help="Folder for the safety copy [default: beside the home, with -backups].")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Bring a lake that an older townlake built up to date, after a safety copy; or move its catalogue."""
    from townlake import steps, upgrade

    home = Home.from_environment()
    say = steps.quiet if as_json else progress
    if catalog is not None:
        moved = upgrade.move_catalogue(home, catalog, backup=backup, say=say)
        if as_json:
            print_json(moved)
            return
        typer.echo(
            f"the catalogue is in {moved['catalogue']}: {moved['rows']} rows; from now on set TOWNLAKE_CATALOG to it"
        )
        if moved["old"]:
            typer.echo(f"the old one is kept as {moved['old']}")
        return
    done = upgrade.upgrade(home, backup=backup, say=say)
    if as_json:
        print_json(done)
        return
    typer.echo(f"lake version {done['to']}: " + ("; ".join(done["steps"]) if done["steps"] else "nothing to migrate"))
    if done["full_build_owed"]:
        typer.echo("next: townlake build --full   (makes every table anew; ids stay)")


def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read every file of archive, raw and lake and compare hashes and rows.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Is everything in place: environment, home, disk, clock, locks, receipts, catalogue, lake, raw files, contracts."""
    from townlake.doctor import examine

    findings = examine(Home.from_environment(), deep=deep)
    print_json(findings) if as_json else print_findings(findings)
    end_with(findings)


def print_findings(findings: list[dict[str, Any]]) -> None:
    """One line each, with the remedy where something is wrong."""
    for finding in findings:
        typer.echo(f"{'ok ' if finding['ok'] else 'BAD'} {finding['what']}: {finding['detail']}")


def end_with(findings: list[dict[str, Any]]) -> None:
    """Exit code 3 where something is wrong."""
    if not all(f["ok"] for f in findings):
        raise typer.Exit(3)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
