{#-
  Amounts (yuan), plain numbers, integers, meter readings, coordinates. Only one reading may exist: groups of three
  between separators, one decimal point; a decimal comma is refused.
-#}

{%- macro std_number_text(x) -%}
{#- signs to ASCII, minus signs to one, spaces away: what remains is digits, signs, separators and a unit -#}
upper({{ std_ascii(x, '￥¥−，', '¥¥-,') }})
{%- endmacro -%}

{%- macro std_amount_words() -%}{{ '(?:人民币|RMB|CNY|¥)?' }}{%- endmacro -%}

{%- macro std_amount__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '-?[0-9]+(?:[.][0-9]+)?') }} then {{ raw }}
else {{ std_no_null_word(std_number_text(raw), opts, zeros=false) }} end
{%- endmacro -%}

{%- macro std_unit_factor(unit) -%}
{%- set factors = {'元': 1, '圆': 1, '百元': 100, '千元': 1000, '万元': 10000, '万': 10000, '百万元': 1000000, '千万元': 10000000, '亿元': 100000000, '亿': 100000000} -%}
{{ factors[unit] }}
{%- endmacro -%}

{#- factor of the column's declared unit: opts.unit a word, opts.unit_column SQL that gives the row's word -#}
{%- macro std_declared_factor(opts) -%}
{%- if opts.get('unit_column') -%}
case trim({{ opts['unit_column'] }}) {% for unit in ['元', '百元', '千元', '万元', '百万元', '千万元', '亿元'] %}when '{{ unit }}' then {{ std_unit_factor(unit) }} {% endfor %}end
{%- else -%}{{ std_unit_factor(opts.get('unit', '元')) }}
{%- endif -%}
{%- endmacro -%}

{%- macro std_amount_pattern() -%}
{{ '^([(]?)' ~ std_amount_words() ~ '([+-]?)' ~ std_amount_words() ~ '((?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:[.][0-9]*)?|[.][0-9]+)(百万元|千万元|万元|亿元|千元|百元|元整|元正|元|圆整|圆|万|亿)?(?:人民币|RMB|CNY)?(整)?([)]?)(-?)$' }}
{%- endmacro -%}

{%- macro std_amount__value(clean, raw, opts={}) -%}
{%- set pattern = std_amount_pattern() -%}
{%- set number = "try_cast(replace(" ~ std_re_get(clean, pattern, 3) ~ ", ',', '') as decimal(26, 6))" -%}
{%- set own = std_re_get(clean, pattern, 4) -%}
{#- the most zeros that the declared factor adds -#}
{%- set power = 8 if opts.get('unit_column') else std_unit_factor(opts.get('unit', '元')) | length - 1 -%}
case
when {{ std_is_short_number(clean, 2, power) }} then cast({{ std_short_number(clean, 2) }} * {{ std_declared_factor(opts) }} as decimal(24, 2))
when {{ std_is_short_number(clean, 6, power) }} then cast({{ std_short_number(clean, 6) }} * {{ std_declared_factor(opts) }} as decimal(24, 2))
else try_cast(case
when {{ std_re_is(clean, '-?[0-9]{1,18}(?:[.][0-9]{1,6})?') }} then try_cast({{ clean }} as decimal(26, 6)) * {{ std_declared_factor(opts) }}
when {{ std_re_is(clean, '[+-]?[0-9]+(?:[.][0-9]+)?E[+-]?[0-9]{1,2}') }} then try_cast({{ clean }} as decimal(26, 6)) * {{ std_declared_factor(opts) }}
when {{ std_re_has(clean, pattern) }} and ({{ std_re_get(clean, pattern, 1) }} = '') = ({{ std_re_get(clean, pattern, 6) }} = '')
and not ({{ std_re_get(clean, pattern, 1) }} || {{ std_re_get(clean, pattern, 2) }} like '%-' and {{ std_re_get(clean, pattern, 7) }} = '-') then
{{ number }} * case when {{ std_re_get(clean, pattern, 2) }} = '-' or {{ std_re_get(clean, pattern, 1) }} = '(' or {{ std_re_get(clean, pattern, 7) }} = '-' then -1 else 1 end
* case {{ own }} when '' then {{ std_declared_factor(opts) }} {% for unit in ['元', '元整', '元正', '圆', '圆整'] %}when '{{ unit }}' then 1 {% endfor %}
{%- for unit in ['百元', '千元', '万元', '万', '百万元', '千万元', '亿元', '亿'] %}when '{{ unit }}' then {{ std_unit_factor(unit) }} {% endfor %}end
end as decimal(24, 2)) end
{%- endmacro -%}

{%- macro std_amount__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} then null
when {{ value }} is not null and {{ std_re_is(raw, '-?[0-9]+(?:[.][0-9]+)?' ~ ('|-?[0-9]{1,3}(?:,[0-9]{3})+(?:[.][0-9]+)?' if opts.get('separators') else '')) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case
when {{ std_re_has(clean, '[$€£]|USD|EUR|HKD|JPY|GBP|美元|港元|港币|欧元|日元|英镑|韩元') }} then 'amount_foreign'
{%- if opts.get('unit_column') %}
when {{ std_declared_factor(opts) }} is null then 'amount_unit_unknown'
{%- endif %}
else 'number_bad_form' end
when {{ std_re_has(clean, '[(]') }} then 'amount_brackets'
when {{ std_re_has(clean, '[0-9.](?:百万元|千万元|万|亿|千元|百元)') }} then 'amount_unit_in_value'
when {{ std_re_has(clean, 'E') }} and not {{ std_re_has(clean, 'RMB') }} then 'number_sci_text'
when {{ std_re_has(clean, '元|圆|¥|CNY|RMB|人民币') }} then 'amount_currency'
when {{ std_re_has(clean, ',') }} then 'number_separators'
when {{ std_re_has(raw, '[\\x{ff01}-\\x{ff5e}]') }} then 'number_width'
else 'number_spaces' end
{%- endmacro -%}

{#- ---- decimal; opts.units lists unit words that may follow and mean nothing, opts.min and opts.max bound the value ---- -#}
{%- macro std_units_pattern(opts) -%}
{%- set units = opts.get('units') or ([opts['unit']] if opts.get('unit') else []) -%}
{%- if units -%}(?i:{% for unit in units %}\Q{{ unit }}\E{{ '|' if not loop.last }}{% endfor %})?{%- endif -%}
{%- endmacro -%}

{%- macro std_decimal__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '-?[0-9]+(?:[.][0-9]+)?') }} then {{ raw }}
else {{ std_no_null_word(std_number_text(raw), opts, zeros=false) }} end
{%- endmacro -%}

{#-
  Text of few digits as a number: up to 18 digits fit a machine word, and reading them so costs a hundredth of reading a wider
  decimal. `power`: digits that a factor may add.
-#}
{%- macro std_is_short_number(clean, scale, power=0) -%}
{%- if scale + power > 17 -%}false
{%- else -%}{{ std_re_is(clean, '-?[0-9]{1,' ~ (18 - scale - power) ~ '}(?:[.][0-9]{1,' ~ scale ~ '})?') }}
{%- endif -%}
{%- endmacro -%}

{%- macro std_short_number(clean, scale) -%}try_cast({{ clean }} as decimal(18, {{ scale }})){%- endmacro -%}

{%- macro std_number_type(opts) -%}decimal(28, {{ opts.get('scale', 6) }}){%- endmacro -%}

{%- macro std_number_in_bounds(number, opts) -%}
{%- if opts.get('min') is none and opts.get('max') is none -%}{{ number }}
{%- else -%}
case when true{% if opts.get('min') is not none %} and {{ number }} >= {{ opts['min'] }}{% endif %}{% if opts.get('max') is not none %} and {{ number }} <= {{ opts['max'] }}{% endif %} then {{ number }} end
{%- endif -%}
{%- endmacro -%}

{%- macro std_decimal_number(clean, opts) -%}
{%- set pattern = '^([(]?)([+-]?)((?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:[.][0-9]*)?|[.][0-9]+)' ~ std_units_pattern(opts) ~ '([)]?)(-?)$' -%}
{%- set type = std_number_type(opts) -%}
{%- set scale = opts.get('scale', 6) -%}
case
when {{ std_is_short_number(clean, scale) }} then cast({{ std_short_number(clean, scale) }} as {{ type }})
when {{ std_re_is(clean, '-?[0-9]{1,18}(?:[.][0-9]{1,' ~ scale ~ '})?') }} then try_cast({{ clean }} as {{ type }})
when {{ std_re_is(clean, '[+-]?[0-9]+(?:[.][0-9]+)?E[+-]?[0-9]{1,2}') }} then try_cast({{ clean }} as {{ type }})
when {{ std_re_has(clean, pattern) }} and ({{ std_re_get(clean, pattern, 1) }} = '') = ({{ std_re_get(clean, pattern, 4) }} = '')
and not ({{ std_re_get(clean, pattern, 2) }} <> '' and {{ std_re_get(clean, pattern, 5) }} = '-') then
try_cast(replace({{ std_re_get(clean, pattern, 3) }}, ',', '') as {{ type }})
* case when {{ std_re_get(clean, pattern, 2) }} = '-' or {{ std_re_get(clean, pattern, 1) }} = '(' or {{ std_re_get(clean, pattern, 5) }} = '-' then -1 else 1 end
end
{%- endmacro -%}

{%- macro std_decimal__value(clean, raw, opts={}) -%}
try_cast({{ std_number_in_bounds(std_decimal_number(clean, opts), opts) }} as {{ std_number_type(opts) }})
{%- endmacro -%}

{%- macro std_number_rule_tail(raw, clean, opts) -%}
when {{ std_re_has(clean, '[(]') }} then 'amount_brackets'
when {{ std_re_has(clean, '[0-9]E') }} then 'number_sci_text'
when {{ std_re_has(clean, ',') }} then 'number_separators'
when {{ std_re_has(clean, '[^0-9.,+()-]') }} then 'number_with_unit'
when {{ std_re_has(raw, '[\\x{ff01}-\\x{ff5e}]') }} then 'number_width'
else 'number_spaces' end
{%- endmacro -%}

{%- macro std_decimal__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} then null
when {{ value }} is not null and {{ std_re_is(raw, '-?[0-9]+(?:[.][0-9]+)?' ~ ('|-?[0-9]{1,3}(?:,[0-9]{3})+(?:[.][0-9]+)?' if opts.get('separators') else '')) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_decimal_number(clean, opts) }} is not null then 'number_out_of_range' else 'number_bad_form' end
{{ std_number_rule_tail(raw, clean, opts) }}
{%- endmacro -%}

{#- ---- integer ---- -#}
{%- macro std_integer__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '-?[0-9]+') }} then {{ raw }}
else {{ std_no_null_word(std_number_text(raw), opts, zeros=false) }} end
{%- endmacro -%}

{%- macro std_integer_number(clean, opts) -%}
{%- set number = std_decimal_number(clean, {'scale': 6, 'unit': opts.get('unit'), 'units': opts.get('units')}) -%}
case when {{ std_re_is(clean, '-?[0-9]{1,18}') }} then try_cast({{ clean }} as bigint)
when {{ number }} = round({{ number }}, 0) then try_cast({{ number }} as bigint) end
{%- endmacro -%}

{%- macro std_integer__value(clean, raw, opts={}) -%}
{{ std_number_in_bounds(std_integer_number(clean, opts), opts) }}
{%- endmacro -%}

{%- macro std_integer__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} then null
when {{ value }} is not null and {{ std_re_is(raw, '-?[0-9]+') }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_integer_number(clean, opts) }} is not null then 'number_out_of_range'
when {{ std_decimal_number(clean, opts) }} is not null then 'integer_with_fraction' else 'number_bad_form' end
when {{ std_re_is(clean, '[+-]?[0-9,]+[.]0+') }} then 'integer_dot_zero'
{{ std_number_rule_tail(raw, clean, opts) }}
{%- endmacro -%}

{#- ---- usage: consumption of water, power, gas; never below zero ---- -#}
{%- macro std_usage_units(opts) -%}{{ return(opts.get('units') or ['m3', 'm³', '立方米', '立方', '方', '吨', 't', 'kWh', 'kw.h', '千瓦时', '度']) }}{%- endmacro -%}

{%- macro std_usage_opts(opts) -%}{{ return({'scale': opts.get('scale', 3), 'units': std_usage_units(opts)}) }}{%- endmacro -%}

{%- macro std_usage__clean(raw, opts={}) -%}{{ std_decimal__clean(raw, opts) }}{%- endmacro -%}

{%- macro std_usage__value(clean, raw, opts={}) -%}
{%- set number = std_decimal_number(clean, std_usage_opts(opts)) -%}
try_cast(case when {{ number }} >= 0{% if opts.get('max') is not none %} and {{ number }} <= {{ opts['max'] }}{% endif %} then {{ number }} end as decimal(28, {{ opts.get('scale', 3) }}))
{%- endmacro -%}

{%- macro std_usage__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} then null
when {{ value }} is not null and {{ std_re_is(raw, '[0-9]+(?:[.][0-9]+)?') }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_decimal_number(clean, std_usage_opts(opts)) }} < 0 then 'usage_negative'
when {{ std_decimal_number(clean, std_usage_opts(opts)) }} is not null then 'number_out_of_range' else 'number_bad_form' end
{{ std_number_rule_tail(raw, clean, opts) }}
{%- endmacro -%}

{#-
  ---- coordinate in degrees: opts.axis 'lon' or 'lat', opts.other the raw expression of the other axis (exchanged axes
  are put right: in China longitudes are 73–136, latitudes 3–54, so no doubt is left), opts.pair = true where one cell
  holds "longitude,latitude". The reference system is not looked at here. ----
-#}
{%- macro std_coordinate__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[0-9]{1,3}[.][0-9]+') }} then {{ raw }}
else {{ std_no_null_word("upper(" ~ std_coordinate_text(raw) ~ ")", opts) }} end
{%- endmacro -%}

{#- signs of degrees, minutes and seconds to 度, 分, 秒, so that the clean-up does not take them for quotation marks -#}
{%- macro std_coordinate_text(x) -%}
{{ std_ascii(x, "°º˚'’′\"”″，；、", "度度度分分分秒秒秒,,,") }}
{%- endmacro -%}

{%- macro std_degrees(text) -%}
{%- set dms = '(?:[NE]|东经|北纬)?([0-9]{1,3})度([0-9]{1,2}(?:[.][0-9]+)?)分(?:([0-9]{1,2}(?:[.][0-9]+)?)(?:秒|分分)?)?[NE]?' -%}
case when {{ std_re_is(text, '(?:[NE]|东经|北纬)?[0-9]{1,3}(?:[.][0-9]+)?度?[NE]?') }} then try_cast({{ std_re_get(text, '[0-9.]+', 0) }} as double)
when {{ std_re_is(text, dms) }} then round(
try_cast({{ std_re_get(text, dms, 1) }} as double) + try_cast({{ std_re_get(text, dms, 2) }} as double) / 60
+ coalesce(try_cast({{ std_re_get(text, dms, 3) }} as double), 0) / 3600, 9) end
{%- endmacro -%}

{%- macro std_in_china(degrees, axis) -%}
{{ degrees }} between {{ '73 and 136' if axis == 'lon' else '3 and 54' }}
{%- endmacro -%}

{%- macro std_coordinate_cell(clean, axis, opts) -%}
{%- if opts.get('pair') -%}
{%- set first = std_degrees(std_re_get(clean, '^([^,]*),([^,]*)$', 1)) -%}
{%- set second = std_degrees(std_re_get(clean, '^([^,]*),([^,]*)$', 2)) -%}
case when {{ std_in_china(first, axis) }} then {{ first }} when {{ std_in_china(second, axis) }} then {{ second }} end
{%- else -%}{{ std_degrees(clean) }}
{%- endif -%}
{%- endmacro -%}

{%- macro std_coordinate__value(clean, raw, opts={}) -%}
{%- set axis = opts.get('axis', 'lon') -%}
{%- set back = 'lat' if axis == 'lon' else 'lon' -%}
{%- set own = std_coordinate_cell(clean, axis, opts) -%}
case when {{ std_in_china(own, axis) }} then {{ own }}
{%- if opts.get('other') %}
{%- set other = std_degrees("upper(" ~ std_coordinate_text(opts['other']) ~ ")") %}
when {{ std_in_china(own, back) }} and {{ std_in_china(other, axis) }} then {{ other }}
{%- endif %} end
{%- endmacro -%}

{%- macro std_coordinate__rule(raw, clean, value, opts={}) -%}
{%- set axis = opts.get('axis', 'lon') -%}
case
when {{ std_is_blank(raw) }} then null
when {{ std_re_is(clean, '0+(?:[.]0*)?') }} or ({{ clean }} is null and {{ std_re_is(raw, '0+(?:[.]0*)?') }}) then 'coordinate_zero'
when {{ clean }} is null then 'null_word'
{%- if not opts.get('pair') %}
when {{ value }} is not null and {{ value }} <> coalesce({{ std_degrees(clean) }}, -1) then 'coordinate_swapped'
{%- endif %}
when {{ value }} is null then case when {{ std_re_is(clean, '-?[0-9.]+') }} then 'coordinate_out_of_range' else 'coordinate_bad_form' end
{%- if opts.get('pair') %}
when {{ std_re_is(raw, '[0-9]{2,3}[.][0-9]+,[0-9]{1,2}[.][0-9]+') }} then case when not {{ std_in_china(std_degrees(std_re_get(clean, '^([^,]*),', 1)), 'lon') }} then 'coordinate_swapped' end
{%- else %}
when {{ std_re_is(raw, '[0-9]{1,3}(?:[.][0-9]+)?') }} then null
{%- endif %}
else 'coordinate_form' end
{%- endmacro -%}
