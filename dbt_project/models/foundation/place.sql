{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_queued('place') }}") }}
{# Standard addresses: one row per door, or per building, estate or area where the text says no more. #}
with parsed as (
    select link.place_id, parsed.*
    from lake.registry.place_link as link
    inner join {{ ref('int_place__parsed') }} as parsed on link.content_id = parsed.content_id
    {% if is_incremental() -%}
    where link.place_id in (select place_id from lake.registry.place_queue)
    {%- endif %}
),

best as (
    select
        place_id,
        max_by(struct_pack(
            county_code := county_code, town_code := town_code, community_code := community_code, detail := detail,
            road := road, "number" := "number", estate := estate, building := building, unit := unit, room := room),
            struct_pack(fit := length(address), content_id := content_id)) as said
    from parsed
    group by place_id
),

only_grid as (
    select parent as community_code, min(code) as grid_code
    from {{ ref('grid') }}
    where valid_to is null
    group by parent
    having count(*) = 1
)

select
    best.place_id,
    null::varchar as parent_place_id,
    case
        when best.said.room is not null then 'room'
        when best.said.unit is not null then 'unit'
        when best.said.building is not null then 'building'
        when best.said.estate is not null then 'estate'
        when best.said."number" is not null or regexp_matches(best.said.detail, '[0-9]+号') then 'number'
        when best.said.detail <> '' then 'text'
        when best.said.community_code is not null then 'community'
        when best.said.town_code is not null then 'town'
        when best.said.county_code is not null then 'county'
        else 'unknown'
    end as level,
    concat(
        case when best.said.county_code is not null then '山东省烟台市' end,
        county.name, town.name, community.stem, best.said.detail) as standard_address,
    best.said.county_code || '000000' as county_code,
    best.said.town_code as town_code,
    best.said.community_code as community_code,
    only_grid.grid_code,
    best.said.road as road,
    best.said."number" as "number",
    best.said.estate as estate,
    best.said.building as building,
    best.said.unit as unit,
    best.said.room as room,
    null::double as longitude,
    null::double as latitude
from best
left join {{ ref('division') }} as county on county.level = 3 and county.valid_to is null and best.said.county_code || '000000' = county.area_code
left join {{ ref('division') }} as town on town.level = 4 and town.valid_to is null and best.said.town_code = town.area_code
left join {{ ref('int_area__stem') }} as community on best.said.community_code = community.area_code
left join only_grid on best.said.community_code = only_grid.community_code
