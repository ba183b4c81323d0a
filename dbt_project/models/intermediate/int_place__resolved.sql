{{ config(materialized='incremental', incremental_strategy='append', pre_hook=["{{ empty_if_stale() }}", "{{ drop_stale_contents('place') }}"]) }}
{#
    Which place each content means: `place_key`, never deeper than what it says. By the house code; else by what text and
    row determine (int_place__matched), of several estates of one name the one around the row's own coordinates; else the
    text stands for itself. Beside it the area and grid of this content, which may be finer than the place's.
#}
with matched as (
    select
        matched.*,
        parsed.is_vague, parsed.building_key, parsed.unit_key, parsed.room_key, parsed.number_key, parsed.estate, parsed.road,
        parsed.village_group, parsed.rest_all, parsed.note, parsed.province, parsed.city_stem, parsed.county, parsed.town_name,
        parsed.community_stem, parsed.community_kind,
        point.longitude, point.latitude, point.crs_source, point.grid_code as point_grid, point.community_code as point_community
    from {{ ref('int_place__matched') }} as matched
    inner join {{ ref('int_place__parsed') }} as parsed on matched.content_id = parsed.content_id
    left join {{ ref('int_place__point') }} as point on matched.content_id = point.content_id
    {%- if not is_stale() %}
    where not exists (select 1 from {{ this }} as known where known.content_id = matched.content_id)
    {%- endif %}
),

pointed as (
    select
        matched.*,
        coalesce(matched.estate_key, of_all.place_key, of_estate.place_key, of_stem.place_key) as estate_found,
        matched.estate_key is null and coalesce(of_all.place_key, of_estate.place_key, of_stem.place_key) is not null as is_by_point
    from matched
    left join {{ ref('int_place__index') }} as of_all
        on case when matched.estate_key is null and matched.estate_is_known then matched.point_community end = of_all.scope and matched.by_all = of_all.name
    left join {{ ref('int_place__index') }} as of_estate
        on case when matched.estate_key is null and matched.estate_is_known then matched.point_community end = of_estate.scope and matched.by_estate = of_estate.name
    left join {{ ref('int_place__index') }} as of_stem
        on case when matched.estate_key is null and matched.estate_is_known then matched.point_community end = of_stem.scope and matched.by_stem = of_stem.name
),

{# an estate the library does not know, at a road number it knows: the road number and nothing below #}
based as (
    select
        *,
        coalesce(estate_found, case when not estate_is_known then road_key end) as base_said,
        estate_found is null and estate is not null as is_shallow
    from pointed
),

named_so as (
    select distinct area_code, name from {{ ref('int_area__name') }} where level = 5
),

{# a community that was said but stands in no list does not contradict; one of another name does #}
checked as (
    select
        based.*,
        case
            when based.base_said is null then null
            when based.community_known is null and not based.is_guess and based.stem_said is not null and based.stem_is_known
                and named_so.name is null then null
            else based.base_said
        end as base_key
    from based
    left join named_so
        on split_part(based.base_said, '|', 2) = named_so.area_code and based.stem_said = named_so.name
),

below as (
    select
        *,
        case
            when is_vague then null
            when base_key is not null then base_key || '|'
            when village_key is not null and estate is null then village_key || '|' || coalesce(number_key, '')
        end as inner_scope,
        'D|' || coalesce(building_key, '') || '|' || coalesce(unit_key, '*') || '|' || coalesce(room_key, '') as by_door,
        'U|' || coalesce(building_key, '') || '|' || unit_key as by_unit,
        'B|' || building_key as by_building
    from checked
),

asked as (
    select
        *,
        {#- a column, because a left join with a condition on its left side is not hashed #}
        case when base_key is not null or coalesce(number_key, '') <> '' then inner_scope end as base_scope
    from below
),

found as (
    select
        asked.*,
        case
            when asked.is_shallow then base_door.place_key
            else coalesce(
                door.place_key, in_unit.place_key, in_building.place_key, base_door.place_key, asked.village_door)
        end as text_key,
        'door|' || asked.house_code as code_key
    from asked
    left join {{ ref('int_place__index') }} as door on asked.inner_scope = door.scope and asked.by_door = door.name
    left join {{ ref('int_place__index') }} as in_unit on asked.inner_scope = in_unit.scope and asked.by_unit = in_unit.name
    left join {{ ref('int_place__index') }} as in_building on asked.inner_scope = in_building.scope and asked.by_building = in_building.name
    left join {{ ref('int_place__index') }} as base_door
        on asked.base_scope = base_door.scope and base_door.name = 'D||*|'
),

{# a code that the library knows is the door, whatever the text beside it says #}
on_node as (
    select
        found.*,
        coalesce(by_code.place_key, by_text.place_key, base.place_key) as library_key,
        coalesce(by_code.level, by_text.level, base.level) as library_level,
        coalesce(by_code.community_code, by_text.community_code, base.community_code) as library_community,
        coalesce(by_code.grid_code, by_text.grid_code, base.grid_code) as library_grid,
        found.house_code is not null and by_code.place_key is null as is_unknown_code
    from found
    left join {{ ref('int_place__node') }} as by_code on found.code_key = by_code.place_key
    left join {{ ref('int_place__node') }} as by_text on found.text_key = by_text.place_key
    left join {{ ref('int_place__node') }} as base on found.base_key = base.place_key
),

located as (
    select
        on_node.*,
        coalesce(
            library_community, community_known, code.code_now,
            case
                when is_outside then null
                when town9 is not null and substr(point_community, 1, 9) <> town9 then null
                when county6 is not null and substr(point_community, 1, 6) <> county6 then null
                else point_community
            end) as community_code,
        concat_ws('|', village_group, road, number_key, estate, building_key, unit_key, room_key, rest_all) as detail
    from on_node
    left join {{ ref('int_area__code') }} as code
        on case when on_node.is_unknown_code then substr(on_node.house_code, 1, 12) end = code.area_code and code.level = 5
),

known_area as (
    select
        *,
        {#- what the text and the row's area columns say, the point left out: the key must not hang on it #}
        case
            when is_outside then null
            else coalesce(community_known, case when library_key is null and estate_is_known and length(agreed_area) > length(coalesce(town9, county6, city4, '')) then agreed_area end, town9, county6, city4)
        end as area_said
    from located
),

keyed as (
    select
        *,
        case
            when house_code is not null then 'door|' || house_code
            when library_key is not null then library_key
            when address is null and point_grid is not null then 'grid|' || point_grid
            when address is null then 'point|' || content_id
            when is_outside or area_said is null
                then concat_ws('|', 'text', coalesce(case when city_stem is null then province end, ''), coalesce(city_stem, ''), coalesce(county, ''), coalesce(town_name, ''), coalesce(community_stem || community_kind, ''), detail)
            when detail = '' and (community_stem is null or community_known is not null) and (town_name is null or town9 is not null or community_known is not null)
                then 'area|' || rpad(area_said, 12, '0')
            when is_vague and community_known is not null then 'area|' || community_known
            else concat_ws('|', 'text', area_said, case when community_known is null then coalesce(case when town9 is null then town_name end, '') || coalesce(community_stem || community_kind, '') else '' end, detail)
        end as place_key
    from known_area
),

only_grid as (
    select parent, min(code) as grid_code
    from {{ ref('int_area__grid') }}
    where valid_to is null
    group by parent
    having count(*) = 1
)

select
    keyed.content_id,
    keyed.place_key,
    case
        when keyed.house_code is not null then case when keyed.is_unknown_code then 'house_code_not_in_library' else 'house_code' end
        when keyed.library_key is not null then case when keyed.is_by_point then 'library_by_point_' when keyed.village_door is not null then 'library_by_village_' else 'library_' end || keyed.library_level
        when keyed.place_key like 'grid|%' then 'point_in_grid'
        when keyed.place_key like 'point|%' then 'point'
        when keyed.is_outside then 'outside'
        when keyed.place_key like 'area|%' then case when keyed.is_vague then 'area_of_vague_text' else 'area' end
        when keyed.estate_is_known then 'text_ambiguous'
        when keyed.community_known is not null then 'text_not_in_library'
        else 'text'
    end as resolution_rule,
    keyed.house_code,
    case when keyed.is_unknown_code then keyed.library_key end as text_key,
    keyed.area_said,
    keyed.community_code,
    coalesce(
        keyed.library_grid,
        case when keyed.row_grid is not null and (keyed.community_code is null or drawn.parent = keyed.community_code) then drawn.code end,
        case when keyed.point_community = keyed.community_code then keyed.point_grid end,
        only_grid.grid_code) as grid_code,
    keyed.longitude,
    keyed.latitude,
    keyed.crs_source,
    keyed.first_mention,
    '{{ reference_stamp() }}' as reference_stamp
from keyed
left join {{ ref('int_area__grid') }} as drawn on keyed.row_grid = drawn.code
left join only_grid on keyed.community_code = only_grid.parent
