{{ config(materialized='table') }}
{#
    高龄津贴: everybody of 80 and over whom the register or the payment roll knows, whether entitled, whether paid.
    Entitled: registered in the city, alive, 80 or older on the day of the payment roll.
#}
with as_of as (
    select coalesce(
        max(delivered_on) filter (where dataset = 'minzheng.gaoling_jintie'),
        max(delivered_on) filter (where dataset = 'gongan.changzhu')) as day
    from {{ ref('int_delivery__current') }}
),

registered as (
    select distinct mention.person_id
    from {{ ref('person_mention') }} as mention
    where mention.dataset = 'gongan.changzhu' and mention.is_current and mention.role = 'subject'
),

paid as (
    select
        mention.person_id,
        max(roll.allowance_monthly_cny) as paid_monthly_cny,
        count(*) as payments
    from {{ ref('person_mention') }} as mention
    inner join {{ ref('stg_minzheng__gaoling_jintie') }} as roll
        on mention.delivery_id = roll.delivery_id
        and mention.sheet is not distinct from roll.sheet
        and mention.row_number = roll.row_number
    where mention.dataset = 'minzheng.gaoling_jintie' and mention.is_current and mention.role = 'subject'
    group by mention.person_id
),

aged as (
    select
        person.person_id,
        person.name,
        person.birth_date,
        person.death_date,
        person.is_alive,
        person.area_code,
        person.phone,
        as_of.day as as_of,
        {{ age_on('person.birth_date', 'as_of.day') }} as age_years,
        registered.person_id is not null as is_registered,
        paid.person_id is not null as is_paid,
        paid.paid_monthly_cny
    from {{ ref('person') }} as person
    cross join as_of
    left join registered on person.person_id = registered.person_id
    left join paid on person.person_id = paid.person_id
),

judged as (
    select
        *,
        case when age_years >= 100 then '100+' when age_years >= 90 then '90+' when age_years >= 80 then '80+' end as age_band,
        case
            when not is_alive then 'not_eligible'
            when age_years is null then case when is_paid then 'cannot_tell' end
            when age_years < 80 then 'not_eligible'
            when not is_registered then 'cannot_tell'
            else 'eligible'
        end as answer,
        case
            when not is_alive then '已去世'
            when age_years is null then '没有出生日期'
            when age_years < 80 then '未满80周岁'
            when not is_registered then '户籍登记中没有此人'
            else '户籍在本市、健在、年满80周岁'
        end as reason
    from aged
    where is_paid or age_years >= 80
)

select
    person_id,
    name,
    birth_date,
    age_years,
    age_band,
    area_code,
    phone,
    answer,
    reason,
    is_paid,
    paid_monthly_cny,
    case
        when answer = 'eligible' and not is_paid then 'entitled_not_paid'
        when is_paid and not is_alive then 'paid_but_dead'
        when is_paid and answer = 'not_eligible' then 'paid_not_entitled'
        when is_paid and answer = 'cannot_tell' then 'paid_cannot_tell'
        when is_paid then 'paid'
        else 'not_paid'
    end as finding,
    death_date,
    as_of
from judged
