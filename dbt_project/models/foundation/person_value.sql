{{ config(materialized='view') }}
{{ entity_values('person') }}
