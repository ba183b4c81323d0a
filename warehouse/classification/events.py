"""What an event is about, who deals with it, how grave and pressing it is, and whether somebody's life may be in danger.

The channel's own category is the answer where it names one category of the catalogue. Where it names a group of them
(城市管理) the text chooses within the group; where it says nothing the text alone decides. Texts are read twice: by the
patterns of the seed `event_topic`, first match first, and by a model of n-grams that knows how people speak of each
category. Catalogue, patterns and alarm words are seeds that a town can edit.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from warehouse.classification import text
from warehouse.classification.text import TextModel
from warehouse.lake import literal

if TYPE_CHECKING:
    import duckdb

VOCABULARY = text.FOLDER / "vocabulary" / "event.csv"
MODEL = text.FOLDER / "models" / "event.npz"

PATTERN = 0.45
"""What the first matching pattern adds to a category's score (the model's are about 0 to 1)."""
FURTHER_PATTERN = 0.12
SHARPNESS = 9.0
DOUBT = 0.12
THRESHOLD = 0.4
UNSAID = ("其他", "其它", "其他类", "其他问题", "其他事项", "未分类", "综合", "无", "不详", "待分类", "其他诉求")
"""What a channel says when it has not classified."""
OUTSIDE_GROUP = 0.8
"""From this probability on the text is believed against the group that the channel names."""
OF_CHANNEL = 0.98
"""How sure a channel's single category is taken to be."""
OF_GROUP = 0.5
"""And one that also names a group, where the text decides nothing."""

COLUMNS = {
    "category_code": "varchar", "category": "varchar", "category_source": "varchar", "category_probability": "double",
    "severity": "integer", "urgency": "varchar", "department": "varchar", "days": "integer", "alarm": "varchar",
}  # fmt: skip


def vocabulary(path: Path = VOCABULARY) -> list[dict[str, str]]:
    """Rows of `category_code, phrases` (；between)."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def examples(rows: list[dict[str, str]]) -> pl.DataFrame:
    """Training texts (field, text, label, weight)."""
    told = [("said", p, row["category_code"], 1.0) for row in rows for p in row["phrases"].split("；") if p]
    return pl.DataFrame(told, schema=["field", "text", "label", "weight"], orient="row")


def classify(con: duckdb.DuckDBPyConnection, model: TextModel, source: str, target: str) -> None:
    """Makes the temporary table `target` (event_id and `COLUMNS`) of relation `source` (event_id, kind, description).

    Reads the seeds event_topic, dispatch_catalogue, alarm_word and alarm_exception in schema `lake.staging`.
    """
    said = con.execute(f"select distinct description from {source} where description is not null order by 1").pl()
    spoken = said.select(segment="description", field=pl.lit("said"), text="description")
    con.register("text_score", model.score(spoken).select(pl.col("segment").alias("description"), "label", "score"))
    _patterns(con, source)
    con.execute(f"create or replace temp table {target}_text as {_TEXT}")
    con.execute(f"create or replace temp table {target}_channel as {_CHANNEL.format(source=source, unsaid=_unsaid())}")
    _alarms(con, source, f"{target}_alarm")
    con.execute(f"create or replace temp table {target} as {_DECIDED.format(source=source, target=target)}")
    con.unregister("text_score")


def _unsaid() -> str:
    return ", ".join(literal(word) for word in UNSAID)


def _patterns(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Temporary table `text_pattern` (description, label, rank): the topics whose pattern holds, in order of priority."""
    topics = con.execute(
        """select topic, pattern from lake.staging.event_topic
           where topic in (select category_code from lake.staging.dispatch_catalogue) order by priority, topic"""
    ).fetchall()
    tests = ", ".join(f"case when regexp_matches(description, {literal(p)}) then {literal(t)} end" for t, p in topics)
    con.execute(
        f"""create or replace temp table text_pattern as
            with found as (
                select description, list_filter([{tests or "null::varchar"}], topic -> topic is not null) as topics
                from (select distinct description from {source} where description is not null))
            select description, unnest(topics) as label, generate_subscripts(topics, 1) as rank from found"""
    )


_TEXT = f"""
with opinion as (
    select description, label, sum(score) as score
    from (select description, label, score::double as score from text_score
          union all
          select description, label, case when rank = 1 then {PATTERN} else {FURTHER_PATTERN} end from text_pattern)
    where label in (select category_code from lake.staging.dispatch_catalogue)
    group by all)
select description, label, exp(score * {SHARPNESS}) as spread from opinion
"""

_CHANNEL = """
with term as (
    select category_code, unnest(list_append(string_split(coalesce(aliases, ''), '|'), category)) as term
    from lake.staging.dispatch_catalogue),
told as (
    select distinct kind, trim(kind) as clean from {source} where kind is not null),
meant as (
    select told.kind, list(distinct term.category_code) as categories, bool_or(told.clean = catalogue.category) as is_name,
           list(distinct catalogue.category_code) filter (where told.clean = catalogue.category) as named
    from told
    join term on told.clean = term.term
    join lake.staging.dispatch_catalogue as catalogue using (category_code)
    where told.clean not in ({unsaid})
    group by all)
select kind, categories, case when is_name then named[1] end as named
from meant
"""

_NONE = f"exp({DOUBT} * {SHARPNESS})"
"""How loud it is that a text is about none of these."""
_DECIDED = f"""
with told as (
    select event.event_id, event.kind, event.description, channel.categories, channel.named
    from {{source}} as event left join {{target}}_channel as channel using (kind)),
judged as (
    select told.event_id, opinion.label, opinion.spread,
           told.categories is null or list_contains(told.categories, opinion.label) as is_allowed
    from told join {{target}}_text as opinion using (description)
    where told.categories is null or len(told.categories) > 1),
within as (
    select event_id, max_by(label, (spread, label)) as label,
           max(spread) / (sum(spread) + {_NONE}) as probability
    from judged where is_allowed group by event_id),
anywhere as (
    select event_id, max_by(label, (spread, label)) as label, max(spread) / (sum(spread) + {_NONE}) as probability
    from judged group by event_id),
decided as (
    select
        told.event_id,
        case
            when len(told.categories) = 1 then told.categories[1]
            when within.probability >= {THRESHOLD} then within.label
            when anywhere.probability >= {OUTSIDE_GROUP} then anywhere.label
            when told.named is not null then told.named
        end as category_code,
        case
            when len(told.categories) = 1 then 'channel'
            when within.probability >= {THRESHOLD} then case when told.categories is null then 'text' else 'channel_and_text' end
            when anywhere.probability >= {OUTSIDE_GROUP} then 'text'
            when told.named is not null then 'channel'
        end as category_source,
        case
            when len(told.categories) = 1 then {OF_CHANNEL}
            when within.probability >= {THRESHOLD} then within.probability
            when anywhere.probability >= {OUTSIDE_GROUP} then anywhere.probability
            when told.named is not null then {OF_GROUP}
        end as category_probability
    from told left join within using (event_id) left join anywhere using (event_id))
select
    decided.event_id, decided.category_code, catalogue.category, decided.category_source,
    round(decided.category_probability, 4) as category_probability,
    case when alarm.words is not null then 1 else catalogue.severity end as severity,
    case when alarm.words is not null then 'immediate' else catalogue.urgency end as urgency,
    catalogue.department,
    case when alarm.words is not null then 1 else catalogue.days end as days,
    alarm.words as alarm
from decided
left join lake.staging.dispatch_catalogue as catalogue using (category_code)
left join {{target}}_alarm as alarm using (event_id)
"""


def _alarms(con: duckdb.DuckDBPyConnection, source: str, target: str) -> None:
    """Temporary table (event_id, words): words of danger to life that stand in a text, after what only sounds so was struck out."""
    exceptions = con.execute("select pattern from lake.staging.alarm_exception").fetchall()
    words = con.execute("select pattern, word from lake.staging.alarm_word order by word").fetchall()
    cleaned = "description"
    for (pattern,) in exceptions:
        cleaned = f"regexp_replace({cleaned}, {literal(pattern)}, '〇', 'g')"
    tests = ", ".join(f"case when regexp_matches(said, {literal(p)}) then {literal(w)} end" for p, w in words)
    con.execute(
        f"""create or replace temp table {target} as
            with struck as (select description, {cleaned} as said from (select distinct description from {source} where description is not null)),
            found as (select description, array_to_string(list_sort(list_filter([{tests or "null::varchar"}], word -> word is not null)), '、') as words from struck)
            select event.event_id, found.words from {source} as event join found using (description) where found.words <> ''"""
    )
