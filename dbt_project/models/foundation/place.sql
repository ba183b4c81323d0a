{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_queued('place') }}") }}
{#
    Standard addresses: every door of the library with what is above it, and what texts mean that the library does not
    have. `level` says how deep the text went; components are as the library writes them.
#}
select
    known.place_id,
    parent.place_id as parent_place_id,
    standard.level,
    standard.standard_address,
    standard.county_code,
    standard.town_code,
    standard.community_code,
    standard.grid_code,
    standard.road,
    standard."number",
    standard.estate,
    standard.building,
    standard.unit,
    standard.room,
    standard.longitude,
    standard.latitude,
    standard.house_code
from lake.registry.place as known
inner join {{ ref('int_place__standard') }} as standard on known.cluster_key = standard.place_key
left join lake.registry.place as parent on standard.parent_key = parent.cluster_key
{% if is_incremental() -%}
where known.place_id in (select place_id from lake.registry.place_queue)
{%- endif %}
