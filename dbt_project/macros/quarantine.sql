{#
    Refused rows of one dataset, whole: what is wrong with which column, in Chinese sentences for the clerk who has to mend
    it, and the row as it was refused. Only deliveries that no published build has settled, or that are made anew.
#}
{% macro refused_rows(contract) -%}
{%- set line_defects = "['ragged_extra', 'ragged_missing', 'truncated']" -%}
select
    {{ locator_columns() | join(', ') }},
    {{ quarantine_id() }} as quarantine_id,
    row_key,
    list_filter(findings, lambda found: found.severity = 'quarantine')[1]."rule" as "rule",
    list_transform(list_filter(findings, lambda found: found.severity = 'quarantine'), lambda found: found."rule") as "rules",
    {{ quarantine_reason() }} as reason,
    len(list_filter(findings, lambda found: found."rule" in {{ line_defects }})) > 0 as is_line_defect,
    findings,
    "raw"
from (
    select
        *,
        list_transform(
            list_filter(issues, lambda issue: issue.severity in ('quarantine', 'warning')),
            lambda issue: struct_pack(
                "column" := issue."column", header := issue.header, "rule" := issue."rule", severity := issue.severity,
                reason := {{ rule_fact(contract, 'zh', 'issue."rule"') }})) as findings,
        json_object(
            {%- for column in contract.columns %}
            {{ dbt.string_literal(column.header) }}, {{ column.name }}_raw{{ "," if not loop.last }}
            {%- endfor %}
            , '_extra', _extra)::varchar as "raw"
    from {{ ref('checked_' ~ contract.model) }} as refused
    where is_refused
    {%- if is_incremental() %}
        and delivery_id in (
            select delivery_id from lake.foundation.delivery
            where status = 'taken' and delivery_id not in (select unnest(deliveries) from lake.foundation.build where published)
            union all
            select delivery_id from lake.registry.redo)
        and not exists (select 1 from {{ this }} as known where known.delivery_id = refused.delivery_id)
    {%- endif %}
)
{%- endmacro %}

{# A refused row's short name, the same in tables, workbooks and commands (townlake.quarantine.ledger knows it too). #}
{% macro quarantine_id() -%}
upper(substr(md5(concat_ws('|', delivery_id, coalesce(sheet, ''), row_number)), 1, 12))
{%- endmacro %}

{# One Chinese sentence per refusing rule, joined. #}
{% macro quarantine_reason() -%}
array_to_string(list_transform(
    list_filter(findings, lambda found: found.severity = 'quarantine'),
    lambda found: concat(case when found.header is not null then concat('“', found.header, '”') end, found.reason)), '；')
{%- endmacro %}
