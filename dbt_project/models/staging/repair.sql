{# Every cell whose delivered text was not already in the contract's declared form, and what became of it. #}
{% for contract in delivered_contracts() -%}
select
    {{ prefixed(locator_columns(), 'checked') | join(', ') }},
    issue.header as "column",
    issue."raw",
    issue."value",
    issue."rule",
    issue.outcome,
    checked.is_refused
from {{ ref('checked_' ~ contract.model) }} as checked
cross join unnest(checked.issues) as unnested (issue)
where issue.outcome is not null
{{ "union all" if not loop.last }}
{% endfor %}
