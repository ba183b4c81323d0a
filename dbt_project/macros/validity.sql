{#
    When what a content says was valid, in days the sources say: from the delivery that first said it until the one that no
    longer had it (full deliveries) or said otherwise of the same record (deliveries of changes). One row per span.
#}
{% macro validity(entity) -%}
with delivery as (
    select
        delivery_id,
        kind,
        delivered_on,
        received_at,
        row_number() over place_in_line as position,
        lead(delivered_on) over place_in_line as next_delivered_on
    from lake.foundation.delivery
    where status = 'taken'
    window place_in_line as (partition by dataset order by delivered_on, received_at, file)
),

said as (
    select distinct
        mention.content_id, mention.dataset, mention.role, mention.row_key,
        delivery.kind, delivery.delivered_on, delivery.received_at, delivery.position, delivery.next_delivered_on
    from {{ ref('int_' ~ entity ~ '__mention') }} as mention
    inner join delivery on mention.delivery_id = delivery.delivery_id
),

in_full as (
    select *, position - row_number() over (partition by content_id order by position) as span
    from said
    where kind = 'full'
),

in_changes as (
    select *
    from said
    where kind <> 'full'
    qualify content_id is distinct from lag(content_id) over (
        partition by dataset, role, coalesce(row_key, content_id) order by delivered_on, received_at, content_id)
)

select
    content_id, min(delivered_on) as valid_from,
    case when count(*) = count(next_delivered_on) then max(next_delivered_on) end as valid_to
from in_full
group by content_id, span
union all
select
    content_id,
    delivered_on as valid_from,
    lead(delivered_on) over (
        partition by dataset, role, coalesce(row_key, content_id) order by delivered_on, received_at, content_id) as valid_to
from in_changes
{%- endmacro %}

{#
    Versions of golden records: for every day on which something said of the entity began or ceased to be valid, the values
    that survive of what was valid by then, in the order of the golden record. Equal neighbours are one version.
#}
{% macro entity_history(entity, place_uses) -%}
{%- set attributes = entity_attributes(entity) -%}
{%- set chosen_columns = [] -%}
with valid as (
    {{ validity(entity) }}
),

linked as (
    select
        link.{{ entity }}_id, link.link_rule, content.*, place.place_id, valid.valid_from, valid.valid_to
    from lake.registry.{{ entity }}_link as link
    inner join {{ ref('int_' ~ entity ~ '__content') }} as content on link.content_id = content.content_id
    inner join valid on link.content_id = valid.content_id
    left join lake.registry.place_link as place on content.place_content_id = place.content_id
    where link.{{ entity }}_id is not null
),

turn as (
    select {{ entity }}_id, valid_from as day from linked
    union
    select {{ entity }}_id, valid_to from linked where valid_to is not null
),

known as (
    select
        turn.day,
        linked.* exclude (valid_from, valid_to),
        min(linked.valid_from) over (partition by linked.{{ entity }}_id, turn.day, linked.content_id) as since,
        {{ agreements(entity, ['linked.' ~ entity ~ '_id', 'turn.day'], 'linked', '(linked.valid_to is null or linked.valid_to > turn.day)') }}
        linked.valid_to is null or linked.valid_to > turn.day as is_current
    from turn
    inner join linked on turn.{{ entity }}_id = linked.{{ entity }}_id and linked.valid_from <= turn.day
),

version as (
    select
        {{ entity }}_id,
        day,
        {%- for attribute in attributes if attribute not in ('number_said', 'number_space') %}
        {%- do chosen_columns.append(attribute) %}
        max_by({{ attribute }}, {{ survivorship_rank(entity, attribute) }})
            filter (where {{ attribute }} is not null and (is_current or not {{ is_state(entity, "'" ~ attribute ~ "'") }})) as {{ attribute }},
        {%- endfor %}
        {%- for use in place_uses %}
        {%- set column = place_attribute(use) %}
        {%- do chosen_columns.append(column) %}
        max_by(place_id, {{ survivorship_rank(entity, column, 'place_content_id') }})
            filter (where place_id is not null and is_current and role = 'subject'
                {%- if use %} and place_use = {{ dbt.string_literal(use) }}{% endif %}) as {{ column }},
        {%- endfor %}
        bool_or(is_current) as is_delivered
    from known
    group by {{ entity }}_id, day
),

compared as (
    select
        *,
        hash({{ chosen_columns | join(', ') }}, is_delivered) as version_hash
    from version
),

marked as (
    select *, lag(version_hash) over (partition by {{ entity }}_id order by day) as before
    from compared
)

select
    {{ entity }}_id,
    day as valid_from,
    lead(day) over (partition by {{ entity }}_id order by day) as valid_to,
    is_delivered,
    {{ chosen_columns | join(',\n    ') }}
from marked
where before is null or before <> version_hash
{%- endmacro %}

{#
    Who stands in which relation to what, with the days: from the first delivery that said so until the delivery after the
    last one, open while it is still delivered. `pairs` says, row by row, what belongs together.
#}
{% macro dated_relation(pairs, keys) -%}
with delivery as (
    select
        delivery_id,
        lead(delivered_on) over (partition by dataset order by delivered_on, received_at, file) as next_delivered_on
    from lake.foundation.delivery
    where status = 'taken'
),

pair as (
    {{ pairs }}
)

select
    {{ keys | join(',\n    ') }},
    pair.dataset,
    min(pair.delivered_on) as valid_from,
    case when not bool_or(pair.is_current) then max(coalesce(delivery.next_delivered_on, pair.delivered_on)) end as valid_to,
    bool_or(pair.is_current) as is_current
from pair
inner join delivery on pair.delivery_id = delivery.delivery_id
group by {{ keys | join(', ') }}, pair.dataset
{%- endmacro %}

{# Where an entity lives, is registered or stands, as each dataset says it, with the days. #}
{% macro entity_place(entity) -%}
{%- set pairs -%}
select
    mention.{{ entity }}_id, place.place_id, content.place_use as relation,
    mention.dataset, mention.delivery_id, mention.delivered_on, mention.is_current
from {{ ref(entity ~ '_mention') }} as mention
inner join {{ ref('int_' ~ entity ~ '__content') }} as content on mention.content_id = content.content_id
inner join lake.registry.place_link as place on content.place_content_id = place.content_id
where mention.{{ entity }}_id is not null and mention.role = 'subject'
{%- endset -%}
{{ dated_relation(pairs, ['pair.' ~ entity ~ '_id', 'pair.place_id', 'pair.relation']) }}
{%- endmacro %}
