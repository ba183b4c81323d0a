"""Drift: is this delivery of the same kind as the last ones of its dataset?

A delivery that meets every rule of its contract may still be the wrong one: half of it missing, a code list renumbered,
last year's dates, another office's file. It is therefore compared with up to three earlier deliveries (`quality.ground`), in
counts that are kept of every delivery in `quality.profile`, and, where a dataset is delivered in full, key by key with the
nearest of them. A dataset's first delivery has nothing to be compared with.

A share says little of few rows: what stops a build must hold at the unfavourable end of the share's 95 % interval (Wilson),
so that the same limits serve five rows and ten million. docs/reference/gates.md gives every limit and its reason.

Measures, in scratch table `measure` and kept in `quality.profile` (`delivery_id, dataset, measure, column, key, n`):

    rows, kept, given   data rows; accepted rows; per column the values among them
    nulled, doubted, refused    issues per column and rule: unusable cells, cells at odds with another, refused rows
    category            accepted rows per value of a code or category column
    month               accepted rows per month (year × 12 + month) of a date column
    size                accepted rows per half power of ten of a number column
    keys                in full deliveries: keys of the reference (`reference`) and how many of them came again (`kept`)
    agree               per column, rows of keys that came again: `both` given, `equal`, and dates put `back` half a year
"""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.contracts import Column, DatasetContract
from quality.checks import Check, Severity, Suite, one_of, table
from quality.ground import Ground
from quality.suites.staging import (
    DELIVERY,
    IDENTITY_KINDS,
    NO_VALUE_GIVEN,
    checked_table,
    may_be_category,
    measured,
)
from warehouse.lake import literal, quote

MINIMUM = 8
"""Fewer rows than this say nothing by their share."""
CATEGORIES, ROWS_PER_CATEGORY = 40, 10
"""Free text is a list of categories when it has at most so many values, each on average on so many rows."""
COMPARED_KEYS = 200_000
"""Keys are compared in a sample of about this many, the same of both deliveries (by hash): ±0.2 % at worst."""

PROFILE_TABLE = """
create table if not exists lake.quality.profile (
    delivery_id varchar, dataset varchar, measure varchar, "column" varchar, "key" varchar, n bigint)
"""
ACCEPTED_TABLE = """
create table if not exists lake.quality.drift_accepted (
    delivery_id varchar, accepted_by varchar, accepted_at timestamptz, reason varchar)
"""


def drift_suite(contracts: Sequence[DatasetContract], ground: Ground) -> Suite:
    """One suite over all datasets of which something is looked at: one row of its profile per comparison."""
    known = [c for c in contracts if checked_table(c) in ground.relations]
    prepare = [*_MACROS, "create or replace temp table measure (delivery_id varchar, dataset varchar, measure varchar, "
               '"column" varchar, "key" varchar, n bigint)', _references(ground), _columns(known), _settings(known)]  # fmt: skip
    for contract in known:
        prepare += _measure(contract, ground)
    kept = set().union(*(ground.references(c.id) for c in known)) & ground.profiled if known else set()
    if kept:
        prepare.append(
            f'insert into measure select delivery_id, dataset, measure, "column", "key", n from {table("quality.profile")} '
            f"where delivery_id in {one_of(kept - set().union(*(measured(c, ground) for c in known)))}"
        )
    accepted = (
        f"select delivery_id from {table('quality.drift_accepted')}"
        if "quality.drift_accepted" in ground.relations
        else "select null as delivery_id where false"
    )
    profile = _COMPARISON.format(delivery=table(DELIVERY), accepted=accepted)
    return Suite("staging.drift", "与以往交付的比较", profile, tuple(_checks()), (DELIVERY,), prepare=tuple(prepare))


# ---- what is measured -----------------------------------------------------------------------------------------------


def _references(ground: Ground) -> str:
    rows = ", ".join(
        f"({literal(d.delivery_id)}, {literal(r)}, {place})"
        for d in ground.deliveries
        if d.is_looked_at
        for place, r in enumerate(d.references)
    )
    values = f"values {rows}" if rows else "select null::varchar, null::varchar, null::int where false"
    return f"create or replace temp table reference as select * from ({values}) as r(delivery_id, reference, place)"


def _is_category(column: Column) -> bool:
    standard = column.custom.standard
    return standard.kind in ("sex", "ethnic") or (standard.kind == "code" and bool(standard.options.get("codes")))


def _is_identity(column: Column, contract: DatasetContract) -> bool:
    return column.required or column.name in contract.key or column.custom.standard.kind in IDENTITY_KINDS


def _columns(contracts: Sequence[DatasetContract]) -> str:
    """Scratch table of the columns that are compared, and how much a comparison of theirs means."""
    rows = [
        f"({literal(contract.id)}, {literal(c.name)}, {literal(c.business_name)}, {literal(_is_identity(c, contract))}, {literal(_is_category(c))})"
        for contract in contracts
        for c in contract.columns
        if c.name not in contract.custom.drift_gate.ignore
    ]
    values = f"values {', '.join(rows)}" if rows else "select null, null, null, false, false where false"
    return (
        "create or replace temp table drift_column as "
        f'select * from ({values}) as c(dataset, "column", title, is_identity, is_code)'
    )


def _settings(contracts: Sequence[DatasetContract]) -> str:
    rows = ", ".join(
        f"({literal(c.id)}, '{c.custom.delivery.kind}', {c.custom.drift_gate.row_share}, {c.custom.drift_gate.kept_share})"
        for c in contracts
    )
    values = f"values {rows}" if rows else "select null, null, null, null where false"
    return f"create or replace temp table drift_setting as select * from ({values}) as s(dataset, kind, row_share, kept_share)"


def _measure(contract: DatasetContract, ground: Ground) -> list[str]:
    """Statements that fill `measure` for the deliveries of one dataset."""
    model, dataset = contract.model_name, literal(contract.id)
    into = "insert into measure select delivery_id, "
    out = [
        f"{into}{dataset}, 'rows', null, null, \"rows\" from content_{model}",
        f"{into}{dataset}, 'kept', null, null, kept from content_{model}",
        *(
            f"{into}{dataset}, 'given', {literal(c.name)}, null, {quote(c.name + '.given')} from content_{model}"
            for c in contract.columns
        ),
        f"""{into}{dataset}, case when severity = 'quarantine' then 'refused' when outcome = 'nulled' then 'nulled' else 'doubted' end,
                   "column", "rule", sum(found)
            from issue_{model}
            where severity = 'quarantine' or (outcome = 'nulled' and "rule" not in {one_of(NO_VALUE_GIVEN)})
               or (outcome = 'kept' and gbt36344 like '04%')
            group by all""",
    ]
    if spread := _spread(contract, ground):
        out.append(spread)
    if contract.custom.delivery.kind == "full" and contract.key:
        out += _keys(contract, ground)
    return out


def _spread(contract: DatasetContract, ground: Ground) -> str | None:
    """One pass that counts accepted rows by the values of category columns, months of dates and sizes of numbers."""
    parts: list[tuple[str, str, str]] = []
    for column in contract.columns:
        name, kind = quote(column.name), column.custom.standard.kind
        if _is_category(column) or may_be_category(column):
            # too many values: no list of categories, and not worth counting
            few = (
                "true"
                if not may_be_category(column)
                else f"exists (select 1 from content_{contract.model_name} as c where c.{quote(column.name + '.distinct')} <= {2 * CATEGORIES})"
            )
            parts.append(("category", column.name, f"case when {few} then {name}::varchar end"))
        elif kind in ("date", "timestamp"):
            parts.append(("month", column.name, f"(year({name}) * 12 + month({name}))::varchar"))
        elif kind == "month":
            parts.append(
                (
                    "month",
                    column.name,
                    f"(try_cast(substr({name}, 1, 4) as int) * 12 + try_cast(substr({name}, 6, 2) as int))::varchar",
                )
            )
        elif kind in ("amount", "decimal", "usage") or (kind == "integer" and column.name not in contract.key):
            parts.append(("size", column.name, f"floor(2 * log10(nullif(abs({name}::double), 0)))::int::varchar"))
    if not parts:
        return None
    keys = [f"k{i}" for i in range(len(parts))]
    chosen = ", ".join(f"{sql} as {key}" for key, (_, _, sql) in zip(keys, parts, strict=True))
    sets = ", ".join(f"(delivery_id, {key})" for key in keys)
    which = " ".join(f"when grouping({key}) = 0 then {i}" for i, key in enumerate(keys))
    names = ", ".join(f"({i}, '{measure}', {literal(column)})" for i, (measure, column, _) in enumerate(parts))
    return f"""
        insert into measure
        select delivery_id, {literal(contract.id)}, measure, "column", "key", n
        from (
            select delivery_id, case {which} end as part, coalesce({", ".join(keys)}) as "key", count(*) as n
            from (select delivery_id, {chosen} from {table(checked_table(contract))}
                  where delivery_id in {one_of(measured(contract, ground))} and not is_refused)
            group by grouping sets ({sets}))
        join (values {names}) as named(part, measure, "column") using (part)
        where "key" is not null"""


def _keys(contract: DatasetContract, ground: Ground) -> list[str]:
    """Per delivery that has a reference: which keys came again, and whether their values are still the same."""
    checked = table(checked_table(contract))
    compared: list[tuple[str, str, bool]] = []
    for column in contract.columns:
        kind = column.custom.standard.kind
        if column.name in contract.key or column.name in contract.custom.drift_gate.ignore:
            continue
        if _is_category(column):
            compared.append((column.name, f"min({quote(column.name)})::varchar", False))
        elif kind in ("date", "timestamp"):
            compared.append((column.name, f"min({quote(column.name)})::date", True))
    names = [f"v{i}" for i in range(len(compared))]
    values = "".join(f", {sql} as {n}" for n, (_, sql, _) in zip(names, compared, strict=True))
    counts: list[tuple[str, str | None, str, str]] = [
        ("keys", None, "reference", "count(old.h)"),
        ("keys", None, "kept", "count(old.h) filter (where new.h is not null)"),
    ]
    for n, (name, _, is_date) in zip(names, compared, strict=True):
        both = f"old.{n} is not null and new.{n} is not null"
        counts.append(("agree", name, "both", f"count(*) filter (where {both})"))
        counts.append(("agree", name, "equal", f"count(*) filter (where {both} and old.{n} = new.{n})"))
        if is_date:
            counts.append(("agree", name, "back", f"count(*) filter (where {both} and new.{n} <= old.{n} - 180)"))
    said = ", ".join(
        f'struct_pack(measure := {literal(m)}, "column" := {literal(c)}::varchar, "key" := {literal(k)}, n := {n})'
        for m, c, k, n in counts
    )
    out = []
    for delivery in ground.deliveries:
        if not (delivery.is_looked_at and delivery.dataset == contract.id and delivery.references):
            continue
        this, that = literal(delivery.delivery_id), literal(delivery.references[0])
        step = max(1, delivery.rows // COMPARED_KEYS)
        side = f"""select hash(row_key) as h{values} from {checked}
                   where delivery_id = {{}} and row_key is not null and hash(row_key) % {step} = 0 group by h"""
        out.append(
            f"""insert into measure
                select {this}, {literal(contract.id)}, said.measure, said."column", said."key", said.n
                from (select unnest([{said}]) as said
                      from ({side.format(that)}) as old left join ({side.format(this)}) as new on old.h = new.h)"""
        )
    return out


# ---- what is compared -----------------------------------------------------------------------------------------------

_MACROS = (
    """create or replace temp macro wilson(k, n, side) as
       (k / n + 1.92 / n + side * 1.96 * sqrt(greatest(k / n * (1 - k / n), 0) / n + 0.96 / (n * n))) / (1 + 3.84 / n)""",
    "create or replace temp macro low(k, n) as case when n > 0 then wilson(k::double, n::double, -1) else 0 end",
    "create or replace temp macro high(k, n) as case when n > 0 then wilson(k::double, n::double, 1) else 1 end",
    "create or replace temp macro percent(x) as printf('%.0f %%', 100 * x)",
)

_COMPARISON = f"""
    with this as (
        select d.delivery_id, d.dataset, d.file, d.delivered_on, s.kind, s.row_share, s.kept_share,
               d.delivery_id in ({{accepted}}) as is_accepted, count(r.reference) as compared, max(that.delivered_on) as last_on
        from {{delivery}} as d join drift_setting as s using (dataset) join reference as r using (delivery_id)
        join {{delivery}} as that on r.reference = that.delivery_id
        group by all),
    now as (select m.delivery_id, m.measure, m."column", m."key", m.n from measure as m join this using (delivery_id)),
    past as (
        select r.delivery_id, m.measure, m."column", m."key", sum(m.n) as n
        from reference as r join measure as m on m.delivery_id = r.reference group by all),
    col as (select this.delivery_id, c."column", c.title, c.is_identity, c.is_code
            from this join drift_column as c using (dataset)),

    counted as (
        select delivery_id, n, (select median(m.n) from reference as r join measure as m on m.delivery_id = r.reference
                                where r.delivery_id = now.delivery_id and m.measure = 'rows') as before
        from now where measure = 'rows'),
    rows_said as (
        select delivery_id, 'rows' as aspect, null as "column", abs(before - n)::bigint as failed, before::bigint as checked,
               kind = 'full' and n <= row_share * before and before - n >= 2 * sqrt(before) as stops,
               case when kind = 'full' then (n < 0.8 * before or n > 1.5 * before) and abs(before - n) >= 2 * sqrt(before) + 3
                    else compared > 1 and (n < before / 5 or n > before * 5) and abs(before - n) >= 3 * sqrt(before) + 5 end as warns,
               n || ' 行，以往 ' || before::bigint || ' 行' as zh, n || ' rows, before ' || before::bigint as en
        from counted join this using (delivery_id) where before > 0),

    filled as (
        select col.*, k.n as kept, g.n as given, pk.n as kept_before, pg.n as given_before
        from col join now as k on k.delivery_id = col.delivery_id and k.measure = 'kept'
        join now as g on g.delivery_id = col.delivery_id and g.measure = 'given' and g."column" = col."column"
        join past as pk on pk.delivery_id = col.delivery_id and pk.measure = 'kept'
        join past as pg on pg.delivery_id = col.delivery_id and pg.measure = 'given' and pg."column" = col."column"
        where k.n > 0 and pk.n > 0),
    filled_said as (
        select delivery_id, 'missing' as aspect, "column", kept - given as failed, kept as checked,
               is_identity and kept >= {MINIMUM} and low(kept - given, kept) > 0.5 and 1 - given_before / kept_before < 0.1 as stops,
               kept >= {MINIMUM} and low(kept - given, kept) > 0.2 + 1 - given_before / kept_before as warns,
               '“' || title || '”缺失 ' || percent(1 - given / kept) || '，以往 ' || percent(1 - given_before / kept_before) as zh,
               "column" || ' missing in ' || percent(1 - given / kept) || ', before ' || percent(1 - given_before / kept_before) as en
        from filled),

    judged as (
        select r.delivery_id, i.measure, coalesce(i."column", '') as "column", i."key" as "rule", i.n, r.n as total,
               coalesce(p.n, 0) as n_before, pr.n as total_before
        from now as i join now as r on r.delivery_id = i.delivery_id and r.measure = 'rows'
        join past as pr on pr.delivery_id = i.delivery_id and pr.measure = 'rows'
        left join past as p on p.delivery_id = i.delivery_id and p.measure = i.measure and p."key" = i."key"
             and p."column" is not distinct from i."column"
        where i.measure in ('nulled', 'doubted', 'refused') and pr.n > 0),
    judged_said as (
        select judged.delivery_id, 'issues' as aspect, nullif(judged."column", '') as "column", n as failed, total as checked,
               total >= {MINIMUM} and n_before / total_before < 0.1 and case measure
                   when 'refused' then low(n, total) > 0.3
                   when 'doubted' then low(n, total) > 0.4
                   else (coalesce(is_identity, true) or is_code) and low(n, total) > 0.5 end as stops,
               total >= {MINIMUM} and low(n, total) > 0.1 + n_before / total_before as warns,
               coalesce('“' || title || '”', '') || '有问题的行（' || "rule" || '）' || percent(n / total) || '，以往 ' || percent(n_before / total_before) as zh,
               coalesce(judged."column" || ' ', '') || "rule" || ' in ' || percent(n / total) || ' of the rows, before ' || percent(n_before / total_before) as en
        from judged left join col using (delivery_id, "column")
        where judged."column" = '' or title is not null),

    valued as (
        select coalesce(a.delivery_id, b.delivery_id) as delivery_id, coalesce(a."column", b."column") as "column",
               coalesce(a."key", b."key") as "key", coalesce(a.n, 0) as n, coalesce(b.n, 0) as n_before,
               sum(coalesce(a.n, 0)) over w as total, sum(coalesce(b.n, 0)) over w as total_before
        from (select * from now where measure = 'category') as a
        full join (select * from past where measure = 'category') as b
             on a.delivery_id = b.delivery_id and a."column" = b."column" and a."key" = b."key"
        window w as (partition by coalesce(a.delivery_id, b.delivery_id), coalesce(a."column", b."column"))),
    ranked as (
        select *, row_number() over (partition by delivery_id, "column" order by n desc, "key") as place,
               row_number() over (partition by delivery_id, "column" order by n_before desc, "key") as place_before
        from valued where total > 0 and total_before > 0),
    sorted as (
        select a.delivery_id, a."column", sum(abs(a.n / a.total - b.n_before / b.total_before)) / 2 as tv_sorted
        from ranked as a join ranked as b on a.delivery_id = b.delivery_id and a."column" = b."column" and a.place = b.place_before
        group by all),
    spread as (
        select delivery_id, "column", any_value(total) as total, any_value(total_before) as total_before,
               sum(abs(n / total - n_before / total_before)) / 2 as tv,
               sum(n) filter (where n_before = 0) as unseen, count(*) filter (where n_before > 0) as values_before,
               count(*) filter (where n_before >= 0.05 * total_before) as large_before,
               0.4 * sqrt(count(*) * (1 / any_value(total) + 1 / any_value(total_before))) as noise,
               sum((greatest(n, 0.5) / total - greatest(n_before, 0.5) / total_before)
                   * ln((greatest(n, 0.5) / total) / (greatest(n_before, 0.5) / total_before))) as psi,
               max_by("key", n / total - n_before / total_before) as most,
               max(n / total - n_before / total_before) as most_by
        from ranked group by all),
    spread_judged as (
        select spread.*, col.title, col.is_code, sorted.tv_sorted, coalesce(unseen, 0) as unseen_rows,
               is_code and total_before >= 30 and total >= {MINIMUM} and low(coalesce(unseen, 0), total) > 0.5 as is_unseen,
               large_before >= 3 and least(total, total_before) >= 50 and low(coalesce(unseen, 0), total) <= 0.5
                   and tv >= 0.35 + noise and tv_sorted <= greatest(0.1, noise) as is_permuted
        from spread join col using (delivery_id, "column") join sorted using (delivery_id, "column")
        where is_code or (values_before <= {CATEGORIES} and total_before >= {ROWS_PER_CATEGORY} * values_before)),
    spread_said as (
        select delivery_id, 'values' as aspect, "column", unseen_rows::bigint as failed, total::bigint as checked,
               is_unseen or is_permuted as stops,
               least(total, total_before) >= {MINIMUM} and (tv > 0.2 + 2 * noise or low(unseen_rows, total) > 0.1) as warns,
               '“' || title || '”' || case when is_permuted then '各代码的比例互换，可能重新编号（例如“' || most || '”多了 ' || percent(most_by) || '）'
                   else '的分布变化大' || case when unseen_rows > 0 then '，以往没有的值占 ' || percent(unseen_rows / total) else '' end end
                   || '，PSI ' || printf('%.2f', psi) as zh,
               "column" || case when is_permuted then ': the shares of its codes changed places, renumbered perhaps (' || percent(most_by) || ' more of ' || most || ')'
                   else ': another distribution' || case when unseen_rows > 0 then ', ' || percent(unseen_rows / total) || ' never seen before' else '' end end
                   || ', PSI ' || printf('%.2f', psi) as en
        from spread_judged),

    lagged as (
        select this.delivery_id, m."column", false as is_past, year(delivered_on) * 12 + month(delivered_on) - m."key"::int as lag, m.n
        from now as m join this using (delivery_id) where m.measure = 'month'
        union all
        select r.delivery_id, m."column", true, year(that.delivered_on) * 12 + month(that.delivered_on) - m."key"::int, m.n
        from reference as r join measure as m on m.delivery_id = r.reference join {{delivery}} as that on that.delivery_id = r.reference
        where m.measure = 'month'),
    cumulated as (
        select *, sum(n) over (partition by delivery_id, "column", is_past order by lag) as upto,
               sum(n) over (partition by delivery_id, "column", is_past) as total
        from (select delivery_id, "column", is_past, lag, sum(n) as n from lagged group by all)),
    aged as (
        select delivery_id, "column", is_past, any_value(total) as total,
               min(lag) filter (where upto >= 0.05 * total) as newest, min(lag) filter (where upto >= 0.25 * total) as q25,
               min(lag) filter (where upto >= 0.5 * total) as middle, min(lag) filter (where upto >= 0.75 * total) as q75,
               min(lag) filter (where upto >= 0.95 * total) as oldest
        from cumulated group by all),
    aged_said as (
        select a.delivery_id, 'dates' as aspect, a."column", a.total::bigint as failed, a.total::bigint as checked,
               (is_recent and a.newest >= b.newest + 9)
                   or (kind = 'full' and a.middle - b.middle >= 9 and a.middle - b.middle >= 6 * error) as stops,
               (is_recent and (a.newest >= b.newest + 3 or a.newest <= b.newest - 3))
                   or (kind = 'full' and abs(a.middle - b.middle) >= 3 and abs(a.middle - b.middle) >= 6 * error) as warns,
               '“' || col.title || '”比交付日早约 ' || case when is_recent then a.newest || ' 个月（最近的日期），以往 ' || b.newest
                   else a.middle || ' 个月（中位数），以往 ' || b.middle end || ' 个月' as zh,
               a."column" || ' lies ' || case when is_recent then a.newest || ' months before the delivery at its newest, before it was ' || b.newest
                   else a.middle || ' months before the delivery in the middle, before it was ' || b.middle end as en
        from (select * from aged where not is_past) as a
        join (select *, newest between -2 and 2 and oldest - newest <= 14 as is_recent from aged where is_past) as b
             using (delivery_id, "column")
        join this using (delivery_id) join col using (delivery_id, "column")
        cross join lateral (select 1.25 * (greatest(b.q75 - b.q25, 1)) / 1.35 * sqrt(1 / a.total + 1 / b.total) as error)
        where least(a.total, b.total) >= 5),

    sized as (
        select delivery_id, "column", is_past, any_value(total) as total, min(size) filter (where upto >= 0.5 * total) as middle
        from (select *, sum(n) over (partition by delivery_id, "column", is_past order by size) as upto,
                     sum(n) over (partition by delivery_id, "column", is_past) as total
              from (select delivery_id, "column", false as is_past, "key"::int as size, n from now where measure = 'size'
                    union all select delivery_id, "column", true, "key"::int, n from past where measure = 'size'))
        group by all),
    sized_said as (
        select a.delivery_id, 'sizes' as aspect, a."column", a.total::bigint as failed, a.total::bigint as checked,
               abs(a.middle - b.middle) >= 4 as stops, abs(a.middle - b.middle) >= 2 as warns,
               '“' || col.title || '”的数值约为以往的 ' || printf('%g', pow(10, (a.middle - b.middle) / 2)::float) || ' 倍，可能单位不同' as zh,
               a."column" || ' is about ' || printf('%g', pow(10, (a.middle - b.middle) / 2)::float) || ' times what it was: another unit perhaps' as en
        from (select * from sized where not is_past) as a join (select * from sized where is_past) as b using (delivery_id, "column")
        join col using (delivery_id, "column") where least(a.total, b.total) >= 30),

    keyed as (
        select k.delivery_id, k.n as kept, r.n as of, coalesce(pk.n / nullif(pr.n, 0), 1) as usual
        from now as k join now as r on r.delivery_id = k.delivery_id and r.measure = 'keys' and r."key" = 'reference'
        join reference as first on first.delivery_id = k.delivery_id and first.place = 0
        left join measure as pk on pk.delivery_id = first.reference and pk.measure = 'keys' and pk."key" = 'kept'
        left join measure as pr on pr.delivery_id = first.reference and pr.measure = 'keys' and pr."key" = 'reference'
        where k.measure = 'keys' and k."key" = 'kept'),
    keyed_said as (
        select delivery_id, 'keys' as aspect, null as "column", of - kept as failed, of as checked,
               of >= 5 and high(kept, of) < kept_share * usual as stops, of >= {MINIMUM} and high(kept, of) < 0.9 * usual as warns,
               '上次的记录只有 ' || percent(kept / of) || ' 仍在，以往 ' || percent(usual) as zh,
               'only ' || percent(kept / of) || ' of the last delivery''s records came again, usually ' || percent(usual) as en
        from keyed join this using (delivery_id) where of > 0),

    agreed as (
        select b.delivery_id, b."column", b.n as given, e.n as equal, coalesce(back.n, -1) as back
        from now as b join now as e on e.delivery_id = b.delivery_id and e."column" = b."column" and e.measure = 'agree' and e."key" = 'equal'
        left join now as back on back.delivery_id = b.delivery_id and back."column" = b."column" and back.measure = 'agree' and back."key" = 'back'
        where b.measure = 'agree' and b."key" = 'both'),
    agreed_said as (
        select agreed.delivery_id, 'agreement' as aspect, agreed."column", (given - equal)::bigint as failed, given::bigint as checked,
               given >= {MINIMUM} and case when back >= 0 then low(back, given) > 0.5 else high(equal, given) < 0.5 end as stops,
               given >= {MINIMUM} and case when back >= 0 then low(back, given) > 0.1 else high(equal, given) < 0.8 end as warns,
               case when back >= 0 then '同一记录的“' || title || '”有 ' || percent(back / given) || ' 倒退了半年以上'
                    else '同一记录的“' || title || '”只有 ' || percent(equal / given) || ' 与上次相同，可能重新编号或错位' end as zh,
               case when back >= 0 then agreed."column" || ' of ' || percent(back / given) || ' of the same records went back half a year or more'
                    else agreed."column" || ' is as it was in only ' || percent(equal / given) || ' of the same records: renumbered or shifted perhaps' end as en
        from agreed join col using (delivery_id, "column")),

    day_said as (
        select delivery_id, 'day' as aspect, null as "column", date_diff('day', delivered_on, last_on) as failed, 1 as checked,
               last_on - delivered_on >= 270 as stops, last_on > delivered_on as warns,
               '数据日期 ' || delivered_on || '，已有 ' || last_on || ' 的交付' as zh,
               'it is of ' || delivered_on || ', and there is a delivery of ' || last_on as en
        from this where last_on > delivered_on),

    said as (
        select * from rows_said union all by name select * from filled_said union all by name select * from judged_said
        union all by name select * from spread_said union all by name select * from aged_said union all by name select * from sized_said
        union all by name select * from keyed_said union all by name select * from agreed_said union all by name select * from day_said)
    select this.delivery_id, this.dataset, this.file, this.delivered_on, aspect, said."column", failed, checked,
           coalesce(stops, false) and not is_accepted as stops,
           coalesce(warns, false) or (coalesce(stops, false) and is_accepted) as warns, zh, en
    from said join this using (delivery_id)"""

_ASPECTS = {
    "rows": ("行数与以往交付相近", "about as many rows as before", "0202"),
    "keys": ("上次的记录多数仍在", "most records of the last delivery to come again", "0202"),
    "missing": ("各列缺失的比例与以往相近", "about as many values missing as before", "0201"),
    "issues": ("有问题的行的比例与以往相近", "about as many issues as before", "0305"),
    "values": ("各代码、类别的分布与以往相近", "codes and categories to be spread as before", "0105"),
    "agreement": ("同一记录的代码和日期与上次相符", "codes and dates of the same records to be as they were", "0401"),
    "dates": ("日期随交付日前进", "dates to move on with the deliveries", "0501"),
    "sizes": ("数值大小与以往相近", "numbers of the same size as before", "0301"),
    "day": ("数据日期不早于已有的交付", "a delivery no older than those already taken", "0502"),
}


def _checks() -> list[Check]:
    out = []
    levels: tuple[tuple[str, Severity, str], ...] = (
        ("_high", "critical", "stops"),
        ("", "warning", "warns and not stops"),
    )
    for aspect, (zh, en, code) in _ASPECTS.items():
        of = f"aspect = '{aspect}'"
        for suffix, severity, verdict in levels:
            out.append(
                Check(f"drift_{aspect}{suffix}", zh, en, severity, f"case when {of} then failed else 0 end", None,
                      fails=f"{of} and {verdict}", checked=f"case when {of} then checked else 0 end", found_zh="zh", found_en="en",
                      gbt36344=code)
            )  # fmt: skip
    return out
