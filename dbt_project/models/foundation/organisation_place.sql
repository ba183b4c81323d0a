{{ config(materialized='view') }}
{% set pairs %}
    select mention.organisation_id, place.place_id, content.place_use as relation, mention.dataset, mention.delivery_id, mention.delivered_on, mention.is_current
    from {{ ref('organisation_mention') }} as mention
    inner join {{ ref('int_organisation__content') }} as content on mention.content_id = content.content_id
    inner join lake.registry.place_link as place on content.place_content_id = place.content_id
    where mention.organisation_id is not null and mention.role = 'subject'
{% endset %}
{{ dated_relation(pairs, ['pair.organisation_id', 'pair.place_id', 'pair.relation']) }}
