{{ config(materialized='view') }}
{#
    Every row that was refused, whole, and what became of it. Refused as things stand: open (nobody has mended it, or what
    came back was no better), corrected (a correction waits for its build), dismissed (nobody need mend it: a person says so,
    or a later delivery brought the record in sound). No longer refused: replayed. The ledger lake.quality.quarantine_event
    keeps every step; lake.quality.correction every corrected cell.
#}
with taken as (
    select delivery_id from lake.foundation.delivery where status = 'taken'
),

latest as (
    select event.*
    from lake.quality.quarantine_event as event
    inner join taken on event.delivery_id = taken.delivery_id
    where
        event.event <> 'declined'
        and (event.by_delivery is null or event.by_delivery in (select delivery_id from taken))
    qualify row_number() over (partition by event.quarantine_id, event.delivery_id order by event.event_number desc) = 1
),

correction as (
    select
        delivery_id,
        sheet,
        row_number,
        string_agg(distinct "column", ', ' order by "column") as corrected_columns,
        arg_max(corrected_by, (corrected_at, workbook_delivery_id)) as corrected_by,
        max(corrected_at) as corrected_at
    from lake.quality.correction
    group by delivery_id, sheet, row_number
),

refused as (
    select
        {{ prefixed(locator_columns(), 'refused') | join(', ') }},
        refused.quarantine_id,
        refused."rule",
        refused.reason,
        refused."raw",
        case when latest.event in ('corrected', 'dismissed') then latest.event else 'open' end as status,
        latest."note",
        latest."by" as status_by,
        latest."at" as status_at
    from {{ ref('int_quarantine__refused') }} as refused
    left join latest on refused.quarantine_id = latest.quarantine_id and refused.delivery_id = latest.delivery_id
),

replayed as (
    select
        {{ prefixed(locator_columns(), 'latest') | join(', ') }},
        latest.quarantine_id,
        latest."rule",
        latest.reason,
        latest."raw",
        'replayed' as status,
        latest."note",
        latest."by" as status_by,
        latest."at" as status_at
    from latest
    where
        latest.event = 'replayed'
        and not exists (
            select 1 from refused
            where refused.quarantine_id = latest.quarantine_id and refused.delivery_id = latest.delivery_id)
),

known as (
    select * from refused
    union all
    select * from replayed
)

select
    {{ prefixed(locator_columns(), 'known') | join(', ') }},
    known.quarantine_id,
    known."rule",
    'quarantine' as severity,
    known.reason,
    known."raw",
    known.status,
    known."note",
    known.status_by,
    known.status_at,
    correction.corrected_columns,
    correction.corrected_by,
    correction.corrected_at
from known
left join correction
    on
        known.delivery_id = correction.delivery_id
        and known.row_number = correction.row_number
        and known.sheet is not distinct from correction.sheet
