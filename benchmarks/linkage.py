"""How right the linkage is, against the answer key of a labelled city: pairwise and B-cubed, overall and by situation.

    python benchmarks/linkage.py HOME TRUTH [--json] [--write benchmarks/linkage.md]

HOME is a TOWNLAKE_HOME whose last build is published, TRUTH the city's `truth` folder. Scored are the subject mentions of
data rows that the key gives an entity; a row that was refused counts only where it was linked. A pair is two rows of one
entity: precision is the share of our pairs that are true, recall the share of true pairs that are ours. B-cubed is the mean
over rows. A situation (twin, homonym …) or defect (damaged number …) is scored over the rows that have it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from warehouse.home import Home
from warehouse.lake import literal, reading

KEYS = {
    "person": "person_key", "organisation": "org_key", "place": "place_key", "event": "event_key", "facility": "facility_key",
}  # fmt: skip
NO_NUMBER = (
    "id_bad_check", "id_excel_000", "id_excel_float", "id_missing_child", "id_null_word", "id_of_relative", "id_sci_text",
    "id_short", "id_transposed",
)  # fmt: skip
"""Defects after which a row has no usable number, where the key says that it cannot be had back."""

ROWS = """
create or replace temp table scored as
with truth_row as (
    select period, source, regexp_replace(file, '^landing(_[0-9]+)?/', '') as file, coalesce(sheet, '') as sheet,
           row_number, data_row, {key} as true_key
    from read_parquet('{truth}/mention.parquet') where row_kind = 'data' and {key} <> ''),
mention as (
    -- a member of an archive: the key names the archive as the file and the member as its sheet
    select coalesce(nullif(regexp_extract(file, '^(.*[.]zip)/.+$', 1), ''), file) as file,
           coalesce(sheet, nullif(regexp_extract(file, '^.*[.]zip/(.+)$', 1), ''), '') as sheet,
           row_number, received_at, role, {entity}_id
    from foundation.{entity}_mention),
intake as (
    select file, received_at, row_number() over (partition by file order by received_at) as nth
    from (select distinct file, received_at from mention)),
periods as (select file, list(distinct period order by period) as periods from truth_row group by file),
said as (
    select m.file, m.sheet, m.row_number, p.periods[least(i.nth, len(p.periods))] as period,
           any_value(m.{entity}_id) as ours
    from mention as m join intake as i using (file, received_at) join periods as p on p.file = m.file
    where m.role = 'subject' group by all),
sheets as (select file, period from truth_row group by all having count(distinct sheet) = 1),
refused as (
    select distinct coalesce(nullif(regexp_extract(file, '^(.*[.]zip)/.+$', 1), ''), file) as file, row_number
    from foundation.quarantine),
joined as (
    select t.*, s.ours, refused.file is not null as is_refused
    from truth_row as t
    -- deliveries not taken yet are no fault of the linkage
    join periods as known on known.file = t.file
    join (select file, count(*) as intakes from intake group by file) as taken
        on taken.file = t.file and list_position(known.periods, t.period) <= taken.intakes
    left join sheets on sheets.file = t.file and sheets.period = t.period
    left join said as s on s.file = t.file and s.row_number = t.row_number and s.period = t.period
        and (s.sheet = t.sheet or sheets.file is not null)
    left join refused on refused.file = t.file and refused.row_number = t.row_number)
select row_number() over () as mention, *, coalesce(ours, 'unlinked ' || mention) as our_key
from joined where not (is_refused and ours is null)
"""
SCORES = """
with focus as (select mention from scored where {focus}),
meeting as (select true_key, our_key, count(*) as n, count(*) filter (where mention not in (from focus)) as rest from scored group by all),
by_true as (select true_key, count(*) as n, count(*) filter (where mention not in (from focus)) as rest from scored group by all),
by_ours as (select our_key, count(*) as n, count(*) filter (where mention not in (from focus)) as rest from scored group by all),
pairs as (
    select (select sum(n * (n - 1) // 2 - rest * (rest - 1) // 2) from meeting) as hit,
           (select sum(n * (n - 1) // 2 - rest * (rest - 1) // 2) from by_true) as truly,
           (select sum(n * (n - 1) // 2 - rest * (rest - 1) // 2) from by_ours) as ours),
bcubed as (
    select avg(meeting.n / by_ours.n) as precision, avg(meeting.n / by_true.n) as recall, count(*) as mentions
    from scored join meeting using (true_key, our_key) join by_true using (true_key) join by_ours using (our_key)
    where mention in (from focus))
select mentions, truly, coalesce(hit / nullif(ours, 0), 1), coalesce(hit / nullif(truly, 0), 1), precision, recall from pairs, bcubed
"""
NAMES = ("mentions", "pairs", "pair_precision", "pair_recall", "b3_precision", "b3_recall")


def measure(home: Home, truth: Path) -> dict[str, dict[str, dict[str, float]]]:
    """entity → group of rows (`all`, `no_usable_number`, `situation: …`, `defect: …`) → figures."""
    out: dict[str, dict[str, dict[str, float]]] = {}
    root = str(truth).replace("'", "''")
    with reading(home) as con:
        for entity, key in KEYS.items():
            con.execute(ROWS.format(entity=entity, key=key, truth=root))
            con.execute(
                f"""create or replace temp table situation as
                    select mention, 'situation: ' || situation as name from scored
                    join read_parquet('{root}/situation.parquet') on entity_key = true_key"""
            )
            con.execute(
                f"""create or replace temp table defect as
                    select distinct scored.mention, kind, recoverable from scored
                    join (select *, regexp_replace(file, '^landing(_[0-9]+)?/', '') as path from read_parquet('{root}/defect.parquet')) as d
                      on d.path = scored.file and d.period = scored.period and d.data_row = scored.data_row
                     and coalesce(d.sheet, '') = scored.sheet"""
            )
            groups = {"all": "true"}
            if entity == "person":
                kinds = ", ".join(literal(k) for k in NO_NUMBER)
                groups["no_usable_number"] = (
                    f"mention in (select mention from defect where kind in ({kinds}) and recoverable = 'no')"
                )
            if entity == "place":
                groups["no_house_code"] = (
                    "source not in ('zhujian/房屋', 'shuiwudian/水电气用量', 'dashuju/标准地址库')"
                )
            for table, column in (("situation", "name"), ("defect", "'defect: ' || kind")):
                for (name,) in con.execute(f"select distinct {column} from {table} order by 1").fetchall():
                    groups[name] = f"mention in (select mention from {table} where {column} = {literal(name)})"
            out[entity] = {}
            for name, focus in groups.items():
                row = con.execute(SCORES.format(focus=focus)).fetchone()
                if row and row[0]:
                    out[entity][name] = {k: float(v) for k, v in zip(NAMES, row, strict=True)}
    return {e: groups for e, groups in out.items() if groups}


def f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """The figures as a Markdown table; defects only where they cost something."""
    lines = [
        "| entity | rows | mentions | pairs | pair precision | pair recall | pair F1 | B-cubed precision | B-cubed recall | B-cubed F1 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for entity, groups in found.items():
        for name, v in groups.items():
            if name.startswith("defect") and v["pair_recall"] > 0.99 and v["pair_precision"] > 0.99:
                continue
            p, r, bp, br = v["pair_precision"], v["pair_recall"], v["b3_precision"], v["b3_recall"]
            lines.append(
                f"| {entity} | {name} | {v['mentions']:,.0f} | {v['pairs']:,.0f} | {p:.4f} | {r:.4f} | {f1(p, r):.4f} "
                f"| {bp:.4f} | {br:.4f} | {f1(bp, br):.4f} |"
            )
    return "\n".join(lines)


def write(path: Path, found: dict[str, Any]) -> None:
    """Puts the table between the marks of `path`."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("<!-- figures -->")
    _, _, tail = rest.partition("<!-- end of figures -->")
    path.write_text(f"{head}<!-- figures -->\n{table(found)}\n<!-- end of figures -->{tail}", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    figures = measure(Home.at(asked.home), asked.truth)
    if asked.write:
        write(asked.write, figures)
    print(json.dumps(figures, ensure_ascii=False, indent=1) if asked.json else table(figures))
