{{ config(materialized='view') }}
{# Work for the departments: what a source still delivers though a more trusted one says otherwise of the same entity. #}
{% set told_apart = {
    'person': ['name', 'sex_code', 'birth_date', 'death_date', 'ethnic_code', 'id_number'],
    'organisation': ['name', 'uscc', 'status', 'registered_on', 'legal_person_id'],
} %}
{% for entity, attributes in told_apart.items() %}
select
    '{{ entity }}' as entity,
    other.{{ entity }}_id as entity_id,
    other.attribute,
    other.value,
    other.dataset,
    other.role,
    other.delivered_on,
    chosen.value as chosen_value,
    chosen.dataset as chosen_dataset,
    other.content_id
from {{ ref(entity ~ '_value') }} as other
inner join {{ ref(entity ~ '_value') }} as chosen
    on other.{{ entity }}_id = chosen.{{ entity }}_id and other.attribute = chosen.attribute and chosen.is_chosen
where other.is_current and other.value <> chosen.value
    and other.attribute in ('{{ attributes | join("', '") }}')
{% if not loop.last %}union all{% endif %}
{% endfor %}
