{#
    What a mention may say of each entity: attribute → SQL type. A contract maps its columns to these names.
    `number_space` names who numbers the events, where several datasets carry the same numbers; `number_said` is a person's
    number as delivered, sound or not: what is left of a damaged one may still tell who is meant, never who it is.
#}
{% macro entity_attributes(entity) -%}
{{ return({
    'person': {
        'id_type': 'varchar', 'id_number': 'varchar', 'number_said': 'varchar', 'name': 'varchar', 'former_name': 'varchar', 'sex_code': 'varchar', 'birth_date': 'date',
        'death_date': 'date', 'ethnic_code': 'varchar', 'phone': 'varchar', 'household_number': 'varchar',
        'relation_code': 'varchar', 'area_code': 'varchar', 'is_deceased': 'boolean'},
    'organisation': {
        'uscc': 'varchar', 'registration_number': 'varchar', 'name': 'varchar', 'kind': 'varchar', 'status': 'varchar',
        'industry_code': 'varchar', 'registered_on': 'date', 'closed_on': 'date', 'capital_cny': 'decimal(18, 2)',
        'phone': 'varchar', 'business_scope': 'varchar', 'industry_name': 'varchar'},
    'place': {
        'address': 'varchar', 'community_code': 'varchar', 'town_name': 'varchar', 'community_name': 'varchar',
        'house_code': 'varchar', 'grid_code': 'varchar', 'longitude': 'double', 'latitude': 'double', 'coordinate_system': 'varchar'},
    'event': {
        'event_number': 'varchar', 'number_space': 'varchar', 'kind': 'varchar', 'occurred_at': 'timestamp', 'description': 'varchar',
        'department': 'varchar', 'status': 'varchar'},
    'facility': {
        'facility_number': 'varchar', 'kind': 'varchar', 'name': 'varchar', 'status': 'varchar', 'capacity': 'bigint'},
}[entity]) }}
{%- endmacro %}

{# Attributes younger than lakes: they are part of what a content is only where they say something, so that ids stay. #}
{% macro later_attributes() -%}
{{ return(['business_scope', 'industry_name']) }}
{%- endmacro %}

{# Identifier that two mentions must share to be one entity, null where the mention has none that was verified. #}
{% macro verified_identifier(entity) -%}
{{ return({
    'person': "id_type || ':' || id_number",
    'organisation': 'uscc',
    'event': "coalesce(number_space, dataset) || ':' || event_number",
    'facility': "dataset || ':' || facility_number",
}[entity]) }}
{%- endmacro %}

{# A mention that says nothing is none. #}
{% macro says_something(entity) -%}
{{ return({
    'person': 'coalesce(id_number, name) is not null',
    'organisation': 'coalesce(uscc, name) is not null',
    'place': 'coalesce(address, house_code) is not null or (longitude is not null and latitude is not null)',
    'event': 'coalesce(event_number, description) is not null',
    'facility': 'coalesce(facility_number, name) is not null',
}[entity]) }}
{%- endmacro %}

{% macro prefixed(columns, relation) -%}
{%- set out = [] -%}
{%- for column in columns -%}{%- do out.append(relation ~ '.' ~ column) -%}{%- endfor -%}
{{ return(out) }}
{%- endmacro %}
