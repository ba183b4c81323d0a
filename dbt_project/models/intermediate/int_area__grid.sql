{{ config(materialized='table', pre_hook="load spatial") }}
{# Base grids, as last drawn; a grid missing from a newer full delivery stopped being valid on that day. #}
with source as (
    select * from {{ ref('grid_source') }}
),

delivered as (
    select distinct delivery_id, delivered_on from source
),

drawn as (
    select
        grid_code,
        max_by(struct_pack(name := name, community_code := community_code, kind := kind, geometry := geometry),
            struct_pack(delivered_on := delivered_on, received_at := received_at, row_number := row_number)) as latest,
        min(delivered_on) as valid_from,
        max(delivered_on) as last_seen_on
    from source
    group by grid_code
),

ended as (
    select drawn.grid_code, min(delivered.delivered_on) as valid_to
    from drawn
    inner join delivered on drawn.last_seen_on < delivered.delivered_on
    group by drawn.grid_code
)

select
    drawn.grid_code as code,
    drawn.latest.name as name,
    coalesce(drawn.latest.community_code, substr(drawn.grid_code, 7, 12)) as parent,
    'grid' as level,
    drawn.latest.kind as kind,
    drawn.valid_from,
    ended.valid_to,
    {# a shape that cannot be drawn is none: the gate counts it #}
    try(st_aswkb(st_geomfromgeojson(drawn.latest.geometry))) as geometry
from drawn
left join ended on drawn.grid_code = ended.grid_code
