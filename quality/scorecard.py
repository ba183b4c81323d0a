"""Scores by delivery, dataset, department and month on the six dimensions of GB/T 36344-2018, each X = A / B.

    quality.score        one row per delivery and indicator: A (what is right) of B (what was looked at)
    quality.scorecard    view: the same added up by dimension, for the city, departments, datasets and deliveries, by month
    quality.to_mend      per department: what to correct first, and how many rows that brings

A and B are whole numbers of cells, rows, columns or files, so that a figure on a page can be counted again from the tables.
docs/reference/scorecard.md says what each indicator counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ingestion.contracts import DatasetContract
from quality import freshness
from quality.suites.staging import is_coded
from warehouse.lake import literal, table_exists, transaction

if TYPE_CHECKING:
    import duckdb

DIMENSIONS = {"01": "规范性", "02": "完整性", "03": "准确性", "04": "一致性", "05": "时效性", "06": "可访问性"}
INDICATORS = {
    "0102": ("数据模型", "契约中的列", "收到的列"),
    "0104": ("业务规则", "行 × 业务规则", "符合的"),
    "0105": ("权威参考数据", "代码格", "在代码表中的"),
    "0201": ("数据元素完整", "必填格", "有值的"),
    "0202": ("数据记录完整", "数据行", "没有断行、错列的"),
    "0301": ("内容正确", "有值的格", "内容正确的"),
    "0302": ("格式合规", "有值的格", "格式合规的"),
    "0304": ("唯一性", "有主键的行", "主键不重复的"),
    "0305": ("脏数据", "有值的格", "没有失真的"),
    "0401": ("相同数据一致", "同一人在多处的姓名、性别、出生日期", "与采信值一致的"),
    "0402": ("关联数据一致", "人员、组织机构提及", "凭证件可关联的"),
    "0501": ("时间段正确", "日期格", "不晚于交付日的"),
    "0502": ("及时交付", "交付", "按时的"),
    "0601": ("可访问", "文件", "能读取的"),
    "0602": ("可用", "数据行", "进入底座的"),
}
"""Indicator → (name, what B counts, what A counts)."""
ROWS_AT_A_TIME = 10_000_000
"""Rows of deliveries whose agreement with their people is counted at a time."""
RECORD_RULES = ("ragged_extra", "ragged_missing", "truncated")

_TABLES = (
    """create table if not exists lake.quality.score (
        delivery_id varchar, department varchar, dataset varchar, file varchar, delivered_on date, "month" varchar,
        dimension varchar, indicator varchar, a bigint, b bigint, build_id varchar)""",
    """create table if not exists lake.quality.to_mend (
        department varchar, "place" bigint, dataset varchar, delivery_id varchar, "rule" varchar, "column" varchar,
        refused_rows bigint, incomplete_rows bigint, weight bigint)""",
    freshness.TABLE,
)
_VIEW = """
create or replace view lake.quality.scorecard as
select case when grouping(department) = 1 then 'city' when grouping(dataset) = 1 then 'department'
            when grouping(delivery_id) = 1 then 'dataset' else 'delivery' end as level,
       "month", department, dataset, delivery_id, dimension, sum(a)::bigint as a, sum(b)::bigint as b, sum(a) / sum(b) as x
from lake.quality.score where b > 0
group by grouping sets (
    ("month", dimension), ("month", department, dimension), ("month", department, dataset, dimension),
    ("month", department, dataset, delivery_id, dimension))
"""


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Creates tables and view."""
    for statement in _TABLES:
        con.execute(statement)
    if not table_exists(con, "quality", "scorecard"):
        con.execute(_VIEW)


def score(
    con: duckdb.DuckDBPyConnection, contracts: Mapping[str, DatasetContract], build_id: str, missing: Mapping[str, int]
) -> int:
    """Scores the deliveries that this build looked at, and those never scored; returns how many.

    `missing` is, per delivery, how many of the contract's columns did not come (the receipts say). Cost follows the new
    deliveries. The caller holds the writer lock.
    """
    with transaction(con):
        prepare(con)
        con.execute(
            """create or replace temp table scored as
               select delivery_id, dataset, department, file, delivered_on, received_at, status, coalesce(data_rows, 0) as rows_read,
                      coalesce(accepted, 0) as accepted
               from lake.foundation.delivery
               where (status = 'taken' and (
                        delivery_id in (select delivery_id from lake.quality.rule_result where build_id = $build and layer = 'staging')
                        or delivery_id not in (select delivery_id from lake.quality.score)))
                  or (status = 'refused' and delivery_id not in (select delivery_id from lake.quality.score))""",
            {"build": build_id},
        )
        con.execute(
            """delete from lake.quality.score where delivery_id in (select delivery_id from scored)
               or delivery_id in (select delivery_id from lake.foundation.delivery where status not in ('taken', 'refused'))"""
        )
        con.execute(_columns(contracts, missing))
        con.execute(_LATEST)
        con.execute(_SCORES, {"build": build_id})
        if table_exists(con, "foundation", "person_mention"):
            _relate(con, build_id)
        con.execute(_TO_MEND)
        freshness.record(con, freshness.look(con, contracts))
        count = con.execute("select count(*) from scored").fetchone()
    return int(count[0]) if count else 0


def _relate(con: duckdb.DuckDBPyConnection, build_id: str) -> None:
    """Scores how many rows are linked, and how far they agree with whom they are linked to."""
    con.execute("create or replace temp table score_agreed (delivery_id varchar, a bigint, b bigint)")
    read = con.execute("select coalesce(sum(rows_read), 0) from scored where status = 'taken'").fetchone()
    parts = 1 + (int(read[0]) if read else 0) // ROWS_AT_A_TIME
    for part in range(parts):
        con.execute(_AGREED.format(parts=parts, part=part))
    con.execute(_RELATED, {"build": build_id})


def _columns(contracts: Mapping[str, DatasetContract], missing: Mapping[str, int]) -> str:
    """Scratch tables: what each column is, and how many columns of a delivery did not come."""
    rows = [
        f"({literal(c.id)}, {literal(col.name)}, {literal(col.required or col.name in c.key)}, {literal(is_coded(col))}, "
        f"{literal(bool(col.headers))})"
        for c in contracts.values()
        for col in c.columns
    ]
    gone = ", ".join(f"({literal(k)}, {int(n)})" for k, n in missing.items()) or "(null, 0)"
    period = ", ".join(
        f"({literal(c.id)}, {freshness.GRACE_DAYS.get(c.custom.delivery.every, 10_000)}, {len(c.custom.rules)})"
        for c in contracts.values()
    )
    return f"""
        create or replace temp table score_column as
        select * from (values {", ".join(rows)}) as c(dataset, "column", is_wanted, is_coded, is_delivered);
        create or replace temp table score_gone as select * from (values {gone}) as g(delivery_id, columns_gone);
        create or replace temp table score_setting as select * from (values {period}) as s(dataset, grace, rules)"""


_LATEST = """
create or replace temp table said as
select r.* from lake.quality.rule_result as r join scored using (delivery_id)
where r.layer = 'staging' and r."rule" not in ('delivery_has_contract', 'rows_conserved', 'counts_recorded')
qualify r.ran_at = max(r.ran_at) over (partition by r.delivery_id)
"""
"""What the last gate found of each delivery; the rows of issues have an outcome or refuse rows."""

_SCORES = f"""
insert into lake.quality.score by name
with measured as (
    select p.* from lake.quality.profile as p join scored using (delivery_id)),
issue as (
    select delivery_id, "rule", "column", severity, dimension, failed_rows from said
    where "rule" not like 'drift%' and "rule" not in ('key_unique', 'quarantined', 'quarantined_high')
      and (outcome is not null or severity = 'quarantine' or "rule" = 'required_missing')),
cells as (
    select s.delivery_id, sum(m.n) filter (where m.measure = 'given') as given,
           sum(m.n) filter (where m.measure = 'given' and c.is_wanted) as wanted_given,
           count(distinct c."column") filter (where c.is_wanted) as wanted,
           sum(m.n) filter (where m.measure = 'given' and c.is_coded) as coded_given,
           sum(m.n) filter (where m.measure = 'nulled') as nulled,
           sum(m.n) filter (where m.measure = 'nulled' and c.is_coded) as coded_nulled,
           any_value(k.n) as kept
    from scored as s join measured as m using (delivery_id)
    left join score_column as c on c.dataset = s.dataset and c."column" = m."column"
    left join measured as k on k.delivery_id = s.delivery_id and k.measure = 'kept'
    group by s.delivery_id),
broken as (
    select delivery_id, sum(failed_rows) filter (where dimension = '0105') as codes,
           sum(failed_rows) filter (where dimension = '0301') as content, sum(failed_rows) filter (where dimension = '0302') as form,
           sum(failed_rows) filter (where dimension = '0305') as dirt,
           sum(failed_rows) filter (where dimension = '0104') as business,
           sum(failed_rows) filter (where "rule" in ({", ".join(f"'{r}'" for r in RECORD_RULES)})) as lines
    from issue group by delivery_id),
keyed as (
    select delivery_id, max(checked_rows) as keyed, max(failed_rows) as repeats from said where "rule" = 'key_unique' group by delivery_id),
dated as (
    select delivery_id, sum(dates) as dates, sum(past) as past
    from (select delivery_id, "column", sum(n) as dates,
                 coalesce(sum(n) filter (where "key"::int <= year(delivered_on) * 12 + month(delivered_on)), 0) as past
          from measured join scored using (delivery_id) where measure = 'month' group by all)
    where past >= 0.8 * dates  -- else it is a column of days to come: valid until, due on
    group by delivery_id),
came as (
    select s.delivery_id, count(earlier.delivery_id) as earlier
    from scored as s left join lake.foundation.delivery as earlier
         on earlier.dataset = s.dataset and earlier.status = 'taken' and earlier.received_at::date < s.received_at::date
    group by s.delivery_id),
wide as (
    select dataset, count(*) filter (where is_delivered) as columns from score_column group by dataset),
counted as (
    select s.*, cells.* exclude (delivery_id), coalesce(cells.given, 0) + coalesce(cells.nulled, 0) as filled,
           broken.* exclude (delivery_id), keyed.keyed, keyed.repeats, dated.dates, dated.past, came.earlier, wide.columns,
           coalesce(score_gone.columns_gone, 0) as gone, setting.grace, setting.rules
    from scored as s left join cells using (delivery_id) left join broken using (delivery_id) left join keyed using (delivery_id)
    left join dated using (delivery_id) left join came using (delivery_id) left join wide using (dataset)
    left join score_gone using (delivery_id) left join score_setting as setting using (dataset)),
listed as (
    select delivery_id, unnest([
        struct_pack(indicator := '0102', a := columns - gone, b := columns),
        struct_pack(indicator := '0104', a := rows_read * rules - coalesce(business, 0), b := rows_read * rules),
        struct_pack(indicator := '0105', a := coalesce(coded_given, 0), b := coalesce(coded_given, 0) + coalesce(coded_nulled, 0)),
        struct_pack(indicator := '0201', a := coalesce(wanted_given, 0), b := coalesce(kept * wanted, 0)),
        struct_pack(indicator := '0202', a := rows_read - coalesce(lines, 0), b := rows_read),
        struct_pack(indicator := '0301', a := filled - coalesce(content, 0), b := filled),
        struct_pack(indicator := '0302', a := filled - coalesce(form, 0), b := filled),
        struct_pack(indicator := '0304', a := keyed - repeats, b := keyed),
        struct_pack(indicator := '0305', a := filled - coalesce(dirt, 0), b := filled),
        struct_pack(indicator := '0501', a := past, b := dates),
        struct_pack(indicator := '0502', a := case when (received_at + interval 8 hours)::date <= delivered_on + grace then 1 else 0 end,
                    b := case when earlier > 0 then 1 else 0 end),
        struct_pack(indicator := '0601', a := case when status = 'taken' then 1 else 0 end, b := 1),
        struct_pack(indicator := '0602', a := accepted, b := rows_read)]) as one
    from counted)
select s.delivery_id, coalesce(s.department, split_part(s.file, '/', 1)) as department, s.dataset, s.file, s.delivered_on,
       strftime(coalesce(s.delivered_on, s.received_at::date), '%Y-%m') as "month",
       substr(one.indicator, 1, 2) as dimension, one.indicator, greatest(one.a, 0)::bigint as a, one.b::bigint as b, $build as build_id
from listed join scored as s using (delivery_id)
where one.b > 0 and (s.status = 'taken' or one.indicator = '0601')
"""

_AGREED = """
insert into score_agreed
select mention.delivery_id,
       sum((content.name = p.name)::int + coalesce((content.sex_code = p.sex_code)::int, 0)
           + coalesce((content.birth_date = p.birth_date)::int, 0)) as a,
       sum(1 + (content.sex_code is not null and p.sex_code is not null)::int
           + (content.birth_date is not null and p.birth_date is not null)::int) as b
from (select delivery_id, content_id from lake.intermediate.int_person__mention
      where delivery_id in (select delivery_id from scored) and hash(content_id) % {parts} = {part}) as mention
join (select content_id, name, sex_code, birth_date from lake.intermediate.int_person__content
      where name is not null and hash(content_id) % {parts} = {part}) as content using (content_id)
join (select content_id, person_id from lake.registry.person_link
      where person_id is not null and hash(content_id) % {parts} = {part}) as link using (content_id)
join lake.foundation.person as p using (person_id)
where p.name is not null
group by mention.delivery_id
"""
"""Name, sex and birthday of a row beside those of its person: of one part of the contents, for a city's do not fit into memory."""

_RELATED = """
insert into lake.quality.score by name
with linked as (
    select delivery_id, '0402' as indicator, count(*) filter (where link_rule not in ('own_record', 'not_linked')) as a, count(*) as b
    from (select delivery_id, role, link_rule
          from lake.intermediate.int_person__mention left join lake.registry.person_link using (content_id)
          union all
          select delivery_id, role, link_rule
          from lake.intermediate.int_organisation__mention left join lake.registry.organisation_link using (content_id))
    where role = 'subject' and delivery_id in (select delivery_id from scored)
    group by delivery_id),
agreed as (
    select delivery_id, '0401' as indicator, sum(a) as a, sum(b) as b from score_agreed group by delivery_id)
select s.delivery_id, coalesce(s.department, split_part(s.file, '/', 1)) as department, s.dataset, s.file, s.delivered_on,
       strftime(s.delivered_on, '%Y-%m') as "month", substr(indicator, 1, 2) as dimension, indicator, a::bigint as a, b::bigint as b,
       $build as build_id
from (select * from linked union all select * from agreed) join scored as s using (delivery_id)
where b > 0
"""

_TO_MEND = """
delete from lake.quality.to_mend;
insert into lake.quality.to_mend by name
with newest as (
    select delivery_id, dataset, department from lake.foundation.delivery where status = 'taken'
    qualify row_number() over (partition by dataset order by delivered_on desc, received_at desc, data_rows desc) = 1),
found as (
    select r.* from lake.quality.rule_result as r join newest using (delivery_id)
    where r.layer = 'staging' and "rule" not like 'drift%'
          and "rule" not in ('delivery_has_contract', 'rows_conserved', 'counts_recorded')
    qualify r.ran_at = max(r.ran_at) over (partition by r.delivery_id)),
broken as (
    select newest.department, found.dataset, found.delivery_id, found."rule", found."column",
           sum(failed_rows) filter (where found.severity = 'quarantine') as refused_rows,
           sum(failed_rows) filter (where found.severity <> 'quarantine') as incomplete_rows
    from found join newest using (delivery_id)
    where failed_rows > 0 and (found.severity = 'quarantine' or outcome = 'nulled'
          or ("rule" = 'required_missing' and dimension = '0201' and found."column" is not null))
    group by all),
wide as (select dataset, count(*) as columns from score_column where is_delivered group by dataset)
select department, row_number() over (
           partition by department order by coalesce(refused_rows, 0) * columns + coalesce(incomplete_rows, 0) desc, dataset, "rule", "column") as "place",
       dataset, delivery_id, "rule", "column", coalesce(refused_rows, 0)::bigint as refused_rows, coalesce(incomplete_rows, 0)::bigint as incomplete_rows,
       (coalesce(refused_rows, 0) * columns + coalesce(incomplete_rows, 0))::bigint as weight
from broken join wide using (dataset)
"""
"""A refused row costs all its values, an unusable or missing cell one: what brings most values back comes first."""


def missing_columns(receipts: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Per taken delivery, how many columns of the contract none of its tables has."""
    out = {}
    for delivery_id, receipt in receipts.items():
        tables = [set(t.get("missing") or ()) for t in receipt.get("columns") or ()]
        if receipt["status"] == "taken" and tables:
            out[delivery_id] = len(set.intersection(*tables))
    return out
