{#-
  Dates (value DATE), moments (value TIMESTAMP, China's clock) and months (value text YYYY-MM).
  `clean` brings every spelling to digits with hyphens, so that `value` has few shapes to read. Two-digit years and
  d/m against m/d are not guessed: opts.date_order declares the order, opts.witness (a DATE from the same row, say the
  birth date inside its citizen id) decides between the readings; without them such a cell is NULL.
-#}

{#- 二〇二六年十月三十一日: numerals to digits, longest first -#}
{%- macro std_han_digits(x) -%}
{%- set ns = namespace(sql=x) -%}
{%- for n in range(31, 9, -1) -%}
{%- set tens = ['', '十', '二十', '三十'][n // 10] -%}
{%- set ns.sql = "replace(" ~ ns.sql ~ ", '" ~ tens ~ ['', '一', '二', '三', '四', '五', '六', '七', '八', '九'][n % 10] ~ "', '" ~ n ~ "')" -%}
{%- endfor -%}
translate({{ ns.sql }}, '〇○零一二三四五六七八九', '000123456789')
{%- endmacro -%}

{#-
  Date part with hyphens; what follows (a time) keeps its colons, and a comma before the fraction of a second, since a
  full stop there must not become the hyphen of a zone (10:11:10.0500 is no time five hours west).
-#}
{%- macro std_date_hyphens(x) -%}
{%- set ascii = std_translate(std_tidy(x), std_width_from() ~ '·', std_width_to() ~ '-', seen=x) -%}
{%- set bare = std_re_sub(ascii, "['\"`\\x{2018}\\x{2019}]|\\(?(?:星期|周|礼拜)[一二三四五六日天]\\)?|\\(?公元|[上下]午 ?$") -%}
{%- set hours = std_re_sub(std_re_sub(bare, ' ?(?:时|点) ?|(?:分) ?', ':'), ' ?秒') -%}
{%- set days = std_re_sub(hours, ' ?(?:日|号) ?', ' ') -%}
{%- set seconds = std_re_rewrite(days, '(:[0-9]{1,2})[.] *([0-9])', '\\1,\\2') -%}
{%- set parts = std_re_sub(seconds, ' *(?:年|月|/|\\\\) *|[.] *', '-') -%}
{%- set whole = "trim(" ~ std_re_sub(parts, '-- *$|[-: ]+$') ~ ")" -%}
{{ std_re_rewrite(whole, '^([12][0-9]{3})([0-9]{2})([0-9]{2})([T ] *[0-9]{1,2}:)', '\\1-\\2-\\3\\4') }}
{%- endmacro -%}

{%- macro std_moment_clean(raw, opts) -%}
case when {{ std_re_is(raw, '[12][0-9]{3}-?[0-9]{2}-?[0-9]{2}') }} then {{ raw }}
{%- if not opts.get('null_words') %}
when {{ std_re_is(raw, '[12][0-9]{3}(?:/[0-9]{1,2}/[0-9]{1,2}|[.][0-9]{1,2}[.][0-9]{1,2}|年[0-9]{1,2}月[0-9]{1,2}日)') }} then translate(replace({{ raw }}, '日', ''), '/.年月', '----')
{%- endif %}
when {{ std_re_has(raw, '[〇○零一二三四五六七八九十].*[年月]') }} then {{ std_no_null_word(std_date_hyphens(std_han_digits(raw)), opts) }}
else {{ std_no_null_word(std_date_hyphens(raw), opts) }} end
{%- endmacro -%}

{%- macro std_date__clean(raw, opts={}) -%}{{ std_moment_clean(raw, opts) }}{%- endmacro -%}

{%- macro std_ymd(year, month, day) -%}try_cast({{ year }} || '-' || {{ month }} || '-' || {{ day }} as date){%- endmacro -%}

{#- a spreadsheet's day number; opts.epoch_1904 is true, false or an SQL boolean. Day 60 of the 1900 system never was -#}
{%- macro std_serial_day(n, opts) -%}
{%- set epoch = opts.get('epoch_1904', false) -%}
{%- set from_1900 = "case when " ~ n ~ " < 60 then " ~ std_add_days("date '1899-12-31'", n) ~ " when " ~ n ~ " > 60 then " ~ std_add_days("date '1899-12-30'", n) ~ " end" -%}
{%- set from_1904 = std_add_days("date '1904-01-01'", n) -%}
{%- if epoch is sameas true or epoch == 'true' -%}{{ from_1904 }}
{%- elif not epoch or epoch == 'false' -%}{{ from_1900 }}
{%- else -%}case when {{ epoch }} then {{ from_1904 }} else {{ from_1900 }} end
{%- endif -%}
{%- endmacro -%}

{#- bare day numbers: five digits (1927–2173), or fewer where the cell was a number -#}
{%- macro std_is_serial(clean, opts) -%}{{ std_re_is(clean, '[1-9][0-9]{4}(?:-[0-9]+)?') }}{%- endmacro -%}

{#- the reading among several that the witness confirms -#}
{%- macro std_confirmed(readings, opts) -%}
{%- set witness = opts.get('witness') or (std_birth_in(opts['witness_id']) if opts.get('witness_id')) -%}
{%- if witness -%}
case {% for reading in readings %}when {{ reading }} = ({{ witness }}) then {{ reading }} {% endfor %}end
{%- else -%}cast(null as date){%- endif -%}
{%- endmacro -%}

{#- the day of birth written in a citizen id of 18 or 15 digits; digits a spreadsheet cut off do not matter -#}
{%- macro std_birth_in(number) -%}
case when {{ std_re_is(number, '[1-9][0-9]{16}[0-9X*]') }} then {{ std_ymd("substr(" ~ number ~ ", 7, 4)", "substr(" ~ number ~ ", 11, 2)", "substr(" ~ number ~ ", 13, 2)") }}
when {{ std_re_is(number, '[1-9][0-9]{14}') }} then {{ std_ymd("'19' || substr(" ~ number ~ ", 7, 2)", "substr(" ~ number ~ ", 9, 2)", "substr(" ~ number ~ ", 11, 2)") }} end
{%- endmacro -%}

{%- macro std_dmy_day(day_part, opts) -%}
{%- set first = std_re_get(day_part, '^([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})', 1) -%}
{%- set second = std_re_get(day_part, '^([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})', 2) -%}
{%- set year = std_re_get(day_part, '^([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})', 3) -%}
{%- set dmy = std_ymd(year, second, first) -%}
{%- set mdy = std_ymd(year, first, second) -%}
{%- if opts.get('date_order') == 'dmy' -%}coalesce({{ dmy }}, {{ mdy }})
{%- elif opts.get('date_order') == 'mdy' -%}coalesce({{ mdy }}, {{ dmy }})
{%- else -%}
case when {{ dmy }} is null or {{ mdy }} is null or {{ dmy }} = {{ mdy }} then coalesce({{ dmy }}, {{ mdy }})
else {{ std_confirmed([dmy, mdy], opts) }} end
{%- endif -%}
{%- endmacro -%}

{%- macro std_two_digit_day(day_part, opts) -%}
{%- set pattern = '^([0-9]{2})-([0-9]{1,2})-([0-9]{1,2})' -%}
{%- set readings = [] -%}
{%- for century in ['19', '20'] -%}
{%- do readings.append(std_ymd("'" ~ century ~ "' || " ~ std_re_get(day_part, pattern, 1), std_re_get(day_part, pattern, 2), std_re_get(day_part, pattern, 3))) -%}
{%- endfor -%}
{{ std_confirmed(readings, opts) }}
{%- endmacro -%}

{#- hours and minutes; seconds with their fraction. 24:00 is the end of the day (ISO 8601) -#}
{%- macro std_minutes_pattern() -%}{{ '(?:(?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]|24:0?0)' }}{%- endmacro -%}
{%- macro std_seconds_pattern() -%}
{{ '(?:(?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](?:,[0-9]{1,9})?|24:0?0:0?0(?:,0{1,9})?)' }}
{%- endmacro -%}
{%- macro std_time_pattern() -%}[T ] *(?:{{ std_minutes_pattern() }}|{{ std_seconds_pattern() }}){%- endmacro -%}

{#-
  ISO times carry their zone: the day is the one of China's clock. West of Greenwich only after seconds or an ISO T:
  2024-03-01 09:00-11:30 is from nine to half past eleven.
-#}
{%- macro std_zoned_time_pattern() -%}
{%- set offset = '(?:0[0-9]|1[0-4])(?::?[0-5][0-9])?' -%}
(?:{{ std_time_pattern() }} ?(?:Z|[+]{{ offset }})|(?:T *{{ std_minutes_pattern() }}|[T ] *{{ std_seconds_pattern() }}) ?-{{ offset }})
{%- endmacro -%}
{%- macro std_has_zone(clean) -%}{{ std_re_has(clean, std_zoned_time_pattern() ~ '$') }}{%- endmacro -%}

{%- macro std_date__value(clean, raw, opts={}) -%}
{%- set time = '(?:' ~ std_time_pattern() ~ ')?' -%}
case
when {{ std_re_is(clean, '[12][0-9]{7}') }} then {{ std_ymd("substr(" ~ clean ~ ", 1, 4)", "substr(" ~ clean ~ ", 5, 2)", "substr(" ~ clean ~ ", 7, 2)") }}
when {{ std_re_is(clean, '[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}') }} then try_cast({{ clean }} as date)
when {{ std_re_has(clean, ':') }} and {{ std_has_zone(clean) }} then try_cast({{ std_timestamp__value(clean, raw, opts) }} as date)
when {{ std_re_is(clean, '[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}' ~ time) }} then try_cast({{ std_re_get(clean, '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}', 0) }} as date)
when {{ std_re_is(clean, '[12][0-9]{7}[0-2][0-9][0-5][0-9](?:[0-5][0-9])?|[12][0-9]{7}-0+') }} then {{ std_ymd("substr(" ~ clean ~ ", 1, 4)", "substr(" ~ clean ~ ", 5, 2)", "substr(" ~ clean ~ ", 7, 2)") }}
when {{ std_is_serial(clean, opts) }} then {{ std_serial_day("try_cast(substr(" ~ clean ~ ", 1, 5) as int)", opts) }}
when {{ std_re_is(clean, '[0-9]{1,2}-[0-9]{1,2}-[12][0-9]{3}' ~ time) }} then {{ std_dmy_day(clean, opts) }}
when {{ std_re_is(clean, '[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}' ~ time) }} then {{ std_two_digit_day(clean, opts) }}
end
{%- endmacro -%}

{#- one regex per declared format; the default is ISO -#}
{%- macro std_date_formats(formats) -%}
{%- set patterns = {
  'YYYY-MM-DD': '[0-9]{4}-[0-9]{2}-[0-9]{2}', 'YYYYMMDD': '[0-9]{8}', 'YYYY/MM/DD': '[0-9]{4}/[0-9]{2}/[0-9]{2}',
  'YYYY.MM.DD': '[0-9]{4}[.][0-9]{2}[.][0-9]{2}', 'YYYY/M/D': '[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}',
  'Y/M/D': '[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}', 'YYYY-M-D': '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}',
  'YYYY.M.D': '[0-9]{4}[.][0-9]{1,2}[.][0-9]{1,2}', 'YYYY年M月D日': '[0-9]{4}年[0-9]{1,2}月[0-9]{1,2}日',
  'YYYY年MM月DD日': '[0-9]{4}年[0-9]{2}月[0-9]{2}日', 'DD/MM/YYYY': '[0-9]{2}/[0-9]{2}/[0-9]{4}', 'serial': '[0-9]{5}',
  'YYYY-MM': '[0-9]{4}-[0-9]{2}', 'YYYYMM': '[0-9]{6}', 'YYYY.MM': '[0-9]{4}[.][0-9]{2}', 'YYYY.M': '[0-9]{4}[.][0-9]{1,2}',
  'YYYY/MM': '[0-9]{4}/[0-9]{2}', 'YYYY年M月': '[0-9]{4}年[0-9]{1,2}月', 'YYYY年MM月': '[0-9]{4}年[0-9]{2}月',
  'HH:MM:SS': '[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?', 'HH:MM': '[0-9]{2}:[0-9]{2}', 'H:MM': '[0-9]{1,2}:[0-9]{2}',
  'HH:MM:SSZ': '[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})',
  'HH时MM分': '[0-9]{2}时[0-9]{2}分', 'HH时MM分SS秒': '[0-9]{2}时[0-9]{2}分[0-9]{2}秒',
} -%}
{%- set found = [] -%}
{%- for format in formats -%}
{%- set parts = [] -%}
{%- for part in format.replace('T', ' ').split(' ') -%}{%- do parts.append(patterns[part]) -%}{%- endfor -%}
{%- do found.append(parts | join('[T ]')) -%}
{%- endfor -%}
{{ found | join('|') }}
{%- endmacro -%}

{%- macro std_is_declared_date(raw, opts, default) -%}
{{ std_re_is(raw, std_date_formats(opts.get('formats') or default)) }}
{%- endmacro -%}

{%- macro std_date__rule(raw, clean, value, opts={}) -%}
case
when {{ value }} is not null and {{ std_is_declared_date(raw, opts, ['YYYY-MM-DD']) }} then null
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is not null then case
when {{ std_re_is(clean, '[12][0-9]{7}|[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}') }} then
case when {{ std_re_has(raw, '[' ~ std_class_space() ~ std_class_invisible() ~ std_class_quote() ~ '\\x{ff01}-\\x{ff5e}]') }} then 'date_spelling' else 'date_format' end
when {{ std_is_serial(clean, opts) }} then 'date_serial'
when {{ std_re_has(clean, '^[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}') }} then 'date_dmy'
when {{ std_re_has(clean, '^[0-9]{2}-') }} then 'date_two_digit_year_confirmed'
else 'date_with_time' end
else {{ std_date_damage_rule(clean, opts) }} end
{%- endmacro -%}

{%- macro std_date_damage_rule(clean, opts) -%}
case
when {{ std_re_is(clean, '[12][0-9]{3}-(?:0?[1-9]|1[0-2])|[12][0-9]{3}(?:0[1-9]|1[0-2])|[12][0-9]{3}-(?:0?[1-9]|1[0-2])-(?:0+|[?*xX]+)?') }} then 'date_month_only'
when {{ std_re_is(clean, '[12][0-9]{3}') }} then 'date_year_only'
when {{ std_re_is(clean, '(?:0?[1-9]|1[0-2])-(?:0?[1-9]|1[0-2])-[12][0-9]{3}.*') }} then 'date_ambiguous'
when {{ std_re_is(clean, '[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}(?: .*)?|[0-9]{6}') }} then 'date_two_digit_year'
when {{ std_re_has(clean, '^(?:[12][0-9]{7}|[0-9]{3,4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}-[0-9]{1,2}-[0-9]{4})') }} then 'date_impossible'
else 'date_not_a_date' end
{%- endmacro -%}

{#- ---- timestamp ---- -#}
{%- macro std_timestamp__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[12][0-9]{3}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}:[0-9]{2}|T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[+][0-9]{2}:[0-9]{2})?)') }} then {{ raw }}
else {{ std_moment_clean(raw, opts) }} end
{%- endmacro -%}

{#- hour, minute, second as text that a cast reads; a time without seconds is the full minute -#}
{%- macro std_clock(clean) -%}
{%- set pattern = '[T ] *([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2}(?:,[0-9]{1,6})?))?' -%}
' ' || lpad({{ std_re_get(clean, pattern, 1) }}, 2, '0')
|| ':' || lpad({{ std_re_get(clean, pattern, 2) }}, 2, '0')
|| ':' || case when {{ std_re_get(clean, pattern, 3) }} = '' then '00' when {{ std_re_is(std_re_get(clean, pattern, 3), '[0-9](?:,.*)?') }} then '0' || replace({{ std_re_get(clean, pattern, 3) }}, ',', '.') else replace({{ std_re_get(clean, pattern, 3) }}, ',', '.') end
{%- endmacro -%}

{#- seconds from the cell's zone to China's (+08:00) -#}
{%- macro std_zone_shift(clean) -%}
{%- set pattern = '([+-])([0-9]{2}):?([0-9]{2})?$' -%}
(28800 - case when {{ std_re_has(clean, 'Z$') }} then 0 else
(case {{ std_re_get(clean, pattern, 1) }} when '-' then -60 else 60 end)
* (60 * coalesce(try_cast({{ std_re_get(clean, pattern, 2) }} as int), 0) + coalesce(try_cast(nullif({{ std_re_get(clean, pattern, 3) }}, '') as int), 0)) end)
{%- endmacro -%}

{%- macro std_timestamp__value(clean, raw, opts={}) -%}
{%- set type = std_timestamp_type() -%}
{%- set day = std_re_get(clean, '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}', 0) -%}
{%- set ymd = std_re_get(clean, '^([12][0-9]{3})([0-9]{2})([0-9]{2})', 1) ~ " || '-' || " ~ std_re_get(clean, '^([12][0-9]{3})([0-9]{2})([0-9]{2})', 2) ~ " || '-' || " ~ std_re_get(clean, '^([12][0-9]{3})([0-9]{2})([0-9]{2})', 3) -%}
{%- set time = std_time_pattern() -%}
case
when {{ std_re_is(clean, '[12][0-9]{3}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}') }} then try_cast({{ clean }} as {{ type }})
when {{ std_re_is(clean, '[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}' ~ std_zoned_time_pattern()) }} then
{{ std_add_seconds("try_cast(cast(try_cast(" ~ day ~ " as date) as " ~ std_text_type() ~ ") || " ~ std_clock(clean) ~ " as " ~ type ~ ")", std_zone_shift(clean)) }}
when {{ std_re_is(clean, '[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}' ~ time) }} then
try_cast(cast(try_cast({{ day }} as date) as {{ std_text_type() }}) || {{ std_clock(clean) }} as {{ type }})
when {{ std_re_is(clean, '[12][0-9]{7}[0-2][0-9][0-5][0-9](?:[0-5][0-9])?') }} then
try_cast({{ ymd }} || ' ' || substr({{ clean }}, 9, 2) || ':' || substr({{ clean }}, 11, 2) || ':' || case when length({{ clean }}) = 14 then substr({{ clean }}, 13, 2) else '00' end as {{ type }})
when {{ std_re_is(clean, '[1-9][0-9]{4}-[0-9]+') }} then {{ std_serial_moment(clean, opts) }}
when not {{ std_re_has(clean, ':') }} then cast({{ std_day_of_moment(clean, raw, opts) }} as {{ type }})
end
{%- endmacro -%}

{#- whole days and the fraction of a day, to the second -#}
{%- macro std_serial_moment(clean, opts) -%}
{{ std_add_seconds("cast(" ~ std_serial_day("try_cast(substr(" ~ clean ~ ", 1, 5) as int)", opts) ~ " as " ~ std_timestamp_type() ~ ")",
   "cast(round(86400 * try_cast('0.' || substr(" ~ clean ~ ", 7) as double)) as int)") }}
{%- endmacro -%}

{#- a moment delivered as a bare day -#}
{%- macro std_day_of_moment(clean, raw, opts) -%}
case
when {{ std_re_is(clean, '[12][0-9]{7}') }} then {{ std_ymd("substr(" ~ clean ~ ", 1, 4)", "substr(" ~ clean ~ ", 5, 2)", "substr(" ~ clean ~ ", 7, 2)") }}
when {{ std_re_is(clean, '[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}') }} then try_cast({{ clean }} as date)
when {{ std_re_is(clean, '[1-9][0-9]{4}') }} then {{ std_serial_day("try_cast(" ~ clean ~ " as int)", opts) }}
when {{ std_re_is(clean, '[0-9]{1,2}-[0-9]{1,2}-[12][0-9]{3}') }} then {{ std_dmy_day(clean, opts) }}
end
{%- endmacro -%}

{%- macro std_timestamp__rule(raw, clean, value, opts={}) -%}
case
when {{ value }} is not null and {{ std_is_declared_date(raw, opts, ['YYYY-MM-DD HH:MM:SS']) }} then null
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is not null then case
when {{ std_re_is(clean, '[1-9][0-9]{4}(?:-[0-9]+)?') }} then 'date_serial'
when not {{ std_re_has(clean, ':|^[0-9]{12}') }} then 'timestamp_date_only'
when {{ std_has_zone(clean) }} then 'timestamp_zone'
else 'timestamp_format' end
else {{ std_date_damage_rule(clean, opts) }} end
{%- endmacro -%}

{#- ---- month: text YYYY-MM ---- -#}
{%- macro std_month__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[12][0-9]{3}-?[0-9]{2}') }} then {{ raw }}
else {{ std_moment_clean(raw, opts) }} end
{%- endmacro -%}

{#- 2023.1: January, or October that lost its zero in a number cell? Sure only where one-digit months are declared text -#}
{%- macro std_month_is_trap(raw, clean, opts) -%}
{%- set short = ['YYYY.M'] | select('in', opts.get('formats') or []) | list | length > 0 -%}
{%- set typed = std_is_number_cell(opts) -%}
{%- if short and typed == 'false' -%}false
{%- elif short -%}({{ typed }} and {{ std_re_has(raw, '[.．]') }} and {{ std_re_is(clean, '[0-9]{4}-1') }})
{%- else -%}({{ std_re_has(raw, '[.．]') }} and {{ std_re_is(clean, '[0-9]{4}-1') }})
{%- endif -%}
{%- endmacro -%}

{%- macro std_month__value(clean, raw, opts={}) -%}
{%- set month = std_re_get(clean, '^[0-9]{4}-([0-9]{1,2})', 1) -%}
case
when {{ std_re_is(clean, '[12][0-9]{3}-(?:0[1-9]|1[0-2])') }} then {{ clean }}
when {{ std_re_is(clean, '[12][0-9]{3}(?:0[1-9]|1[0-2])') }} then substr({{ clean }}, 1, 4) || '-' || substr({{ clean }}, 5, 2)
when {{ std_re_is(clean, '[12][0-9]{3}-[1-9]') }} then case when not {{ std_month_is_trap(raw, clean, opts) }} then substr({{ clean }}, 1, 4) || '-0' || {{ month }} end
when {{ std_re_is(clean, '[12][0-9]{7}(?:[T -].*)?|[12][0-9]{3}-[0-9]{1,2}-[0-9]{1,2}(?:[T ].*)?|[1-9][0-9]{4}(?:-[0-9]+)?') }} then
substr({{ std_iso_date(std_date__value(clean, raw, opts)) }}, 1, 7)
end
{%- endmacro -%}

{%- macro std_month__rule(raw, clean, value, opts={}) -%}
case
when {{ value }} is not null and {{ std_is_declared_date(raw, opts, ['YYYY-MM']) }} then null
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is not null then case when {{ std_re_is(clean, '[1-9][0-9]{4}') }} then 'date_serial'
when {{ std_re_is(clean, '[0-9]{8}.*|[0-9]{4}-[0-9]+-.*') }} then 'month_from_day' else 'month_format' end
when {{ std_re_is(clean, '[12][0-9]{3}-1') }} then 'month_zero_lost'
when {{ std_re_is(clean, '[12][0-9]{3}') }} then 'date_year_only'
when {{ std_re_has(clean, '^[12][0-9]{3}-?[0-9]{1,2}') }} then 'date_impossible'
else 'date_not_a_date' end
{%- endmacro -%}
