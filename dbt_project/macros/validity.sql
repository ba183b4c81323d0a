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
    Who stands in which relation to what as one dataset says it, one row per pair, relation and dataset: valid from the first
    delivery that said so until the one that no longer had it (full deliveries) or said otherwise of the same record
    (changes), open while it is still said. Kept for the entities the linkage queued and for the datasets whose deliveries
    changed places; ordered by id, so that one entity's rows lie in few row groups.

    `pairs` says, content by content, what belongs together: `keys` and content_id, of what this run makes.
#}
{% macro dated_relation(entity, keys, pairs) -%}
with pair as (
    {{ pairs }}
),

delivery as (
    {{ calendar() }}
),

said as (
    select pair.*, mention.dataset, mention.delivered_on, delivery.kind, delivery.next_delivered_on, state.is_current
    from pair
    inner join {{ ref('int_' ~ entity ~ '__mention') }} as mention on pair.content_id = mention.content_id
    inner join delivery on mention.delivery_id = delivery.delivery_id
    inner join lake.registry.{{ entity }}_state as state on pair.content_id = state.content_id
),

superseded as (
    {{ superseded(entity, 'select said.content_id from said where not said.is_current and said.kind <> \'full\'') }}
)

select
    {{ prefixed(keys, 'said') | join(',\n    ') }},
    said.dataset,
    {{ dated_span('superseded.superseded_on') }}
from said
left join superseded on said.content_id = superseded.content_id
group by {{ prefixed(keys, 'said') | join(', ') }}, said.dataset
order by {{ prefixed(keys, 'said') | join(', ') }}, said.dataset
{%- endmacro %}

{# From when until when, of what was `said` of one pair; `superseded_on`: when a dataset of changes said otherwise. #}
{% macro dated_span(superseded_on) -%}
min(said.delivered_on) as valid_from,
case when not bool_or(said.is_current) then max(coalesce(
    case when said.kind = 'full' then said.next_delivered_on else {{ superseded_on }} end, said.delivered_on)) end as valid_to,
bool_or(said.is_current) as is_current
{%- endmacro %}

{# Deliveries that count, each with the day of the next one of its dataset. #}
{% macro calendar() -%}
select
    delivery_id, dataset, kind, delivered_on,
    lead(delivered_on) over (partition by dataset order by delivered_on, received_at, file) as next_delivered_on
from lake.foundation.delivery
where status = 'taken'
{%- endmacro %}

{# The day on which a dataset of changes said otherwise of the record of a content, for the `contents` asked about. #}
{% macro superseded(entity, contents) -%}
select content_id, max(superseded_on) as superseded_on
from (
    select
        content_id,
        lead(delivered_on) over (
            partition by dataset, role, row_key order by delivered_on, received_at, row_number) as superseded_on
    from {{ ref('int_' ~ entity ~ '__mention') }}
    where (dataset, role, row_key) in (
        select (dataset, role, row_key) from {{ ref('int_' ~ entity ~ '__content') }} where content_id in ({{ contents }}))
)
group by content_id
{%- endmacro %}

{#
    Datasets of which all relations are made anew: a delivery was withdrawn, corrected or taken late, so the days between
    which something is valid may be others for entities that nothing else touches.
#}
{% macro redated_datasets() -%}
select distinct dataset from lake.foundation.delivery
where delivery_id in (select delivery_id from lake.registry.redo)
union
select late.dataset
from lake.foundation.delivery as late
inner join lake.foundation.delivery as known
    on late.dataset = known.dataset
    and (late.delivered_on, late.received_at, late.file) < (known.delivered_on, known.received_at, known.file)
where late.status = 'taken' and known.status = 'taken'
    and late.delivery_id not in ({{ published_deliveries() }}) and known.delivery_id in ({{ published_deliveries() }})
{%- endmacro %}

{% macro published_deliveries() -%}
select unnest(deliveries) from lake.foundation.build where published
{%- endmacro %}

{# Rows of a relation that this run makes anew. #}
{% macro drop_redated(entity) -%}
{%- if is_incremental() -%}
delete from {{ this }} where {{ entity }}_id in (select {{ entity }}_id from lake.registry.{{ entity }}_queue)
    or dataset in ({{ redated_datasets() }})
{%- else -%}
select 1
{%- endif -%}
{%- endmacro %}

{# The same as a condition on pairs. #}
{% macro to_be_dated(entity, id, dataset) -%}
{%- if is_incremental() -%}
and ({{ id }} in (select {{ entity }}_id from lake.registry.{{ entity }}_queue) or {{ dataset }} in ({{ redated_datasets() }}))
{%- endif -%}
{%- endmacro %}

{#
    Rows that speak of a person and of an organisation. On an incremental run those of queued people and of queued organisations,
    of the datasets to be dated anew, and of people whom a new delivery speaks of in a row without a key: what it says of either may
    be known already, and only that it says both is new.
#}
{% macro people_and_organisations() -%}
{%- if is_incremental() %}
{{ both_of_rows("person.content_id in (select content_id from lake.registry.person_link where person_id in ("
    ~ people_of_rows() ~ ")) or person.dataset in (" ~ redated_datasets() ~ ")", "true") }}
union
{{ both_of_rows("true", "organisation.content_id in (select content_id from lake.registry.organisation_link where organisation_id in ("
    ~ "select organisation_id from lake.registry.organisation_queue))") }}
{%- else %}
{{ both_of_rows("true", "true") }}
{%- endif %}
{%- endmacro %}

{% macro both_of_rows(person_wanted, organisation_wanted) -%}
select
    person.content_id as person_content_id, person.role as person_role,
    organisation.content_id as organisation_content_id, organisation.role as organisation_role,
    person.dataset, person.delivery_id, person.delivered_on
from (select * from {{ ref('int_person__mention') }} as person where {{ person_wanted }}) as person
inner join (select * from {{ ref('int_organisation__mention') }} as organisation where {{ organisation_wanted }}) as organisation
    on person.delivery_id = organisation.delivery_id
    and person.row_number = organisation.row_number
    and coalesce(person.sheet, '') = coalesce(organisation.sheet, '')
where person.role = 'subject' or organisation.role = 'subject'
{%- endmacro %}

{% macro people_of_rows() -%}
select person_id from lake.registry.person_queue
union
select link.person_id
from {{ ref('int_person__mention') }} as mention
inner join lake.registry.person_link as link on mention.content_id = link.content_id
where mention.row_key is null and mention.delivery_id not in ({{ published_deliveries() }}) and link.person_id is not null
{%- endmacro %}

{% macro drop_rows_of_both() -%}
{%- if is_incremental() -%}
delete from {{ this }}
where person_id in ({{ people_of_rows() }})
    or organisation_id in (select organisation_id from lake.registry.organisation_queue)
    or dataset in ({{ redated_datasets() }})
{%- else -%}
select 1
{%- endif -%}
{%- endmacro %}

{# Where an entity lives, is registered or stands, as each dataset says it, with the days. #}
{% macro entity_place(entity) -%}
{%- set pairs -%}
select link.{{ entity }}_id, place.place_id, content.place_use as relation, link.content_id
from lake.registry.{{ entity }}_link as link
inner join {{ ref('int_' ~ entity ~ '__content') }} as content on link.content_id = content.content_id
inner join lake.registry.place_link as place on content.place_content_id = place.content_id
where link.{{ entity }}_id is not null and content.role = 'subject'
    {{ to_be_dated(entity, 'link.' ~ entity ~ '_id', 'content.dataset') }}
{%- endset -%}
{{ dated_relation(entity, [entity ~ '_id', 'place_id', 'relation'], pairs) }}
{%- endmacro %}
