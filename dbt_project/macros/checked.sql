{#
    Raw rows of one dataset made standard and judged, set by set:

        read       raw data rows of deliveries not yet checked
        unswapped  columns that clerks exchange (id and name) put back where the content leaves no doubt
        cleaned    delivered text freed of widths, blanks, apostrophes and null words
        valued     the standard value of every column
        ruled      per column, the rule that says why the delivered text was not yet in the declared form
        judged     row rules, and `issues`, the list of everything that is to be said of the row

    What is done to which column stands in the dataset's contract and nowhere else.
#}
{% macro checked(dataset) -%}
{%- set contract = contract(dataset) -%}
{%- set locator = locator_columns() -%}
with read_rows as (
    {{ raw_rows(contract) }}
),

unswapped as (
    select
        {{ locator | join(', ') }},
        _extra, _kinds, _section, _defect,
        {%- for column in contract.columns %}
        {{ unswapped_column(contract, column.name) }} as {{ column.name }}_raw,
        {%- endfor %}
        {{ swapped_columns(contract) }} as _swapped
    from read_rows
),

cleaned as (
    select
        *,
        {%- for column in contract.columns %}
        {{ std('clean', column.kind, column.name ~ '_raw', column_options(column)) }} as {{ column.name }}__clean{{ "," if not loop.last }}
        {%- endfor %}
    from unswapped
),

valued as (
    select
        *,
        {%- for column in contract.columns %}
        {{ std('value', column.kind, column.name ~ '__clean', column.name ~ '_raw', column_options(column)) }} as {{ column.name }}{{ "," if not loop.last }}
        {%- endfor %}
    from cleaned
),

ruled as (
    select
        *,
        {%- for column in contract.columns %}
        {{ std('rule', column.kind, column.name ~ '_raw', column.name ~ '__clean', column.name, column_options(column)) }} as {{ column.name }}__rule,
        {%- endfor %}
        {{ row_key(contract) }} as row_key
    from valued
),

judged as (
    select
        {{ locator | join(', ') }},
        row_key,
        {%- for column in contract.columns %}
        {{ column.name }},
        {%- endfor %}
        {%- for column in contract.columns %}
        {{ column.name }}_raw,
        {%- endfor %}
        _extra, _section,
        list_filter([
            {%- for column in contract.columns %}
            {{ column_issue(column) }},
            {%- if column.required %}
            {{ required_issue(column) }},
            {%- endif %}
            {%- endfor %}
            {%- for rule in contract.rules %}
            {{ rule_issue(contract, rule) }},
            {%- endfor %}
            {{ swap_issue() }},
            {{ defect_issue() }}
        ], lambda issue: issue is not null) as issues
    from ruled
)

select
    *,
    len(list_filter(issues, lambda issue: issue.severity = 'quarantine')) > 0 as is_refused
from judged
{%- endmacro %}


{% macro locator_columns() -%}
{{ return(['dataset', 'file', 'sheet', 'row_number', 'delivery_id', 'received_at', 'delivered_on']) }}
{%- endmacro %}


{# Options of a column's kind, with what only the row knows: the kind of the cell in a typed format. #}
{% macro column_options(column) -%}
{%- set options = dict(column.options) -%}
{%- do options.update({'kind_column': "json_extract_string(_kinds, '$.\"" ~ column.name ~ "\"')"}) -%}
{{ return(options) }}
{%- endmacro %}


{#
    Data rows of the raw files that receipts name, for deliveries this model has not got yet. An empty relation of the
    contract's shape comes first: older raw files lack columns that the contract gained later.
#}
{% macro raw_rows(contract) -%}
{%- set files = pending_raw_files(contract.id) -%}
select
    null::varchar as dataset, null::varchar as file, null::varchar as sheet, null::bigint as row_number,
    null::varchar as delivery_id, null::timestamptz as received_at, null::date as delivered_on,
    {%- for column in contract.columns %}
    null::varchar as {{ column.name }},
    {%- endfor %}
    null::varchar as _extra, null::varchar as _kinds, null::varchar as _section, null::varchar as _defect
where false
{%- if files %}
union all by name
select * exclude (row_kind)
from read_parquet([
    {%- for file in files %}
    {{ dbt.string_literal(env_var('TOWNLAKE_ROOT') ~ '/' ~ file) }}{{ "," if not loop.last }}
    {%- endfor %}
], union_by_name = true)
where row_kind = 'data'
{%- endif %}
{%- endmacro %}


{% macro pending_raw_files(dataset) -%}
{%- if not execute -%}{{ return([]) }}{%- endif -%}
{%- set query -%}
select delivery.raw
from lake.foundation.delivery
where delivery.dataset = {{ dbt.string_literal(dataset) }} and delivery.status = 'taken'
{%- if is_incremental() %}
    and not exists (select 1 from {{ this }} as done where done.delivery_id = delivery.delivery_id)
{%- endif %}
order by delivery.raw
{%- endset -%}
{{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro %}


{# A pair of columns is exchanged when the first holds Chinese characters and the second a digit string of id length. #}
{% macro is_swapped(pair) -%}
(regexp_matches({{ pair[0] }}, '^[\p{Han}·\s]+$') and regexp_matches({{ pair[1] }}, '^\s*[0-9]{14,19}[0-9Xx]\s*$'))
{%- endmacro %}

{% macro unswapped_column(contract, name) -%}
{%- for pair in contract.swaps if name in pair -%}
case when {{ is_swapped(pair) }} then {{ pair[1] if name == pair[0] else pair[0] }} else {{ name }} end
{%- else -%}
{{ name }}
{%- endfor -%}
{%- endmacro %}

{% macro swapped_columns(contract) -%}
{%- if contract.swaps -%}
case
    {%- for pair in contract.swaps %}
    when {{ is_swapped(pair) }} then {{ dbt.string_literal(pair | join('+')) }}
    {%- endfor %}
end
{%- else -%}
null::varchar
{%- endif -%}
{%- endmacro %}


{# The row's key in standard form; the delivered text where no standard value could be had; null where there is no key. #}
{% macro row_key(contract) -%}
{%- if contract.key -%}
nullif(concat_ws('|', {% for name in contract.key %}coalesce({{ name }}::varchar, trim({{ name }}_raw)){{ ", " if not loop.last }}{% endfor %}), '')
{%- else -%}
null::varchar
{%- endif -%}
{%- endmacro %}


{# One issue as a struct; every branch of the list must have this shape. #}
{% macro issue(rule, column, header, severity, code, outcome, raw, value) -%}
struct_pack(
    "rule" := {{ rule }}, "column" := {{ column }}, header := {{ header }}, severity := {{ severity }}, gbt36344 := {{ code }},
    outcome := {{ outcome }}, "raw" := {{ raw }}, "value" := {{ value }})
{%- endmacro %}

{% macro column_issue(column) -%}
{%- set name = column.name -%}
case when {{ name }}__rule is not null then
    {{ issue(
        name ~ '__rule',
        dbt.string_literal(name),
        dbt.string_literal(column.header),
        rule_property(name ~ '__rule', column.kind, 'severity', 'info', column.severity),
        rule_property(name ~ '__rule', column.kind, 'gbt36344', '0102', {}),
        rule_property(name ~ '__rule', column.kind, 'outcome', 'standardised', {}),
        name ~ '_raw',
        name ~ '::varchar') }} end
{%- endmacro %}

{# What the rule book says of a rule, as a case over rule codes; a contract may say otherwise for its column. #}
{% macro rule_property(rule, kind, property, default, overrides) -%}
{%- set groups = {} -%}
{%- for code, book in std_rules().items() -%}
    {%- set value = overrides.get(code, book[property]) -%}
    {%- if value != default -%}{%- do groups.setdefault(value, []).append(code) -%}{%- endif -%}
{%- endfor -%}
case
    {%- for value, codes in groups.items() %}
    when {{ rule }} in ({% for code in codes %}'{{ code }}'{{ ", " if not loop.last }}{% endfor %}) then '{{ value }}'
    {%- endfor %}
    else '{{ default }}' end
{%- endmacro %}

{% macro required_issue(column) -%}
case when {{ column.name }} is null and {{ column.name }}__rule is null then
    {{ issue("'required_missing'", dbt.string_literal(column.name), dbt.string_literal(column.header), "'warning'", "'0201'",
        'null::varchar', column.name ~ '_raw', 'null::varchar') }} end
{%- endmacro %}

{% macro rule_issue(contract, rule) -%}
case when not ({{ rule.must_hold }}) then
    {{ issue(dbt.string_literal(rule.rule), dbt.string_literal(rule.column) if rule.column else 'null::varchar',
        dbt.string_literal(rule.header) if rule.header else 'null::varchar', dbt.string_literal(rule.severity),
        dbt.string_literal(rule.gbt36344), 'null::varchar', 'null::varchar', 'null::varchar') }} end
{%- endmacro %}

{% macro swap_issue() -%}
case when _swapped is not null then
    {{ issue("'swapped_columns'", '_swapped', '_swapped', "'warning'", "'0301'", "'repaired'", 'null::varchar', 'null::varchar') }} end
{%- endmacro %}

{# A line with fields missing, shifted or cut off cannot be trusted as a record; bytes of another encoding can, in part. #}
{% macro defect_issue() -%}
case when _defect is not null then
    {{ issue('_defect', 'null::varchar', 'null::varchar',
        "case when _defect = 'undecodable' then 'warning' else 'quarantine' end", "'0302'", 'null::varchar', 'null::varchar', 'null::varchar') }} end
{%- endmacro %}
