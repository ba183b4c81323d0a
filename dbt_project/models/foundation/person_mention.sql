{{ config(materialized='view') }}
{{ entity_mentions('person') }}
