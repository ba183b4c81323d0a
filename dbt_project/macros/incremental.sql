{# Rows of deliveries that are no longer taken (held, withdrawn) leave every table that is kept by delivery. #}
{% macro drop_withdrawn() -%}
{%- if is_incremental() -%}
delete from {{ this }} where delivery_id in (select delivery_id from lake.foundation.delivery where status <> 'taken')
{%- else -%}
select 1
{%- endif -%}
{%- endmacro %}
