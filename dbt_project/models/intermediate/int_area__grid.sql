{{ config(materialized='table', pre_hook="load spatial") }}
{# Base grids, as last drawn. #}
with drawn as (
    {{ drawn_grids(ref('grid_source'), ['grid_code'], [], ['name', 'community_code', 'kind']) }}
)

select
    grid_code as code,
    name,
    coalesce(community_code, substr(grid_code, 7, 12)) as parent,
    'grid' as level,
    kind,
    valid_from,
    valid_to,
    geometry
from drawn
