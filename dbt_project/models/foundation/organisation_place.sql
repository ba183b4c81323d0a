{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_redated('organisation') }}", post_hook="{{ kept_sorted(['organisation_id']) }}") }}
{{ entity_place('organisation') }}
