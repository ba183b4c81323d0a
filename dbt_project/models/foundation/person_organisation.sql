{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_rows_of_both() }}", post_hook="{{ kept_sorted(['person_id']) }}") }}
{# The person and the organisation of one row: whom it insures, who represents it, where a pupil goes to school. #}
with delivery as (
    {{ calendar() }}
),

pair as (
    {{ people_and_organisations() }}
),

said as (
    select
        person.person_id, organisation.organisation_id,
        case
            when pair.person_role = 'subject' and pair.organisation_role = 'subject' then 'member'
            when pair.organisation_role <> 'subject' then pair.organisation_role
            else pair.person_role
        end as relation,
        pair.person_content_id, pair.organisation_content_id, pair.dataset, pair.delivered_on, delivery.kind, delivery.next_delivered_on,
        case when delivery.kind = 'full' then current_full.delivery_id is not null
            else person_state.is_current and organisation_state.is_current end as is_current
    from pair
    inner join delivery on pair.delivery_id = delivery.delivery_id
    inner join lake.registry.person_link as person on pair.person_content_id = person.content_id
    inner join lake.registry.organisation_link as organisation on pair.organisation_content_id = organisation.content_id
    inner join lake.registry.person_state as person_state on pair.person_content_id = person_state.content_id
    inner join lake.registry.organisation_state as organisation_state on pair.organisation_content_id = organisation_state.content_id
    left join {{ ref('int_delivery__current') }} as current_full on pair.delivery_id = current_full.delivery_id
    where person.person_id is not null and organisation.organisation_id is not null
),

person_superseded as (
    {{ superseded('person', "select said.person_content_id from said where not said.is_current and said.kind <> 'full'") }}
),

organisation_superseded as (
    {{ superseded('organisation', "select said.organisation_content_id from said where not said.is_current and said.kind <> 'full'") }}
)

select
    said.person_id,
    said.organisation_id,
    said.relation,
    said.dataset,
    {{ dated_span('least(person_superseded.superseded_on, organisation_superseded.superseded_on)') }}
from said
left join person_superseded on said.person_content_id = person_superseded.content_id
left join organisation_superseded on said.organisation_content_id = organisation_superseded.content_id
group by said.person_id, said.organisation_id, said.relation, said.dataset
order by said.person_id, said.organisation_id, said.relation, said.dataset
