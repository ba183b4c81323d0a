{#
    What the sources say of each entity, content by content, with how current it is. On an incremental run only for the
    entities the linkage queued.
#}
{% macro said_of(entity) -%}
select
    link.{{ entity }}_id,
    content.*,
    state.is_current,
    state.since,
    link.link_rule
from lake.registry.{{ entity }}_link as link
inner join {{ ref('int_' ~ entity ~ '__content') }} as content on link.content_id = content.content_id
inner join lake.registry.{{ entity }}_state as state on link.content_id = state.content_id
where link.{{ entity }}_id is not null
{%- if is_incremental() %}
    and link.{{ entity }}_id in (select queued.{{ entity }}_id from lake.registry.{{ entity }}_queue as queued)
{%- endif %}
{%- endmacro %}

{#
    Survivorship, the same order for the golden record and for `is_chosen`: what is still delivered before what is not,
    then the source that is trusted most on this attribute, then what was said last.
#}
{% macro survivorship_rank(entity, attribute) -%}
struct_pack(
    is_current := is_current, trust := {{ trust(entity, attribute) }}, since := since, content_id := content_id)
{%- endmacro %}

{% macro chosen(entity, attribute) -%}
max_by({{ attribute }}, {{ survivorship_rank(entity, attribute) }}) filter (where {{ attribute }} is not null)
{%- endmacro %}

{# Where the sources say the subject is now: the place of the best current content with this use. #}
{% macro chosen_place(entity, use) -%}
max_by(place_content_id, {{ survivorship_rank(entity, 'place_content_id') }})
    filter (where place_content_id is not null and is_current and role = 'subject'
        {%- if use %} and place_use = {{ dbt.string_literal(use) }}{% endif %})
{%- endmacro %}

{# One row per entity, attribute and content: every value ever said, the chosen one marked. #}
{% macro entity_values(entity) -%}
{%- set attributes = entity_attributes(entity) -%}
with said as (
    select link.{{ entity }}_id, content.*, state.is_current, state.since
    from lake.registry.{{ entity }}_link as link
    inner join {{ ref('int_' ~ entity ~ '__content') }} as content on link.content_id = content.content_id
    inner join lake.registry.{{ entity }}_state as state on link.content_id = state.content_id
    where link.{{ entity }}_id is not null
),

valued as (
    {%- for attribute in attributes %}
    select
        {{ entity }}_id, '{{ attribute }}' as attribute, {{ attribute }}::varchar as value, dataset, role, since as delivered_on,
        is_current, content_id, {{ trust(entity, attribute) }} as trust
    from said
    where {{ attribute }} is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by {{ entity }}_id, attribute
            order by is_current desc, trust desc, delivered_on desc, content_id desc) as position,
        count(*) over (partition by {{ entity }}_id, attribute) as said_times,
        max(trust) over (partition by {{ entity }}_id, attribute, is_current) as best_trust,
        count(*) filter (where is_current) over (partition by {{ entity }}_id, attribute) as current_times
    from valued
)

select
    {{ entity }}_id,
    attribute,
    value,
    dataset,
    role,
    delivered_on,
    is_current,
    position = 1 as is_chosen,
    case
        when position > 1 then null
        when said_times = 1 then 'only_value'
        when current_times = 1 and is_current then 'only_current'
        else 'most_trusted_then_newest'
    end as survivorship_rule,
    trust,
    content_id
from ranked
{%- endmacro %}

{# Mentions of every delivery ever taken, with the entity each belongs to. #}
{% macro entity_mentions(entity) -%}
select
    {{ prefixed(locator_columns(), 'located') | join(', ') }},
    link.{{ entity }}_id,
    located.role,
    located.is_current,
    link.link_rule,
    link.link_probability,
    located.content_id
from {{ ref('int_' ~ entity ~ '__located') }} as located
left join lake.registry.{{ entity }}_link as link on located.content_id = link.content_id
{%- endmacro %}
