{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_queued('event') }}", post_hook="{{ kept_sorted(['event_id']) }}") }}
with said as (
    {{ said_of('event') }}
),

chosen as (
    select
        event_id,
        {%- for attribute in ['kind', 'occurred_at', 'department', 'status', 'description', 'event_number'] %}
        {{ chosen('event', attribute) }} as {{ attribute }},
        {%- endfor %}
        {{ chosen_place('event', none) }} as place_content_id,
        count(distinct coalesce(number_space, dataset) || '|' || coalesce(event_number, content_id)) as reports
    from said
    group by event_id
),

placed as (
    {{ located_places() }}
)

select
    chosen.event_id,
    chosen.kind as kind_code,
    chosen.occurred_at,
    placed.place_id,
    placed.community_code as area_code,
    placed.grid_code,
    coalesce(chosen.department, classified.department) as department,
    chosen.status,
    chosen.reports,
    chosen.description,
    chosen.event_number,
    classified.category_code,
    classified.category,
    classified.category_source,
    classified.category_probability,
    classified.severity,
    classified.urgency,
    classified.days,
    case when chosen.department is not null then 'source' when classified.department is not null then 'dispatch_catalogue' end as department_source,
    classified.alarm
from chosen
left join placed on chosen.place_content_id = placed.content_id
left join lake.registry.event_class as classified on chosen.event_id = classified.event_id
