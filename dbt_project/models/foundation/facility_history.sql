{{ config(materialized='view') }}
{{ entity_history('facility', [none]) }}
