{#-
  Reference systems of coordinates. WGS-84 and CGCS2000 differ by centimetres and count as equal; GCJ-02 shifts them by
  some hundred metres inside China, BD-09 shifts GCJ-02 again. The forward formulas are the public ones; the way back is
  a fixed number of iterations of them (each takes the error down by a factor of 50 or more, well below a millimetre).
-#}

{%- macro std_crs_systems() -%}{{ return(['cgcs2000', 'gcj02', 'bd09']) }}{%- endmacro -%}

{#-
  The system a row names, in any usual spelling: one of std_crs_systems; 'other' for a system of another kind (西安80,
  北京54) or for two at once; null where nothing is said.
-#}
{%- macro std_crs_said(x) -%}
{%- set said = "upper(" ~ std_re_sub(std_ascii(x), '[-_ .:/()\\x{b7}]') ~ ")" -%}
{%- set baidu = std_re_has(said, 'BD ?09|BDLL|BAIDU|百度') -%}
{%- set gcj = std_re_has(said, 'GCJ|火星|国测局|高德|腾讯|AMAP|GAODE') -%}
{%- set cgcs = std_re_has(said, 'WGS|CGCS|(?:^|[^0-9])2000|1984|^84|EPSG4326|EPSG4490|^4326$|^4490$|天地图|GPS') -%}
case
when {{ x }} is null or {{ std_is_blank(x) }} or {{ std_re_is(said, '不详|不明|未知|未说明|无|空|NULL|NONE|N?A?') }} then null
when {{ baidu }} then case when {{ gcj }} or {{ cgcs }} then 'other' else 'bd09' end
when {{ gcj }} then case when {{ cgcs }} then 'other' else 'gcj02' end
when {{ cgcs }} then 'cgcs2000'
else 'other' end
{%- endmacro -%}

{%- macro std_shifted_area(lon, lat) -%}({{ lon }} between 72.004 and 137.8347 and {{ lat }} between 0.8293 and 55.8271){%- endmacro -%}

{#- degrees by which GCJ-02 lies east of CGCS2000 -#}
{%- macro std_gcj_shift_lon(lon, lat) -%}
{%- set x = '(' ~ lon ~ ' - 105.0)' -%}{%- set y = '(' ~ lat ~ ' - 35.0)' -%}
case when {{ std_shifted_area(lon, lat) }} then
(300.0 + {{ x }} + 2.0 * {{ y }} + 0.1 * {{ x }} * {{ x }} + 0.1 * {{ x }} * {{ y }} + 0.1 * sqrt(abs({{ x }}))
+ (20.0 * sin(6.0 * pi() * {{ x }}) + 20.0 * sin(2.0 * pi() * {{ x }})) * 2.0 / 3.0
+ (20.0 * sin(pi() * {{ x }}) + 40.0 * sin(pi() * {{ x }} / 3.0)) * 2.0 / 3.0
+ (150.0 * sin(pi() * {{ x }} / 12.0) + 300.0 * sin(pi() * {{ x }} / 30.0)) * 2.0 / 3.0)
* 180.0 / (6378245.0 / sqrt({{ std_gcj_magic(lat) }}) * cos(radians({{ lat }})) * pi())
else 0.0 end
{%- endmacro -%}

{#- degrees by which GCJ-02 lies north of CGCS2000 -#}
{%- macro std_gcj_shift_lat(lon, lat) -%}
{%- set x = '(' ~ lon ~ ' - 105.0)' -%}{%- set y = '(' ~ lat ~ ' - 35.0)' -%}
case when {{ std_shifted_area(lon, lat) }} then
(-100.0 + 2.0 * {{ x }} + 3.0 * {{ y }} + 0.2 * {{ y }} * {{ y }} + 0.1 * {{ x }} * {{ y }} + 0.2 * sqrt(abs({{ x }}))
+ (20.0 * sin(6.0 * pi() * {{ x }}) + 20.0 * sin(2.0 * pi() * {{ x }})) * 2.0 / 3.0
+ (20.0 * sin(pi() * {{ y }}) + 40.0 * sin(pi() * {{ y }} / 3.0)) * 2.0 / 3.0
+ (160.0 * sin(pi() * {{ y }} / 12.0) + 320.0 * sin(pi() * {{ y }} / 30.0)) * 2.0 / 3.0)
* 180.0 / ((6378245.0 * (1.0 - 0.00669342162296594323)) / ({{ std_gcj_magic(lat) }} * sqrt({{ std_gcj_magic(lat) }})) * pi())
else 0.0 end
{%- endmacro -%}

{%- macro std_gcj_magic(lat) -%}(1.0 - 0.00669342162296594323 * sin(radians({{ lat }})) * sin(radians({{ lat }}))){%- endmacro -%}

{#- BD-09 of a point in GCJ-02; axis lon or lat -#}
{%- macro std_bd09_of_gcj(lon, lat, axis) -%}
(sqrt({{ lon }} * {{ lon }} + {{ lat }} * {{ lat }}) + 0.00002 * sin({{ lat }} * pi() * 3000.0 / 180.0))
* {{ 'cos' if axis == 'lon' else 'sin' }}(atan2({{ lat }}, {{ lon }}) + 0.000003 * cos({{ lon }} * pi() * 3000.0 / 180.0)) + {{ '0.0065' if axis == 'lon' else '0.006' }}
{%- endmacro -%}

{#-
  CTEs that bring the points of `source` (columns longitude, latitude, crs: one of std_crs_systems) to CGCS2000. The last
  one, `crs_points`, has `columns` of the source and to_longitude, to_latitude; null where the system is not known.
-#}
{%- macro std_crs_ctes(source, columns) -%}
crs_bd_0 as (
select *, case when crs = 'bd09' then longitude - 0.0065 else longitude end as gcj_lon, case when crs = 'bd09' then latitude - 0.006 else latitude end as gcj_lat
from {{ source }}
),
{%- for step in range(1, 5) %}
crs_bd_{{ step }} as (
select {{ columns | join(', ') }}, longitude, latitude, crs,
case when crs = 'bd09' then gcj_lon - ({{ std_bd09_of_gcj('gcj_lon', 'gcj_lat', 'lon') }} - longitude) else gcj_lon end as gcj_lon,
case when crs = 'bd09' then gcj_lat - ({{ std_bd09_of_gcj('gcj_lon', 'gcj_lat', 'lat') }} - latitude) else gcj_lat end as gcj_lat
from crs_bd_{{ step - 1 }}
),
{%- endfor %}
crs_gcj_0 as (
select *, gcj_lon as true_lon, gcj_lat as true_lat from crs_bd_4
),
{%- for step in range(1, 4) %}
crs_gcj_{{ step }} as (
select {{ columns | join(', ') }}, crs, gcj_lon, gcj_lat,
case when crs in ('gcj02', 'bd09') then gcj_lon - ({{ std_gcj_shift_lon('true_lon', 'true_lat') }}) else gcj_lon end as true_lon,
case when crs in ('gcj02', 'bd09') then gcj_lat - ({{ std_gcj_shift_lat('true_lon', 'true_lat') }}) else gcj_lat end as true_lat
from crs_gcj_{{ step - 1 }}
),
{%- endfor %}
crs_points as (
select {{ columns | join(', ') }},
case when crs in ('cgcs2000', 'wgs84', 'gcj02', 'bd09') then true_lon end as to_longitude,
case when crs in ('cgcs2000', 'wgs84', 'gcj02', 'bd09') then true_lat end as to_latitude
from crs_gcj_3
)
{%- endmacro -%}
