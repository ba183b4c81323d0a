"""How right the classification is, against the answer key of a labelled city. Tags: precision and recall per tag.

    python benchmarks/classification.py HOME TRUTH [--period 1] [--json] [--write benchmarks/classification.md]

HOME is a TOWNLAKE_HOME whose last build is published, TRUTH the city's `truth` folder; the period is the last one HOME has
taken unless it is named. An entity stands for the key most of its rows have; a key is found where one of its entities carries
the tag. `recall` counts the keys that an accepted row of the tag's own sources tells of (of the rest no rule can know);
`recall_of_all` counts every key that some entity stands for. `cannot_tell` are keys with that outcome instead, missed in both.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from linkage import KEYS, ROWS

from warehouse.home import Home
from warehouse.lake import reading

TAGS = {
    "living_alone_80": (
        "person",
        ("gongan/常住人口", "gongan/流动人口", "weijian/老年人健康档案", "minzheng/高龄津贴"),
    ),
    "deceased_still_paid": ("person", ("minzheng/高龄津贴",)),
    "child_without_id": ("person", ("yibao/医保参保", "jiaoyu/学籍")),
    "disabled": ("person", ("canlian/残疾人证",)),
    "low_income": ("person", ("minzheng/低保对象",)),
    "low_income_margin": ("person", ("minzheng/低保对象",)),
    "hazardous_chemicals": ("organisation", ("yingji/危化企业隐患",)),
}
"""Tags of the key: entity, and the sources that tell of them."""

SCORE = """
with entity as (
    select ours as entity_id, max_by(true_key, (n, true_key)) as true_key
    from (select ours, true_key, count(*) as n from scored where ours is not null and period <= {period} group by all) group by ours),
key as (select distinct subject_key as true_key from read_parquet('{truth}/tag.parquet') where tag = '{tag}' and period = {period}),
told as (
    -- a full delivery that did not come again is still in force
    select distinct true_key from scored
    where period <= {period} and not is_refused and regexp_replace(source, '（.*', '') in ({sources})),
outcome as (
    select entity.true_key, bool_or(said.outcome = 'yes') as is_yes, bool_or(said.outcome = 'cannot_tell') as is_untold
    from entity left join (from lake.foundation.entity_tag where entity = '{entity}' and tag = '{tag}') as said using (entity_id)
    group by entity.true_key),
tagged as (
    select said.entity_id, entity.true_key from lake.foundation.entity_tag as said left join entity using (entity_id)
    where said.entity = '{entity}' and said.tag = '{tag}' and said.outcome = 'yes')
select
    (select count(*) from key),
    (select count(*) from key join told using (true_key)),
    (select count(*) from tagged),
    (select count(*) from tagged join key using (true_key)),
    (select count(*) from key join told using (true_key) join outcome using (true_key) where is_yes),
    (select count(*) from key join outcome using (true_key)),
    (select count(*) from key join outcome using (true_key) where is_yes),
    (select count(*) from key join outcome using (true_key) where is_untold and not is_yes)
"""
NAMES = ("keys", "told", "tagged", "right", "told_found", "known", "found", "cannot_tell")


def tags(home: Home, truth: Path, period: int | None = None) -> dict[str, dict[str, float]]:
    """tag → counts and figures of one period."""
    out: dict[str, dict[str, float]] = {}
    root = str(truth).replace("'", "''")
    with reading(home) as con:
        for entity in sorted({entity for entity, _ in TAGS.values()}):
            con.execute(ROWS.format(entity=entity, key=KEYS[entity], truth=root))
            last = con.execute("select max(period) from scored where ours is not null").fetchone()
            chosen = period or int(last[0])  # type: ignore[index]
            for tag, (of, sources) in TAGS.items():
                if of != entity:
                    continue
                listed = ", ".join(f"'{s}'" for s in sources)
                row = con.execute(
                    SCORE.format(entity=entity, tag=tag, truth=root, period=chosen, sources=listed)
                ).fetchone()
                found = dict(zip(NAMES, (float(v) for v in row or ()), strict=True))
                found["period"] = chosen
                found["precision"] = found["right"] / found["tagged"] if found["tagged"] else 1.0
                found["recall"] = found["told_found"] / found["told"] if found["told"] else 1.0
                found["recall_of_all"] = found["found"] / found["known"] if found["known"] else 1.0
                out[tag] = found
    return {tag: out[tag] for tag in TAGS if tag in out}


def table(figures: dict[str, dict[str, float]]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| tag | period | keys | told of | tagged | precision | recall | recall of all known | cannot tell |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{tag}` | {v['period']:.0f} | {v['keys']:.0f} | {v['told']:.0f} | {v['tagged']:.0f} | {v['precision']:.4f} "
        f"| {v['recall']:.4f} | {v['recall_of_all']:.4f} | {v['cannot_tell']:.0f} |"
        for tag, v in figures.items()
    ]
    return "\n".join(lines)


def write(path: Path, subject: str, text: str) -> None:
    """Puts a table between the marks of its subject in `path`."""
    begin, end = f"<!-- {subject} -->", f"<!-- end of {subject} -->"
    said = path.read_text(encoding="utf-8")
    head, _, rest = said.partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--period", type=int)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    figures: dict[str, Any] = tags(Home.at(asked.home), asked.truth, asked.period)
    if asked.write:
        period = next(iter(figures.values()))["period"] if figures else 0
        write(asked.write, f"tags of period {period:.0f}", table(figures))
    print(json.dumps(figures, ensure_ascii=False, indent=1) if asked.json else table(figures))


if __name__ == "__main__":
    main()
