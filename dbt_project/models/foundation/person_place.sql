{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_redated('person') }}", post_hook="{{ kept_sorted(['person_id']) }}") }}
{{ entity_place('person') }}
