{{ config(materialized='table', pre_hook="load spatial") }}
{# Grids of the lines, as last drawn; a grid missing from a newer full delivery of its line stopped being valid on that day. #}
with source as (
    select * from {{ ref('line_grid_source') }}
),

delivered as (
    select distinct line, delivery_id, delivered_on from source
),

drawn as (
    select
        line,
        code,
        max_by(struct_pack(name := name, manager := manager, geometry := geometry),
            struct_pack(delivered_on := delivered_on, received_at := received_at, row_number := row_number)) as latest,
        min(delivered_on) as valid_from,
        max(delivered_on) as last_seen_on
    from source
    group by line, code
),

ended as (
    select drawn.line, drawn.code, min(delivered.delivered_on) as valid_to
    from drawn
    inner join delivered on drawn.line = delivered.line and drawn.last_seen_on < delivered.delivered_on
    group by drawn.line, drawn.code
)

select
    drawn.line,
    drawn.code,
    drawn.latest.name as name,
    drawn.latest.manager as manager,
    drawn.valid_from,
    ended.valid_to,
    {# a shape that cannot be drawn is none: the gate counts it #}
    try(st_aswkb(st_geomfromgeojson(drawn.latest.geometry))) as geometry
from drawn
left join ended on drawn.line = ended.line and drawn.code = ended.code
