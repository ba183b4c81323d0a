{#
    Grids that lines draw for themselves (police, city management, party building, sanitation), every delivery; `line` is
    the department. Valid days are worked out in foundation.line_grid.
#}
{% set drawn_by = ['gongan.jingwu_wangge', 'chengguan.chengguan_wangge', 'dangjian.dangjian_wangge', 'huanwei.huanwei_wangge'] -%}
{% for dataset in drawn_by -%}
select
    dataset, file, sheet, row_number, delivery_id, received_at, delivered_on,
    {{ dbt.string_literal(dataset.split('.')[0]) }} as line,
    code, name, manager, geometry
from {{ ref('stg_' ~ dataset.replace('.', '__')) }}
where code is not null
{{ "union all" if not loop.last }}
{% endfor %}
