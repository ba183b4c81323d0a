"""The step between linkage and foundation: classes of new and changed organisations, categories of new and changed events.

Tables in schema `registry`, one row per entity, kept until what the sources say of it changes (`fingerprint`):

    organisation_industry  name, scope and code it was judged by; class, probability, where it comes from
    event_class            category, probability, severity, urgency, department and days of the dispatch catalogue, alarm

`foundation.industry_suggestion` has the three likeliest classes of organisations whose source gives no sound code.
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from warehouse.classification import events, industry, text
from warehouse.lake import literal, table_exists, transaction

if TYPE_CHECKING:
    import duckdb

_ORGANISATION = """
create table if not exists lake.registry.organisation_industry (
    organisation_id varchar, fingerprint varchar, name varchar, scope varchar, said_code varchar, industry_code varchar,
    industry_probability double, industry_source varchar, is_contradicted boolean, is_witness boolean, model_version varchar)
"""
_SUGGESTION = """
create table if not exists lake.foundation.industry_suggestion (
    organisation_id varchar, rank integer, industry_code varchar, industry_name varchar, probability double, words varchar,
    alike integer, said_code varchar, is_contradicted boolean)
"""
_EVENT = "create table if not exists lake.registry.event_class (event_id varchar, fingerprint varchar, rules_version varchar, {})".format(
    ", ".join(f"{name} {kind}" for name, kind in events.COLUMNS.items())
)
_SAID_ORGANISATION = """
create or replace temp table organisation_said as
with said as (
    select link.organisation_id, content.name, content.business_scope, content.industry_code, content.industry_name,
           state.is_current, state.since, content.content_id
    from lake.registry.organisation_link as link
    join lake.intermediate.int_organisation__content as content using (content_id)
    join lake.registry.organisation_state as state using (content_id)
    where link.organisation_id is not null and {which}),
best as (
    select
        organisation_id,
        max_by(name, (business_scope is not null, is_current, since, content_id)) filter (where name is not null) as name,
        max_by(business_scope, (is_current, since, content_id)) filter (where business_scope is not null) as scope,
        max_by(industry_code, (is_current, since, content_id)) filter (where industry_code is not null) as code,
        max_by(industry_name, (is_current, since, content_id)) filter (where industry_name is not null) as industry_name
    from said group by organisation_id)
select
    best.organisation_id, best.name, best.scope, coalesce(known.industry_code, named.industry_code) as said_code,
    md5(concat_ws('|', '{version}', coalesce(best.name, ''), coalesce(best.scope, ''),
        coalesce(best.code, ''), coalesce(best.industry_name, ''))) as fingerprint
from best
left join lake.staging.industry_class as known on best.code = known.industry_code
left join (select name, any_value(industry_code) as industry_code from lake.staging.industry_class where level = 4
           group by name having count(*) = 1) as named on best.industry_name = named.name
"""
_SAID_EVENT = """
create or replace temp table event_said as
with said as (
    select link.event_id, content.kind, content.description, state.is_current, state.since, content.content_id
    from lake.registry.event_link as link
    join lake.intermediate.int_event__content as content using (content_id)
    join lake.registry.event_state as state using (content_id)
    where link.event_id is not null and {which}),
best as (
    select
        event_id,
        max_by(kind, (is_current, since, content_id)) filter (where kind is not null) as kind,
        string_agg(distinct description, '。' order by description) as description
    from said group by event_id)
select event_id, kind, description,
       md5(concat_ws('|', '{version}', coalesce(kind, ''), coalesce(description, ''))) as fingerprint
from best
"""


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """The tables this step keeps, where they are not there yet."""
    for statement in (_ORGANISATION, _SUGGESTION, _EVENT):
        con.execute(statement)


def classify(con: duckdb.DuckDBPyConnection, *, full: bool = False, models: Path | None = None) -> dict[str, int]:
    """Classifies what the linkage queued and what was never classified (`full`: everything); how many of each.

    `models`: a folder whose models stand before the ones that came with the program.
    """
    with transaction(con):
        prepare(con)
        return {
            "organisations": _organisations(con, full, text.load(model_file(models, industry.MODEL))),
            "events": _events(con, full, text.load(model_file(models, events.MODEL))),
        }


def models_changed(con: duckdb.DuckDBPyConnection, models: Path | None = None) -> bool:
    """Whether a lake's organisations or events were classified by other models than those it would use today."""
    for kept, column, shipped in (
        ("organisation_industry", "model_version", industry.MODEL),
        ("event_class", "split_part(rules_version, '-', 1)", events.MODEL),
    ):
        if table_exists(con, "registry", kept):
            version = text.load(model_file(models, shipped)).version
            row = con.execute(f"select count(*) from lake.registry.{kept} where {column} <> ?", [version]).fetchone()
            if row and row[0]:
                return True
    return False


def model_file(models: Path | None, shipped: Path) -> Path:
    """A model trained for this lake before the one that came with the program."""
    own = models / shipped.name if models is not None else None
    return own if own is not None and own.is_file() else shipped


def _which(con: duckdb.DuckDBPyConnection, entity: str, kept: str, full: bool) -> str | None:
    """SQL condition on the entities to look at; None where there are none."""
    if full:
        return "true"
    condition = f"""(link.{entity}_id in (from lake.registry.{entity}_queue)
        or link.{entity}_id not in (select {entity}_id from lake.registry.{kept}))"""
    found = con.execute(
        f"select count(*) from lake.registry.{entity}_link as link where link.{entity}_id is not null and {condition}"
    ).fetchone()
    return condition if found and found[0] else None


def _keep(con: duckdb.DuckDBPyConnection, entity: str, kept: str, full: bool) -> None:
    """Forgets entities that are no more."""
    con.execute(
        f"delete from lake.registry.{kept} where {entity}_id not in (select {entity}_id from lake.registry.{entity}_link where {entity}_id is not null)"
    )
    if full:
        con.execute(f"delete from lake.registry.{kept}")


def _organisations(con: duckdb.DuckDBPyConnection, full: bool, model: text.TextModel) -> int:
    kept = "organisation_id, fingerprint, name, scope, said_code"
    changed = con.execute(
        "select count(*) from lake.registry.organisation_industry where model_version <> ?", [model.version]
    ).fetchone()
    which = _which(con, "organisation", "organisation_industry", full or bool(changed and changed[0]))
    gone = con.execute(
        f"""select {kept} from lake.registry.organisation_industry
            where organisation_id not in (select organisation_id from lake.registry.organisation_link where organisation_id is not null)"""
    ).pl()
    if which is None and gone.is_empty():
        return 0
    con.execute(_SAID_ORGANISATION.format(which=which or "false", version=model.version))
    if not full:
        con.execute(
            """delete from organisation_said as said using lake.registry.organisation_industry as known
               where said.organisation_id = known.organisation_id and said.fingerprint = known.fingerprint"""
        )
    asked = con.execute(f"select {kept} from organisation_said order by organisation_id").pl()
    if asked.is_empty() and gone.is_empty():
        return 0
    once = con.execute(
        f"""select {kept} from lake.registry.organisation_industry
            where is_witness and organisation_id in (select organisation_id from organisation_said)"""
    ).pl()
    _keep(con, "organisation", "organisation_industry", full)
    known = con.execute(
        f"""select {kept}, is_witness from lake.registry.organisation_industry
            where organisation_id not in (select organisation_id from organisation_said) order by organisation_id"""
    ).pl()
    # whom a changed organisation was or is a witness for is judged again: the answer does not depend on the order of deliveries
    again = _alike(pl.concat([gone, once, asked]), known)
    classes = con.execute("select industry_code, name, level, section_code from lake.staging.industry_class").pl()
    witnesses = known.filter("is_witness" if known.height else pl.lit(False)).join(
        again, on="organisation_id", how="anti"
    )
    judged, suggested = judge(model, pl.concat([asked, again.select(asked.columns)]), witnesses, classes)
    con.register("judged", judged)
    con.register("suggested", suggested)
    con.execute(
        """insert into lake.registry.organisation_queue
               select organisation_id from (
                   select organisation_id, industry_code, industry_probability, industry_source from judged
                   except select organisation_id, industry_code, industry_probability, industry_source from lake.registry.organisation_industry)
               where organisation_id not in (select organisation_id from lake.registry.organisation_queue);
           delete from lake.registry.organisation_industry where organisation_id in (select organisation_id from judged);
           insert into lake.registry.organisation_industry by name select * from judged;
           delete from lake.foundation.industry_suggestion where organisation_id in (select organisation_id from judged)
               or organisation_id not in (select organisation_id from lake.registry.organisation_industry);
           insert into lake.foundation.industry_suggestion by name select * from suggested"""
    )
    con.unregister("judged")
    con.unregister("suggested")
    return asked.height


def _alike(changed: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Those of `known` that are like an organisation whose sound code is new, other, or no more."""
    telling = changed.filter(pl.col("said_code").str.len_chars() == 4)
    touched = industry.likeness(industry.prepared(telling)).select("level", "key").unique()
    ids = (
        industry.likeness(industry.prepared(known))
        .join(touched, on=["level", "key"], how="semi")
        .select("organisation_id")
        .unique()
    )
    return known.join(ids, on="organisation_id", how="semi")


def judge(
    model: text.TextModel, asked: pl.DataFrame, known: pl.DataFrame, classes: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Classes of `asked` (organisation_id, name, scope, said_code, fingerprint), with `known` (…, said_code) as witnesses.

    Returns the rows of organisation_industry and of industry_suggestion. `classes`: the seed industry_class.
    """
    # numbers are joined faster than ids
    ids = asked.select("organisation_id").with_row_index("at")
    asked = asked.with_columns(organisation_id=pl.int_range(pl.len(), dtype=pl.UInt32))
    known = known.with_columns(organisation_id=pl.int_range(pl.len(), dtype=pl.UInt32))
    listed = classes.filter(pl.col("level") == 4).select("industry_code", "name", "section_code")
    section = pl.DataFrame({"label": listed["industry_code"], "section": listed["section_code"]})
    prepared = industry.prepared(asked)
    spoken = industry.segments(prepared)
    said = industry.opinions(model, spoken)
    own = asked.filter(pl.col("said_code").str.len_chars() == 4).select("organisation_id", label="said_code")
    doubtful = _against(said, own, section)
    keys = industry.likeness(prepared)
    sound = own.filter(~pl.col("organisation_id").is_in(doubtful["organisation_id"].implode()))
    witnesses = pl.concat(
        [
            industry.learn(keys, sound),
            industry.learn(
                industry.likeness(industry.prepared(known)), known.select("organisation_id", label="said_code")
            ),
        ]
    )
    learnt = witnesses.group_by("level", "key", "label").agg(pl.col("n").sum())
    combined = (
        industry.with_evidence(said, keys, learnt, sound)
        .with_columns(pl.col("p").round(6))  # sums in another order must not change a rank
        .join(section, on="label", how="left")
    )
    contradicted = _against(combined, own, section)
    # a code of one to three digits or a letter bounds the class
    bounded = combined.join(asked.select("organisation_id", "said_code"), on="organisation_id").filter(
        pl.col("said_code").is_null()
        | (pl.col("said_code").str.len_chars() == 4)
        | pl.col("label").str.starts_with(pl.col("said_code"))
        | (pl.col("section") == pl.col("said_code"))
    )
    ranked = (
        bounded.sort(["organisation_id", "p", "label"], descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1).over("organisation_id").cast(pl.Int32))
        .filter(pl.col("rank") <= industry.SUGGESTED)
    )
    best = ranked.filter(pl.col("rank") == 1).select("organisation_id", "label", "p")
    of_code = combined.join(own, on=["organisation_id", "label"]).select("organisation_id", said_p="p")
    against = pl.col("organisation_id").is_in(contradicted["organisation_id"].implode())
    whole = pl.col("said_code").str.len_chars().fill_null(0) == 4
    sure = pl.col("p").fill_null(0.0) >= industry.THRESHOLD
    judged = (
        asked.join(best, on="organisation_id", how="left")
        .join(of_code, on="organisation_id", how="left")
        .with_columns(is_contradicted=whole & against)
        .with_columns(
            industry_source=pl.when(whole & ~pl.col("is_contradicted"))
            .then(pl.lit("source"))
            .when(sure)
            .then(pl.lit("classified"))
            .when(pl.col("said_code").is_not_null())
            .then(pl.lit("source"))
        )
        .select(
            "organisation_id", "fingerprint", "name", "scope", "said_code",
            industry_code=pl.when(pl.col("industry_source") == "source").then("said_code").when(sure).then("label"),
            industry_probability=pl.when((pl.col("industry_source") == "source") & whole).then(pl.col("said_p").fill_null(0.0)).otherwise(pl.col("p")).round(4),
            industry_source="industry_source",
            is_contradicted="is_contradicted",
            is_witness=whole & ~pl.col("organisation_id").is_in(doubtful["organisation_id"].implode()),
            model_version=pl.lit(model.version),
        )
    )  # fmt: skip
    open_ones = judged.filter(~whole | pl.col("is_contradicted")).select(
        "organisation_id", "said_code", "is_contradicted"
    )
    suggested = ranked.join(open_ones, on="organisation_id").join(
        listed.select(label="industry_code", industry_name="name"), on="label", how="left"
    )
    reasoned = _with_reasons(model, suggested, spoken, keys, learnt)
    return _named(judged, ids), _named(reasoned, ids)


def _named(rows: pl.DataFrame, ids: pl.DataFrame) -> pl.DataFrame:
    """Rows numbered by `organisation_id`, with the ids the numbers stand for."""
    columns = rows.columns
    numbered = rows.rename({"organisation_id": "at"})
    return numbered.join(ids, on="at").select(columns)


def _against(said: pl.DataFrame, own: pl.DataFrame, section: pl.DataFrame) -> pl.DataFrame:
    """(organisation_id) whose own code the texts contradict strongly: another section is certain, the code all but impossible."""
    of_code = own.join(section, on="label", how="left").join(
        said.select("organisation_id", "label", said_p="p"), on=["organisation_id", "label"], how="left"
    )
    certain = (
        said.select("organisation_id", "label", "p")
        .join(section, on="label")
        .group_by("organisation_id", likeliest="section")
        .agg(pl.col("p").sum().round(6))
        .filter(pl.col("p") >= industry.CERTAIN)
    )
    return (
        of_code.join(certain, on="organisation_id")
        .filter((pl.col("said_p").fill_null(0.0) < industry.CONTRADICTED) & (pl.col("likeliest") != pl.col("section")))
        .select("organisation_id")
    )


def _with_reasons(
    model: text.TextModel, suggested: pl.DataFrame, spoken: pl.DataFrame, keys: pl.DataFrame, learnt: pl.DataFrame
) -> pl.DataFrame:
    """Adds the words that decided, most telling first, and how many organisations alike have that class."""
    asked = spoken.join(suggested.select("organisation_id", "label"), on="organisation_id")
    texts = asked.select("field", "text", "label").unique(maintain_order=True).with_row_index("segment")
    words = (
        asked.join(texts, on=["field", "text", "label"])
        .join(model.decided(texts), on="segment")
        .with_columns(share=(pl.col("share") * pl.col("weight")).round(5))
        .filter(pl.col("share") > 0.05)
        .sort("share", "word", descending=[True, False])
        .group_by("organisation_id", "label", maintain_order=True)
        .agg(words=pl.col("word").unique(maintain_order=True).head(3).str.join("、"))
    )
    levels = pl.DataFrame({"level": list(industry.LIKENESS), "fineness": range(len(industry.LIKENESS))})
    alike = (
        keys.join(suggested.select("organisation_id", "label"), on="organisation_id")
        .join(learnt, on=["level", "key", "label"])
        .join(levels, on="level")
        .sort("fineness", descending=True)
        .group_by("organisation_id", "label", maintain_order=True)
        .agg(alike=pl.col("n").first().cast(pl.Int32))
    )
    joined = reduce(
        lambda left, right: left.join(right, on=["organisation_id", "label"], how="left"), (words, alike), suggested
    )
    return joined.select(
        "organisation_id", "rank", industry_code="label", industry_name="industry_name", probability=pl.col("p").round(4),
        words="words", alike=pl.col("alike").fill_null(0), said_code="said_code", is_contradicted="is_contradicted",
    )  # fmt: skip


def _events(con: duckdb.DuckDBPyConnection, full: bool, model: text.TextModel) -> int:
    if not table_exists(con, "staging", "dispatch_catalogue"):
        return 0
    version = f"{model.version}-{_seeds_version(con)}"
    _keep(con, "event", "event_class", full)
    changed = con.execute(
        "select count(*) from lake.registry.event_class where rules_version <> ?", [version]
    ).fetchone()
    which = _which(con, "event", "event_class", full or bool(changed and changed[0]))
    if which is None:
        return 0
    con.execute(_SAID_EVENT.format(which=which, version=version))
    con.execute(
        """delete from event_said as said using lake.registry.event_class as known
           where said.event_id = known.event_id and said.fingerprint = known.fingerprint"""
    )
    events.classify(con, model, "event_said", "event_judged")
    columns = ", ".join(f"judged.{c}" for c in events.COLUMNS)
    # under an edited catalogue events answer differently of which no source said anything new
    con.execute(
        f"""create or replace temp table event_row as
                select judged.event_id, said.fingerprint, {literal(version)} as rules_version, {columns}
                from event_judged as judged join event_said as said using (event_id);
            insert into lake.registry.event_queue
                select event_id from (
                    select * exclude (fingerprint, rules_version) from event_row
                    except select * exclude (fingerprint, rules_version) from lake.registry.event_class)
                where event_id not in (select event_id from lake.registry.event_queue);
            delete from lake.registry.event_class where event_id in (select event_id from event_row);
            insert into lake.registry.event_class by name select * from event_row"""
    )
    found = con.execute("select count(*) from event_row").fetchone()
    return int(found[0]) if found else 0


def _seeds_version(con: duckdb.DuckDBPyConnection) -> str:
    """Changes with the catalogue, the patterns and the alarm words."""
    parts = [
        f"select md5(string_agg(md5(t::varchar), '' order by md5(t::varchar))) as h from lake.staging.{seed} as t"
        for seed in ("dispatch_catalogue", "event_topic", "alarm_word", "alarm_exception")
    ]
    row = con.execute(f"select md5(string_agg(h, '' order by h)) from ({' union all '.join(parts)})").fetchone()
    return str(row[0])[:12] if row else ""
