{# One Chinese sentence per refusing rule, joined: what is wrong with the row, for the clerk who has to mend it. #}
{% macro quarantine_reason(contract) -%}
array_to_string(list_transform(
    list_filter(issues, lambda issue: issue.severity = 'quarantine'),
    lambda issue: concat(
        case when issue.header is not null then concat('“', issue.header, '”') end,
        map { {%- for code, fact in rule_book(contract).items() %} '{{ code }}': {{ dbt.string_literal(fact.zh) }}{{ "," if not loop.last }}{% endfor %} }[issue."rule"])), '；')
{%- endmacro %}
