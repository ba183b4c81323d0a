{{ config(materialized='view') }}
{#
    People whose every row is sensitive whatever its columns say, and how long: under 14 (PIPL art. 31), from the day of
    birth to the day before the fourteenth birthday, as of the latest day any delivery is valid for. Not read from the
    clock: the same deliveries give the same rows.
#}
with today as (
    select max(delivered_on) as day
    from lake.foundation.delivery
    where status = 'taken'
)

select
    person.person_id,
    'minor_under_14' as reason,
    person.birth_date as since,
    (person.birth_date + interval 14 year)::date as until,
    today.day as as_of
from {{ ref('person') }} as person
cross join today
where person.is_alive and person.birth_date <= today.day and today.day < person.birth_date + interval 14 year
