{#
    Raw rows of one dataset made standard and judged, set by set:

        read       raw data rows of deliveries not yet checked
        unswapped  columns that clerks exchange (id and name) put back where the content leaves no doubt
        cleaned    delivered text freed of widths, blanks, apostrophes and null words
        valued     the standard value of every column
        ruled      per column, the rule that says why the delivered text was not yet in the declared form
        judged     row rules, and `issues`, the list of everything that is to be said of the row

    What is done to which column stands in the dataset's contract and nowhere else. Cells that a department corrected take
    the place of the delivered ones before anything else (raw_rows).
#}
{% macro checked(dataset) -%}
{%- set contract = contract(dataset) -%}
{%- set corrected = corrected_cells(contract) -%}
{%- set locator = locator_columns() -%}
with read_rows as (
    {{ raw_rows(contract, corrected) }}
),

unswapped as (
    select
        {{ locator | join(', ') }},
        _extra, _kinds, _section, _defect,
        {%- if corrected.any %}
        _corrected, _delivered,
        {%- endif %}
        {%- for column in contract.columns %}
        {{ unswapped_column(contract, column.cell) }} as {{ column.name }}_raw,
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
        case when {{ nothing_to_say(contract, corrected) }} then [] else list_transform(
            list_filter([
                {%- for column in contract.columns %}
                {{ column_issue(column) }},
                {%- if column.required %}
                {{ required_issue(column) }},
                {%- endif %}
                {%- endfor %}
                {%- for rule in contract.rules %}
                {{ rule_issue(rule) }},
                {%- endfor %}
                {%- for column in contract.columns if column.cell in corrected.cells %}
                {{ correction_issue(column) }},
                {%- endfor %}
                {{ swap_issue() }},
                {{ defect_issue(contract, corrected) }}
            ], lambda found: found is not null),
            lambda found: struct_pack(
                "rule" := found."rule", "column" := found."column", header := found.header,
                severity := coalesce(found.severity, {{ rule_fact(contract, 'severity', 'found."rule"') }}),
                gbt36344 := {{ rule_fact(contract, 'gbt36344', 'found."rule"') }},
                outcome := {{ rule_fact(contract, 'outcome', 'found."rule"') }},
                "raw" := found."raw", "value" := found."value")) end as issues
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
{%- do options.update({'kind_column': "json_extract_string(_kinds, '$.\"" ~ column.cell ~ "\"')"}) -%}
{{ return(options) }}
{%- endmacro %}


{# Which cells of a dataset were ever corrected: `any` also when rows were only confirmed as a whole. #}
{% macro corrected_cells(contract) -%}
{%- set none_yet = {'any': false, 'cells': []} -%}
{%- if not execute -%}{{ return(none_yet) }}{%- endif -%}
{%- set query -%}
select distinct "column" from lake.quality.correction where dataset = {{ dbt.string_literal(contract.id) }} order by all
{%- endset -%}
{%- set found = run_query(query).columns[0].values() | list -%}
{%- if not found -%}{{ return(none_yet) }}{%- endif -%}
{%- set known = contract.columns | map(attribute='name') | list -%}
{{ return({'any': true, 'cells': found | select('in', known) | list}) }}
{%- endmacro %}


{#
    Data rows as they stand: delivered, with the newest correction of each cell in its place. `_corrected` lists the cells of
    a row that were corrected (empty: the row was only confirmed), `_delivered` what they held. A corrected cell was typed
    into a text cell.
#}
{% macro raw_rows(contract, corrected) -%}
{%- if not corrected.any -%}
{{ delivered_rows(contract) }}
{%- else -%}
select
    delivered.* exclude (
        _kinds
        {%- for name in corrected.cells %}, {{ name }}{% endfor %}),
    {%- for name in corrected.cells %}
    case when correction.{{ name }} is not null then correction.{{ name }}.new_value else delivered.{{ name }} end as {{ name }},
    {%- endfor %}
    case
        when len(correction._corrected) > 0 and delivered._kinds is not null
            then json_merge_patch(
                delivered._kinds,
                '{' || array_to_string(list_transform(correction._corrected, lambda name: '"' || name || '": "text"'), ', ') || '}')::varchar
        else delivered._kinds
    end as _kinds,
    correction._corrected,
    struct_pack(
        {%- for name in corrected.cells %}
        {{ name }} := delivered.{{ name }},
        {%- endfor %}
        _row := delivered.row_number) as _delivered
from (
    {{ delivered_rows(contract) }}
) as delivered
left join (
    select
        delivery_id,
        sheet,
        row_number,
        {%- for name in corrected.cells %}
        arg_max(struct_pack(new_value := new_value), (corrected_at, workbook_delivery_id)) filter (where "column" = '{{ name }}') as {{ name }},
        {%- endfor %}
        coalesce(list(distinct "column") filter (where "column" is not null), []) as _corrected
    from lake.quality.correction
    where dataset = {{ dbt.string_literal(contract.id) }}
    group by delivery_id, sheet, row_number
) as correction
    on delivered.delivery_id = correction.delivery_id
    and delivered.row_number = correction.row_number
    and delivered.sheet is not distinct from correction.sheet
{%- endif -%}
{%- endmacro %}


{#
    Data rows of the raw files that receipts name, for deliveries this model has not got yet. An empty relation of the
    contract's shape comes first: older raw files lack columns that the contract gained later.
#}
{% macro delivered_rows(contract) -%}{{ return(adapter.dispatch('delivered_rows', 'townlake')(contract)) }}{%- endmacro %}

{% macro default__delivered_rows(contract) -%}
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

{# All of them: warehouse/spark shows the raw files of a dataset as one view of the contract's shape. #}
{% macro spark__delivered_rows(contract) -%}
select
    {{ locator_columns() | join(', ') }},
    {%- for column in contract.columns if column.cell == column.name %}
    {{ column.name }},
    {%- endfor %}
    _extra, _kinds, _section, _defect
from raw_{{ contract.model }}
where row_kind = 'data'
{%- endmacro %}


{% macro pending_raw_files(dataset) -%}
{%- if not execute -%}{{ return([]) }}{%- endif -%}
{%- set query -%}
select delivery.raw
from lake.foundation.delivery
where delivery.dataset = {{ dbt.string_literal(dataset) }} and delivery.status = 'taken'
{%- if is_incremental() %}
    {# asked before the hook takes out what is to be made anew #}
    and (
        delivery.delivery_id in (select delivery_id from lake.registry.redo)
        or not exists (select 1 from {{ this }} as done where done.delivery_id = delivery.delivery_id))
{%- endif %}
order by delivery.raw
{%- endset -%}
{{ return(run_query(query).columns[0].values() | list) }}
{%- endmacro %}


{# A pair of columns is exchanged when the first holds Chinese characters and the second a digit string of id length. #}
{% macro is_swapped(pair) -%}
({{ std_re_has(pair[0], '^[' ~ std_script_han() ~ '·\\s]+$') }} and {{ std_re_has(pair[1], '^\\s*[0-9]{14,19}[0-9Xx]\\s*$') }})
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


{#
    The row's key in standard form; the delivered text where no standard value could be had. Null where there is no key
    or a part of it is missing (empty, 无): rows without a number are not versions of one another.
#}
{% macro row_key(contract) -%}
{%- if contract.key -%}
{% for name in contract.key %}coalesce({{ name }}::varchar, {{ name }}__clean::varchar){{ " || '|' || " if not loop.last }}{% endfor %}
{%- else -%}
null::varchar
{%- endif -%}
{%- endmacro %}


{# One finding as a struct; every member of the list must have this shape. `severity` only where the contract overrides the rule's. #}
{% macro finding(rule, column=none, header=none, severity='null', raw='null', value='null') -%}
struct_pack("rule" := {{ rule }},
    "column" := {{ dbt.string_literal(column) if column else 'null' }}::varchar, header := {{ dbt.string_literal(header) if header else 'null' }}::varchar,
    severity := {{ severity }}::varchar, "raw" := {{ raw }}::varchar, "value" := {{ value }}::varchar)
{%- endmacro %}

{% macro column_issue(column) -%}
case when {{ column.name }}__rule is not null then
    {{ finding(column.name ~ '__rule', column.name, column.header, severity_override(column), column.name ~ '_raw', column.name) }} end
{%- endmacro %}

{% macro severity_override(column) -%}
{%- if column.severity -%}
case {{ column.name }}__rule {%- for rule, severity in column.severity.items() %} when '{{ rule }}' then '{{ severity }}'{% endfor %} end
{%- else -%}null{%- endif -%}
{%- endmacro %}

{% macro required_issue(column) -%}
case when {{ column.name }} is null and {{ column.name }}__rule is null then
    {{ finding("'required_missing'", column.name, column.header, raw=column.name ~ '_raw') }} end
{%- endmacro %}

{% macro rule_issue(rule) -%}
case when not ({{ rule.must_hold }}) then
    {{ finding(dbt.string_literal(rule.rule), rule.column, rule.header) }} end
{%- endmacro %}

{% macro swap_issue() -%}
case when _swapped is not null then {{ finding("'swapped_columns'") }} end
{%- endmacro %}

{# True of most rows: the list of findings, made for every row, would cost more than all its columns. #}
{% macro nothing_to_say(contract, corrected) -%}
coalesce(
    {%- for column in contract.columns %}
    {{ column.name }}__rule,
    {%- endfor %}
    _swapped, _defect) is null
    {%- for column in contract.columns if column.required %}
    and {{ column.name }} is not null
    {%- endfor %}
    {%- for rule in contract.rules %}
    and coalesce({{ rule.must_hold }}, true)
    {%- endfor %}
    {%- if corrected.any %}
    and _corrected is null
    {%- endif %}
{%- endmacro %}

{# What a department corrected stays visible beside what it had delivered. #}
{% macro correction_issue(column) -%}
case when list_contains(_corrected, '{{ column.cell }}') then
    {{ finding("'corrected_by_department'", column.name, column.header, raw='_delivered.' ~ column.cell, value=column.name) }} end
{%- endmacro %}

{#
    A line with fields missing, shifted or cut off cannot be trusted as a record; bytes of another encoding can, in part.
    Once somebody has corrected or confirmed the row it is believed, if every cell fits its column: a shifted row that was
    mended in one place only still has addresses where codes should be. The same decides about blank fields beyond the
    last: a separator too many at the end of the line, or one in the middle of it that pushed the rest.
#}
{% macro defect_issue(contract, corrected) -%}
case
    when _defect is null then null
    when _defect = 'ragged_blank' then
        case when {{ cells_fit(contract) }} then {{ finding('_defect') }} else {{ finding("'ragged_extra'") }} end
    {%- if corrected.any %}
    when _corrected is not null and _defect <> 'undecodable' and {{ cells_fit(contract) }} then null
    {%- endif %}
    else {{ finding('_defect') }} end
{%- endmacro %}

{# Whether every cell of a row is something its column may hold, and none that must be filled is empty. #}
{% macro cells_fit(contract) -%}
({%- for column in contract.columns if column.required %}{{ column.name }} is not null and {% endfor %}len(list_filter(
    [{% for column in contract.columns %}{{ column.name }}__rule{{ ", " if not loop.last }}{% endfor %}],
    lambda found: found not in ('null_word', 'sex_unknown', 'name_anonymous')
        and {{ rule_fact(contract, 'outcome', 'found') }} = 'nulled')) = 0)
{%- endmacro %}

{#
    What the rule book says (`fact`: severity, gbt36344, outcome or zh) of the rule whose code stands in `code`, null where it says
    nothing. Comparisons, not a look-up in a constant map: DuckDB copies that for every element of the list, which made
    this most of a delivery's time (benchmarks/scale.md).
#}
{% macro rule_fact(contract, fact, code) -%}
{%- set told = {} -%}
{%- for rule, facts in rule_book(contract).items() if facts[fact] -%}
{%- do told.setdefault(facts[fact], []).append(rule) -%}
{%- endfor -%}
case
    {%- for value, rules in told.items() %}
    when {{ code }} in ('{{ rules | join("', '") }}') then {{ dbt.string_literal(value) }}
    {%- endfor %}
end
{%- endmacro %}

{#
    Rules by code: those of the standard elements, those of the reader (a line that is not whole) and the contract's own.
    Outcome is what became of a cell; rules about a row have none.
#}
{% macro rule_book(contract) -%}
{%- set book = {} -%}
{%- do book.update(std_rules()) -%}
{%- do book.update(std_row_rules()) -%}
{%- for rule in contract.rules -%}
{%- do book.update({rule.rule: {'severity': rule.severity, 'gbt36344': rule.gbt36344, 'outcome': none, 'zh': rule.reason}}) -%}
{%- endfor -%}
{{ return(book) }}
{%- endmacro %}
