{{ config(materialized='table', pre_hook="load spatial") }}
{#
    In which reference system each delivery's coordinates are. What a row itself says (`said_crs`) holds, unless the rows
    that say so do not fit it and would be recognised as another: then their coordinates are not used, and the gate warns.
    Else what the contract declares holds. What neither declares is recognised by the delivery as a set: read in the right
    system, its points lie in the communities their addresses name (grids, else the box of the library's doors); read in a
    wrong one, they stand some hundred metres beside. Nothing is recognised by fewer than five rows, nor where a second
    system fits nearly as well; then an earlier delivery of the
    same dataset decides, else nothing does, and the coordinates are not used.
#}
with declared as (
    {%- set found = [] %}
    {%- for contract in contracts().values() %}
    {%- for column in contract.columns if column.kind == 'coordinate' and column.options.get('crs') %}
    {%- do found.append("select '" ~ contract.id ~ "' as dataset, '" ~ column.options.crs ~ "' as crs") %}
    {%- endfor %}
    {%- endfor %}
    {#- the library is what the others are compared with #}
    {%- if reference_datasets().library not in (found | join(' ')) %}
    {%- do found.append("select '" ~ reference_datasets().library ~ "' as dataset, 'cgcs2000' as crs") %}
    {%- endif %}
    {{ found | unique | join('\n    union\n    ') }}
),

located as (
    select
        mention.delivery_id, mention.dataset, mention.delivered_on, mention.received_at, mention.content_id,
        mention.longitude, mention.latitude, coalesce({{ std_crs_said('mention.coordinate_system') }}, '') as said_crs,
        coalesce(matched.community_known, case when length(matched.agreed_area) = 12 then matched.agreed_area end) as community_code
    from {{ ref('int_place__mention') }} as mention
    inner join {{ ref('int_place__matched') }} as matched on mention.content_id = matched.content_id
    where mention.longitude is not null and mention.latitude is not null
),

shape as (
    select parent as community_code, st_union_agg(st_geomfromwkb(geometry)) as shape
    from {{ ref('int_area__grid') }}
    where valid_to is null and geometry is not null
    group by parent
    union all
    select community_code, st_makeenvelope(min(longitude), min(latitude), max(longitude), max(latitude)) as shape
    from {{ ref('int_place__library') }}
    where longitude is not null and community_code not in (select parent from {{ ref('int_area__grid') }} where valid_to is null and geometry is not null)
    group by community_code
),

tried as (
    select distinct
        located.delivery_id, located.said_crs, located.content_id, located.community_code, located.longitude, located.latitude,
        system.crs as tried_crs, system.crs
    from located
    cross join (select unnest({{ std_crs_systems() }}) as crs) as system
    where
        located.community_code is not null and located.said_crs <> 'other'
        and (located.said_crs <> '' or located.dataset not in (select dataset from declared))
),

{{ std_crs_ctes('tried', ['delivery_id', 'said_crs', 'content_id', 'community_code', 'tried_crs']) }},

fitted as (
    select
        point.delivery_id,
        point.said_crs,
        point.tried_crs as crs,
        count(*) as points,
        count(*) filter (where not st_intersects(shape.shape, st_point(point.to_longitude, point.to_latitude))) as beside,
        avg(st_distance(shape.shape, st_point(point.to_longitude, point.to_latitude))) as distance
    from crs_points as point
    inner join shape on point.community_code = shape.community_code
    group by point.delivery_id, point.said_crs, point.tried_crs
),

ranked as (
    select
        *,
        row_number() over fits as position,
        lead(beside) over fits as beside_of_next,
        first_value(beside) over fits as beside_of_best
    from fitted
    window fits as (partition by delivery_id, said_crs order by beside, distance, crs)
),

recognised as (
    select delivery_id, crs, points
    from ranked
    where said_crs = '' and position = 1 and points >= 5 and beside <= points * 0.2 and beside_of_next >= beside + greatest(3, points * 0.05)
),

contradicted as (
    select delivery_id, said_crs
    from ranked
    where
        crs = said_crs and points >= 5 and beside > points * 0.2
        and beside_of_best <= points * 0.2 and beside >= beside_of_best + greatest(3, points * 0.05)
),

delivery as (
    select delivery_id, dataset, said_crs, min(delivered_on) as delivered_on, min(received_at) as received_at from located group by all
),

decided as (
    select
        delivery.*,
        case
            when delivery.said_crs = '' then coalesce(declared.crs, recognised.crs)
            when delivery.said_crs <> 'other' and contradicted.said_crs is null then delivery.said_crs
        end as crs_of_its_own,
        case
            when delivery.said_crs = 'other' then 'other_system'
            when contradicted.said_crs is not null then 'contradicted'
            when delivery.said_crs <> '' then 'said_by_row'
            when declared.crs is not null then 'declared'
            when recognised.crs is not null then 'recognised'
        end as source
    from delivery
    left join declared on delivery.dataset = declared.dataset
    left join recognised on delivery.delivery_id = recognised.delivery_id
    left join contradicted on delivery.delivery_id = contradicted.delivery_id and delivery.said_crs = contradicted.said_crs
)

select
    delivery_id,
    dataset,
    said_crs,
    coalesce(crs_of_its_own, case when said_crs = '' then last_value(crs_of_its_own ignore nulls) over before end) as crs,
    coalesce(source, case when last_value(crs_of_its_own ignore nulls) over before is not null then 'earlier_delivery' else 'unknown' end) as crs_source
from decided
window before as (partition by dataset, said_crs order by delivered_on, received_at, delivery_id rows between unbounded preceding and current row)
