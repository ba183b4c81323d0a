{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_withdrawn() }}") }}
{# Every row that is refused as things stand, whatever was done about it: foundation.quarantine adds that. #}
{% for contract in delivered_contracts() -%}
{{ refused_rows(contract) }}
{{ "union all" if not loop.last }}
{% endfor %}
