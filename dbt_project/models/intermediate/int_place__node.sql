{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ empty_if_stale() }}") }}
{#
    The places the library knows: every door, and above the doors unit, building, estate or road number, community.
    A node has the grid of its doors if they share one, and the middle of their coordinates.
#}
with door as (
    select
        *,
        coalesce(building_key, unit_key, room_key) is null as is_base,
        unit_key is not null and room_key is null as is_unit,
        building_key is not null and coalesce(unit_key, room_key) is null as is_building
    from {{ ref('int_place__library') }}
    {%- if not is_stale() %}
    where false
    {%- endif %}
),

pathed as (
    select
        *,
        base_key || '|' || village_number as base_path,
        base_key || '|' || village_number || '|' || coalesce(building_key, '') as building_path,
        base_key || '|' || village_number || '|' || coalesce(building_key, '') || '|' || coalesce(unit_key, '') as unit_path
    from door
),

leaf as (
    select
        'door|' || house_code as place_key,
        case
            when room_key is not null and unit_key is not null then 'unit|' || unit_path
            when coalesce(room_key, unit_key) is not null and building_key is not null then 'building|' || building_path
            when not is_base and (estate is not null or road is not null) then base_key
            else 'area|' || community_code
        end as parent_key,
        case
            when room_key is not null then 'room' when unit_key is not null then 'unit' when building_key is not null then 'building'
            when number_key is not null and estate is null then 'number' else 'estate'
        end as level,
        community_code, road, number_key, estate, building_key, unit_key, room_key, house_code, standard_address, grid_code,
        longitude, latitude, 1 as doors
    from pathed
),

unit as (
    select
        'unit|' || unit_path as place_key,
        case when building_key is not null then 'building|' || building_path
            when estate is not null or road is not null then base_key else 'area|' || community_code end as parent_key,
        'unit' as level, community_code, road, number_key, estate, building_key, unit_key, null as room_key,
        {{ shared_by_doors() }}
    from pathed
    where unit_key is not null and room_key is not null
    group by all
),

building as (
    select
        'building|' || building_path as place_key,
        case when estate is not null or road is not null then base_key else 'area|' || community_code end as parent_key,
        'building' as level, community_code, road, number_key, estate, building_key, null as unit_key, null as room_key,
        {{ shared_by_doors() }}
    from pathed
    where building_key is not null and coalesce(unit_key, room_key) is not null
    group by all
),

base as (
    select
        base_key as place_key, 'area|' || community_code as parent_key,
        case when estate is not null then 'estate' else 'number' end as level,
        community_code, road, number_key, estate, null as building_key, null as unit_key, null as room_key,
        {{ shared_by_doors() }}
    from pathed
    where not is_base and (estate is not null or road is not null)
    group by all
),

community as (
    select
        'area|' || community_code as place_key, null as parent_key, 'community' as level, community_code,
        null as road, null as number_key, null as estate, null as building_key, null as unit_key, null as room_key,
        {{ shared_by_doors() }}
    from pathed
    group by community_code
)

{%- set columns = [
    'place_key', 'parent_key', 'level', 'community_code', 'road', 'number_key', 'estate', 'building_key', 'unit_key', 'room_key',
    'house_code', 'standard_address', 'grid_code', 'longitude', 'latitude', 'doors'] %}
{%- for part in ['leaf', 'unit', 'building', 'base', 'community'] %}
select {{ columns | join(', ') }}, '{{ reference_stamp() }}' as reference_stamp from {{ part }}
{{ "union all" if not loop.last }}
{%- endfor %}
