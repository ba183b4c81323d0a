{# Completed years of age on a day. #}
{% macro age_on(birth_date, day) -%}{{ return(adapter.dispatch('age_on', 'townlake')(birth_date, day)) }}{%- endmacro %}
{% macro default__age_on(birth_date, day) -%}date_sub('year', {{ birth_date }}, {{ day }}){%- endmacro %}
