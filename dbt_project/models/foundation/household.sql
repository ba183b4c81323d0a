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

head as (
    select distinct value.person_id
    from {{ ref('person_value') }} as value
    where value.attribute = 'relation_code' and value.value = '01' and value.is_chosen
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
