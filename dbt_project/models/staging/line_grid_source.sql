{#
    Grids that lines draw for themselves (police, city management, party building, sanitation), every delivery; `line` is
    the department. Valid days are worked out in foundation.line_grid.
#}
{% set drawn_by = ['gongan.jingwu_wangge', 'chengguan.chengguan_wangge', 'dangjian.dangjian_wangge', 'huanwei.huanwei_wangge'] -%}
select
    null::varchar as dataset, null::varchar as file, null::varchar as sheet, null::bigint as row_number,
    null::varchar as delivery_id, null::timestamptz as received_at, null::date as delivered_on,
    null::varchar as line, null::varchar as code, null::varchar as name, null::varchar as manager, null::varchar as geometry
where false
{% for contract in delivered_contracts() if contract.id in drawn_by -%}
union all
select
    dataset, file, sheet, row_number, delivery_id, received_at, delivered_on,
    {{ dbt.string_literal(contract.id.split('.')[0]) }} as line,
    code, name, manager, geometry
from {{ ref('stg_' ~ contract.model) }}
where code is not null
{% endfor %}
