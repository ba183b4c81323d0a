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
    link.link_rule,
    link.link_probability
from lake.registry.{{ entity }}_link as link
inner join {{ ref('int_' ~ entity ~ '__content') }} as content on link.content_id = content.content_id
inner join lake.registry.{{ entity }}_state as state on link.content_id = state.content_id
where link.{{ entity }}_id is not null
{%- if is_incremental() %}
    and link.{{ entity }}_id in (select queued.{{ entity }}_id from lake.registry.{{ entity }}_queue as queued)
{%- endif %}
{%- endmacro %}

{#
    Survivorship, the same order for the golden record and for `is_chosen`: an identifier by which mentions were linked before
    one that was only found beside them (it may be damaged), a name before one that lost a sign on its way, what is still delivered before what is not,
    then the source that is trusted most on this attribute, then what was said last.
#}
{% macro survivorship_rank(entity, attribute) -%}
struct_pack(
    {% if attribute == 'name' %}whole := {{ is_whole('name') }}, {% endif -%}
    {% if attribute in identifiers() %}identifies := link_rule = 'verified_identifier', {% endif -%}
    is_current := is_current, trust := {{ trust(entity, attribute) }}, since := since, content_id := content_id)
{%- endmacro %}

{# A sign that no character set of the source had was written as a box, a question mark or a private code point. #}
{% macro is_whole(name) -%}
not coalesce(regexp_matches({{ name }}, '[?？□■◇\x{fffd}\x{e000}-\x{f8ff}]'), false)
{%- endmacro %}

{% macro identifiers() -%}
{{ return(['id_number', 'id_type', 'uscc']) }}
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

{#
    One row per entity, attribute and content: every value ever said, the chosen one marked by the order of
    `survivorship_rank`. Where somebody is counts only while a source still delivers it; what the citizen id itself says
    of birth and sex stands in only where no source says it.
#}
{% macro entity_values(entity) -%}
with said as (
    select link.{{ entity }}_id, content.*, state.is_current, state.since, link.link_rule
    from lake.registry.{{ entity }}_link as link
    inner join {{ ref('int_' ~ entity ~ '__content') }} as content on link.content_id = content.content_id
    inner join lake.registry.{{ entity }}_state as state on link.content_id = state.content_id
    where link.{{ entity }}_id is not null
),

valued as (
    {%- for attribute in entity_attributes(entity) if attribute != 'number_said' %}
    {{ value_select(entity, "'" ~ attribute ~ "'", attribute ~ '::varchar', trust(entity, attribute)) }}
    union all
    {%- endfor %}
    {{ value_select(
        entity, "case when '" ~ entity ~ "' = 'person' then place_use || '_place_id' else 'place_id' end", 'place.place_id',
        trust(entity, 'place_content_id'), 'inner join lake.registry.place_link as place on said.place_content_id = place.content_id') }}
    {%- if entity == 'organisation' %}
    union all
    {{ value_select(
        entity, "'legal_person_id'", 'legal_person.person_id', trust(entity, 'legal_person_key'),
        "inner join lake.registry.person as legal_person on 'id|' || said.legal_person_key = legal_person.cluster_key") }}
    {%- endif %}
    {%- if entity == 'person' %}
    union all
    {{ value_select(entity, "'birth_date'", birth_date_of_id() ~ '::varchar', '-1') }}
    union all
    {{ value_select(entity, "'sex_code'", sex_of_id(), '-1') }}
    {%- endif %}
),

ranked as (
    select
        *,
        row_number() over (
            partition by {{ entity }}_id, attribute
            order by
                attribute in ('{{ identifiers() | join("', '") }}') and link_rule <> 'verified_identifier',
                attribute = 'name' and not {{ is_whole('value') }},
                trust < 0, is_current desc, trust desc, delivered_on desc, content_id desc) as position,
        count(*) over (partition by {{ entity }}_id, attribute) as said_times,
        count(*) filter (where is_current) over (partition by {{ entity }}_id, attribute) as current_times,
        count(*) filter (where is_current) over (partition by {{ entity }}_id, attribute, value) as current_alike
    from valued
    where value is not null
)

select
    {{ entity }}_id,
    attribute,
    value,
    dataset,
    role,
    delivered_on,
    is_current,
    position = 1 and (is_current or not {{ is_state('attribute') }}) as is_chosen,
    case
        when position > 1 or ({{ is_state('attribute') }} and not is_current) then null
        when trust < 0 then 'derived_from_id_number'
        when said_times = 1 then 'only_value'
        when current_times = 1 and is_current then 'only_current'
        else 'most_trusted_then_newest'
    end as survivorship_rule,
    round(current_alike / nullif(current_times, 0), 3) as agreement,
    trust,
    content_id
from ranked
{%- endmacro %}

{% macro value_select(entity, attribute, value, trust, join='') -%}
select
    said.{{ entity }}_id, {{ attribute }} as attribute, {{ value }} as value, said.dataset, said.role, said.since as delivered_on,
    said.is_current, said.content_id, said.link_rule, {{ trust }} as trust
from said
{{ join }}
{%- endmacro %}

{#
    Place, community, grid and position of each place content. Where this one is may be known better than where its place
    is: an estate may reach over two grids.
#}
{% macro located_places() -%}
select
    content.content_id,
    place.place_id,
    coalesce(place.community_code, said.community_code) as community_code,
    coalesce(said.grid_code, place.grid_code) as grid_code,
    coalesce(said.longitude, place.longitude) as longitude,
    coalesce(said.latitude, place.latitude) as latitude
from lake.registry.place_link as content
inner join {{ ref('place') }} as place on content.place_id = place.place_id
left join {{ ref('int_place__resolved') }} as said on content.content_id = said.content_id
{%- endmacro %}

{# Attributes that say where somebody is now, not who it is. #}
{% macro is_state(attribute) -%}
({{ attribute }} in ('household_number', 'area_code', 'residence_place_id', 'registered_place_id', 'place_id', 'legal_person_id'))
{%- endmacro %}

{# What a verified citizen id says of its bearer (GB 11643: digits 7 to 14 the day of birth, digit 17 odd for men). #}
{% macro birth_date_of_id() -%}
case when id_type = '111' then try_strptime(substr(id_number, 7, 8), '%Y%m%d')::date end
{%- endmacro %}

{% macro sex_of_id() -%}
case when id_type = '111' then case when substr(id_number, 17, 1)::integer % 2 = 1 then '1' else '2' end end
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
