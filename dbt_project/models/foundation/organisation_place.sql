{{ config(materialized='view') }}
{{ entity_place('organisation') }}
