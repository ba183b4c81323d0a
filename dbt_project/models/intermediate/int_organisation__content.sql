{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_stale_contents('organisation') }}") }}
{{ contents('organisation') }}
