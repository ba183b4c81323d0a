{{ config(materialized='view') }}
{#
    What was said of a place, by days the sources say: the fullest spelling still delivered, and position, community and grid of
    the content that knows most. A place nobody delivers any more keeps what was said last.
#}
with valid as (
    {{ validity('place') }}
),

linked as (
    select
        link.place_id, link.content_id, parsed.address, resolved.community_code, resolved.grid_code, resolved.longitude, resolved.latitude,
        valid.valid_from, valid.valid_to
    from lake.registry.place_link as link
    inner join valid on link.content_id = valid.content_id
    inner join {{ ref('int_place__resolved') }} as resolved on link.content_id = resolved.content_id
    left join {{ ref('int_place__parsed') }} as parsed on link.content_id = parsed.content_id
    where link.place_id is not null
),

turn as (
    select place_id, valid_from as day from linked
    union
    select place_id, valid_to from linked where valid_to is not null
),

known as (
    select
        turn.day,
        linked.* exclude (valid_from, valid_to),
        linked.valid_to is null or linked.valid_to > turn.day as is_current
    from turn
    inner join linked on turn.place_id = linked.place_id and turn.day >= linked.valid_from
),

version as (
    select
        place_id,
        day,
        max_by(address, struct_pack(is_current := is_current, fullness := length(address), content_id := content_id))
            filter (where address is not null) as address,
        {%- for column in ['community_code', 'grid_code'] %}
        max_by({{ column }}, struct_pack(is_current := is_current, content_id := content_id)) filter (where {{ column }} is not null) as {{ column }},
        {%- endfor %}
        max_by(struct_pack(longitude := longitude, latitude := latitude), struct_pack(is_current := is_current, content_id := content_id))
            filter (where longitude is not null) as point,
        bool_or(is_current) as is_delivered
    from known
    group by place_id, day
),

compared as (
    select
        *,
        hash(address, community_code, grid_code, point, is_delivered) as version_hash
    from version
),

marked as (
    select *, lag(version_hash) over (partition by place_id order by day) as before
    from compared
)

select
    place_id,
    day as valid_from,
    lead(day) over (partition by place_id order by day) as valid_to,
    is_delivered,
    address,
    community_code,
    grid_code,
    point.longitude as longitude,
    point.latitude as latitude
from marked
where before is null or before <> version_hash
