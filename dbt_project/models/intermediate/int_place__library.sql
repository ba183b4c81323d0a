{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ empty_if_stale() }}") }}
{#
    Doors of the address library as delivered last, their parts as keys. Rows that come in one text are taken apart like
    any other. A house in a village has its number and nothing else, whichever column it stands in.
#}
with delivered as (
    {%- if has_dataset('library') and is_stale() %}
    select
        house_code, standard_address, road, "number", estate, building, unit, room, longitude, latitude, grid_code,
        coalesce(road, "number", estate, building, unit, room) is null as is_whole
    from {{ current_rows('library') }}
    where house_code is not null
    qualify row_number() over (partition by house_code order by row_number desc) = 1
    {%- else %}
    {#- no row, but columns of a table: Spark writes constants into all that is taken apart below and comes to no end #}
    select
        county_code as house_code, name as standard_address, name as road, name as "number",
        name as estate, name as building, name as unit, name as room,
        county_code::double as longitude, county_code::double as latitude, county_code as grid_code, county_code is null as is_whole
    from {{ ref('county') }}
    where false
    {%- endif %}
),

whole as (
    select house_code, standard_address as text from delivered where is_whole and standard_address is not null
),

{{ std_address_ctes('whole', 'text', ref('county'), ['house_code']) }},

parts as (
    select
        delivered.house_code, delivered.standard_address, delivered.longitude, delivered.latitude, delivered.grid_code,
        coalesce(delivered.road, whole_parts.road) as road,
        {{ std_number_key('coalesce(delivered."number", whole_parts."number")') }} as number_key,
        coalesce(delivered.estate, whole_parts.estate) as estate,
        {{ std_building_key('coalesce(delivered.building, whole_parts.building)') }} as building_key,
        {{ std_unit_key('coalesce(delivered.unit, whole_parts.unit)') }} as unit_key,
        {{ std_room_key('coalesce(delivered.room, whole_parts.room)') }} as room_key
    from delivered
    left join address_parts as whole_parts on delivered.house_code = whole_parts.house_code
),

in_area as (
    select
        parts.*,
        coalesce(code.code_now, substr(parts.house_code, 1, 12)) as community_code,
        coalesce(parts.road, parts.estate, parts.unit_key) is null
        and (parts.number_key is null)::integer + (parts.building_key is null)::integer + (parts.room_key is null)::integer = 2
        and not {{ std_re_has("coalesce(parts.standard_address, '')", '(?:楼|栋|幢|座)$') }} as is_village_house
    from parts
    left join {{ ref('int_area__code') }} as code on substr(parts.house_code, 1, 12) = code.area_code and code.level = 5
),

keyed as (
    select
        house_code, standard_address, community_code, road, estate, unit_key,
        case when not is_village_house then building_key end as building_key,
        case when is_village_house then coalesce(number_key, building_key, room_key) else number_key end as number_key,
        case when not is_village_house then room_key end as room_key,
        longitude, latitude, grid_code
    from in_area
)

select
    *,
    {{ base_key() }} as base_key,
    case when estate is null and road is null then coalesce(number_key, '') else '' end as village_number,
    '{{ reference_stamp() }}' as reference_stamp
from keyed
