{{ config(materialized='view') }}
{# An address is what a place is known by: every spelling it came in, the standard one chosen. #}
with said as (
    select
        link.place_id, content.content_id, content.address, content.community_code, content.place_use, content.dataset,
        content.delivered_on, content.is_current
    from (
        select content_id, address, community_code, place_use, dataset, min(delivered_on) as delivered_on, true as is_current
        from {{ ref('int_place__mention') }}
        group by content_id, address, community_code, place_use, dataset
    ) as content
    inner join lake.registry.place_link as link on content.content_id = link.content_id
)

select
    place_id, 'address' as attribute, address as value, dataset, place_use as role, delivered_on, is_current,
    row_number() over (partition by place_id order by length(address) desc, delivered_on asc, dataset asc, content_id asc) = 1 as is_chosen,
    'longest_spelling' as survivorship_rule, content_id
from said
union all
select
    place_id, 'community_code' as attribute, community_code as value, dataset, place_use as role, delivered_on, is_current,
    row_number() over (partition by place_id order by delivered_on, dataset, content_id) = 1 as is_chosen,
    'given_by_source' as survivorship_rule, content_id
from said
where community_code is not null
