{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ empty_if_stale() }}") }}
{#
    By what texts find a place of the library. Two kinds of rows:
    scope = an area (community, town, county, city), name = what the text says of the estate or road number or village
        house: the one base or door this may be (null where there are several), and the deepest area they all lie in
    scope = a base, name = building, unit, room: the one place this is; without the unit too, where that leaves one
#}
with door as (
    select * from {{ ref('int_place__library') }}
    {%- if not is_stale() %}
    where false
    {%- endif %}
),

base as (
    select distinct base_key, community_code, road, number_key, estate, {{ estate_stem('estate') }} as estate_stem
    from door
    where estate is not null or road is not null
),

said as (
    select base_key as place_key, community_code, 'F|' || estate || '|' || coalesce(road, '') || '|' || coalesce(number_key, '') as name from base where estate is not null
    union all
    select base_key, community_code, 'E|' || estate as name from base where estate is not null
    union all
    select base_key, community_code, 'S|' || estate_stem as name from base where estate is not null
    union all
    select base_key, community_code, 'R|' || road || '|' || number_key as name from base where road is not null and number_key is not null
    union all
    select 'door|' || door.house_code as place_key, door.community_code, 'V|' || area.name || area.kind || '|' || door.village_number as name
    from door
    inner join {{ ref('int_area__name') }} as area on area.level = 5 and door.community_code = area.area_code
    where door.village_number <> '' and coalesce(door.building_key, door.unit_key, door.room_key) is null
),

{# digits of a community, a town, a county, a city #}
scope_level as (
    select unnest([12, 9, 6, 4]) as digits
),

scoped as (
    select substr(said.community_code, 1, scope_level.digits) as scope, said.*
    from said
    cross join scope_level
),

of_area as (
    select
        scope, name,
        case when count(distinct place_key) = 1 then min(place_key) end as place_key,
        case
            when count(distinct community_code) = 1 then min(community_code)
            when count(distinct substr(community_code, 1, 9)) = 1 then min(substr(community_code, 1, 9))
            when count(distinct substr(community_code, 1, 6)) = 1 then min(substr(community_code, 1, 6))
            else min(substr(community_code, 1, 4))
        end as area_code
    from scoped
    group by scope, name
),

below as (
    select base_key || '|' || village_number as scope, * from door
),

inside as (
    select scope, 'D|' || coalesce(building_key, '') || '|' || coalesce(unit_key, '') || '|' || coalesce(room_key, '') as name, 'door|' || house_code as place_key, community_code from below
    union all
    select scope, 'D|' || coalesce(building_key, '') || '|*|' || coalesce(room_key, '') as name, 'door|' || house_code as place_key, community_code from below
    union all
    select scope, 'U|' || coalesce(building_key, '') || '|' || unit_key as name,
        'unit|' || scope || '|' || coalesce(building_key, '') || '|' || unit_key as place_key, community_code
    from below where unit_key is not null and room_key is not null
    union all
    select scope, 'B|' || building_key as name, 'building|' || scope || '|' || building_key as place_key, community_code
    from below where building_key is not null and coalesce(unit_key, room_key) is not null
),

of_base as (
    select scope, name, min(place_key) as place_key, min(community_code) as area_code
    from inside
    group by scope, name
    having count(distinct place_key) = 1
)

select *, '{{ reference_stamp() }}' as reference_stamp from of_area
union all
select *, '{{ reference_stamp() }}' as reference_stamp from of_base
