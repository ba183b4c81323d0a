{{ config(materialized='view') }}
{# Who was registered in which household, in which relation to its head (GB/T 4761, two digits). #}
{% set pairs %}
    select
        mention.person_id, 'H' || substr(md5(content.household_number), 1, 20) as household_id, content.relation_code as relation,
        mention.dataset, mention.delivery_id, mention.delivered_on, mention.is_current
    from {{ ref('person_mention') }} as mention
    inner join {{ ref('int_person__content') }} as content on mention.content_id = content.content_id
    where mention.person_id is not null and content.household_number is not null
{% endset %}
{{ dated_relation(pairs, ['pair.person_id', 'pair.household_id', 'pair.relation']) }}
