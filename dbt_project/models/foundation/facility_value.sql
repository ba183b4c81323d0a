{{ config(materialized='view') }}
{{ entity_values('facility') }}
