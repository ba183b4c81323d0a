{{ config(materialized='table') }}
{#
    Names by which addresses call the areas valid now: today's, those of abolished areas (of the divisions and of the
    national list of counties), and for zones the short ones: 烟台经济技术开发区 is 开发区 in its own city.
    `name` of a community is its stem (南尧社区居民委员会: 南尧), `kind` tells 社区 and 村 apart.
#}
with named as (
    select distinct code.code_now as area_code, area.level, area.name
    from {{ ref('int_area__division') }} as area
    inner join {{ ref('int_area__code') }} as code on area.area_code = code.area_code
    union
    select area.area_code, area.level, abolished.name
    from {{ ref('county') }} as abolished
    inner join {{ ref('int_area__division') }} as area
        on abolished.successor_code || '000000' = area.area_code and area.valid_to is null
    where abolished.successor_code is not null
),

city as (
    select area_code, {{ std_city_stem('name') }} as stem from named where level = 2
),

varied as (
    select area_code, level, name from named
    union
    select named.area_code, named.level, replace(named.name, city.stem, '') as name
    from named
    inner join city on substr(named.area_code, 1, 4) = substr(city.area_code, 1, 4)
    where named.level = 3 and named.name like '%开发区' and length(named.name) > length(city.stem) + 3
    union
    select area_code, level, case when name like '%高新%' then '高新区' else '开发区' end as name
    from named
    where level = 3 and name like '%技术%开发区'
    union
    select area_code, level, case when name like '%高新%' then '高新技术开发区' else '经济开发区' end as name
    from named
    where level = 3 and name like '%技术%开发区'
)

select distinct
    area_code,
    level,
    case
        when level = 2 then {{ std_city_stem('name') }}
        when level = 4 then {{ std_town_name('name') }}
        when level = 5 then {{ std_community_stem('name') }}
        else name
    end as name,
    case when level = 5 then {{ std_community_kind('name') }} end as kind
from varied
