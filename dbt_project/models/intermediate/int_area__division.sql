{{ config(materialized='table') }}
{#
    Divisions of the covered city with the days they are valid: what the bureau delivers, before the 2023 edition of the
    seed. A code that a newer one names as its former code stopped being valid when the newer one began.
#}
with delivered as (
    {%- if has_dataset('divisions') %}
    select area_code, name, level::integer as level, parent_code, urban_rural_code, former_code, valid_from
    from {{ current_rows('divisions') }}
    where area_code is not null and name is not null
    qualify row_number() over (partition by area_code order by row_number desc) = 1
    {%- else %}
    select
        null::varchar as area_code, null::varchar as name, null::integer as level, null::varchar as parent_code,
        null::varchar as urban_rural_code, null::varchar as former_code, null::date as valid_from
    where false
    {%- endif %}
),

every as (
    select
        delivered.area_code,
        delivered.name,
        delivered.level,
        coalesce(known.parent_code, delivered.parent_code) as parent_code,
        coalesce(known.kind, case
            when delivered.level = 2 then '地级市'
            when delivered.level = 3 then case when delivered.name like '%市' then '县级市' when delivered.name like '%县' then '县' else '市辖区' end
            when delivered.level = 4 then case when delivered.name like '%街道%' then '街道' when delivered.name like '%乡' then '乡' else '镇' end
            when delivered.level = 5 then case when {{ std_community_kind('delivered.name') }} = '村' then '村委会' else '居委会' end
        end) as kind,
        coalesce(delivered.urban_rural_code, null) as urban_rural_code,
        coalesce(delivered.valid_from, known.valid_from) as valid_from,
        null::date as valid_to,
        coalesce(delivered.former_code, known.former_code) as former_code
    from delivered
    left join {{ ref('division') }} as known on delivered.area_code = known.area_code
    union all
    select
        known.area_code, known.name, known.level, known.parent_code, known.kind, null as urban_rural_code,
        known.valid_from, known.valid_to, known.former_code
    from {{ ref('division') }} as known
    where not exists (select 1 from delivered where delivered.area_code = known.area_code)
),

replaced as (
    select former_code as area_code, min(valid_from) as valid_to
    from every
    where former_code is not null and former_code <> area_code
    group by former_code
)

select
    every.* exclude (valid_to),
    coalesce(every.valid_to, case when replaced.area_code is not null then coalesce(replaced.valid_to, current_date) end) as valid_to
from every
left join replaced on every.area_code = replaced.area_code
