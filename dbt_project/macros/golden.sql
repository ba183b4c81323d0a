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
    {%- for attribute in agreed_attributes(entity) %}
    coalesce(agreed_{{ attribute }}.datasets, 0) as agreeing_{{ attribute }},
    {%- endfor %}
    link.link_rule,
    link.link_probability
{{ linked(entity) }}
{%- for attribute in agreed_attributes(entity) %}
left join ({{ said_by(entity, attribute) }}) as agreed_{{ attribute }}
    on link.{{ entity }}_id = agreed_{{ attribute }}.{{ entity }}_id and content.{{ attribute }} = agreed_{{ attribute }}.{{ attribute }}
{%- endfor %}
where link.{{ entity }}_id is not null
{%- endmacro %}

{# Links with what is said and how current it is. What was queued is chosen first: the engine does not move it below the joins. #}
{% macro linked(entity) -%}
{%- if is_incremental() %}
from (
    select * from lake.registry.{{ entity }}_link
    where {{ entity }}_id in (select queued.{{ entity }}_id from lake.registry.{{ entity }}_queue as queued)
) as link
{%- else %}
from lake.registry.{{ entity }}_link as link
{%- endif %}
inner join {{ ref('int_' ~ entity ~ '__content') }} as content on link.content_id = content.content_id
inner join lake.registry.{{ entity }}_state as state on link.content_id = state.content_id
{%- endmacro %}

{# Attributes whose rule asks how many datasets say the same now. #}
{% macro agreed_attributes(entity) -%}
{%- set names = [] -%}
{%- for name, rule in survivorship_rules()[entity].attributes.items() if 'agreement' in rule.prefer -%}{%- do names.append(name) -%}{%- endfor -%}
{{ return(names) }}
{%- endmacro %}

{# How many datasets say each value of an attribute now, and how often. Counted beside the rows: windows would hold them all. #}
{% macro said_by(entity, attribute) -%}
select {{ entity }}_id, {{ attribute }}, count(*) as datasets, sum(times) as times
from (
    select link.{{ entity }}_id, content.{{ attribute }}, content.dataset, count(*) as times
    {{ linked(entity) }}
    where link.{{ entity }}_id is not null and state.is_current and content.{{ attribute }} is not null
    group by link.{{ entity }}_id, content.{{ attribute }}, content.dataset
)
group by {{ entity }}_id, {{ attribute }}
{%- endmacro %}

{#
    Survivorship, one order for the golden record, its history and `is_chosen`: the criteria of warehouse/survivorship in
    their turn, then the content id, so that the same data always give the same record. As one number: the engine keeps
    the best of numbers in place, of structures by copies.
#}
{% macro survivorship_rank(entity, attribute, trusted_as=none, content_id='content_id') -%}
({{ std_wide(criteria_rank(entity, attribute, trusted_as)) }} * {{ 16 ** 15 }} + {{ std_hex_number('substr(' ~ content_id ~ ', 1, 15)') }})
{%- endmacro %}

{# The criteria as digits of one number, the first the highest. #}
{% macro criteria_rank(entity, attribute, trusted_as=none) -%}
{%- set total = namespace(sql='0::bigint') -%}
{%- for criterion in survivorship(entity, attribute).prefer -%}
    {%- set total.sql = '(' ~ total.sql ~ ') * ' ~ criterion_size(criterion) ~ ' + '
        ~ criterion_digit(criterion, criterion_value(entity, attribute, criterion, trusted_as or attribute)) -%}
{%- endfor -%}
({{ total.sql }})
{%- endmacro %}

{# How many values a criterion can take: trust of a hundred, agreement in datasets, recency in days; the others hold or do not. #}
{% macro criterion_size(criterion) -%}
{{ return({'trust': 101, 'agreement': 1000, 'recent': 1000000}.get(criterion, 2)) }}
{%- endmacro %}

{% macro criterion_digit(criterion, value) -%}
{%- if criterion == 'trust' -%}{{ value }}
{%- elif criterion == 'agreement' -%}least({{ value }}, 999)
{%- elif criterion == 'recent' -%}least(greatest({{ value }}, 0), 999999)
{%- else -%}({{ value }})::bigint
{%- endif -%}
{%- endmacro %}

{# For each criterion the number of ranks that are alike up to and with it: ranks that differ without their rest differ there. #}
{% macro alike_ranks(entity, attribute) -%}
{%- set found = namespace(below=[], size=16 ** 15) -%}
{%- for criterion in survivorship(entity, attribute).prefer | reverse -%}
    {%- set found.below = [std_wide(found.size)] + found.below -%}
    {%- set found.size = found.size * criterion_size(criterion) -%}
{%- endfor -%}
[{{ found.below | join(', ') }}{% for unused in range(found.below | length, most_criteria()) %}, null{% endfor %}]
{%- endmacro %}

{% macro survivorship(entity, attribute) -%}
{%- set rules = survivorship_rules()[entity] -%}
{{ return(rules.attributes.get(attribute, rules.default)) }}
{%- endmacro %}

{% macro criterion_value(entity, attribute, criterion, trusted_as) -%}
{%- if criterion == 'identifies' -%}(link_rule = 'verified_identifier')
{%- elif criterion == 'whole' -%}({{ is_whole(attribute) }})
{%- elif criterion == 'uncontradicted' -%}coalesce({{ attribute }} = {{ said_by_id(attribute) }}, true)
{%- elif criterion == 'current' -%}is_current
{%- elif criterion == 'trust' -%}({{ trust(entity, trusted_as) }})
{%- elif criterion == 'agreement' -%}agreeing_{{ attribute }}
{%- elif criterion == 'recent' -%}datediff('day', date '1900-01-01', since)
{%- endif -%}
{%- endmacro %}

{# How many datasets say the same now, of each version of an entity's history. #}
{% macro agreements(entity, same, content, is_current) -%}
{%- for attribute in agreed_attributes(entity) %}
    count(distinct case when {{ is_current }} then {{ content }}.dataset end) over (
        partition by {{ same | join(', ') }}, {{ content }}.{{ attribute }}) as agreeing_{{ attribute }},
{%- endfor %}
{%- endmacro %}

{# What a verified citizen id says of an attribute. #}
{% macro said_by_id(attribute) -%}
{{ return(birth_date_of_id() if attribute == 'birth_date' else sex_of_id()) }}
{%- endmacro %}

{# A sign that no character set of the source had was written as a box, a question mark or a private code point. #}
{% macro is_whole(name) -%}
not coalesce({{ std_re_has(name, '[?？□■◇\\x{fffd}\\x{e000}-\\x{f8ff}]') }}, false)
{%- endmacro %}

{% macro chosen(entity, attribute) -%}
max_by({{ attribute }}, {{ survivorship_rank(entity, attribute) }}) filter (where {{ attribute }} is not null)
{%- endmacro %}

{% macro place_attribute(use) -%}
{{ return((use ~ '_place_id') if use else 'place_id') }}
{%- endmacro %}

{# Where the sources say the subject is now: the place of the best current content with this use. #}
{% macro chosen_place(entity, use) -%}
max_by(place_content_id, {{ survivorship_rank(entity, place_attribute(use), 'place_content_id') }})
    filter (where place_content_id is not null and is_current and role = 'subject'
        {%- if use %} and place_use = {{ dbt.string_literal(use) }}{% endif %})
{%- endmacro %}

{#
    One row per entity, attribute and content: every value ever said, the chosen one marked by the order of
    `survivorship_rank`, with the criterion that set it above the best other value. Where somebody is counts only while a
    source still delivers it; what the citizen id itself says of birth and sex stands in only where no source says it.
#}
{% macro entity_values(entity) -%}
{%- set rules = survivorship_rules()[entity] -%}
with said as (
    {{ said_of(entity) }}
),

valued as (
    {%- for attribute in entity_attributes(entity) if attribute != 'number_said' %}
    {{ value_select(entity, attribute, attribute ~ '::varchar') }}
    union all
    {%- endfor %}
    {%- for use in (place_uses() if entity == 'person' else [none]) %}
    {{ value_select(
        entity, place_attribute(use), 'place.place_id', 'place_content_id',
        'inner join lake.registry.place_link as place on said.place_content_id = place.content_id'
        ~ (" where said.place_use = '" ~ use ~ "'" if use else '')) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
    {%- if entity == 'organisation' %}
    union all
    {{ value_select(
        entity, 'legal_person_id', 'legal_person.person_id', 'legal_person_key',
        "inner join lake.registry.person as legal_person on 'id|' || said.legal_person_key = legal_person.cluster_key") }}
    {%- endif %}
    {%- for attribute, rule in rules.attributes.items() if rule.from_id_number %}
    union all
    {{ value_select(entity, attribute, said_by_id(rule.from_id_number) ~ '::varchar', derived=true) }}
    {%- endfor %}
),

ranked as (
    select
        *,
        row_number() over best as position,
        first_value(value) over best as chosen_value,
        first_value(survivorship_rank) over best as chosen_rank,
        count(*) over (partition by {{ entity }}_id, attribute) as said_times,
        count(*) filter (where is_current) over (partition by {{ entity }}_id, attribute) as current_times,
        count(*) filter (where is_current) over (partition by {{ entity }}_id, attribute, value) as current_alike
    from valued
    where value is not null
    window best as (partition by {{ entity }}_id, attribute order by is_derived, survivorship_rank desc)
),

against as (
    select
        *,
        max(case when value <> chosen_value and not is_derived then survivorship_rank end)
            over (partition by {{ entity }}_id, attribute) as next_rank
    from ranked
)

select
    {{ entity }}_id,
    attribute,
    value,
    dataset,
    role,
    delivered_on,
    is_current,
    position = 1 and (is_current or not {{ is_state(entity, 'attribute') }}) as is_chosen,
    case
        when position > 1 or ({{ is_state(entity, 'attribute') }} and not is_current) then null
        when is_derived then 'derived_from_id_number'
        when said_times = 1 then 'only_value'
        when next_rank is null then 'agreed'
        {%- for number in range(1, most_criteria() + 1) %}
        when chosen_rank - chosen_rank % alike[{{ number }}] <> next_rank - next_rank % alike[{{ number }}] then prefer[{{ number }}]
        {%- endfor %}
        else 'tie'
    end as survivorship_rule,
    round(current_alike / nullif(current_times, 0), 3) as agreement,
    trust,
    content_id
from against
{%- endmacro %}

{% macro value_select(entity, attribute, value, trusted_as=none, join='', derived=false) -%}
select
    said.{{ entity }}_id, '{{ attribute }}' as attribute, {{ value }} as value, said.dataset, said.role, said.since as delivered_on,
    said.is_current, said.content_id, said.link_rule, {{ trust(entity, trusted_as or attribute) }} as trust, {{ derived }} as is_derived,
    {{ survivorship_rank(entity, attribute, trusted_as, 'said.content_id') }} as survivorship_rank,
    ['{{ survivorship(entity, attribute).prefer | join("', '") }}'] as prefer, {{ alike_ranks(entity, attribute) }} as alike
from said
{{ join }}
{%- endmacro %}

{# What a place is to a person. #}
{% macro place_uses() -%}
{%- set uses = [] -%}
{%- for contract in contracts().values() -%}
{%- for mention in contract.mentions if mention.entity == 'place' and mention.constants.get('place_use') not in uses -%}
{%- do uses.append(mention.constants.get('place_use')) -%}
{%- endfor -%}
{%- endfor -%}
{{ return(uses | reject('none') | list) }}
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
{% macro is_state(entity, attribute) -%}
{%- set states = [] -%}
{%- for name, rule in survivorship_rules()[entity].attributes.items() if rule.only_current -%}{%- do states.append(name) -%}{%- endfor -%}
({{ attribute }} in ('{{ states | join("', '") }}'))
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
