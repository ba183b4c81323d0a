{{ config(materialized='table') }}
{# Households of the police register as it stands: the head's registered address, and how many are in it. #}
with member as (
    select person_id, household_id, registered_place_id
    from {{ ref('person') }}
    where household_id is not null
),

head as (
    select distinct value.person_id
    from {{ ref('person_value') }} as value
    where value.attribute = 'relation_code' and value.value = '01' and value.is_chosen
)

select
    member.household_id,
    coalesce(
        min(member.registered_place_id) filter (where head.person_id is not null),
        mode(member.registered_place_id order by member.registered_place_id)) as place_id,
    count(*) as size
from member
left join head on member.person_id = head.person_id
group by member.household_id
