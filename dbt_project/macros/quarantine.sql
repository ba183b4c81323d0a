{# One Chinese sentence per refusing rule, joined: what is wrong with the row, for the clerk who has to mend it. #}
{% macro quarantine_reason() -%}
array_to_string(list_transform(
    list_filter(issues, lambda issue: issue.severity = 'quarantine'),
    lambda issue: concat(
        case when issue.header is not null then concat('“', issue.header, '”') end,
        {{ rule_sentence('issue."rule"') }})), '；')
{%- endmacro %}

{% macro rule_sentence(rule) -%}
case {{ rule }}
    when 'ragged_extra' then '字段多于表头，内容已错位'
    when 'ragged_missing' then '字段少于表头，内容不全'
    when 'truncated' then '这一行被截断'
    when 'undecodable' then '含有无法解码的字节'
    {%- for code, book in std_rules().items() %}
    when '{{ code }}' then {{ dbt.string_literal(book.zh) }}
    {%- endfor %}
    {%- for contract in contracts().values() -%}
    {%- for own in contract.rules %}
    when '{{ own.rule }}' then {{ dbt.string_literal(own.reason) }}
    {%- endfor -%}
    {%- endfor %}
    else {{ rule }} end
{%- endmacro %}
