{#
    Mentions with `is_current`: of a dataset delivered in full, the rows of its newest delivery; of one delivered as
    changes, the newest row of each key.
#}
{% macro located(entity) -%}
with delivery as (
    select delivery.delivery_id, delivery.kind, current_full.delivery_id is not null as is_current
    from lake.foundation.delivery as delivery
    left join {{ ref('int_delivery__current') }} as current_full on delivery.delivery_id = current_full.delivery_id
    where delivery.status = 'taken'
)

select
    {{ prefixed(locator_columns(), 'mention') | join(', ') }}, mention.role, mention.content_id,
    delivery.is_current
from {{ ref('int_' ~ entity ~ '__mention') }} as mention
inner join delivery on mention.delivery_id = delivery.delivery_id
where delivery.kind = 'full'
union all
{#- only rows of changes are put in order #}
select
    {{ prefixed(locator_columns(), 'mention') | join(', ') }}, mention.role, mention.content_id,
    mention.row_key is null or row_number() over (
        partition by mention.dataset, mention.role, mention.row_key
        order by mention.delivered_on desc, mention.received_at desc, mention.row_number desc) = 1 as is_current
from {{ ref('int_' ~ entity ~ '__mention') }} as mention
inner join delivery on mention.delivery_id = delivery.delivery_id
where delivery.kind <> 'full'
{%- endmacro %}
