{#
    Mentions with `is_current`: of a dataset delivered in full, the rows of its newest delivery; of one delivered as
    changes, the newest row of each key.
#}
{% macro located(entity) -%}
select
    {{ prefixed(locator_columns(), 'mention') | join(', ') }},
    mention.role,
    mention.content_id,
    case
        when delivery.kind = 'full' then current_full.delivery_id is not null
        else mention.row_key is null or row_number() over (
            partition by delivery.kind, mention.dataset, mention.role, mention.row_key
            order by mention.delivered_on desc, mention.received_at desc, mention.row_number desc) = 1
    end as is_current
from {{ ref('int_' ~ entity ~ '__mention') }} as mention
inner join lake.foundation.delivery as delivery on mention.delivery_id = delivery.delivery_id
left join {{ ref('int_delivery__current') }} as current_full on mention.delivery_id = current_full.delivery_id
where delivery.status = 'taken'
{%- endmacro %}
