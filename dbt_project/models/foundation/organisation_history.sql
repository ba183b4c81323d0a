{{ config(materialized='view') }}
{{ entity_history('organisation', [none]) }}
