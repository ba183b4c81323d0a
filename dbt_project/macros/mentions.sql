{#
    All mentions of one entity that the contracts declare, one select per dataset and role, for deliveries that this
    model has not got yet. `content_id` names what was said (dataset, role, key, values), wherever and however often.
#}
{% macro mentions(entity) -%}
{%- set attributes = entity_attributes(entity) -%}
{%- set selects = [nothing_said(entity, attributes)] -%}
{%- for contract in delivered_contracts() -%}
    {%- for mention in contract.mentions if mention.entity == entity -%}
        {%- do selects.append(mention_select(contract, mention, attributes)) -%}
    {%- endfor -%}
{%- endfor -%}
with said as (
    {{ selects | join('\nunion all\n') }}
)

select
    *,
    md5(concat_ws('|', {{ "dataset, role, coalesce(row_key, ''), " if entity != 'place' }}
        {%- for name in attributes %} {% if name in later_attributes() %}{{ name }}::varchar{% else %}coalesce({{ name }}::varchar, ''){% endif %}{{ "," if not loop.last }}{% endfor %}
        {%- if entity != 'place' %}, coalesce(place_content_id, ''), coalesce(place_use, ''), coalesce(legal_person_key, ''){% endif %})) as content_id
from said
where {{ says_something(entity) }}
{%- endmacro %}

{# The shape of a mention without a row: some entity may have no source yet. #}
{% macro nothing_said(entity, attributes) -%}
select
    null::varchar as dataset, null::varchar as file, null::varchar as sheet, null::bigint as row_number,
    null::varchar as delivery_id, null::timestamptz as received_at, null::date as delivered_on,
    null::varchar as row_key,
    null::varchar as role,
    {%- for name, type in attributes.items() %}
    null::{{ type }} as {{ name }},
    {%- endfor %}
    {%- if entity != 'place' %}
    null::varchar as place_content_id,
    {%- endif %}
    null::varchar as place_use
    {%- if entity != 'place' %},
    null::varchar as legal_person_key
    {%- endif %}
where false
{%- endmacro %}

{% macro mention_select(contract, mention, attributes) -%}
select
    {{ locator_columns() | join(', ') }},
    row_key,
    {{ dbt.string_literal(mention.role) }} as role,
    {%- for name, type in attributes.items() %}
    {{ mention_value(mention, name) }}::{{ type }} as {{ name }},
    {%- endfor %}
    {%- if mention.entity == 'place' %}
    {{ mention_value(mention, 'place_use') }}::varchar as place_use
    {%- else %}
    {{ place_of_row(contract, mention, 'content_id') }} as place_content_id,
    {{ place_of_row(contract, mention, 'use') }} as place_use,
    {{ legal_person_of_row(contract, mention) }} as legal_person_key
    {%- endif %}
from {{ ref('stg_' ~ contract.model) }} as row_of
{%- if is_incremental() %}
where not exists (select 1 from {{ this }} as done where done.delivery_id = row_of.delivery_id and done.role = {{ dbt.string_literal(mention.role) }})
{%- endif %}
{%- endmacro %}

{% macro mention_value(mention, name) -%}
{%- if name in mention.attributes and name == 'id_number' -%}{{ undoubted_id(mention, mention.attributes[name]) }}
{%- elif name in mention.derived and name == 'id_number' -%}{{ undoubted_id(mention, '(' ~ mention.derived[name] ~ ')') }}
{%- elif name == "address" and mention.entity == "place" and "address_in" in mention.attributes -%}coalesce({{ mention.attributes.get(name, "null::varchar") }}, {{ std_address_in_text(mention.attributes.address_in) }})
{%- elif name == 'number_said' -%}{{ number_said(mention) }}
{%- elif name in mention.attributes -%}{{ mention.attributes[name] }}
{%- elif name in mention.derived -%}({{ mention.derived[name] }})
{%- elif name in mention.constants -%}{{ dbt.string_literal(mention.constants[name]) }}
{%- else -%}null
{%- endif -%}
{%- endmacro %}

{#
    A number that does not say who somebody is, though it holds: one that ends in 000 may have been cut by a spreadsheet (one
    in eleven of these holds by chance), one that tells another year of birth than the row does is a relative's.
#}
{% macro undoubted_id(mention, column) -%}
case when not (length({{ column }}) = 18 and ends_with({{ column }}, '000'))
    {%- if 'birth_date' in mention.attributes %}
    and coalesce(length({{ column }}) <> 18
        or abs(extract(year from {{ mention.attributes.birth_date }}) - try_cast(substr({{ column }}, 7, 4) as integer)) <= 1, true)
    {%- endif %}
    then {{ column }} end
{%- endmacro %}

{# The number as delivered, without what a keyboard adds to it; the standard form where it holds. #}
{% macro number_said(mention) -%}
{%- set column = mention.attributes.get('number_said', mention.attributes.get('id_number')) -%}
{%- if column is none -%}null
{%- else -%}
coalesce({{ mention_value(mention, 'id_number') }},
    nullif(regexp_extract(upper(regexp_replace(translate({{ column }}_raw, '０１２３４５６７８９Ｘｘ．＋', '0123456789XX.+'), '[^0-9A-Za-z.+]', '', 'g')),
        '^.*[0-9].*[0-9].*[0-9].*$'), ''))
{%- endif -%}
{%- endmacro %}

{# Only the subject of a row lives or stands at the row's address. #}
{% macro place_of_row(contract, mention, part) -%}
{%- set places = contract.mentions | selectattr('entity', 'equalto', 'place') | selectattr('role', 'equalto', 'subject') | list -%}
{%- if mention.role != 'subject' or not places -%}null::varchar
{%- elif part == 'use' -%}{{ mention_value(places[0], 'place_use') }}
{%- else -%}
case when coalesce({% for name in ('address', 'house_code', 'longitude', 'latitude') %}{{ mention_value(places[0], name) }}::varchar{{ ", " if not loop.last }}{% endfor %}) is not null then md5(concat_ws('|', {% for name, type in entity_attributes('place').items() %}coalesce({{ mention_value(places[0], name) }}::{{ type }}::varchar, ''){{ ", " if not loop.last }}{% endfor %})) end
{%- endif -%}
{%- endmacro %}

{# The identifier of the row's legal representative, for its subject organisation. #}
{% macro legal_person_of_row(contract, mention) -%}
{%- set people = contract.mentions | selectattr('entity', 'equalto', 'person') | selectattr('role', 'equalto', 'legal_representative') | list -%}
{%- if mention.entity != 'organisation' or mention.role != 'subject' or not people -%}null::varchar
{%- else -%}{{ mention_value(people[0], 'id_type') }} || ':' || {{ mention_value(people[0], 'id_number') }}
{%- endif -%}
{%- endmacro %}

{# Trust in a dataset's word on one attribute: a case over dataset and role, from the contracts. #}
{% macro trust(entity, attribute) -%}
case
    when dataset is null then 0
    {%- for contract in contracts().values() -%}
    {%- for mention in contract.mentions if mention.entity == entity %}
    when dataset = {{ dbt.string_literal(contract.id) }} and role = {{ dbt.string_literal(mention.role) }} then {{ mention.trust_by_attribute.get(attribute, mention.trust) }}
    {%- endfor -%}
    {%- endfor %}
    else 0 end
{%- endmacro %}

{#
    What was said, once: one row per content, whatever number of deliveries repeat it. Most is said once, and goes by without
    being held in a table of groups.
#}
{% macro contents(entity) -%}
with new_mention as {{ streamed(not is_incremental()) }} (
    select mention.*
    from {{ ref('int_' ~ entity ~ '__mention') }} as mention
    {%- if is_incremental() %}
    where not exists (select 1 from {{ this }} as known where known.content_id = mention.content_id)
    {%- endif %}
),

repeated as (
    select content_id from new_mention group by content_id having count(*) > 1
)

select
    content_id,
    {{ content_columns(entity, '', '') }}
from new_mention
where content_id not in (select content_id from repeated)
union all
select
    content_id,
    {{ content_columns(entity, 'min(', ')') }}
from new_mention
where content_id in (select content_id from repeated)
group by content_id
{%- endmacro %}

{% macro content_columns(entity, before, after) -%}
{%- set names = [] -%}
{%- if entity != 'place' -%}{%- do names.extend(['dataset', 'role', 'row_key']) -%}{%- endif -%}
{%- do names.extend(entity_attributes(entity)) -%}
{%- if entity != 'place' -%}{%- do names.extend(['place_content_id', 'place_use', 'legal_person_key']) -%}{%- endif -%}
{%- for name in names %}
    {{ before }}{{ name }}{{ after }} as {{ name }},
{%- endfor %}
    {%- if entity != 'place' %}
    {{ before }}{{ verified_identifier(entity) }}{{ after }} as verified_identifier,
    {%- endif %}
    {{ before }}struct_pack(delivered_on := delivered_on, dataset := dataset, file := file, sheet := coalesce(sheet, ''), row_number := row_number){{ after }} as first_mention
{%- endmacro %}
