{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_queued('person') }}", post_hook="{{ kept_sorted(['person_id']) }}") }}
with said as (
    {{ said_of('person') }}
),

chosen as (
    select
        person_id,
        max_by(id_type, {{ survivorship_rank('person', 'id_number') }}) filter (where id_number is not null) as id_type,
        {%- for attribute in ['id_number', 'name', 'sex_code', 'birth_date', 'death_date', 'ethnic_code', 'phone'] %}
        {{ chosen('person', attribute) }} as {{ attribute }},
        {%- endfor %}
        {{ chosen_place('person', 'residence') }} as residence_content_id,
        {{ chosen_place('person', 'registered') }} as registered_content_id,
        max_by(household_number, {{ survivorship_rank('person', 'household_number') }})
            filter (where household_number is not null and is_current) as household_number,
        max_by(area_code, {{ survivorship_rank('person', 'area_code') }})
            filter (where area_code is not null and is_current) as registered_area_code,
        coalesce(bool_or(is_deceased), false) or bool_or(death_date is not null) as is_dead,
        bool_or(link_rule = 'verified_identifier') as is_verified,
        min(link_probability) as least_probability,
        count(*) filter (where is_current and name is not null) as names_said
    from said
    group by person_id
),

named as (
    {{ said_by('person', 'name') }}
)

select
    chosen.person_id,
    chosen.id_type,
    chosen.id_number,
    chosen.name,
    coalesce(chosen.sex_code, {{ sex_of_id() }}) as sex_code,
    coalesce(chosen.birth_date, {{ birth_date_of_id() }}) as birth_date,
    chosen.death_date,
    chosen.ethnic_code,
    chosen.phone,
    residence.place_id as residence_place_id,
    registered.place_id as registered_place_id,
    {# without a household of the register: those who live behind one door #}
    case
        when chosen.household_number is not null then 'H' || substr(md5(chosen.household_number), 1, 20)
        when residence.house_code is not null then 'H' || substr(md5('door|' || residence.house_code), 1, 20)
    end as household_id,
    coalesce(residence.community_code, registered.community_code, chosen.registered_area_code) as area_code,
    case when residence.place_id is not null then residence.grid_code else registered.grid_code end as grid_code,
    not chosen.is_dead as is_alive,
    round(case when chosen.is_verified then 1.0 else 0.6 end
        * coalesce(chosen.least_probability, 1.0)
        * coalesce(named.times / nullif(chosen.names_said, 0), 1.0), 3) as confidence
from chosen
left join named on chosen.person_id = named.person_id and chosen.name = named.name
left join lake.registry.place_link as resides on chosen.residence_content_id = resides.content_id
left join {{ ref('place') }} as residence on resides.place_id = residence.place_id
left join lake.registry.place_link as is_registered on chosen.registered_content_id = is_registered.content_id
left join {{ ref('place') }} as registered on is_registered.place_id = registered.place_id
order by chosen.person_id
