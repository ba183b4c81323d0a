{{ config(materialized='view') }}
{{ entity_mentions('organisation') }}
