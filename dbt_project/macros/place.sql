{#
    Addresses are resolved against what the city delivers about itself: the address library, the divisions, the base grids.
    Their current deliveries make the stamp of everything resolved with them; when one of them changes, the stamp does,
    and the tables that carry it are made anew, so that increments equal a full rebuild.
#}
{% macro reference_datasets() -%}
{{ return({'library': 'dashuju.dizhiku', 'divisions': 'dashuju.quhua', 'grids': 'zongzhi.wangge'}) }}
{%- endmacro %}

{% macro has_dataset(use) -%}
{{ return(reference_datasets()[use] in (delivered_contracts() | map(attribute='id') | list)) }}
{%- endmacro %}

{# Accepted rows of the delivery that says how things are now. #}
{% macro current_rows(use) -%}
{{ ref('stg_' ~ contracts()[reference_datasets()[use]].model) }} as row_of
inner join {{ ref('int_delivery__current') }} as current_delivery on row_of.delivery_id = current_delivery.delivery_id
{%- endmacro %}

{% macro reference_stamp() -%}
{%- set current = ref('int_delivery__current') -%}
{%- if not execute -%}{{ return('') }}{%- endif -%}
{%- set query -%}
select coalesce(md5(string_agg(delivery_id, ',' order by delivery_id)), 'none')
from {{ current }}
where dataset in ({% for dataset in reference_datasets().values() %}{{ dbt.string_literal(dataset) }}{{ ", " if not loop.last }}{% endfor %})
{%- endset -%}
{{ return(run_query(query).columns[0].values()[0]) }}
{%- endmacro %}

{# Whether this model holds nothing that was made with the current references, or is to follow contents that leave. #}
{% macro is_stale(also_on_redo=false) -%}
{%- if not execute or not is_incremental() or (also_on_redo and something_to_redo()) -%}{{ return(true) }}{%- endif -%}
{%- set found = run_query("select count(*) from (select 1 from " ~ this ~ " where reference_stamp = '" ~ reference_stamp() ~ "' limit 1) as one").columns[0].values()[0] -%}
{{ return(found == 0) }}
{%- endmacro %}

{# A stale table is emptied before it is filled anew. #}
{% macro empty_if_stale(also_on_redo=false) -%}
{%- if is_incremental() and is_stale(also_on_redo) -%}delete from {{ this }}{%- else -%}select 1{%- endif -%}
{%- endmacro %}

{# Key of what a set of doors shares: community, road, number, estate. #}
{% macro base_key() -%}
case when estate is null and road is null then 'village|' || community_code
else concat_ws('|', 'base', community_code, coalesce(road, ''), coalesce(number_key, ''), coalesce(estate, '')) end
{%- endmacro %}

{# Two spellings of one estate: 大连 and 大连小区. #}
{% macro estate_stem(x) -%}
case when length({{ x }}) > 4 then {{ std_re_sub(x, '(?:居民)?小区$') }} else {{ x }} end
{%- endmacro %}

{# The middle of coordinates, in ten-millionths of a degree (a centimetre): whole numbers add up alike in any order. #}
{% macro mean_degrees(x) -%}
round(cast(sum(cast(round({{ x }} * 10000000) as bigint)) as double) / count({{ x }})) / cast(10000000 as double)
{%- endmacro %}

{# What a node above the doors has of them. #}
{% macro shared_by_doors() -%}
null::varchar as house_code, null::varchar as standard_address,
case when count(distinct grid_code) = 1 and count(grid_code) = count(*) then min(grid_code) end as grid_code,
{{ mean_degrees('longitude') }} as longitude, {{ mean_degrees('latitude') }} as latitude, count(*) as doors
{%- endmacro %}
