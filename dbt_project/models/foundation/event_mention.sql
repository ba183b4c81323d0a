{{ config(materialized='view') }}
{{ entity_mentions('event') }}
