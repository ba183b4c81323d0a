{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_queued('facility') }}") }}
{# Things with a place: homes, canteens, health stations, party centres, municipal parts. #}
with said as (
    {{ said_of('facility') }}
),

chosen as (
    select
        facility_id,
        {%- for attribute in ['kind', 'name', 'status', 'capacity', 'facility_number'] %}
        {{ chosen('facility', attribute) }} as {{ attribute }},
        {%- endfor %}
        {{ chosen_place('facility', none) }} as place_content_id
    from said
    group by facility_id
),

placed as (
    {{ located_places() }}
)

select
    chosen.facility_id,
    chosen.kind as kind_code,
    chosen.name,
    placed.place_id,
    placed.longitude,
    placed.latitude,
    placed.community_code as area_code,
    placed.grid_code,
    chosen.status,
    chosen.capacity,
    chosen.facility_number
from chosen
left join placed on chosen.place_content_id = placed.content_id
