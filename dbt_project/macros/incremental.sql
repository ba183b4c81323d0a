{#
    What leaves a table before an incremental run adds to it. Every hook may run again after a kill: what it deletes is
    made again by the model itself.
#}

{# Rows of deliveries that are no longer taken (held, withdrawn) or are to be made anew (lake.registry.redo). #}
{% macro drop_withdrawn() -%}
{%- if is_incremental() -%}
delete from {{ this }} where delivery_id in (
    select delivery_id from lake.foundation.delivery where status <> 'taken'
    union all
    select delivery_id from lake.registry.redo)
{%- else -%}
select 1
{%- endif -%}
{%- endmacro %}

{# Contents first said by a delivery that is gone or made anew: what is still said by others comes back with its new first mention. #}
{% macro drop_stale_contents(entity) -%}
{%- if is_incremental() and something_to_redo() -%}
delete from {{ this }} where content_id not in (select content_id from lake.intermediate.int_{{ entity }}__mention)
    or (first_mention.dataset, first_mention.file, first_mention.delivered_on) in (
        select (delivery.dataset, delivery.file, delivery.delivered_on)
        from lake.foundation.delivery as delivery
        inner join lake.registry.redo as redo on delivery.delivery_id = redo.delivery_id)
{%- else -%}
select 1
{%- endif -%}
{%- endmacro %}

{# Golden records that the linkage queued: those still said by somebody are made anew by the model. #}
{% macro drop_queued(entity) -%}
{%- if is_incremental() -%}
delete from {{ this }} where {{ entity }}_id in (select {{ entity }}_id from lake.registry.{{ entity }}_queue)
{%- else -%}
select 1
{%- endif -%}
{%- endmacro %}

{% macro something_to_redo() -%}
{%- if not execute -%}{{ return(false) }}{%- endif -%}
{{ return(run_query("select count(*) from lake.registry.redo").columns[0].values()[0] > 0) }}
{%- endmacro %}

{# Rows of one entity beside each other, also in what is added later and where small files are merged; said when a table is made. #}
{% macro kept_sorted(columns) -%}
{%- if is_incremental() -%}
select 1
{%- else -%}
alter table {{ this }} set sorted by ({% for column in columns %}{{ column }} asc{{ ', ' if not loop.last }}{% endfor %})
{%- endif -%}
{%- endmacro %}

{#
    Before the body of a CTE that is read more than once: not kept in memory where it holds everything (`whole`). Reading columns
    twice costs less than writing wide rows of a whole city to disk (benchmarks/scale.md); few new rows are kept.
#}
{% macro streamed(whole) -%}
{%- if whole and target.type == 'duckdb' -%}not materialized{%- endif -%}
{%- endmacro %}
