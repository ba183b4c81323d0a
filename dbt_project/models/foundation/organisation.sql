{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_queued('organisation') }}", post_hook="{{ kept_sorted(['organisation_id']) }}") }}
with said as (
    {{ said_of('organisation') }}
),

chosen as (
    select
        organisation_id,
        {%- for attribute in entity_attributes('organisation') %}
        {{ chosen('organisation', attribute) }} as {{ attribute }},
        {%- endfor %}
        max_by(legal_person_key, {{ survivorship_rank('organisation', 'legal_person_id', 'legal_person_key') }})
            filter (where legal_person_key is not null and is_current) as legal_person_key,
        {{ chosen_place('organisation', none) }} as place_content_id
    from said
    group by organisation_id
)

select
    chosen.organisation_id,
    chosen.uscc,
    chosen.name,
    chosen.kind,
    chosen.status,
    case when classified.organisation_id is not null then classified.industry_code else chosen.industry_code end as industry_code,
    classified.industry_probability,
    case
        when classified.organisation_id is not null then classified.industry_source
        when chosen.industry_code is not null then 'source'
    end as industry_source,
    chosen.business_scope,
    chosen.registered_on,
    chosen.closed_on,
    chosen.capital_cny,
    legal_person.person_id as legal_person_id,
    placed.place_id,
    placed.community_code as area_code,
    placed.grid_code,
    chosen.registration_number,
    chosen.phone
from chosen
left join lake.registry.person as legal_person on 'id|' || chosen.legal_person_key = legal_person.cluster_key
left join lake.registry.place_link as stands on chosen.place_content_id = stands.content_id
left join {{ ref('place') }} as placed on stands.place_id = placed.place_id
left join lake.registry.organisation_industry as classified on chosen.organisation_id = classified.organisation_id
