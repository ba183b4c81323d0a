{{ config(materialized='view') }}
{{ entity_mentions('facility') }}
