{{ config(materialized='view') }}
{{ entity_place('person') }}
