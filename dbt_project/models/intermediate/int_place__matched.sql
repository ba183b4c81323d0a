{{ config(materialized='incremental', incremental_strategy='append', pre_hook=["{{ empty_if_stale() }}", "{{ drop_stale_contents('place') }}"]) }}
{#
    What the text and the area columns of the same row determine of each content, without its coordinates:

        headed   distinct heads (county, town, community as said, area columns): few, however many addresses
        area     the areas each head names, by name inside what is above it; null where two areas have the name
        scoped   per content: the deepest area known, and by which names to ask the library
        based    the estate, road number or village house; then building, unit and door inside it

    Text outside the covered city is never forced into it. What the library does not know, or knows twice, is not guessed:
    `place_key` is then the deepest place that is certain, null where that is no more than an area.
#}
with content as {{ streamed(is_stale()) }} (
    select
        parsed.*,
        content.community_code as row_community, content.house_code, content.grid_code as row_grid,
        {{ std_town_name('content.town_name') }} as row_town,
        {{ std_community_stem('content.community_name') }} as row_stem, {{ std_community_kind('content.community_name') }} as row_kind,
        md5(concat_ws('|',
            coalesce(parsed.province, ''), coalesce(parsed.city_stem, ''), coalesce(parsed.county, ''), coalesce(parsed.town_name, ''),
            coalesce(parsed.community, ''), coalesce(content.community_code, ''), coalesce(substr(content.house_code, 1, 12), ''),
            coalesce(substr(content.grid_code, 7, 12), ''), coalesce(content.town_name, ''), coalesce(content.community_name, ''))) as head_id
    from {{ ref('int_place__parsed') }} as parsed
    inner join {{ ref('int_place__content') }} as content on parsed.content_id = content.content_id
    {%- if not is_stale() %}
    where not exists (select 1 from {{ this }} as known where known.content_id = parsed.content_id)
    {%- endif %}
),

headed as (
    select
        head_id,
        min(province) as province, min(city_stem) as city_stem, min(county) as county,
        min(town_name) as town_said, coalesce(min(town_name), min(row_town)) as town_name,
        min(community_stem) as stem_said, coalesce(min(community_stem), min(row_stem)) as stem,
        case when min(community_stem) is not null then min(community_kind) else min(row_kind) end as kind,
        min(row_community) as row_community, min(substr(house_code, 1, 12)) as house_community, min(substr(row_grid, 7, 12)) as grid_community
    from content
    group by head_id
),

area_name as (
    select area_code, level, name, kind from {{ ref('int_area__name') }}
),

{# a county by its name: in the city the text names, or in any city where only one has it #}
county_name as (
    select name, substr(area_code, 1, 4) as city4, min(area_code) as area_code from area_name where level = 3 group by name, substr(area_code, 1, 4) having count(*) = 1
    union all
    select name, '' as city4, min(area_code) as area_code from area_name where level = 3 group by name having count(*) = 1
),

city_name as (
    select name, min(area_code) as area_code from area_name where level = 2 group by name
),

with_county as (
    select
        headed.*,
        city.area_code as city_code,
        case when headed.city_stem is null or city.area_code is not null then county.area_code end as county_code
    from headed
    left join city_name as city on headed.city_stem = city.name
    left join county_name as county
        on headed.county = county.name and coalesce(substr(city.area_code, 1, 4), '') = county.city4
),

inside as (
    select
        *,
        city_code is null and county_code is null
        and (city_stem is not null or province is not null or (county is not null and not {{ std_re_has('county', '(?:开发区|高新区|保税区|保税港区|示范区|度假区)$') }})) as is_outside
    from with_county
),

town_found as (
    select
        inside.head_id,
        count(distinct town.area_code) as towns,
        min(substr(town.area_code, 1, 9)) as town9,
        min(substr(town.area_code, 1, 9)) filter (
            where substr(town.area_code, 1, 9) = substr(coalesce(inside.row_community, inside.house_community, inside.grid_community), 1, 9)) as town9_of_row
    from inside
    inner join area_name as town
        on town.level = 4 and inside.town_name = town.name
        and (inside.county_code is null or substr(inside.county_code, 1, 6) = substr(town.area_code, 1, 6))
        and (inside.city_code is null or substr(inside.city_code, 1, 4) = substr(town.area_code, 1, 4))
    where not inside.is_outside
    group by inside.head_id
),

with_town as (
    select
        inside.*,
        case when town_found.towns = 1 then town_found.town9 else town_found.town9_of_row end as town9
    from inside
    left join town_found on inside.head_id = town_found.head_id
),

{# area columns, where they do not contradict what the text says above them #}
given as (
    select
        with_town.head_id,
        min(code.code_now) as given_community
    from with_town
    inner join {{ ref('int_area__code') }} as code
        on code.level = 5
        and coalesce(with_town.row_community, with_town.house_community, with_town.grid_community) = code.area_code
    where
        not with_town.is_outside
        and (with_town.town9 is null or substr(code.code_now, 1, 9) = with_town.town9)
        and (with_town.county_code is null or substr(code.code_now, 1, 6) = substr(with_town.county_code, 1, 6))
    group by with_town.head_id
),

covered as (
    select distinct community_code from {{ ref('int_place__library') }}
),

{# communities of that name; the town a column gives narrows them where it has one of them, for the text is the stronger #}
community_named as (
    select
        with_town.head_id, with_town.kind as kind_said, community.area_code, community.kind,
        covered.community_code is not null as is_covered,
        given.given_community = community.area_code as is_given,
        with_town.town9 is null or with_town.town9 = substr(community.area_code, 1, 9) as is_in_town,
        bool_or(with_town.town9 is null or with_town.town9 = substr(community.area_code, 1, 9)) over (partition by with_town.head_id) as some_in_town,
        with_town.town_said is not null as town_is_said
    from with_town
    left join given on with_town.head_id = given.head_id
    inner join area_name as community
        on community.level = 5 and with_town.stem = community.name
        and (with_town.county_code is null or substr(with_town.county_code, 1, 6) = substr(community.area_code, 1, 6))
        and (with_town.city_code is null or substr(with_town.city_code, 1, 4) = substr(community.area_code, 1, 4))
    left join covered on community.area_code = covered.community_code
    where not with_town.is_outside and (with_town.town_said is null or with_town.town9 is not null)
),

community_found as (
    select
        head_id,
        count(distinct area_code) as named,
        count(distinct area_code) filter (where kind = kind_said) as of_kind,
        count(distinct area_code) filter (where is_covered and kind = kind_said) as of_library,
        min(area_code) as community_code,
        min(area_code) filter (where kind = kind_said) as community_of_kind,
        min(area_code) filter (where is_covered and kind = kind_said) as community_of_library,
        min(area_code) filter (where is_given) as community_of_row,
        bool_and(not some_in_town) as contradicts_town
    from community_named
    where is_in_town or (not some_in_town and not town_is_said)
    group by head_id
),

area as (
    select
        with_town.head_id,
        with_town.is_outside,
        with_town.stem_said,
        with_town.kind,
        substr(with_town.city_code, 1, 4) as city4,
        coalesce(substr(with_town.county_code, 1, 6), case when not coalesce(found.contradicts_town, false) then substr(with_town.town9, 1, 6) end) as county6,
        case when not coalesce(found.contradicts_town, false) then with_town.town9 end as town9,
        case
            when found.of_kind = 1 then found.community_of_kind
            when found.named = 1 then found.community_code
            when found.community_of_row is not null then found.community_of_row
            when with_town.stem_said is null or found.named is null then given.given_community
        end as community_code,
        case
            when found.of_kind = 1 or found.named = 1 then case when with_town.stem_said is not null then 'text' else 'row' end
            when found.community_of_row is not null then 'text_and_row'
            when given.given_community is not null and (with_town.stem_said is null or found.named is null) then 'row'
        end as community_from,
        case when found.named > 1 and found.of_library = 1 then found.community_of_library end as community_of_library,
        found.named is not null as stem_is_known
    from with_town
    left join given on with_town.head_id = given.head_id
    left join community_found as found on with_town.head_id = found.head_id
),

{# where the lake covers one city, a text that names none is of this city #}
home as (
    select case when count(*) = 1 then min(substr(area_code, 1, 4)) end as city4
    from {{ ref('int_area__division') }}
    where level = 2 and valid_to is null
),

scoped as (
    select
        content.*,
        area.is_outside, area.community_code as community_known, area.community_from, area.stem_said, area.stem_is_known, area.kind,
        area.city4, area.county6, area.town9,
        case when not area.is_outside then coalesce(area.community_code, area.community_of_library, area.town9, area.county6, area.city4, home.city4) end as scope,
        area.community_code is null and area.community_of_library is not null as is_guess,
        case when content.estate is not null and not content.is_vague then 'F|' || content.estate || '|' || coalesce(content.road, '') || '|' || coalesce(content.number_key, '') end as by_all,
        case when content.estate is not null and not content.is_vague then 'E|' || content.estate end as by_estate,
        case when content.estate is not null and not content.is_vague then 'S|' || content.estate_stem end as by_stem,
        case when content.road is not null and content.number_key is not null and not content.is_vague then 'R|' || content.road || '|' || content.number_key end as by_road,
        case when content.road is null and content.estate is null and content.community is not null and content.number_key is not null and not content.is_vague
            and coalesce(content.building_key, content.unit_key, content.room_key) is null
            then 'V|' || content.community_stem || content.community_kind || '|' || content.number_key end as by_village
    from content
    inner join area on content.head_id = area.head_id
    cross join home
),

asked as (
    select
        scoped.*,
        case when scoped.road is null and scoped.estate is null and scoped.community_known is not null and not scoped.is_vague
            then 'village|' || scoped.community_known end as village_key,
        coalesce(of_all.place_key, of_estate.place_key, of_stem.place_key) as estate_key,
        of_road.place_key as road_key,
        of_village.place_key as village_door,
        coalesce(of_all.area_code, of_estate.area_code, of_stem.area_code, of_village.area_code, of_road.area_code) as agreed_area,
        coalesce(of_all.area_code, of_estate.area_code, of_stem.area_code) is not null as estate_is_known
    from scoped
    left join {{ ref('int_place__index') }} as of_all on scoped.scope = of_all.scope and scoped.by_all = of_all.name
    left join {{ ref('int_place__index') }} as of_estate on scoped.scope = of_estate.scope and scoped.by_estate = of_estate.name
    left join {{ ref('int_place__index') }} as of_stem on scoped.scope = of_stem.scope and scoped.by_stem = of_stem.name
    left join {{ ref('int_place__index') }} as of_road on scoped.scope = of_road.scope and scoped.by_road = of_road.name
    left join {{ ref('int_place__index') }} as of_village on scoped.scope = of_village.scope and scoped.by_village = of_village.name
)

select
    content_id, head_id, address, first_mention, house_code, row_grid,
    is_outside, community_known, community_from, stem_said, stem_is_known, kind, is_guess, city4, county6, town9, scope,
    by_all, by_estate, by_stem, by_road,
    village_key, village_door, estate_key, road_key, estate_is_known, agreed_area,
    '{{ reference_stamp() }}' as reference_stamp
from asked
