{# Every area code with the code it has today: itself, or the one that names it as its former code. #}
select area_code, area_code as code_now, level
from {{ ref('int_area__division') }}
where valid_to is null
union all
select former.area_code, min(successor.area_code) as code_now, min(former.level) as level
from {{ ref('int_area__division') }} as former
inner join {{ ref('int_area__division') }} as successor
    on former.area_code = successor.former_code and successor.valid_to is null
where former.valid_to is not null
group by former.area_code
