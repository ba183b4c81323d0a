{{ config(materialized='view') }}
{{ entity_values('event') }}
