{#-
  Telephone. Standard forms: mobile 11 digits; fixed `0535-6612345` (area code, hyphen, number), with `-801` for an
  extension; what has no area code is kept as it is and says so. A number that lost a digit is NULL.
-#}

{%- macro std_phone__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '1[3-9][0-9]{9}') }} then {{ raw }}
else {{ std_no_null_word(std_re_sub(std_re_sub(std_ascii(raw, '转', '-'), '-*[.]0*$|-+$'), '[()（）]'), opts) }} end
{%- endmacro -%}

{%- macro std_phone_digits(clean) -%}{{ std_re_sub(clean, '[^0-9]') }}{%- endmacro -%}

{#- area codes: 10 and 2x have two digits, all others three, without the trunk 0 -#}
{%- macro std_phone_fixed() -%}{{ '(10|2[0-9]|[3-9][0-9]{2})-?([2-8][0-9]{2,3}-?[0-9]{4})(?:-([0-9]{1,6}))?' }}{%- endmacro -%}

{%- macro std_phone__value(clean, raw, opts={}) -%}
{%- set digits = std_phone_digits(clean) -%}
{%- set fixed = '(?:0|(?:[+]|00)86-?0?|86-0?)' ~ std_phone_fixed() -%}
{%- set several = '[0-9][/,;、|]+[^/,;、|]*[0-9]' -%}
case
when {{ std_re_is(clean, '1[3-9][0-9]{9}') }} then {{ clean }}
when {{ std_re_is(clean, '(?:(?:[+]|00)?86-?|0)?1[3-9][0-9]-?[0-9]{4}-?[0-9]{4}|(?:(?:[+]|00)?86-?|0)?1[3-9][0-9-]{9,14}') }}
then case when {{ std_re_is(digits, '(?:0086|86|0)?1[3-9][0-9]{9}') }} then right({{ digits }}, 11) end
when {{ std_re_is(clean, fixed) }} then
'0' || {{ std_re_get(clean, fixed, 1) }} || '-' || replace({{ std_re_get(clean, fixed, 2) }}, '-', '')
|| case when {{ std_re_get(clean, fixed, 3) }} <> '' then '-' || {{ std_re_get(clean, fixed, 3) }} else '' end
when {{ std_re_is(clean, '[48]00-?[0-9]{3}-?[0-9]{4}|[48]00-?[0-9]{4}-?[0-9]{3}') }} then {{ digits }}
{# the trunk 0 of a four-digit area code, lost in a number cell #}
when {{ std_re_is(clean, '[3-9][0-9]{2}-?[2-8][0-9]{6}') }} then '0' || substr({{ digits }}, 1, 3) || '-' || substr({{ digits }}, 4)
when {{ std_re_is(clean, '[2-8][0-9]{2,3}-?[0-9]{4}') }} then {{ digits }}
when {{ std_re_is(clean, '1[0-9]{2}|1[0-9]{4}|9[5-6][0-9]{3,4}|12[0-9]{3}') }} then {{ clean }}
when {{ std_re_is(clean, '(?:[+]|00)(?:[1-79][0-9-]{6,14}|8[0-57-9][0-9-]{5,13})') }} then '+' || {{ std_re_sub(std_re_sub(clean, '^(?:[+]|00)'), '-') }}
when {{ std_re_has(clean, several) }} then nullif({{ std_re_get(clean, '(?:^|[^0-9])(?:86|0)?(1[3-9][0-9]{9})(?:[^0-9]|$)', 1) }}, '')
end
{%- endmacro -%}

{%- macro std_phone__rule(raw, clean, value, opts={}) -%}
case
when {{ value }} = {{ raw }} and length({{ value }}) = 11 and substr({{ value }}, 1, 1) = '1' then null
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case
when {{ std_re_has(clean, '[0-9][.][0-9]*E|E[+][0-9]') }} then 'phone_sci_text'
when {{ std_re_has(clean, '[*#xX]') }} then 'phone_masked'
when {{ std_re_is(clean, '[+]?[0-9-]{12,}') }} then 'phone_long'
when {{ std_re_is(clean, '[+]?[0-9-]+') }} then 'phone_short'
else 'phone_not_a_number' end
when {{ std_re_is(value, '[2-8][0-9]{6}') }} then 'phone_old7'
when {{ std_re_is(value, '[2-8][0-9]{7}') }} then 'phone_no_area'
when {{ std_re_has(clean, '[/,;、|]') }} then 'phone_several'
when {{ std_re_is(value, '[0-9]{3,6}') }} then 'phone_service'
when {{ std_re_has(value, '^[+]') }} then 'phone_foreign'
when {{ value }} = {{ raw }} then null
when {{ std_re_is(value, '0[0-9-]+') }} and {{ std_re_is(clean, '[3-9][0-9]{2}-?[2-8][0-9]{6}') }} then 'phone_zero_lost'
when {{ std_re_is(value, '0[0-9-]+') }} and {{ std_re_has(clean, '^0[1-9]') }} then 'phone_dash'
when {{ std_re_has(clean, '^(?:[+]|00|86|0)') }} then 'phone_prefix'
when {{ std_re_has(clean, '-') }} then 'phone_dash'
when {{ std_re_has(raw, '[\\x{ff01}-\\x{ff5e}]') }} then 'phone_width'
when {{ std_re_has(raw, '[.]') }} then 'phone_dot_zero'
else 'phone_spaces' end
{%- endmacro -%}
