{{ config(materialized='incremental', incremental_strategy='append', pre_hook=["load spatial", "{{ empty_if_stale() }}", "{{ drop_stale_contents('place') }}"]) }}
{# Contents with coordinates: in CGCS2000, by the reference system the row says, else that of the delivery that first said them, and their grid. #}
with first_said as (
    select content_id, min_by(delivery_id, struct_pack(delivered_on := delivered_on, received_at := received_at, file := file, row_number := row_number)) as delivery_id
    from {{ ref('int_place__mention') }}
    where longitude is not null and latitude is not null
    {%- if not is_stale() %}
        and content_id not in (select content_id from {{ this }})
    {%- endif %}
    group by content_id
),

given as (
    select content.content_id, content.first_mention, content.longitude, content.latitude, coalesce(system.crs, 'unknown') as crs, coalesce(system.crs, 'unknown') as crs_found, system.crs_source
    from {{ ref('int_place__content') }} as content
    inner join first_said on content.content_id = first_said.content_id
    left join {{ ref('int_place__crs') }} as system
        on first_said.delivery_id = system.delivery_id and coalesce({{ std_crs_said('content.coordinate_system') }}, '') = system.said_crs
),

{{ std_crs_ctes('given', ['content_id', 'first_mention', 'crs_found', 'crs_source']) }},

drawn as (
    select code, parent, st_geomfromwkb(geometry) as shape
    from {{ ref('int_area__grid') }}
    where valid_to is null and geometry is not null
),

hit as (
    select point.content_id, min(drawn.code) as grid_code
    from (select content_id, st_point(to_longitude, to_latitude) as at from crs_points where to_longitude is not null) as point
    inner join drawn on st_intersects(drawn.shape, point.at)
    group by point.content_id
)

select
    point.content_id,
    point.first_mention,
    point.to_longitude as longitude,
    point.to_latitude as latitude,
    point.crs_found as crs,
    coalesce(point.crs_source, 'unknown') as crs_source,
    hit.grid_code,
    drawn.parent as community_code,
    '{{ reference_stamp() }}' as reference_stamp
from crs_points as point
left join hit on point.content_id = hit.content_id
left join drawn on hit.grid_code = drawn.code
