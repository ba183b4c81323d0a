{{ config(materialized='table', pre_hook="load spatial") }}
{# Areas of the four upper levels, with the days they are valid; a community's shape is that of its grids. #}
with shape as (
    select parent as area_code, st_aswkb(st_union_agg(st_geomfromwkb(geometry))) as geometry
    from {{ ref('int_area__grid') }}
    where valid_to is null and geometry is not null
    group by parent
)

select
    area.area_code as code,
    area.name,
    area.parent_code as parent,
    case area.level when 2 then 'city' when 3 then 'county' when 4 then 'town' when 5 then 'community' end as level,
    area.kind,
    area.valid_from,
    area.valid_to,
    area.former_code,
    shape.geometry
from {{ ref('int_area__division') }} as area
left join shape on area.area_code = shape.area_code
