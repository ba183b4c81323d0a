{#-
  An address taken apart, set by set: head (province, city, county), town-street, community or village, group, road,
  number, estate, building, unit, floor, room, and what is left. Each component is a piece of the tidied text, cut where it
  stands; nothing is completed here, so nothing can be invented. What an area is called today, and which door is meant, is
  decided later (int_place__resolved), against the divisions and the address library.

  The text is read from the left, one component at a time: `rest_k` is what step k has left. Names of counties and cities
  come from a gazetteer by the first two characters (an equi-join), everything below by its suffix. Patterns are bounded
  and anchored, so that the time is linear in the length of the text, whatever the text.
-#}

{#- Names of provinces; the suffix may be missing where a city or county of it follows. GB/T 2260, first two digits. -#}
{%- macro std_province_pattern() -%}
^(?:(?:河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾)省?|内蒙古(?:自治区)?|广西(?:壮族自治区)?|西藏(?:自治区)?|宁夏(?:回族自治区)?|新疆(?:维吾尔自治区)?|(?:香港|澳门)(?:特别行政区)?)
{%- endmacro -%}

{%- macro std_province_names() -%}
{{ return({
  '11': '北京市', '12': '天津市', '13': '河北省', '14': '山西省', '15': '内蒙古自治区', '21': '辽宁省', '22': '吉林省', '23': '黑龙江省',
  '31': '上海市', '32': '江苏省', '33': '浙江省', '34': '安徽省', '35': '福建省', '36': '江西省', '37': '山东省', '41': '河南省',
  '42': '湖北省', '43': '湖南省', '44': '广东省', '45': '广西壮族自治区', '46': '海南省', '50': '重庆市', '51': '四川省', '52': '贵州省',
  '53': '云南省', '54': '西藏自治区', '61': '陕西省', '62': '甘肃省', '63': '青海省', '64': '宁夏回族自治区', '65': '新疆维吾尔自治区',
  '71': '台湾省', '81': '香港特别行政区', '82': '澳门特别行政区'}) }}
{%- endmacro -%}

{%- macro std_province_name(code) -%}
case {{ code }} {% for two, name in std_province_names().items() %}when '{{ two }}' then '{{ name }}' {% endfor %}end
{%- endmacro -%}

{%- macro std_province_starts() -%}
'河北', '山西', '辽宁', '吉林', '黑龙', '江苏', '浙江', '安徽', '福建', '江西', '山东', '河南', '湖北', '湖南', '广东', '海南', '四川', '贵州', '云南', '陕西', '甘肃', '青海', '台湾', '内蒙', '广西', '西藏', '宁夏', '新疆', '香港', '澳门'
{%- endmacro -%}

{%- macro std_zh_digits() -%}一二三四五六七八九十百零〇{%- endmacro -%}

{#- signs that no name of an area, road or estate holds -#}
{%- macro std_no_name() -%}-0-9A-Za-z #,.;:、，。；：/&+@_*~号{%- endmacro -%}

{#- roads: what follows a village or a town and shows that both were part of a road's name -#}
{%- macro std_road_tail() -%}[东西南北中前后上下]?(?:大街|大道|街|路|巷|胡同|里弄){%- endmacro -%}

{#- what follows a village, a town or a road and shows that it was part of the name of an estate or an institution -#}
{%- macro std_estate_tail() -%}(?:小区|花园|家园|花苑|苑|公寓|宿舍|家属|大院|名[苑居府城]|雅[居苑]|[东南西北]?新?城|庄园|山庄|别墅|广场|大厦|公馆|人家|湾|府|庭院|华[庭府]|小学|中学|学校|幼儿园|医院|卫生院|派出所|市场|超市|银行|酒店|宾馆|加油站|火车站|汽车站|风情|生活区){%- endmacro -%}

{#- what says "near" and so names no door: the text determines an area at most -#}
{%- macro std_vague_words() -%}附近|对面|对过|旁边|隔壁|路口|街口|交叉口|交叉处|交汇处|交界处|[东西南北]侧|[东西南北][边面](?:[^村园苑家路街]|$)|以[东西南北]|[0-9]余?米|门口|沿线|沿街|一带|周边|途经{%- endmacro -%}

{#-
  The gazetteer as small relations, from the seed of counties (`county`, all of China, abolished ones included):
  address_city   one row per written name of a city: its counties
  address_start  one row per first two characters: names of cities, of cities without suffix, of counties; longest first
-#}
{%- macro std_gazetteer_ctes(county) -%}
address_city_names as (
select distinct city_code, name, is_full from (
select city_code, city_name as name, true as is_full from {{ county }}
where city_name not in ('市辖区', '县', '省直辖县级行政区划', '自治区直辖县级行政区划')
union all
select city_code, {{ std_city_stem('city_name') }} || '州' as name, true as is_full from {{ county }} where city_name like '%自治州'
union all
select city_code, {{ std_city_stem('city_name') }} as name, false as is_full from {{ county }}
where city_name not in ('市辖区', '县', '省直辖县级行政区划', '自治区直辖县级行政区划')
union all
{%- for code, name in [('11', '北京'), ('12', '天津'), ('31', '上海'), ('50', '重庆')] %}
select '{{ code }}' as city_code, '{{ name }}市' as name, true as is_full
union all
select '{{ code }}' as city_code, '{{ name }}' as name, false as is_full{{ '\nunion all' if not loop.last }}
{%- endfor %}
) as named
),
address_counties as (
select distinct name, case when substr(county_code, 1, 2) in ('11', '12', '31', '50') then substr(county_code, 1, 2) else city_code end as city_code
from {{ county }}
),
address_city as (
select city.name as city_name, city.city_code, city.is_full, {{ std_longest_first('county.name') }} as own_counties
from address_city_names as city
inner join address_counties as county on city.city_code = county.city_code
group by city.name, city.city_code, city.is_full
),
address_start as (
select start, {{ std_longest_first("case when kind = 'city' then name end") }} as cities,
{{ std_longest_first("case when kind = 'stem' then name end") }} as stems,
{{ std_longest_first("case when kind = 'county' then name end") }} as counties
from (
select distinct substr(name, 1, 2) as start, name, case when is_full then 'city' else 'stem' end as kind from address_city_names
union all
select distinct substr(name, 1, 2) as start, name, 'county' as kind from address_counties where length(name) > 2
) as names
group by start
)
{%- endmacro -%}

{%- macro std_city_stem(x) -%}
{{ std_re_sub(x, '(?:(?:藏族|羌族|彝族|苗族|侗族|布依族|土家族|朝鲜族|回族|蒙古族|蒙古|哈尼族|傣族|景颇族|傈僳族|白族|壮族|哈萨克|柯尔克孜)*自治州|市|地区|盟)$') }}
{%- endmacro -%}

{#-
  The CTEs that take `source` apart, the text in column `text`. The last one, `address_parts`, has the `columns` of the
  source and the components, as they stand in the text, and `is_vague` where the text only says "near".
-#}
{%- macro std_address_ctes(source, text, county, columns=[]) -%}
{{ std_gazetteer_ctes(county) }},
{#- a note in brackets stands between two pieces: a space keeps them apart -#}
address_0 as (
select *, case when {{ std_re_has(text, '[（(\\[【]') }} then trim({{ std_re_sub(text, '[（(\\[【][^（()）\\[\\]【】]*[）)\\]】]?', ' ') }}) else {{ text }} end as plain,
case when {{ std_re_has(text, '[（(\\[【]') }} then nullif({{ std_re_get(text, '[（(\\[【]([^（()）\\[\\]【】]+)', 1) }}, '') end as note,
{{ std_re_has(text, '[（(\\[【]') }} as has_gap
from {{ source }}
),
{#- what precedes the address itself: a label, a postcode, the country -#}
address_1 as (
select *, {{ std_after('plain', "case when " ~ std_re_has('plain', '^[现家户居住通联地经中外省市本国境0-9]') ~ " then " ~ std_re_get('plain', '^(?:(?:现|家庭|户籍|居住|常住|通讯|联系|经营)?(?:地址|住址|住所|所在地|居住地|户籍地)[:： ])?(?:[1-8][0-9]{5} )?(?:中华人民共和国|中国|(?:外省|省外|外地|外市|市外|本省|本市|国外|境外) ?)?', 0) ~ " end") }} as rest_1
from address_0
),
address_2 as (
select *, case when substr(rest_1, 1, 2) in ({{ std_province_starts() }}) and not {{ std_re_has('rest_1', '^(?:吉林|海南)[市州]') }}
then nullif({{ std_re_get('rest_1', std_province_pattern(), 0) }}, '') end as province_said
from address_1
),
address_3 as (
select *, {{ std_after('rest_1', 'province_said') }} as rest_2
from address_2
),
{#- 山东省山东省烟台市: the same province again -#}
address_4 as (
select *, case when province_said like '%省' or province_said like '%区' then
case when {{ std_starts_with('rest_2', 'province_said') }} then {{ std_after('rest_2', 'province_said') }} else rest_2 end else rest_2 end as rest_3
from address_3
),
address_5 as (
select said.*, {{ std_first_prefix('start.cities', 'said.rest_3') }} as city_full, {{ std_first_prefix('start.stems', 'said.rest_3') }} as city_stem
from address_4 as said
left join address_start as start on substr(said.rest_3, 1, 2) = start.start
),
address_6 as (
select said.*, city.own_counties, city.city_code, coalesce(said.city_full, said.city_stem) as city_maybe,
{{ std_after('said.rest_3', 'coalesce(said.city_full, said.city_stem)') }} as rest_4
from address_5 as said
left join address_city as city on coalesce(said.city_full, said.city_stem) = city.city_name
),
address_7 as (
select *, case
when city_full is not null then city_maybe
when city_stem is null then null
when {{ std_first_prefix('own_counties', 'rest_4') }} is not null then city_maybe
when {{ std_starts_with('rest_4', "city_stem || '市'") }} then city_maybe
when {{ std_re_has('rest_4', '^(?:经济技术|高新技术产业|高新技术|经济)?(?:开发区|高新区|保税区|保税港区)') }} then city_maybe
when province_said is not null and not {{ std_re_has('rest_4', '^(?:大街|大道|街|路|巷|道|' ~ std_estate_tail() ~ ')') }} then city_maybe
end as city_said
from address_6
),
{#- 山东路12号: a province without suffix needs a city or county of its own behind it -#}
address_8 as (
select said.*, case when said.city_said is null then said.rest_3 else said.rest_4 end as rest_5,
case when said.city_said is null then {{ std_first_prefix('start.counties', 'said.rest_3') }} end as county_at_start
from address_7 as said
left join address_start as start on case when said.city_said is null then substr(said.rest_3, 1, 2) end = start.start
),
address_9 as (
select *, case when {{ std_re_has('province_said', '(?:省|区)$') }} or city_said is not null or county_at_start is not null then province_said end as province_kept,
case when {{ std_re_has('province_said', '(?:省|区)$') }} or city_said is not null or county_at_start is not null or province_said is null then rest_5 else rest_1 end as rest_6
from address_8
),
{#- 山东省烟台市山东省烟台市芝罘区: the same head again, and 北京市市辖区 -#}
address_10 as (
select *, case when city_said is null then rest_6
when {{ std_starts_with('rest_6', "coalesce(province_kept, '') || city_said") }} then {{ std_after('rest_6', "coalesce(province_kept, '') || city_said") }}
when {{ std_starts_with('rest_6', 'city_said') }} and length(city_said) > 2 then {{ std_after('rest_6', 'city_said') }}
when city_full is null and {{ std_starts_with('rest_6', "city_said || '市'") }} then {{ std_after('rest_6', "city_said || '市'") }}
when {{ std_starts_with('rest_6', "'市辖区'") }} then substr(rest_6, 4) else rest_6 end as rest_7
from address_9
),
address_11 as (
select said.*, coalesce(said.county_at_start, {{ std_first_prefix('said.own_counties', 'said.rest_7') }}, {{ std_first_prefix('start.counties', 'said.rest_7') }}) as county_listed
from address_10 as said
left join address_start as start on substr(said.rest_7, 1, 2) = start.start
),
{#- zones that are no county of the list: 开发区, 高新区 -#}
address_12 as (
select *, case
when city_said is null and city_full is null and county_listed is not null then county_listed
when city_said is not null and county_listed is not null then county_listed
when county_listed is null and {{ std_re_has('rest_7', '(?:开发区|高新区|保税区|保税港区|示范区|度假区)') }}
then nullif({{ std_re_get('rest_7', '^[^' ~ std_no_name() ~ '路街村镇乡]{0,8}?(?:经济技术开发区|高新技术产业开发区|高新技术开发区|高新技术产业园区|经济开发区|开发区|高新区|保税港区|保税区|示范区|旅游度假区|度假区)', 0) }}, '')
when county_listed is null and city_said is not null and {{ std_starts_with('rest_7', "'工业园区'") }} then '工业园区'
when county_listed is null and (city_said is not null or province_kept is not null) and {{ std_re_has('rest_7', '[县旗]') }}
then nullif({{ std_re_get('rest_7', '^[^' ~ std_no_name() ~ '路街村镇乡]{1,9}?(?:自治县|自治旗|县|旗)', 0) }}, '')
end as county_said
from address_11
),
address_13 as (
select *, {{ std_after('rest_7', 'county_said') }} as rest_8
from address_12
),
address_14 as (
select *, case when county_said is null then rest_8
when {{ std_starts_with('rest_8', "coalesce(province_kept, '') || coalesce(city_said, '') || county_said") }} then {{ std_after('rest_8', "coalesce(province_kept, '') || coalesce(city_said, '') || county_said") }}
when {{ std_starts_with('rest_8', "coalesce(city_said, '') || county_said") }} then {{ std_after('rest_8', "coalesce(city_said, '') || county_said") }}
when city_said is not null and {{ std_starts_with('rest_8', "coalesce(province_kept, '') || city_said") }} and length(city_said) > 2 then {{ std_after('rest_8', "coalesce(province_kept, '') || city_said") }}
when {{ std_starts_with('rest_8', 'county_said') }} then {{ std_after('rest_8', 'county_said') }}
else rest_8 end as rest_9
from address_13
),
address_14_town as (
select *, trim(rest_9) as rest_10, {{ std_town('trim(rest_9)') }} as town_maybe
from address_14
),
{#- 水乡苑3号楼 and 观澜小镇: an estate, no town; 镇湾头村 is a town before a village -#}
address_15 as (
select *, case
when {{ std_re_has('town_maybe', '..(?:小|古|水|风情)镇$') }} then null
when {{ std_re_has('town_maybe', '[镇乡]$') }} and {{ std_re_has(std_after('rest_10', 'town_maybe'), '^(?:' ~ std_road_tail() ~ '(?:$|[0-9' ~ std_zh_digits() ~ '])|' ~ std_estate_tail() ~ '(?:$|[0-9A-Za-z' ~ std_zh_digits() ~ '东西南北中期区#-]))') }} then null
else town_maybe end as town_said
from address_14_town
),
address_16 as (
select *, trim({{ std_after('rest_10', 'town_said') }}) as rest_11
from address_15
),
{#- the town again, or the whole head again below it -#}
address_17 as (
select *, case when town_said is not null and {{ std_starts_with('rest_11', 'town_said') }} then {{ std_after('rest_11', 'town_said') }} else rest_11 end as rest_12
from address_16
),
address_18 as (
select *, {{ std_residents('rest_12') }} as residents_said, {{ std_village('rest_12') }} as village_said
from address_17
),
address_19 as (
select *, case
when village_said is not null and not {{ std_re_has(std_after('rest_12', 'village_said'), '^(?:' ~ std_road_tail() ~ '|' ~ std_estate_tail() ~ '|社区|居民委|居委)') }}
and not ({{ std_re_has('village_said', '[新一二三四五六七八九十]村$') }} and {{ std_re_has(std_after('rest_12', 'village_said'), '^第?[0-9一二三四五六七八九十]{1,4}(?:#|号?楼|幢|栋|座|弄|-|单元)') }})
and (residents_said is null or length(village_said) < length(residents_said)) then village_said
else residents_said end as community_said
from address_18
),
address_20 as (
select *, trim({{ std_after('rest_12', 'community_said') }}) as rest_13
from address_19
),
address_21 as (
select *, case when {{ std_re_has('rest_13', '[组队社屯村排]') }} then nullif({{ std_re_get('rest_13', '^((?:第?[0-9]{1,3}|第?[一二三四五六七八九十]{1,3})(?:村民小组|居民小组|小组|组|生产队|队|社|排)|[^' ~ std_no_name() ~ '路街楼]{1,6}?(?:村民小组|居民小组|小组|自然村|屯))(?:[^团区委]|$)', 1) }}, '') end as group_said
from address_20
),
address_22 as (
select *, trim({{ std_after('rest_13', 'group_said') }}) as rest_14
from address_21
),
address_23 as (
select *, case
when {{ std_re_has('rest_14', '[路街巷]|大道|胡同') }} then coalesce(
nullif({{ std_re_get('rest_14', '^([^' ~ std_no_name() ~ '院楼]{1,10}?(?:大街|大道|公路|路|街|巷|胡同)(?:[东西南北中](?:路|街|巷|里)|[东西南北中]?[一二三四五六七八九十0-9]{0,2}段|[一二三四五六七八九十]{1,3}[巷街路条])?)', 1) }}, ''),
nullif({{ std_re_get('rest_14', '^[GSXYgsxy]?[0-9]{1,4}(?:国道|省道|县道|乡道)', 0) }}, ''))
when {{ std_re_has('rest_14', '[道里弄条][0-9]') }} then coalesce(
nullif({{ std_re_get('rest_14', '^([^' ~ std_no_name() ~ '院楼]{1,8}[道里弄条])[0-9]', 1) }}, ''),
nullif({{ std_re_get('rest_14', '^[GSXYgsxy]?[0-9]{1,4}(?:国道|省道|县道|乡道)', 0) }}, ''))
when {{ std_re_has('rest_14', '^[GSXYgsxy]?[0-9]{1,4}(?:国道|省道|县道|乡道)') }} then nullif({{ std_re_get('rest_14', '^[GSXYgsxy]?[0-9]{1,4}(?:国道|省道|县道|乡道)', 0) }}, '')
end as road_maybe
from address_22
),
address_24 as (
select *, case when not {{ std_re_has(std_after('rest_14', 'road_maybe'), '^(?:' ~ std_estate_tail() ~ '|社区)') }} then road_maybe end as road_said
from address_23
),
address_25 as (
select *, trim({{ std_after('rest_14', 'road_said') }}) as rest_15
from address_24
),
address_26 as (
select *, case
when {{ std_re_has('rest_15', '^第?[甲乙丙丁新老]?(?:[0-9]{1,5}|[' ~ std_zh_digits() ~ ']{1,6})') }} then coalesce(
nullif({{ std_re_get('rest_15', '^(第?[甲乙丙丁新老]?(?:[0-9]{1,5}(?:-[0-9]{1,4}){0,2}[A-Za-z]?|[' ~ std_zh_digits() ~ ']{1,6})[号弄](?:大院|院|附[0-9]{1,4}号?|之[0-9一二三四五六七八九十]{1,3}|-[0-9]{1,3})?)(?:[^楼栋幢座铺室门房商库车厅公住#0-9-]|[0-9]+(?:[^0-9室户房]|$)|$)', 1) }}, ''),
case when road_said is not null then nullif({{ std_re_get('rest_15', '^([0-9]{1,5}(?:-[0-9]{1,4})?)(?:[^0-9号楼栋幢座单层室弄巷米公里期区组队社户条#A-Za-z-]|$)', 1) }}, '') end,
case when road_said is not null or community_said is not null then nullif({{ std_re_get('rest_15', '^([0-9]{1,5}[号弄])[0-9]{1,5}(?:室|户|房|$)', 1) }}, '') end)
end as number_said
from address_25
),
address_27 as (
select *, trim({{ std_after('rest_15', 'number_said') }}) as rest_16
from address_26
),
{#- the name of an estate runs to the first digit, except for the digits of a phase or part of it -#}
address_28 as (
select *, nullif({{ std_re_get('rest_16', '^(?:[^0-9 #-]+(?:[0-9]{1,4}(?:期|区|苑|小区|组团|地块|庄园|花园|公寓|广场))?)+', 0) }}, '') as estate_run
from address_27
),
{#- … or to a building written in letters or Chinese numerals: 阳光府一号楼, 万达广场A座 -#}
address_29 as (
select *, case when estate_run is null then null
when {{ std_re_has('rest_16', '(?:[' ~ std_zh_digits() ~ ']|[A-Za-z]|[东西南北中主附甲乙丙丁])(?:号楼|号|栋|幢|座|单元|楼|层|室|#)') }}
then coalesce(nullif({{ std_re_get("estate_run || '!'", '^(.*?)(?:第?[' ~ std_zh_digits() ~ ']{1,6}|[A-Za-z][0-9]{0,3}|[东西南北中主附甲乙丙丁])(?:号楼|号|栋|幢|座|单元|楼|层|室|$)', 1) }}, ''),
case when {{ std_re_has('estate_run', '^(?:第?[' ~ std_zh_digits() ~ ']{1,6}|[A-Za-z][0-9]{0,3}|[东西南北中主附甲乙丙丁])(?:号楼|号|栋|幢|座|单元|楼|层|室)') }} then '' else {{ std_re_sub('estate_run', '[A-Za-z]$') }} end)
when {{ std_re_has('estate_run', '[A-Za-z]$') }} then {{ std_re_sub('estate_run', '[A-Za-z]$') }}
else estate_run end as estate_cut
from address_28
),
address_30 as (
select *, case
when {{ std_re_has('estate_cut', std_vague_words()) }} then nullif({{ std_re_get('estate_cut', '^(..+?)(?:' ~ std_vague_words() ~ ')', 1) }}, '')
when estate_cut = '' or length(estate_cut) < 2 or length(estate_cut) > 40 then null
when {{ std_re_has('estate_cut', '^(?:' ~ std_vague_words() ~ '|[号栋幢座楼单层室附与和至,，、。;])') }} then null
else {{ std_re_sub('estate_cut', '[,，、。;]+$') }} end as estate_said
from address_29
),
address_31 as (
select *, trim({{ std_re_sub(std_after('rest_16', 'estate_said'), '^[ ,，、-]+') }}) as rest_17
from address_30
),
{#- 3-2-501 and 3-501: building, unit, room; after a bare road the first number is the house's -#}
address_32 as (
select *,
case when rest_17 like '%-%' then {{ std_re_has('rest_17', '^[0-9A-Za-z]{1,5}-[0-9A-Za-z]{1,3}-[0-9A-Za-z]{1,5}(?:室|号|户)?$') }} else false end as three,
case when rest_17 like '%-%' then {{ std_re_has('rest_17', '^[0-9]{1,4}-[0-9A-Za-z]{2,5}(?:室|号|户)?$') }} and (estate_said is not null or number_said is not null) else false end as two
from address_31
),
address_33 as (
select *, case
when three or two then {{ std_re_get('rest_17', '^[0-9A-Za-z]{1,5}', 0) }}
when rest_17 = '' then null
else coalesce(
nullif({{ std_re_get('rest_17', '^第?(?:[0-9]{1,4}[A-Za-z]?|[A-Za-z][0-9]{0,3}|[一二三四五六七八九十]{1,3}|[甲乙丙丁东西南北中主附])(?:-[0-9A-Za-z]{1,2})?(?:号(?:住宅|公寓|宿舍|商住|办公|综合)?楼|号公寓|号栋|号幢|#楼|号#|#|栋|幢|座)', 0) }}, ''),
nullif({{ std_re_get('rest_17', '^([东西南北中主附前后甲乙丙丁]楼)', 1) }}, ''),
nullif({{ std_re_get('rest_17', '^([0-9一二三四五六七八九十]{1,3}楼)(?:第?[0-9一二三四五六七八九十]{1,2}|[A-Za-z东西中])(?:单元|门|-)', 1) }}, ''),
case when estate_said is not null or number_said is not null then nullif({{ std_re_get('rest_17', '^([0-9]{1,4}号)[0-9]{2,5}(?:室|户|房|$)', 1) }}, '') end)
end as building_said
from address_32
),
address_34 as (
select *, {{ std_re_sub(std_after('rest_17', 'building_said'), '^[- ]+') }} as rest_18
from address_33
),
address_35 as (
select *, case
when three then {{ std_re_get('rest_18', '^[0-9A-Za-z]{1,3}', 0) }}
when two or rest_18 = '' then null
else coalesce(
nullif({{ std_re_get('rest_18', '^第?(?:[0-9]{1,3}|[A-Za-z]|[一二三四五六七八九十]{1,3}|[东西南北中甲乙丙丁])单元', 0) }}, ''),
case when building_said is not null then coalesce(nullif({{ std_re_get('rest_18', '^([0-9A-Za-z]{1,2})-[0-9A-Za-z]{1,5}(?:室|号|户)?$', 1) }}, ''), nullif({{ std_re_get('rest_18', '^([0-9一二三四五六七八九]门)[0-9]', 1) }}, '')) end)
end as unit_said
from address_34
),
address_36 as (
select *, {{ std_re_sub(std_after('rest_18', 'unit_said'), '^[- ]+') }} as rest_19
from address_35
),
address_37 as (
select *, case when rest_19 <> '' then nullif({{ std_re_get('rest_19', '^(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3}|负[一二三12])(?:层|楼)', 0) }}, '') end as floor_said
from address_36
),
address_38 as (
select *, {{ std_re_sub(std_after('rest_19', 'floor_said'), '^[- ]+') }} as rest_20
from address_37
),
address_39 as (
select *, case when rest_20 <> '' then nullif({{ std_re_get('rest_20', '^((?:[0-9]{1,5}(?:-[0-9]{1,5})?[A-Za-z]?|[A-Za-z]-?[0-9]{1,5}|[' ~ std_zh_digits() ~ ']{2,6}|[东西中南北]户)(?:号?(?:商铺|门面房?|门市房?|网点|店面|铺|车库|储藏室|房间|房)|室|号|户)?)(?:[^0-9A-Za-z' ~ std_zh_digits() ~ '楼栋幢座层单米-]|$)', 1) }}, '') end as room_said
from address_38
),
address_40 as (
select *, trim({{ std_after('rest_20', 'room_said') }}) as rest_21,
{{ std_re_has("rest_15 || coalesce(note, '')", '^[口与和]|' ~ std_vague_words()) }} as is_vague
from address_39
),
address_parts as (
select {{ columns | join(', ') }}{{ ',' if columns }}
case when length(city_code) = 2 and city_said is not null then coalesce(province_kept, city_said) else province_kept end as province,
case when length(city_code) = 6 or province_kept is not null then city_said end as city,
county_said as county, town_said as town, community_said as community, group_said as village_group, road_said as road,
number_said as "number", estate_said as estate, building_said as building, unit_said as unit, floor_said as floor,
room_said as room, note,
{#- where a note stood inside what is left, only the piece before it is one piece of the text -#}
nullif(case when has_gap then {{ std_re_get('rest_21', '^[^ ]*', 0) }} else rest_21 end, '') as rest, is_vague, nullif(rest_21, '') as rest_all
from address_40
)
{%- endmacro -%}

{#- what a text has behind its first piece; the whole text where there is no piece -#}
{%- macro std_after(text, piece) -%}substr({{ text }}, length(coalesce({{ piece }}, '')) + 1){%- endmacro -%}

{%- macro std_town(text) -%}
case when {{ std_re_has(text, '街道|街办') }} and {{ std_re_has(text, '^[^' ~ std_no_name() ~ '][^' ~ std_no_name() ~ '村]{0,8}?村?街[道办]') }}
then nullif({{ std_re_get(text, '^([^' ~ std_no_name() ~ '][^' ~ std_no_name() ~ '村]{0,8}?村?(?:街道办事处|街道办|街道|街办))(?:[^口路]|路[^0-9]|$)', 1) }}, '')
when {{ std_re_has(text, '[镇乡]|苏木') }}
then nullif({{ std_re_get(text, '^[^' ~ std_no_name() ~ '][^' ~ std_no_name() ~ '村]{0,6}?村?集?(?:镇人民政府|镇政府|镇镇|镇|乡人民政府|乡政府|乡|苏木)', 0) }}, '')
end
{%- endmacro -%}

{%- macro std_residents(text) -%}
case when {{ std_re_has(text, '社区|居委|居民委') }}
then nullif({{ std_re_get(text, '^[^' ~ std_no_name() ~ ']{1,14}?(?:社区居民委员会|社区居委会|社区村村民委员会|社区村民委员会|社区村委会|社区|居民委员会|居委会|居委)', 0) }}, '') end
{%- endmacro -%}

{%- macro std_village(text) -%}
case when {{ std_re_has(text, '村') }}
then nullif({{ std_re_get(text, '^[^' ~ std_no_name() ~ '](?:路|街)?(?:[^' ~ std_no_name() ~ '路街巷]|[路街巷]口){0,9}?[路街巷]?(?:村村民委员会|村村委会|村民委员会|村委会|村委|行政村|村)', 0) }}, '') end
{%- endmacro -%}


{#- ---- components as keys: what is equal for two spellings of one thing ---- -#}

{#- 三十二 to 32, 三零二 to 302; anything else as it is -#}
{%- macro std_arabic(x) -%}
case
when not {{ std_re_has(x, '[' ~ std_zh_digits() ~ ']') }} then {{ x }}
when {{ std_re_is(x, '[一二三四五六七八九零〇]+') }} then {{ std_zh_translated(x) }}
when {{ std_re_is(x, '[一二三四五六七八九]?十[一二三四五六七八九]?') }} then
coalesce(nullif({{ std_zh_translated(std_re_get(x, '^(.?)十', 1)) }}, ''), '1') || coalesce(nullif({{ std_zh_translated(std_re_get(x, '十(.?)$', 1)) }}, ''), '0')
when {{ std_re_is(x, '[一二三四五六七八九]百(?:零[一二三四五六七八九]|[一二三四五六七八九]十[一二三四五六七八九]?)?') }} then
{{ std_zh_translated(std_re_get(x, '^(.)百', 1)) }} || coalesce(nullif({{ std_zh_translated(std_re_get(x, '(.)十', 1)) }}, ''), '0')
|| coalesce(nullif({{ std_zh_translated(std_re_get(x, '([一二三四五六七八九])$', 1)) }}, ''), '0')
else {{ x }} end
{%- endmacro -%}

{%- macro std_zh_translated(x) -%}translate({{ x }}, '一二三四五六七八九零〇', '12345678900'){%- endmacro -%}

{#- the digits or letters of a component without its words; 007 is 7 -#}
{%- macro std_address_key(x, words) -%}
{%- set core = "upper(" ~ std_re_sub(x, '^第|' ~ words) ~ ")" -%}
case when {{ x }} is null then null
when {{ std_re_is(core, '0+[1-9][0-9]{0,8}') }} then cast(cast({{ core }} as bigint) as {{ std_text_type() }})
when {{ std_re_has(x, '[' ~ std_zh_digits() ~ ']') }} then {{ std_arabic(core) }}
else {{ core }} end
{%- endmacro -%}

{%- macro std_number_key(x) -%}{{ std_address_key(x, '号?大?院|[号號]') }}{%- endmacro -%}
{%- macro std_building_key(x) -%}{{ std_address_key(x, '号?(?:住宅|公寓|宿舍|商住|办公|综合)?楼|号公寓|[号栋幢座#]') }}{%- endmacro -%}
{%- macro std_unit_key(x) -%}{{ std_address_key(x, '单元|门洞?') }}{%- endmacro -%}
{%- macro std_room_key(x) -%}{{ std_address_key(x, '号|(?:室|户|房间|房)$') }}{%- endmacro -%}

{#- a town-street by its name: offices and governments are where it sits, not what it is called -#}
{%- macro std_town_name(x) -%}
{{ std_re_sub(std_re_sub(x, '(?:办事处|人民政府|政府)$'), '街道?办$', '街道') }}
{%- endmacro -%}

{#- a community or village without the words of its office: 南尧社区居民委员会, 南尧社区 and 南尧 are 南尧 -#}
{%- macro std_community_stem(x) -%}
{{ std_re_sub(x, '(?:(?:虚拟)?社区)?(?:居民委员会|居委会|居委)?$|村?(?:村民委员会|村委会|村委|行政村|自然村|村)$') }}
{%- endmacro -%}

{#- which of the two it says it is -#}
{%- macro std_community_kind(x) -%}
case when {{ std_re_has(x, '村(?:民委员会|委会?)?$') }} then '村' when {{ x }} is not null then '社区' end
{%- endmacro -%}
