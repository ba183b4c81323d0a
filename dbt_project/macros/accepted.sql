{# Rows of one dataset that were accepted: what every later model reads. #}
{% macro accepted(dataset) -%}
{%- set contract = contract(dataset) -%}
select
    {{ locator_columns() | join(',\n    ') }},
    row_key,
    {%- for column in contract.columns %}
    {{ column.name }},
    {%- endfor %}
    {%- for column in contract.columns %}
    {{ column.name }}_raw,
    {%- endfor %}
    issues
from {{ ref('checked_' ~ contract.model) }}
where not is_refused
{%- endmacro %}
