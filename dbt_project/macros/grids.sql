{#
    Grids as last drawn, with the days they are valid: one missing from a newer full delivery of `per` stopped being valid
    on that day. `key` names a grid, `per` (of `key`) what a full delivery draws whole, none for all grids at once; `facts`
    are kept beside the shape. A shape that cannot be drawn is none: the gate counts it.
#}
{% macro drawn_grids(source, key, per, facts) -%}
with source as (
    select * from {{ source }}
),

delivered as (
    select distinct {{ (per + ['delivery_id', 'delivered_on']) | join(', ') }} from source
),

drawn as (
    select
        {{ key | join(', ') }},
        max_by(struct_pack({% for name in facts + ['geometry'] %}{{ name }} := {{ name }}{{ ', ' if not loop.last }}{% endfor %}),
            struct_pack(delivered_on := delivered_on, received_at := received_at, row_number := row_number)) as latest,
        min(delivered_on) as valid_from,
        max(delivered_on) as last_seen_on
    from source
    group by {{ key | join(', ') }}
),

ended as (
    select {% for name in key %}drawn.{{ name }}, {% endfor %}min(delivered.delivered_on) as valid_to
    from drawn
    inner join delivered on {% for name in per %}drawn.{{ name }} = delivered.{{ name }} and {% endfor %}drawn.last_seen_on < delivered.delivered_on
    group by {% for name in key %}drawn.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
)

select
    {%- for name in key %}
    drawn.{{ name }},
    {%- endfor %}
    {%- for name in facts %}
    drawn.latest.{{ name }} as {{ name }},
    {%- endfor %}
    drawn.valid_from,
    ended.valid_to,
    try(st_aswkb(st_geomfromgeojson(drawn.latest.geometry))) as geometry
from drawn
left join ended on {% for name in key %}drawn.{{ name }} = ended.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}
