"""What `townlake classify` does: one organisation, one text, models made anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.classification import classified, events, industry, text
from warehouse.errors import WrongUse
from warehouse.home import DBT_PROJECT, Home
from warehouse.lake import lake_exists, literal, reading, table_exists

if TYPE_CHECKING:
    import duckdb
    import polars as pl

SEEDS = ("event_topic", "dispatch_catalogue", "alarm_word", "alarm_exception")


def classify_organisation(home: Home, name: str, scope: str) -> dict[str, Any]:
    """The class of one organisation; the published lake's organisations with sound codes are witnesses where there is a lake."""
    import polars as pl

    if not name.strip() and not scope.strip():
        raise WrongUse("name an organisation or its business scope")
    asked = pl.DataFrame(
        {"organisation_id": [""], "name": [name], "scope": [scope], "said_code": [None], "fingerprint": [""]},
        schema_overrides={"said_code": pl.String},
    )
    classes = pl.read_csv(DBT_PROJECT / "seeds" / "industry_class.csv", infer_schema_length=0).with_columns(
        pl.col("level").cast(pl.Int64)
    )
    model = text.load(classified.model_file(home.root / "models", industry.MODEL))
    judged, suggested = classified.judge(model, asked, _witnesses(home), classes)
    answer = judged.row(0, named=True)["industry_code"]
    rows = suggested.sort("rank").select("industry_code", "industry_name", "probability", "words", "alike").to_dicts()
    return {
        "industry_code": answer,
        "industry_name": next((r["industry_name"] for r in rows if r["industry_code"] == answer), None),
        "industry_probability": rows[0]["probability"] if rows else None,
        "industry_source": "classified" if answer else None,
        "suggestions": rows,
        "model_version": model.version,
    }


def _witnesses(home: Home) -> pl.DataFrame:
    import polars as pl

    columns = ("organisation_id", "name", "scope", "said_code")
    if lake_exists(home):
        with reading(home) as con:
            if table_exists(con, "registry", "organisation_industry"):
                return con.execute(
                    f"""select {", ".join(columns)} from lake.registry.organisation_industry
                        where not coalesce(is_contradicted, false) and length(said_code) = 4"""
                ).pl()
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def classify_text(home: Home, said: str, channel: str | None = None) -> dict[str, Any]:
    """What one text is about. The catalogue is the project's seeds, as the next build would use them."""
    import duckdb

    if not said.strip():
        raise WrongUse("the text is empty")
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake")
        con.execute("create schema lake.staging")
        for seed in SEEDS:
            path = literal(str(DBT_PROJECT / "seeds" / f"{seed}.csv"))
            con.execute(f"create table lake.staging.{seed} as from read_csv({path}, header = true)")
        con.execute("create temp table said (event_id varchar, kind varchar, description varchar)")
        con.execute("insert into said values ('', ?, ?)", [channel, said])
        events.classify(con, text.load(classified.model_file(home.root / "models", events.MODEL)), "said", "judged")
        row = con.execute("select * exclude (event_id) from judged").pl().row(0, named=True)
        return {**row, "place": _place(con, said)}


def _place(con: duckdb.DuckDBPyConnection, said: str) -> str | None:
    """The address that the text names, as the place library would be asked for it."""
    from warehouse.standard import macros

    expression = macros()["std_address_in_text"]("description")
    row = con.execute(f"select {expression} from said").fetchone()
    return row[0] if row else None


def train(home: Home, *, lake: bool, out: Path | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Makes both models and writes them; returns the settings of the industry model and the folder."""
    from warehouse.classification import training
    from warehouse.lake import need_lake

    told = None
    if lake:
        need_lake(home)
        with reading(home) as con:
            if not table_exists(con, "registry", "organisation_industry"):
                raise WrongUse("the published lake has no classified organisations yet: run `townlake build` first")
            told = con.execute(
                """select name, scope, said_code as code from lake.registry.organisation_industry
                   where not coalesce(is_contradicted, false) and length(said_code) = 4 order by organisation_id"""
            ).pl()
    folder = out or home.root / "models"
    folder.mkdir(parents=True, exist_ok=True)
    say("fitting the model of industry classes")
    model = training.industry_model(told)
    say("fitting the model of event categories")
    event_model = training.event_model()
    for made, shipped in ((model, industry.MODEL), (event_model, events.MODEL)):
        part = folder / f"{shipped.stem}.part.npz"
        made.save(part)
        part.replace(folder / shipped.name)
    return {**model.settings, "folder": str(folder), "event_version": event_model.version}
