{#
    Versions of every record of a dataset, by key: what it said, from the delivery that first said so until the one that
    said otherwise or (full deliveries) no longer had it. Days are those the deliveries are valid for, not the clock's,
    so a late, held or withdrawn delivery leaves the history it would have left in its place
    (docs/decisions/0006-history-from-deliveries.md). A column that the dataset itself calls valid_from is valid_from_1.
#}
{% macro history(dataset) -%}
{%- set contract = contract(dataset) -%}
{%- set columns = contract.columns | map(attribute='name') | list -%}
{%- set own_names = ['valid_from', 'valid_to'] -%}
with delivery as (
    select
        delivery_id,
        delivered_on,
        row_number() over (order by delivered_on, received_at, file) as position,
        lead(delivered_on) over (order by delivered_on, received_at, file) as next_delivered_on
    from lake.foundation.delivery
    where dataset = {{ dbt.string_literal(dataset) }} and status = 'taken'
),

said as (
    select
        record.*,
        delivery.position,
        delivery.next_delivered_on,
        md5(concat_ws('|', {% for column in contract.columns if not column.volatile %}coalesce({{ column.name }}::varchar, ''){{ ", " if not loop.last }}{% endfor %})) as said_hash
    from {{ ref('stg_' ~ contract.model) }} as record
    inner join delivery on record.delivery_id = delivery.delivery_id
    where record.row_key is not null
),

once as (
    select *
    from said
    qualify row_number() over (partition by row_key, position order by row_number desc) = 1
),

compared as (
    select
        *,
        case
            when lag(said_hash) over record_in_time is distinct from said_hash then 1
            {%- if contract.kind == 'full' %}
            when lag(position) over record_in_time <> position - 1 then 1
            {%- endif %}
            else 0
        end as is_new
    from once
    window record_in_time as (partition by row_key order by position)
),

versioned as (
    select *, sum(is_new) over (partition by row_key order by position) as version_number
    from compared
),

version as (
    select
        row_key,
        version_number,
        min(delivered_on) as valid_from,
        {%- if contract.kind == 'full' %}
        max_by(next_delivered_on, position) as valid_to,
        {%- endif %}
        {%- for name in columns %}
        min_by({{ name }}, position) as {{ name ~ ('_1' if name in own_names else '') }},
        {%- endfor %}
        min_by(delivery_id, position) as delivery_id,
        min_by(row_number, position) as row_number
    from versioned
    group by row_key, version_number
),

closed as (
    select
        row_key,
        version_number,
        valid_from,
        {%- if contract.kind == 'full' %}
        valid_to,
        {%- else %}
        lead(valid_from) over (partition by row_key order by version_number) as valid_to,
        {%- endif %}
        {%- for name in columns %}
        {{ name ~ ('_1' if name in own_names else '') }},
        {%- endfor %}
        delivery_id,
        row_number
    from version
)

select *
from closed
where valid_to is null or valid_from < valid_to
{%- endmacro %}
