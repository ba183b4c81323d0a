{{ config(materialized='view') }}
{{ entity_history('event', [none]) }}
