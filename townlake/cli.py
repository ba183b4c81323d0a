"""`townlake`: every verb of the command line. Heavy imports stand in the verbs, so that `--help` starts at once."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlake import (
    cli_classify,
    cli_delivery,
    cli_grade,
    cli_keep,
    cli_link,
    cli_quarantine,
    cli_review,
    cli_source,
    cli_tag,
    cli_weights,
)
from townlake.console import JsonFlag, print_json, progress
from warehouse.errors import EnvironmentFault, TownlakeError, WrongUse, explain
from warehouse.home import Home

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="townlake",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A lakehouse for a city's town-streets: departments drop files, one trusted foundation comes out.\n\n"
    "Where things are kept: TOWNLAKE_HOME (default ./lakehouse). Exit codes: 0 done, 1 a gate stopped or held something, "
    "2 wrong use, 3 the environment is at fault.",
)

app.add_typer(cli_source.app, name="source")
app.add_typer(cli_delivery.app, name="delivery")
app.add_typer(cli_quarantine.app, name="quarantine")
app.add_typer(cli_review.app, name="review")
app.add_typer(cli_tag.app, name="tag")
app.add_typer(cli_classify.app, name="classify")
app.command(epilog=cli_link.EXAMPLES)(cli_link.link)
app.command(epilog=cli_weights.EXAMPLES)(cli_weights.weights)
app.command(epilog=cli_grade.GRADE_EXAMPLES)(cli_grade.grade)
app.command(epilog=cli_grade.CATALOGUE_EXAMPLES)(cli_grade.catalogue)
app.command(epilog=cli_keep.BACKUP_EXAMPLES)(cli_keep.backup)
app.command(epilog=cli_keep.RESTORE_EXAMPLES)(cli_keep.restore)
app.command(epilog=cli_keep.DOCTOR_EXAMPLES)(cli_keep.doctor)
app.command(epilog=cli_keep.MIGRATE_EXAMPLES)(cli_keep.migrate)

LandingOption = Annotated[
    Path | None, typer.Option("--landing", help="Folder the departments drop into [default: TOWNLAKE_HOME/landing].")
]
JobsOption = Annotated[int, typer.Option("--jobs", min=1, help="Files read at a time.")]
DEFAULT_JOBS = max(1, os.cpu_count() or 1)


def main() -> None:
    """Entry point: turns every foreseeable ending into one clear sentence and its exit code."""
    try:
        app()
    except TownlakeError as error:
        _fail(error)
    except KeyboardInterrupt:
        typer.echo("stopped; run the same command again to go on", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        _fail(known)


def _fail(error: TownlakeError) -> None:
    typer.echo(f"townlake: {error}", err=True)
    sys.exit(error.exit_code)


def _end_with(fault: str | None) -> None:
    """All that could be done is done and said: what could not be is still a fault of the environment."""
    if fault is not None:
        raise EnvironmentFault(fault)


# ---- the road ---------------------------------------------------------------------------------------------------------


@app.command(epilog="Example: townlake city --persons 20000 --seed 7 --out /tmp/city --periods 2")
def city(
    out: Annotated[Path, typer.Option(help="Folder to write into; must be empty or absent.")],
    persons: Annotated[int, typer.Option(min=10, help="How many people live in it.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    periods: Annotated[int, typer.Option(min=1, max=36, help="Monthly deliveries: landing, landing_2 …")] = 1,
    datasets: Annotated[
        str,
        typer.Option(
            metavar="<names>", help="Only these, as contracts say: gongan.changzhu,yibao.canbao. [default: all]"
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Write a labelled synthetic city: OUT/landing, OUT/landing_2 …, OUT/truth."""
    import sample_city

    wanted = [name.strip() for name in datasets.split(",") if name.strip()] or list(sample_city.DATASETS)
    if strange := sorted(set(wanted) - set(sample_city.DATASETS)):
        raise WrongUse(f"no such dataset: {', '.join(strange)}; there are {', '.join(sample_city.DATASETS)}")
    if out.exists() and any(out.iterdir()):
        raise WrongUse(f"{out} is not empty: name a new folder")
    manifest = sample_city.generate(
        persons,
        seed,
        out,
        periods=periods,
        datasets=wanted,
        progress=None if as_json else lambda m: typer.echo(m, err=True),
    )
    if as_json:
        print_json(manifest.to_json() if hasattr(manifest, "to_json") else manifest)
    else:
        typer.echo(
            f"{out}: {persons} people, {periods} period(s); deliveries in {out / 'landing'}, answer key in {out / 'truth'}"
        )


@app.command(epilog="Example: townlake run --landing /data/landing")
def run(
    landing: LandingOption = None, jobs: JobsOption = DEFAULT_JOBS,
    full: Annotated[bool, typer.Option("--full", help="Build everything anew from raw.")] = False,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """The whole road once, without Airflow: ingest, build, gates, publish."""
    from townlake import report, steps

    home = Home.from_environment()
    say = steps.quiet if as_json else progress
    found, receipts = steps.ingest(home, landing, jobs=jobs, progress=say)
    built = steps.build(home, full=full, progress=say)
    answer = report.run_summary(home, found, receipts, built)
    print_json(answer) if as_json else report.print_run(answer)
    _end_with(report.pull_failure(answer["ingest"]))


@app.command(epilog="Example: townlake ingest --landing /data/landing --jobs 4")
def ingest(landing: LandingOption = None, jobs: JobsOption = DEFAULT_JOBS, as_json: JsonFlag = False) -> None:
    """Files to raw: claim, archive, read, receipt. Does not touch the lake."""
    from townlake import report, steps

    home = Home.from_environment()
    found, receipts = steps.ingest(home, landing, jobs=jobs, progress=steps.quiet if as_json else progress)
    answer = report.ingest_summary(home, found, receipts)
    print_json(answer) if as_json else report.print_ingest(answer)
    _end_with(report.pull_failure(answer))


@app.command(
    epilog="Example: townlake build --hold 3f9a1c2b;  townlake build --target spark --out /data/spark --compare;  "
    "townlake build --target spark --out /shared/spark --remote sc://spark.example:15002"
)
def build(
    *,
    layer: Annotated[
        str | None, typer.Option(help="Only this layer: staging, intermediate, foundation or marts.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Build everything anew from raw (ids stay).")] = False,
    hold: Annotated[
        list[str] | None,
        typer.Option(metavar="DELIVERY", help="Go on without this delivery (kept back until released); repeatable."),
    ] = None,
    target: Annotated[
        str, typer.Option(help="Engine: duckdb, or spark (everything anew beside the lake, as Parquet below --out).")
    ] = "duckdb",
    out: Annotated[Path | None, typer.Option(help="Spark: folder to write, <schema>/<table>/ in it.")] = None,
    remote: Annotated[
        str | None,
        typer.Option(metavar="sc://HOST:PORT", help="Spark Connect address [default: SPARK_REMOTE, else here]."),
    ] = None,
    cores: Annotated[int, typer.Option(min=1, help="Spark here: cores it may use.")] = DEFAULT_JOBS,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Spark here: its memory.")] = "3g",
    compare: Annotated[
        bool, typer.Option("--compare", help="Spark: compare every table with the lake's; exit 1 where one differs.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Raw to foundation and marts, with gates between; publishes when the last gate passed."""
    from townlake import cli_spark, decisions, report, steps

    home = Home.from_environment()
    if target == "spark":
        if layer or hold or out is None:
            raise WrongUse("--target spark builds everything into --out DIR: neither --layer nor --hold goes with it")
        cli_spark.build(home, out, remote=remote, cores=cores, memory=memory, compare=compare, as_json=as_json)
        return
    if target != "duckdb":
        raise WrongUse(f"there is no target {target!r}: choose duckdb or spark")
    if out is not None or remote is not None or compare:
        raise WrongUse("--out, --remote and --compare go with --target spark")
    layers: Sequence[str] = steps.LAYERS
    if layer is not None:
        if layer not in steps.LAYERS:
            raise WrongUse(f"there is no layer {layer!r}: choose one of {', '.join(steps.LAYERS)}")
        layers = (layer,)
    for delivery in hold or ():
        decisions.decide(home, delivery, "hold", by=cli_delivery.who(), reason="build --hold")
    built = steps.build(home, full=full, layers=layers, progress=steps.quiet if as_json else progress)
    answer = report.build_summary(home, built)
    print_json(answer) if as_json else report.print_build(answer)


@app.command(epilog="Example: townlake gate staging --accept 3f9a1c2b --reason 撤并社区，人口减半属实")
def gate(
    layer: Annotated[str, typer.Argument(help="raw, staging, foundation or marts")],
    *,
    accept: Annotated[
        str | None,
        typer.Option(metavar="DELIVERY", help="First note that this delivery differs from earlier ones and is right."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why it is right; kept.")] = "",
    data_docs: Annotated[
        bool, typer.Option("--data-docs", help="Also write Great Expectations' own pages; opening them needs internet.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check one layer of the working state and write a report."""
    from townlake import steps
    from warehouse.builds import new_build_id
    from warehouse.lake import need_lake

    home = Home.from_environment()
    if layer not in steps.GATED:
        raise WrongUse(f"there is no gate {layer!r}: choose one of {', '.join(steps.GATED)}")
    need_lake(home)
    if accept:
        steps.accept_drift(home, accept, by=cli_delivery.who(), reason=reason)
    result = steps.gate(home, layer, "check-" + new_build_id(), data_docs=data_docs)
    if as_json:
        print_json(result.to_json())
    else:
        typer.echo(
            f"gate {layer}: {'passed' if result.passed else 'stopped'}, {result.expectations} expectations in {result.seconds:.1f} s"
        )
        typer.echo(f"report: {home.root / result.report}")


@app.command(epilog="Example: townlake score")
def score(as_json: JsonFlag = False) -> None:
    """Draw the departments' scorecards anew, and say which deliveries are late."""
    from townlake import steps
    from warehouse.lake import need_lake

    home = Home.from_environment()
    need_lake(home)
    done = steps.score(home, "score")
    if as_json:
        print_json(done)
        return
    typer.echo(f"{done['pages']} pages in {home.outbox} and {home.reports}, {len(done['late'])} datasets late")
    for late in done["late"]:
        typer.echo(f"  late {late['dataset']}: {late['reason']}")


# ---- looking ------------------------------------------------------------------------------------------------------------


@app.command(epilog="Example: townlake read 花名册.xlsx --out 花名册.csv")
def read(
    file: Annotated[Path, typer.Argument(help="Any file: text, workbook, dbf, json, geojson, parquet, zip.")],
    out: Annotated[Path | None, typer.Option(help="Write the first table as UTF-8 CSV.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Write every table: OUT, OUT.2 …")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Read any supported file with nothing but its bytes and say what was detected."""
    from townlake.reading import read_file

    read_file(file, out=out, every=every, as_json=as_json)


@app.command(epilog='Example: townlake query "select count(*) from foundation.person where is_alive"')
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over foundation.*, marts.*, staging.* …")],
    limit: Annotated[int, typer.Option(help="Rows shown at most; 0 for all.")] = 100,
    tip: Annotated[bool, typer.Option("--tip", help="Look at the working state instead of the published one.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask the published foundation."""
    from townlake.look import run_query

    run_query(Home.from_environment(), sql, limit=limit, tip=tip, as_json=as_json)


@app.command(epilog="Example: townlake export foundation.person_mention person_link.parquet")
def export(
    table: Annotated[str, typer.Argument(help="schema.table")],
    file: Annotated[Path, typer.Argument(help="Parquet file to write.")],
    as_json: JsonFlag = False,
) -> None:
    """Write one published table to a Parquet file."""
    from townlake.look import export_table

    rows = export_table(Home.from_environment(), table, file)
    print_json({"table": table, "file": str(file), "rows": rows}) if as_json else typer.echo(f"{file}: {rows} rows")


@app.command(
    epilog='Example: townlake why person P1f0c…  (ids: townlake query "select person_id from foundation.person limit 5")'
)
def why(
    entity: Annotated[str, typer.Argument(help="person, organisation, place, event or facility")],
    entity_id: Annotated[str, typer.Argument(metavar="ID")],
    html: Annotated[Path | None, typer.Option(help="Write the card as a page that opens without internet.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Where every value of one record came from, why its rows are one record, who confirmed it and what became of its id."""
    from ingestion.contracts import load_contracts
    from townlake.why import explain_entity, print_explanation

    contracts = load_contracts()
    answer = explain_entity(Home.from_environment(), entity, entity_id, contracts)
    if html is not None:
        from townlake import why_page

        why_page.write(html, answer, contracts)
    if as_json:
        print_json(answer)
    elif html is None:
        print_explanation(answer)
    else:
        typer.echo(f"{html}: {entity} {answer['id']}, {len(answer['mentions'])} mentions")


@app.command(
    epilog="Kinds: amount, address, address_parts (components), area_code, bank_card, citizen_id, code, coordinate, date, decimal, disability_certificate, ethnic, "
    "grid_code, house_code, id_document, industry_code, integer, month, org_code, org_name, person_name, phone, sex, text, timestamp, "
    "usage, uscc.  Example: townlake standardise phone callers.csv --column 联系电话 --out phones.parquet"
)
def standardise(
    kind: Annotated[str, typer.Argument(help="Standard data element, see the list below.")],
    file: Annotated[Path, typer.Argument(help="Parquet or UTF-8 CSV.")],
    column: Annotated[str, typer.Option(help="Column to standardise.")],
    out: Annotated[Path, typer.Option(help="Parquet file with raw, value, rule, outcome (and components).")],
    options: Annotated[str, typer.Option(help='Options of the kind as JSON, like \'{"unit": "万元"}\'.')] = "{}",
    as_json: JsonFlag = False,
) -> None:
    """Bring any column into the standard form of its data element: the rules the staging layer uses."""
    from warehouse.standard import standardise as run_standardise

    try:
        chosen = json.loads(options)
    except ValueError as error:
        raise WrongUse(f"--options is not JSON: {error}") from error
    counts = run_standardise(kind, file, column, out, **chosen)
    print_json(counts) if as_json else typer.echo(
        f"{out}: " + ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    )


@app.command(epilog="Example: townlake maintain --json")
def maintain(as_json: JsonFlag = False) -> None:
    """Merge small files, expire snapshots no published build needs, remove what killed attempts left."""
    from townlake import steps

    done = steps.maintain(Home.from_environment())
    print_json(done) if as_json else typer.echo(", ".join(f"{k.replace('_', ' ')} {v}" for k, v in done.items()))
