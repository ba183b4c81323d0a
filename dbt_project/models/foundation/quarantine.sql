{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_withdrawn() }}") }}
{# Every refused data row, whole: where it stood, which rule refused it, why, and the row as delivered. #}
{% for contract in contracts().values() -%}
select
    {{ prefixed(locator_columns(), 'refused') | join(', ') }},
    list_filter(issues, lambda issue: issue.severity = 'quarantine')[1]."rule" as "rule",
    'quarantine' as severity,
    {{ quarantine_reason(contract) }} as reason,
    json_object(
        {%- for column in contract.columns %}
        {{ dbt.string_literal(column.header) }}, {{ column.name }}_raw{{ "," if not loop.last }}
        {%- endfor %}
        , '_extra', _extra)::varchar as "raw",
    'open' as status
from {{ ref('checked_' ~ contract.model) }} as refused
where is_refused
{%- if is_incremental() %}
    and not exists (select 1 from {{ this }} as known where known.delivery_id = refused.delivery_id)
{%- endif %}
{{ "union all" if not loop.last }}
{% endfor %}
