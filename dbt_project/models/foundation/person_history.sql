{{ config(materialized='view') }}
{{ entity_history('person', ['residence', 'registered']) }}
