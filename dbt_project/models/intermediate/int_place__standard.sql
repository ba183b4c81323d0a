{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='place_key', pre_hook="{{ empty_if_stale(also_on_redo=true) }}") }}
{#
    One row per place key with all that is known of it: the nodes of the library, and places that stand for themselves,
    described by the longest text that means them.
#}
with touched as (
    select distinct resolved.place_key
    from {{ ref('int_place__resolved') }} as resolved
    {%- if not is_stale(also_on_redo=true) %}
    where resolved.content_id not in (select content_id from lake.registry.place_link)
    {%- endif %}
),

alone as (
    select
        resolved.place_key,
        max_by(resolved.content_id, struct_pack(fit := coalesce(length(parsed.address), 0), content_id := resolved.content_id)) as content_id,
        max_by(struct_pack(longitude := resolved.longitude, latitude := resolved.latitude), resolved.content_id) filter (where resolved.longitude is not null) as point,
        case when count(distinct resolved.grid_code) = 1 then min(resolved.grid_code) end as grid_code,
        case when count(distinct resolved.community_code) = 1 then min(resolved.community_code) end as community_code,
        {#- a door the library does not know stands below what its address names #}
        case when count(distinct resolved.text_key) = 1 and min(resolved.text_key) not like 'door|%' then min(resolved.text_key) end as above_key
    from {{ ref('int_place__resolved') }} as resolved
    inner join {{ ref('int_place__parsed') }} as parsed on resolved.content_id = parsed.content_id
    where
        resolved.place_key in (select place_key from touched)
        and not exists (select 1 from {{ ref('int_place__node') }} as node where node.place_key = resolved.place_key)
    group by resolved.place_key
),

described as (
    select
        alone.*, parsed.* exclude (content_id, first_mention), resolved.area_said,
        case when alone.place_key like 'area|%' then substr(alone.place_key, 6) end as area_of_key
    from alone
    inner join {{ ref('int_place__parsed') }} as parsed on alone.content_id = parsed.content_id
    inner join {{ ref('int_place__resolved') }} as resolved on alone.content_id = resolved.content_id
),

{# communities that are only named as the parent of a place #}
parent_alone as (
    select distinct 'area|' || described.community_code as place_key
    from described
    where described.community_code is not null and described.area_of_key is null
    except
    select place_key from {{ ref('int_place__node') }}
    except
    select place_key from described
),

areas as (
    select area_code, level, name from {{ ref('int_area__division') }} where valid_to is null
),

only_grid as (
    select parent as community_code, min(code) as grid_code
    from {{ ref('int_area__grid') }}
    where valid_to is null
    group by parent
    having count(*) = 1
),

told as (
    select
        place_key, parent_key, level, community_code as area_code, road, number_key as "number", estate, building_key as building,
        unit_key as unit, room_key as room, null as village_group, null as rest, house_code, standard_address as own_text, grid_code, longitude, latitude
    from {{ ref('int_place__node') }}
    {%- if not is_stale(also_on_redo=true) %}
    where false
    {%- endif %}
    union all
    select
        place_key,
        case
            when area_of_key is not null or community_code is null then null
            else coalesce(above_key, 'area|' || community_code)
        end as parent_key,
        case
            when area_of_key like '%00000000' then 'city'
            when area_of_key like '%000000' then 'county'
            when area_of_key like '%000' then 'town'
            when area_of_key is not null then 'community'
            when place_key like 'grid|%' then 'grid'
            when place_key like 'point|%' then 'point'
            when room is not null then 'room'
            when unit is not null then 'unit'
            when building is not null then 'building'
            when estate is not null then 'estate'
            when "number" is not null then 'number'
            when coalesce(road, village_group, rest) is not null then 'text'
            when community is not null then 'community'
            when town is not null then 'town'
            when county is not null then 'county'
            when city is not null then 'city'
            else 'text'
        end as level,
        coalesce(area_of_key, community_code, rpad(area_said, 12, '0')) as area_code,
        case when place_key like 'text|%' or place_key like 'door|%' then road end as road,
        case when place_key like 'text|%' or place_key like 'door|%' then number_key end as "number",
        case when place_key like 'text|%' or place_key like 'door|%' then estate end as estate,
        case when place_key like 'text|%' or place_key like 'door|%' then building_key end as building,
        case when place_key like 'text|%' or place_key like 'door|%' then unit_key end as unit,
        case when place_key like 'text|%' or place_key like 'door|%' then room_key end as room,
        case when place_key like 'text|%' or place_key like 'door|%' then village_group end as village_group,
        case when place_key like 'text|%' or place_key like 'door|%' then rest end as rest,
        case when place_key like 'door|%' then substr(place_key, 6) end as house_code,
        case when area_of_key is null and (area_said is null or (length(area_said) < 12 and community is not null)) then address end as own_text,
        case when area_of_key is null then grid_code end as grid_code,
        case when area_of_key is null then point.longitude end as longitude,
        case when area_of_key is null then point.latitude end as latitude
    from described
    union all
    select
        place_key, null as parent_key, 'community' as level, substr(place_key, 6) as area_code, null as road, null as "number", null as estate,
        null as building, null as unit, null as room, null as village_group, null as rest, null as house_code, null as own_text,
        null as grid_code, null as longitude, null as latitude
    from parent_alone
),

{# the areas above, as columns: a join on an expression with a condition beside it is not hashed #}
every as (
    select
        *,
        substr(area_code, 1, 4) as city4,
        case when substr(area_code, 5, 2) <> '00' then substr(area_code, 1, 6) || '000000' end as county_code,
        case when substr(area_code, 7, 3) <> '000' then substr(area_code, 1, 9) || '000' end as town_code
    from told
),

home as (
    select
        substr(area_code, 1, 4) as city4,
        {#- a municipality is its own province #}
        case when substr(area_code, 1, 2) in ('11', '12', '31', '50') then '' else {{ std_province_name('substr(area_code, 1, 2)') }} end as province,
        name
    from areas
    where level = 2
)

select
    every.place_key,
    every.parent_key,
    every.level,
    coalesce(every.own_text, concat(
        home.province, home.name, county.name, town.name,
        {{ std_community_stem('community.name') }} || {{ std_community_kind('community.name') }},
        every.village_group, every.road, every."number" || case when every."number" like '%弄' then '' else '号' end,
        every.estate, every.building || '号楼', every.unit || '单元', every.room || '号', every.rest)) as standard_address,
    every.county_code,
    every.town_code,
    case when substr(every.area_code, 10, 3) <> '000' then every.area_code end as community_code,
    case
        when every.place_key like 'grid|%' then substr(every.place_key, 6)
        else coalesce(every.grid_code, only_grid.grid_code)
    end as grid_code,
    every.road, every."number", every.estate, every.building, every.unit, every.room, every.house_code,
    every.longitude, every.latitude,
    '{{ reference_stamp() }}' as reference_stamp
from every
left join home on every.city4 = home.city4
left join areas as county on every.county_code = county.area_code
left join areas as town on every.town_code = town.area_code
left join areas as community on every.area_code = community.area_code and community.level = 5
left join only_grid on every.area_code = only_grid.community_code
