{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_redated('person') }}", post_hook="{{ kept_sorted(['person_id']) }}") }}
{# Who was registered in which household, in which relation to its head (GB/T 4761, two digits). #}
{% set pairs %}
    select
        link.person_id, 'H' || substr(md5(content.household_number), 1, 20) as household_id, content.relation_code as relation,
        link.content_id
    from lake.registry.person_link as link
    inner join {{ ref('int_person__content') }} as content on link.content_id = content.content_id
    where link.person_id is not null and content.household_number is not null
        {{ to_be_dated('person', 'link.person_id', 'content.dataset') }}
{% endset %}
{{ dated_relation('person', ['person_id', 'household_id', 'relation'], pairs) }}
