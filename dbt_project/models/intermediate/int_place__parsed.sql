{{ config(materialized='incremental', incremental_strategy='append', pre_hook="{{ drop_stale_contents('place') }}") }}
{#
    Addresses taken apart as far as text and the area columns of the same row determine them: county, town-street,
    community by name or code, then estate, building, unit and room. `standard_key` is equal for the same door.
#}
with content as (
    select *
    from {{ ref('int_place__content') }} as content
    {% if is_incremental() -%}
    where not exists (select 1 from {{ this }} as known where known.content_id = content.content_id)
    {%- endif %}
),

area as (
    select area_code, level, name, stem from {{ ref('int_area__stem') }}
),

headless as (
    select
        content.*,
        regexp_replace(
            regexp_replace(address, '^(?:中国|山东省|山东烟台市|烟台市)+', ''),
            '^(?:山东)?烟台([^市路街]{2,3}[区市])', '\1') as rest
    from content
),

with_county as (
    select
        headless.* exclude (rest),
        coalesce(substr(given.area_code, 1, 6), substr(county.area_code, 1, 6)) as county_code,
        given.area_code as given_community,
        case when county.area_code is not null then substr(headless.rest, length(county.name) + 1) else headless.rest end as rest
    from headless
    left join area as given on given.level = 5 and headless.community_code = given.area_code
    left join area as county on county.level = 3 and starts_with(headless.rest, county.name)
),

named_town as (
    select
        *,
        coalesce(
            nullif(regexp_replace(regexp_extract(rest, '^([^0-9号路]{1,9}?(?:街道办事处|街道办|街道|镇|乡))', 1), '(街道)办(事处)?$', '\1'), ''),
            town_name
        ) as town_said,
        regexp_replace(rest, '^[^0-9号路]{1,9}?(?:街道办事处|街道办|街道|镇|乡)', '') as after_town
    from with_county
),

town_match as (
    select
        named_town.content_id,
        min(town.area_code) as town_code
    from named_town
    inner join area as town
        on town.level = 4
        and named_town.town_said = town.name
        and (named_town.county_code is null or named_town.county_code = substr(town.area_code, 1, 6))
    group by named_town.content_id
    having count(*) = 1
),

with_town as (
    select
        named_town.* exclude (rest, after_town),
        coalesce(named_town.county_code, substr(town_match.town_code, 1, 6)) as county_known,
        coalesce(substr(named_town.given_community, 1, 9), substr(town_match.town_code, 1, 9)) as town9,
        case when town_match.town_code is not null or named_town.given_community is not null then named_town.after_town else named_town.rest end as rest
    from named_town
    left join town_match on named_town.content_id = town_match.content_id
),

community_match as (
    select
        with_town.content_id,
        max_by(community.area_code, struct_pack(fit := length(community.stem), code := community.area_code)) as community_code,
        max(length(community.stem)) filter (where starts_with(with_town.rest, community.stem)) as stem_length
    from with_town
    inner join area as community
        on community.level = 5
        and with_town.town9 = substr(community.area_code, 1, 9)
        and (with_town.given_community is null or with_town.given_community = community.area_code)
        and (
            with_town.given_community is not null
            or starts_with(with_town.rest, community.stem)
            or coalesce(with_town.community_name, '') in (community.stem, community.name)
        )
    group by with_town.content_id
),

parted as (
    select
        with_town.content_id,
        with_town.address,
        with_town.county_known as county_code,
        with_town.town9 || '000' as town_code,
        coalesce(with_town.given_community, community_match.community_code) as community_code,
        trim(regexp_replace(
            regexp_replace(
                substr(with_town.rest, coalesce(community_match.stem_length, 0) + 1),
                '^(?:居民委员会|居委会|村民委员会|村委会)', ''),
            '^村([0-9])', '\1')) as below,
        with_town.first_mention
    from with_town
    left join community_match on with_town.content_id = community_match.content_id
),

detailed as (
    select
        *,
        regexp_replace(regexp_replace(regexp_replace(regexp_replace(below,
            '([0-9]+)[#＃](楼)?', '\1号楼'),
            '([0-9]+)号楼-?([0-9]+)-([0-9]+)(号|室)?$', '\1号楼\2单元\3号'),
            '([^0-9-])([0-9]+)-([0-9]+)-([0-9]+)(号|室)?$', '\1\2号楼\3单元\4号'),
            '(单元[0-9]+)室$', '\1号') as detail
    from parted
)

select
    content_id,
    address,
    county_code,
    nullif(town_code, '000') as town_code,
    community_code,
    detail,
    nullif(regexp_extract(detail, '^([^0-9]{2,12}?(?:路|街|大街|巷|道))[0-9]', 1), '') as road,
    nullif(regexp_extract(detail, '(?:路|街|巷|道)([0-9]+号)(?:[^楼]|$)', 1), '') as "number",
    nullif(regexp_extract(detail, '(?:[0-9]号(?:院)?|^)([^0-9号路街巷]{2,15})[0-9]+号楼', 1), '') as estate,
    nullif(regexp_extract(detail, '([0-9]+)号楼', 1), '') as building,
    nullif(regexp_extract(detail, '([0-9]+)单元', 1), '') as unit,
    nullif(regexp_extract(detail, '单元([0-9]+)号?$', 1), '') as room,
    coalesce(community_code, nullif(town_code, '000'), county_code, '') || '|' || detail as standard_key,
    first_mention
from detailed
