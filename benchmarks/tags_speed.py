"""How long the tags of a whole city take: seconds and memory, on tables of that size made up here.

    python benchmarks/tags_speed.py [--people 1000000] [--organisations 200000] [--threads 2] [--memory 8GB]

The tables are what the foundation would hold (registers, rolls, meters; about as many rows per person as the sample city has);
they are written to a scratch file first, so that reading them is part of what is measured.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.warehouse.classification.ground import DAY, TagGround
from warehouse.classification.tags import load_tags

ROLLS = {
    "gongan.changzhu": (0.87, "relation_code := '01', marital_code := '20'"),
    "yibao.canbao": (0.92, "insured_status := '正常参保', insured_year := 2026"),
    "renshe.shebao": (0.70, "insured_status := '参保缴费', employer_name := 'x', scheme := '企业职工基本养老保险'"),
    "weijian.laonian_dangan": (
        0.16,
        "self_care := '能自理', blood_pressure := '150/80', chronic_diseases := '[\"高血压\"]'",
    ),
    "minzheng.gaoling_jintie": (0.06, "allowance_monthly_cny := 50"),
    "minzheng.dibao": (0.03, "relief_kind := '城市低保', income_per_head_cny := 500"),
    "canlian.canjiren_zheng": (0.03, "certificate_status := '正常', disability_level := '2', disability_kind := '4'"),
    "jiaoyu.xueji": (0.07, "is_migrant_child := 'false', guardian_name := 'x'"),
    "zhujian.fangwu": (
        0.33,
        "house_code := 'd' || (i // 3)::bigint, use_kind := '住宅', area_m2 := 90, owner_name := 'x'",
    ),
}
"""Dataset → share of the people it tells of, and what its rows say."""

FIRM_ROLLS = {
    "shichang.zhuti": (1.0, 1, "business_scope := '食品销售'"),
    "renshe.danwei": (0.6, 1, "insured_now := 9, is_in_arrears := 'false'"),
    "shuiwu.nashui": (0.6, 3, "tax_year := 2022 + n, taxable_income_cny := -5, revenue_cny := 1000"),
    "yingji.weihua": (0.02, 3, "hazard_level := '一般', status := '整改中'"),
}


def fill(ground: TagGround, people: int, organisations: int) -> None:
    """Tables of a city, by sets."""
    con, day = ground.con, f"date '{DAY}'"
    con.execute(
        f"""insert into lake.foundation.person by name
            select 'p' || i as person_id, '111' as id_type, 'x' as id_number, {day} - (i * 7919 % 32000)::integer as birth_date,
                   true as is_alive, 'h' || (i // 3) as household_id, 'd' || (i // 3) as registered_place_id,
                   case when i % 3 = 0 then 'd' || (i // 3) end as residence_place_id, '01' as ethnic_code
            from range({people}) as r(i);
            insert into lake.foundation.household select distinct household_id, registered_place_id, 'register', 3 from lake.foundation.person;
            insert into lake.foundation.place by name
            select 'd' || i as place_id, 'room' as level, 'g' as grid_code, 121.4 as longitude, 37.5 as latitude, 'd' || i as house_code
            from range({people // 3 + organisations}) as r(i);
            insert into lake.foundation.organisation by name
            select 'o' || i as organisation_id, 'x' as uscc, '有限责任公司' as kind, '在营' as status, '6210' as industry_code,
                   date '2015-01-01' as registered_on, 'p' || (i * 3) as legal_person_id, 'd' || i as place_id
            from range({organisations}) as r(i);
            insert into lake.foundation.event by name
            select 'e' || i as event_id, timestamp '2026-10-01' as occurred_at, 'd' || (i % 9999) as place_id, 1 as reports
            from range({people // 4}) as r(i)"""
    )  # fmt: skip
    rolls = [(d, share, 1, said, "person", people) for d, (share, said) in ROLLS.items()]
    rolls += [(d, share, n, said, "organisation", organisations) for d, (share, n, said) in FIRM_ROLLS.items()]
    for dataset, share, repeats, said, entity, many in rolls:
        delivery = ground.deliver(dataset)
        role = "owner" if dataset == "zhujian.fangwu" else "subject"
        con.execute(
            f"""create or replace temp table said as
                select i, n, '{dataset}' as dataset, '{delivery}' as delivery_id, {day} as delivered_on, i * {repeats} + n as row_number
                from range((({many}) * {share})::bigint) as r(i), range({repeats}) as s(n);
                insert into lake.staging.stg_{dataset.replace('.', '__')} by name
                select dataset, delivery_id, delivered_on, row_number, unnest(struct_pack({said})) from said;
                insert into lake.foundation.{entity}_mention by name
                select dataset, delivery_id, delivered_on, row_number, '{entity[0]}' || i as {entity}_id, '{role}' as role,
                       true as is_current, '{dataset}' || row_number as content_id from said"""
        )  # fmt: skip
        if entity == "person":
            con.execute(
                """insert into lake.intermediate.int_person__content by name
                   select dataset || row_number as content_id, '111' as id_type, '370602198001010011' as number_said, 'x' as id_number
                   from said"""
            )
    meter = ground.deliver("shuiwudian.yongliang")
    con.execute(
        f"""insert into lake.staging.stg_shuiwudian__yongliang by name
            select 'd' || i as house_code, kind as energy_kind, '2026-' || month as billing_month, 5 as usage_quantity,
                   'd' || i as account_number, {day} as delivered_on, timestamp '2026-10-31' as received_at, i as row_number,
                   '{meter}' as delivery_id
            from range({people // 3}) as r(i), unnest(['水', '电', '气']) as k(kind), unnest(['08', '09', '10']) as m(month)"""
    )
    ground.deliver_all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--organisations", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="8GB")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ground = TagGround(str(Path(folder) / "city.duckdb"))
        ground.con.execute(
            f"set threads = {asked.threads}; set memory_limit = '{asked.memory}'; set temp_directory = '{folder}/spill'"
        )
        ground.con.execute("set preserve_insertion_order = false")
        fill(ground, asked.people, asked.organisations)
        ground.con.execute("checkpoint lake")
        sql, began, busy = ground.sql("entity_tag"), time.perf_counter(), time.process_time()
        ground.con.execute(f"copy ({sql}) to '{folder}/entity_tag.parquet' (compression zstd)")
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
        row = ground.con.execute(f"select count(*), count(distinct tag) from '{folder}/entity_tag.parquet'").fetchone()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{asked.people:,} people, {asked.organisations:,} organisations, {len(load_tags())} rules, {asked.threads} threads: "
        f"{seconds:.1f} s ({busy:.1f} s of processor time), {row[0] if row else 0:,} rows, peak {peak:.1f} GiB"
    )


if __name__ == "__main__":
    main()
