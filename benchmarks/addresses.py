"""How well addresses are resolved, against the answer key of a labelled city.

    python benchmarks/addresses.py HOME TRUTH [--json]

HOME is a TOWNLAKE_HOME whose last build is published, TRUTH the city's `truth` folder. Every data row that names a place
is compared with the place the key gives: which community, which door (or building, or estate, as deep as the key says the
row goes), which grid, and whether anything went deeper than that. What a place of ours stands for is known by the rows of
the address library in the key; what is above a door by both hierarchies.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from warehouse.home import Home
from warehouse.lake import reading

MEASURE = """
with truth_row as (
    select period, source, regexp_replace(file, '^landing(_[0-9]+)?/', '') as file, coalesce(sheet, '') as sheet, row_number, place_key
    from read_parquet('{truth}/mention.parquet') where row_kind = 'data' and place_key <> ''),
intake as (
    select file, received_at, row_number() over (partition by file order by received_at) as nth,
           count(*) over (partition by file) as intakes
    from (select distinct file, received_at from foundation.place_mention)),
periods as (select file, list(distinct period order by period) as periods from truth_row group by file),
said as (
    select m.file, coalesce(m.sheet, '') as sheet, m.row_number, p.periods[least(i.nth, len(p.periods))] as period,
           m.place_id, m.content_id, m.dataset, m.link_rule
    from foundation.place_mention as m join intake as i using (file, received_at) join periods as p on p.file = m.file
    where m.role = 'subject'),
sheets as (select file, period, min(sheet) as only_sheet from truth_row group by 1, 2 having count(distinct sheet) = 1),
row_of as (
    select t.*, s.place_id, s.content_id, s.dataset, s.link_rule
    from truth_row as t
    join said as s on s.file = t.file and s.row_number = t.row_number and s.period = t.period
    left join sheets on sheets.file = t.file and sheets.period = t.period
    where t.sheet = s.sheet or sheets.only_sheet is not null),
truth_place as (select place_key, level, parent, community, grid_key from read_parquet('{truth}/place.parquet')),
above as (
    with recursive up as (
        select place_id, place_id as above_id, 0 as steps from foundation.place
        union all
        select up.place_id, place.parent_place_id, steps + 1 from up join foundation.place as place on place.place_id = up.above_id
        where place.parent_place_id is not null)
    select up.place_id, up.above_id, up.steps, place.level from up join foundation.place as place on place.place_id = up.above_id),
door as (
    select place_key, min(place_id) as place_id from row_of where dataset = 'dashuju.dizhiku' group by place_key),
wanted as (
    select place_key, place_id from door
    union all
    select b.parent, min(above.above_id) from truth_place as b join door using (place_key) join above on above.place_id = door.place_id
    where b.parent like 'B%' and above.level = 'building' group by b.parent
    union all
    select e.parent, min(above.above_id) from truth_place as b join door using (place_key) join above on above.place_id = door.place_id
    join truth_place as e on e.place_key = b.parent where e.parent like 'EST%' and above.level = 'estate' group by e.parent),
house_grid as (
    select place_key, grid_code from read_parquet('{truth}/house_grid.parquet')
    union all
    select b.parent, min(h.grid_code) from truth_place as b join read_parquet('{truth}/house_grid.parquet') as h using (place_key)
    where b.parent like 'B%' group by b.parent having count(distinct h.grid_code) = 1),
judged as (
    select r.source, r.file, r.row_number, r.period, r.place_key, r.place_id, r.content_id, r.link_rule, t.level as wanted_level, p.level,
        t.community as wanted_community,
        p.community_code is not distinct from t.community as community_right,
        p.community_code is not null and p.community_code <> t.community as community_wrong,
        w.place_id = r.place_id as place_right,
        w.place_id is not null and w.place_id <> r.place_id and p.level in ('room', 'unit', 'building', 'number', 'estate')
            and (r.link_rule like 'library%' or r.link_rule = 'house_code') and up.above_id is null as too_deep,
        h.grid_code as wanted_grid,
        coalesce(c.grid_code, p.grid_code) as grid_code,
        coalesce(c.grid_code, p.grid_code) is not distinct from h.grid_code as grid_right
    from row_of as r
    join truth_place as t using (place_key)
    left join wanted as w using (place_key)
    left join house_grid as h using (place_key)
    join foundation.place as p on p.place_id = r.place_id
    left join intermediate.int_place__resolved as c on c.content_id = r.content_id
    left join above as up on up.place_id = w.place_id and up.above_id = r.place_id)
"""

SUMMARY = """
select source, wanted_level, count(*) as "rows",
       round(avg(community_right::int), 4) as community, count(*) filter (community_wrong) as other_community,
       round(avg(place_right::int), 4) as place, count(*) filter (too_deep) as too_deep,
       round(avg(grid_right::int) filter (wanted_grid is not null), 4) as grid
from judged where dataset_is_measured group by grouping sets ((source, wanted_level), (wanted_level), ()) order by all
"""


def measure(home: Home, truth: Path) -> list[dict[str, object]]:
    """One row per source and level of place, per level, and over all."""
    with reading(home) as con:
        sql = MEASURE.format(truth=str(truth).replace("'", "''"))
        summary = SUMMARY.replace("dataset_is_measured", "source not like 'dashuju/%'")
        found = con.execute(sql + summary)
        names = [d[0] for d in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = measure(Home.at(given.home), given.truth)
    if given.json:
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            print(" | ".join(str(v if v is not None else "") for v in row.values()))


if __name__ == "__main__":
    main()
