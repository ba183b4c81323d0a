{{ config(materialized='table') }}
{# One answer per policy and subject it could concern. #}
select
    '高龄津贴' as policy,
    'person' as subject_kind,
    person_id as subject_id,
    answer,
    reason,
    is_paid as receives
from {{ ref('policy_old_age_allowance') }}
