{# Areas valid now with the stem by which an address names them: 南尧社区居民委员会 is written 南尧社区. #}
select
    area_code,
    level,
    name,
    parent_code,
    case
        when level = 5
            then regexp_replace(
                regexp_replace(name, '社区(?:居民委员会|居委会)$', '社区'), '(?:村民委员会|村委会|居民委员会|居委会)$',
                case when regexp_matches(name, '村(?:民委员会|委会)$') and not regexp_matches(name, '村村(?:民委员会|委会)$') then '村' else '' end)
        else name
    end as stem
from {{ ref('division') }}
where valid_to is null
