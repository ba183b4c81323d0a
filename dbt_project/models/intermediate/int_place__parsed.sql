{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_stale_contents('place') }}") }}
{#
    Addresses taken apart (macros/standard/address_parts.sql), every component as it stands in the text, and beside it the
    keys by which spellings are compared. Depends on the text alone.
#}
with content as (
    select content_id, address, first_mention
    from {{ ref('int_place__content') }} as content
    {% if is_incremental() -%}
    where not exists (select 1 from {{ this }} as known where known.content_id = content.content_id)
    {%- endif %}
),

{{ std_address_ctes('content', 'address', ref('county'), ['content_id', 'address', 'first_mention']) }}

select
    *,
    {{ std_city_stem('city') }} as city_stem,
    {{ std_town_name('town') }} as town_name,
    {{ std_community_stem('community') }} as community_stem,
    {{ std_community_kind('community') }} as community_kind,
    {{ estate_stem('estate') }} as estate_stem,
    {{ std_number_key('"number"') }} as number_key,
    {{ std_building_key('building') }} as building_key,
    {{ std_unit_key('unit') }} as unit_key,
    {{ std_room_key('room') }} as room_key
from address_parts
