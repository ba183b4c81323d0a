{{ config(materialized='table') }}
{#
    Households: of the police register as it stands, with the head's registered address; those who are in none of it and live behind
    one door are one (`source` says which). How many are in it, the dead not counted.
#}
with member as (
    select
        person.person_id, person.household_id, person.is_alive,
        coalesce(person.registered_place_id, person.residence_place_id) as place_id,
        person.household_id = 'H' || substr(md5('door|' || residence.house_code), 1, 20) as is_by_address
    from {{ ref('person') }} as person
    left join {{ ref('place') }} as residence on person.residence_place_id = residence.place_id
    where person.household_id is not null
),

related as (
    select
        link.person_id, content.relation_code, content.dataset, content.role, content.content_id, link.link_rule, state.is_current, state.since
    {{ linked('person') }}
    where link.person_id is not null and content.relation_code is not null
),

head as (
    select person_id
    from related
    group by person_id
    having {{ chosen('person', 'relation_code') }} = '01'
)

select
    member.household_id,
    coalesce(
        min(member.place_id) filter (where head.person_id is not null),
        mode(member.place_id order by member.place_id)) as place_id,
    case when bool_or(member.is_by_address) then 'address' else 'register' end as source,
    count(*) filter (where member.is_alive) as size
from member
left join head on member.person_id = head.person_id
group by member.household_id
