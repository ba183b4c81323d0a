"""How right the classes of organisations and the categories of events are, against the answer key of a labelled city.

    python benchmarks/classification_text.py HOME TRUTH [--json] [--write benchmarks/classification_text.md] [--speed N]

HOME is a TOWNLAKE_HOME whose last build is published, TRUTH the city's `truth` folder. Organisations and events are those
of the lake whose rows the key knows. Besides what the lake says, codes are hidden and asked for anew: all of them (a city
whose register has none), and a fifth at a time (five rounds; every organisation is asked once, the others are witnesses).
Events are judged as delivered and again with the channel's category and department taken away.
blind_firms.csv and blind_events.csv were written before the vocabularies were seen and are never looked at to better them.
`--speed N` times N made-up organisations and N events on this machine.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from warehouse.classification import classified, events, industry, text, training
from warehouse.home import DBT_PROJECT, Home
from warehouse.lake import literal, reading

if TYPE_CHECKING:
    import duckdb

KEYED = """
select distinct mention.{entity}_id, truth.{key}
from lake.foundation.{entity}_mention as mention
join read_parquet({mention}) as truth
    on truth.row_number = mention.row_number and ends_with(truth.file, mention.file)
    and coalesce(truth.sheet, '') = coalesce(mention.sheet, truth.sheet, '')
where mention.role = 'subject' and truth.row_kind = 'data' and truth.{key} <> ''
qualify count(distinct truth.{key}) over (partition by mention.{entity}_id) = 1
"""


def industry_figures(con: duckdb.DuckDBPyConnection, truth: Path) -> dict[str, Any]:
    """Class and section accuracy as the lake has it, and with codes hidden."""
    con.execute(
        f"""create or replace temp table keyed as
            {KEYED.format(entity="organisation", key="org_key", mention=literal(str(truth / "mention.parquet")))}"""
    )
    city = con.execute(
        f"""select organisation.organisation_id, organisation.name, organisation.business_scope as scope, class_code as code,
                   organisation.industry_code as ours, organisation.industry_source, organisation.industry_probability,
                   known.said_code
            from lake.foundation.organisation
            join keyed using (organisation_id)
            join read_parquet({literal(str(truth / "industry.parquet"))}) using (org_key)
            left join lake.registry.organisation_industry as known using (organisation_id)
            order by organisation_id"""
    ).pl()
    classes = con.execute("select industry_code, name, level, section_code from lake.staging.industry_class").pl()
    section = dict(classes.filter(pl.col("level") == 4).select("industry_code", "section_code").rows())
    without = city.filter(pl.col("said_code").is_null())
    model = text.load(industry.MODEL)
    rounds = []
    order = np.random.default_rng(1).permutation(city.height) % 5
    for fold in range(5):
        rounds.append(_asked(model, city, order == fold, classes))
    return {
        "organisations": city.height,
        "as the lake has it": _right(city, section),
        "of these without a code in the source": _right(without, section),
        "a fifth hidden at a time, the others are witnesses": _right(pl.concat(rounds), section),
        "no organisation has a code": _right(_asked(model, city, np.ones(city.height, dtype=bool), classes), section),
        "sound codes called contradicted": int(
            (city["said_code"].is_not_null() & (city["said_code"] == city["code"]) & (city["ours"] != city["code"])).sum()
        ),
        "wrong codes": _wrong_codes(model, city, classes),
        "reliability": training.reliability(
            city, _asked(model, city, np.ones(city.height, dtype=bool), classes).select("organisation_id", label="likeliest", p="p")
        ),
        "held out of the vocabulary": model.settings["held_out"],
        "blind": blind(model, classes),
    }  # fmt: skip


def blind(model: text.TextModel, classes: pl.DataFrame) -> dict[str, Any]:
    """Accuracy on the firms of blind_firms.csv, without witnesses: all, and by what is known of them; reliability, what was missed."""
    section = dict(classes.filter(pl.col("level") == 4).select("industry_code", "section_code").rows())
    firms = pl.read_csv(Path(__file__).with_name("blind_firms.csv"), infer_schema_length=0).with_columns(
        organisation_id=pl.int_range(pl.len()).cast(pl.String)
    )
    answers = _asked(model, firms, np.ones(firms.height, dtype=bool), classes).join(
        firms.select("organisation_id", "name", "scope"), on="organisation_id"
    )
    parts = {
        "blind firms": pl.lit(True),
        "of these with name and scope": pl.col("name").is_not_null() & pl.col("scope").is_not_null(),
        "of these with the name only": pl.col("scope").is_null(),
        "of these with the scope only": pl.col("name").is_null(),
    }
    return {
        **{name: _right(answers.filter(which), section) for name, which in parts.items()},
        "missed": answers.filter(pl.col("ours").is_null() | (pl.col("ours") != pl.col("code")))
        .select("name", "scope", "code", "ours", "likeliest")
        .to_dicts(),
        "reliability": training.reliability(firms, answers.select("organisation_id", "p", label="likeliest")),
    }


def _asked(
    model: text.TextModel, city: pl.DataFrame, hide: np.ndarray[Any, Any], classes: pl.DataFrame
) -> pl.DataFrame:
    """The organisations under `hide` as they are classified when their codes are not known."""
    told = city.with_columns(said_code=pl.when(pl.Series(hide)).then(None).otherwise("code"), fingerprint=pl.lit(""))
    columns = ["organisation_id", "name", "scope", "said_code", "fingerprint"]
    judged, suggested = classified.judge(model, told.select(columns), told.head(0).select(columns[:4]), classes)
    first = suggested.filter(pl.col("rank") == 1).select("organisation_id", likeliest="industry_code", p="probability")
    third = suggested.group_by("organisation_id").agg(three="industry_code")
    return (
        city.filter(pl.Series(hide))
        .select("organisation_id", "code")
        .join(judged.select("organisation_id", ours="industry_code"), on="organisation_id")
        .join(first, on="organisation_id", how="left")
        .join(third, on="organisation_id", how="left")
    )


def _wrong_codes(model: text.TextModel, city: pl.DataFrame, classes: pl.DataFrame) -> dict[str, Any]:
    """Every tenth code exchanged for that of an organisation of another section: how many are found, put right, and falsely accused."""
    section = dict(classes.filter(pl.col("level") == 4).select("industry_code", "section_code").rows())
    rng = np.random.default_rng(2)
    codes = city["code"].to_list()
    swapped = list(codes)
    chosen = rng.permutation(city.height)[: city.height // 10]
    for at in chosen:
        others = [c for c in codes if section[c] != section[codes[at]]]
        swapped[at] = others[int(rng.integers(len(others)))]
    told = city.with_columns(said_code=pl.Series(swapped), fingerprint=pl.lit(""))
    columns = ["organisation_id", "name", "scope", "said_code", "fingerprint"]
    judged, _ = classified.judge(model, told.select(columns), told.head(0).select(columns[:4]), classes)
    both = (
        city.select("organisation_id", "code")
        .join(judged, on="organisation_id")
        .with_columns(wrong=pl.col("code") != pl.col("said_code"))
    )
    return {
        "planted": int(both["wrong"].sum()),
        "found": int((both["wrong"] & both["is_contradicted"]).sum()),
        "put right": int((both["wrong"] & (both["industry_code"] == both["code"])).sum()),
        "sound ones accused": int((~both["wrong"] & both["is_contradicted"]).sum()),
    }


def _right(rows: pl.DataFrame, section: dict[str, str]) -> dict[str, Any]:
    """n, share answered, class and section right over all (no answer is wrong) and class right where answered."""
    ours, code = rows["ours"].to_list(), rows["code"].to_list()
    answered = [o is not None for o in ours]
    right = [o == c for o, c in zip(ours, code, strict=True)]
    out = {
        "n": len(ours),
        "answered": _share(answered),
        "class": _share(right),
        "section": _share([o is not None and section.get(o) == section[c] for o, c in zip(ours, code, strict=True)]),
        "class_where_answered": _share([r for r, a in zip(right, answered, strict=True) if a]),
    }
    if "three" in rows.columns:
        out["in_first_three"] = _share([c in (t or []) for c, t in rows.select("code", "three").rows()])
    return out


def event_figures(con: duckdb.DuckDBPyConnection, truth: Path) -> dict[str, Any]:
    """Category and department as the lake has them, and by the text alone."""
    con.execute(
        f"""create or replace temp table keyed_event as
            {KEYED.format(entity="event", key="event_key", mention=literal(str(truth / "mention.parquet")))}"""
    )
    con.execute(
        f"""create or replace temp table city_event as
            select event.event_id, null::varchar as kind, event.description, truth.category as true_category, event.category,
                   event.category_source, event.department, event.department_source, event.place_id,
                   (select any_value(value) from lake.foundation.event_value as said
                    where said.event_id = event.event_id and attribute = 'department' and dataset like 'rexian%') as true_department
            from lake.foundation.event
            join keyed_event using (event_id)
            join read_parquet({literal(str(truth / "event.parquet"))}) as truth using (event_key)"""
    )
    events.classify(con, text.load(events.MODEL), "city_event", "by_text")
    row = con.execute(
        """select count(*), avg((category is not distinct from true_category)::int),
                  avg((category is not distinct from true_category)::int) filter (where category_source like '%text'),
                  count(*) filter (where category_source like '%text'),
                  avg((place_id is not null)::int), avg((department is not null)::int)
           from city_event"""
    ).fetchone()
    alone = con.execute(
        """select avg((by_text.category is not distinct from true_category)::int), avg((by_text.category is not null)::int),
                  avg((by_text.department is not distinct from true_department)::int) filter (where true_department is not null),
                  count(*) filter (where true_department is not null)
           from city_event join by_text using (event_id)"""
    ).fetchone()
    spoken = _spoken(con)
    missed = con.execute(
        """select true_category, by_text.category, count(*) as n, any_value(description) as said
           from city_event join by_text using (event_id) where by_text.category is distinct from true_category
           group by all order by n desc limit 5"""
    ).fetchall()
    assert row is not None
    assert alone is not None
    return {
        "events": row[0],
        "category": _round(row[1]),
        "category where the text decided": _round(row[2]),
        "decided by text": row[3],
        "with a place": _round(row[4]),
        "with a department": _round(row[5]),
        "text alone: category": _round(alone[0]),
        "text alone: answered": _round(alone[1]),
        "text alone: department as the hotline sent it": _round(alone[2]),
        "departments compared": alone[3],
        "missed by text alone": [{"true": a, "ours": b, "n": n} for a, b, n, _ in missed],
        **spoken,
        "alarms": con.execute("select count(*) from by_text where alarm is not null").fetchone()[0],
    }


def _spoken(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Share right of sentences as people say them: event_texts.csv (those the vocabulary was written with, and those it was not), blind_events.csv."""
    written, unseen = (
        literal(str(Path(__file__).with_name(f"{name}.csv"))) for name in ("event_texts", "blind_events")
    )
    con.execute(
        f"""create or replace temp table spoken as
            select row_number() over ()::varchar as event_id, null::varchar as kind, said as description, category, part
            from (select said, category, part from read_csv({written}, header = true)
                  union all select said, category, 'blind' from read_csv({unseen}, header = true))"""
    )
    events.classify(con, text.load(events.MODEL), "spoken", "spoken_judged")
    rows = con.execute(
        """select part, count(*), avg((judged.category is not distinct from spoken.category)::int),
                  avg((judged.department is not distinct from catalogue.department)::int), count(judged.category) / count(*)
           from spoken join spoken_judged as judged using (event_id)
           join lake.staging.dispatch_catalogue as catalogue on catalogue.category = spoken.category group by part order by part"""
    ).fetchall()
    return {
        f"sentences ({part}, {n})": f"category {category:.3f}, department {department:.3f}, answered {answered:.3f}"
        for part, n, category, department, answered in rows
    }


def speed(rows: int) -> dict[str, float]:
    """Seconds for made-up organisations (a third without a code) and events, tables in memory."""
    import duckdb

    kept = industry.examples(industry.vocabulary(), training.classes().select("industry_code", "name"))
    firms = training.made_up(kept, kept, firms_per_class=rows // 1000)
    rng = np.random.default_rng(3)
    firms = firms.sample(rows, with_replacement=True, seed=3).with_columns(
        organisation_id=pl.int_range(rows).cast(pl.String),
        name=pl.Series(
            ["".join(pair) for pair in rng.choice(list("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"), (rows, 3))]
        )
        + pl.col("name"),
    )
    asked = firms.with_columns(said_code=pl.when(pl.int_range(rows) % 3 > 0).then("code"), fingerprint=pl.lit(""))
    classes = pl.read_csv(DBT_PROJECT / "seeds" / "industry_class.csv", infer_schema_length=0).with_columns(
        pl.col("level").cast(pl.Int64)
    )
    columns = ["organisation_id", "name", "scope", "said_code", "fingerprint"]
    model = text.load(industry.MODEL)
    started, worked = time.perf_counter(), time.process_time()
    classified.judge(model, asked.select(columns), asked.head(0).select(columns[:4]), classes)
    taken = {
        "organisations": round(time.perf_counter() - started, 1),
        "organisations_cpu": round(time.process_time() - worked, 1),
    }
    phrases = [p for row in events.vocabulary() for p in row["phrases"].split("；")]
    said = pl.DataFrame({"n": range(rows), "p": rng.choice(phrases, rows)}).select(
        event_id=pl.col("n").cast(pl.String), kind=pl.lit(None, dtype=pl.String),
        description="来电人反映：青山市东湖区滨海路" + pl.col("n").cast(pl.String) + "号附近" + pl.col("p") + "，请尽快处理",
    )  # fmt: skip
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as lake")
        con.execute("create schema lake.staging")
        for seed in ("event_topic", "dispatch_catalogue", "alarm_word", "alarm_exception"):
            con.execute(
                f"create table lake.staging.{seed} as from read_csv({literal(str(DBT_PROJECT / 'seeds' / (seed + '.csv')))}, header = true)"
            )
        con.register("said", said)
        event_model = text.load(events.MODEL)
        started, worked = time.perf_counter(), time.process_time()
        events.classify(con, event_model, "said", "judged")
        taken |= {
            "events": round(time.perf_counter() - started, 1),
            "events_cpu": round(time.process_time() - worked, 1),
        }
    return taken


def _share(values: list[bool]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def page(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    firms, said = found["industry"], found["event"]
    lines = [
        "# Classes of organisations, categories of events",
        "",
        "Made by `benchmarks/classification_text.py`; no answer counts as wrong.",
        "",
    ]
    lines += [
        "| organisations | n | answered | four digits | section | four digits where answered | among first three |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {v['n']} | {v['answered']} | {v['class']} | {v['section']} | {v['class_where_answered']} | {v.get('in_first_three', '')} |"
        for name, v in {**firms, **firms["blind"]}.items()
        if isinstance(v, dict) and "class_where_answered" in v and "n" in v
    ]
    held, wrong = firms["held out of the vocabulary"], firms["wrong codes"]
    lines += [
        "",
        f"Held out of the vocabulary: {held['firms']} made-up firms of all classes, class {held['class']}, section {held['section']}, "
        f"answered {held['answered']}, class where answered {held['class_where_answered']}. Of these {held['main_first']['firms']} whose scope "
        f"begins with their own trade: class {held['main_first']['class']}, section {held['main_first']['section']}.",
        "",
        f"Every tenth code exchanged for one of another section: {wrong['planted']} planted, {wrong['found']} found, {wrong['put right']} put right, "
        f"{wrong['sound ones accused']} sound ones accused. Sound codes of the lake called contradicted: {firms['sound codes called contradicted']}.",
        "",
    ]
    for title, rows in (
        ("held-out made-up firms", held["reliability"]),
        ("this city, no codes known", firms["reliability"]),
        ("blind firms", firms["blind"]["reliability"]),
    ):
        lines += [f"Reliability, {title}:", "", "| stated | n | right | |", "|---|---|---|---|"]
        lines += [f"| {r['stated']} | {int(r['n'])} | {r['right']} | {'█' * round(r['right'] * 20)} |" for r in rows]
        lines.append("")
    lines += ["| events | |", "|---|---|"] + [f"| {k} | {v} |" for k, v in said.items() if not isinstance(v, list)]
    if missed := said["missed by text alone"]:
        lines += [
            "",
            "Missed by text alone: " + "; ".join(f"{m['true']} → {m['ours']} ({m['n']})" for m in missed) + ".",
        ]
    if "seconds" in found:
        seconds = found["seconds"]
        lines += [
            "",
            f"Time: {seconds['rows']} organisations {seconds['organisations']} s ({seconds['organisations_cpu']} s of all cores together), "
            f"{seconds['rows']} events {seconds['events']} s ({seconds['events_cpu']} s).",
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--speed", type=int, default=0)
    options = parser.parse_args()
    with reading(Home.at(options.home)) as con:
        found: dict[str, Any] = {
            "industry": industry_figures(con, options.truth),
            "event": event_figures(con, options.truth),
        }
    if options.speed:
        found["seconds"] = {"rows": options.speed, **speed(options.speed)}
    written = page(found)
    if options.write:
        options.write.write_text(written, encoding="utf-8")
    print(json.dumps(found, ensure_ascii=False, indent=1) if options.json else written)


if __name__ == "__main__":
    main()
