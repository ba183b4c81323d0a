{{ config(materialized='view') }}
{{ entity_values('organisation') }}
