"""`townlake weights ENTITY`: what the weights of the linkage would be if estimated from this lake."""

from __future__ import annotations

from typing import Annotated

import typer

from townlake.console import JsonFlag, print_json
from warehouse.errors import WrongUse
from warehouse.home import Home

EXAMPLES = "Examples: townlake weights person;  townlake weights person --write"


def weights(
    entity: Annotated[str, typer.Argument(help="person, organisation, event or facility")],
    write: Annotated[
        bool, typer.Option("--write", help="Put what was measured into the spec (warehouse/linkage/specs).")
    ] = False,
    write_signs: Annotated[
        bool, typer.Option("--write-signs", help="Put the measured shares of name signs into weights/sign_share.csv.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Estimate the weights anew from what verified identifiers settled, and show what would change; builds never do this."""
    from warehouse.lake import need_lake, writing
    from warehouse.linkage import weights as measuring
    from warehouse.linkage.spec import LINKED, load
    from warehouse.lock import lake_writer

    home = Home.from_environment()
    need_lake(home)
    if entity not in LINKED or not load(entity).compares:
        raise WrongUse(f"{entity!r} compares nothing: {', '.join(e for e in LINKED if load(e).compares)}")
    spec = load(entity)
    with lake_writer(home, "weights"), writing(home) as con:
        found = measuring.estimate(con, spec)
        gained, lost = measuring.would_change(con, spec, found)
        people, signs = measuring.measure_signs(con, spec) if entity == "person" else (0, 0)
        if write_signs and people < measuring.ENOUGH_PEOPLE:
            raise WrongUse(
                f"the names of {people} people do not tell how common signs are: {measuring.ENOUGH_PEOPLE} are needed"
            )
        if write_signs:
            measuring.write_signs(con)
    changed = measuring.write(spec, found) if write else 0
    if as_json:
        print_json(
            {
                "entity": entity,
                "levels": [
                    {**w.__dict__, "bits": round(w.bits, 2), "bits_measured": round(w.bits_measured, 2)} for w in found
                ],
                "pairs_gained": gained,
                "pairs_lost": lost,
                "levels_written": changed,
                "people": people,
                "signs": signs,
                "signs_written": write_signs,
            }
        )
        return
    typer.echo(
        f"{'comparison':12} {'level':18} {'m':>9} {'measured':>9} {'u':>9} {'measured':>9} {'bits':>7} {'measured':>9}"
    )
    for w in found:
        typer.echo(
            f"{w.comparison:12} {w.level:18} {w.m:9.3g} {_or_dash(w.m_measured)} {w.u:9.3g} {_or_dash(w.u_measured)} "
            f"{w.bits:7.2f} {w.bits_measured:9.2f}"
        )
    typer.echo(f"with what was measured {gained} pairs more and {lost} pairs fewer would reach {spec.link_at}")
    if people:
        typer.echo(f"{signs} signs in the names of {people} people" + (" written" if write_signs else ""))
    typer.echo(f"{changed} levels written" if write else "nothing written (--write does)")


def _or_dash(share: float | None) -> str:
    return f"{'—':>9}" if share is None else f"{share:9.3g}"
