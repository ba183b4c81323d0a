{{ config(materialized='view') }}
{# The person and the organisation of one row: whom it insures, who represents it, where a pupil goes to school. #}
{% set pairs %}
    select
        person.person_id, organisation.organisation_id,
        case
            when person.role = 'subject' and organisation.role = 'subject' then 'member'
            when organisation.role <> 'subject' then organisation.role
            else person.role
        end as relation,
        person.dataset, person.delivery_id, person.delivered_on, person.is_current and organisation.is_current as is_current
    from {{ ref('person_mention') }} as person
    inner join {{ ref('organisation_mention') }} as organisation
        on person.delivery_id = organisation.delivery_id
        and person.sheet is not distinct from organisation.sheet
        and person.row_number = organisation.row_number
    where person.person_id is not null and organisation.organisation_id is not null
        and (person.role = 'subject' or organisation.role = 'subject')
{% endset %}
{{ dated_relation(pairs, ['pair.person_id', 'pair.organisation_id', 'pair.relation']) }}
