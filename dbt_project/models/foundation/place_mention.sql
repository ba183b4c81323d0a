{{ config(materialized='view') }}
{{ entity_mentions('place') }}
