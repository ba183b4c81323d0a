{#-
  Unified social credit code (GB 32100-2015, all registers, N and Y too) and subject identification code (GB 11714).
  Base 31 without I, O, S, V, Z; the first two digits name register and kind, digits 9–17 are a GB 11714 code with a
  check character of its own, so a repaired letter has to satisfy two checks.
-#}

{#- value of one character in GB 32100: its place in the alphabet -#}
{%- macro std_uscc_remainder(x) -%}
{%- set weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28] -%}
(
{%- for weight in weights -%}
(instr('0123456789ABCDEFGHJKLMNPQRTUWXY', substr({{ x }}, {{ loop.index }}, 1)) - 1) * {{ weight }}{{ ' + ' if not loop.last }}
{%- endfor -%}
) % 31
{%- endmacro -%}

{%- macro std_uscc_check(x) -%}
substr('0123456789ABCDEFGHJKLMNPQRTUWXY', (31 - {{ std_uscc_remainder(x) }}) % 31 + 1, 1)
{%- endmacro -%}

{#- GB 11714: letters count from A = 10; remainder 10 is written X, 11 is written 0. `start` is the first character -#}
{%- macro std_org_code_check(x, start=1) -%}
{%- set weights = [3, 7, 9, 10, 5, 8, 4, 2] -%}
substr('0X987654321', (
{%- for weight in weights -%}
(instr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', substr({{ x }}, {{ start + loop.index0 }}, 1)) - 1) * {{ weight }}{{ ' + ' if not loop.last }}
{%- endfor -%}
) % 11 + 1, 1)
{%- endmacro -%}

{%- macro std_uscc_pattern() -%}{{ '[0-9A-HJ-NP-RTUWXY]{2}[0-9]{6}[0-9A-HJ-NP-RTUWXY]{10}' }}{%- endmacro -%}

{%- macro std_uscc__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[0-9A-Z]{18}') }} then {{ raw }}
else {{ std_no_null_word("upper(" ~ std_re_sub(std_ascii(raw), '[.]0*$|-') ~ ")", opts) }} end
{%- endmacro -%}

{#- letters that the standard leaves out, because they look like these -#}
{%- macro std_uscc_letters(x) -%}translate({{ x }}, 'OISZV', '0152U'){%- endmacro -%}

{%- macro std_uscc__value(clean, raw, opts={}) -%}
{%- set repaired = std_uscc_letters(clean) -%}
case
when {{ std_re_is(clean, std_uscc_pattern()) }} then
case when {{ std_uscc_check(clean) }} = substr({{ clean }}, 18, 1) then {{ clean }} end
{# two checks hold by chance once in 341; more than three letters are no slip of the eye #}
when {{ std_re_is(clean, '[0-9A-Z]{18}') }} and {{ std_re_has(clean, '[OISZV]') }} and length({{ std_re_sub(clean, '[^OISZV]') }}) <= 3 then
case when {{ std_re_is(repaired, std_uscc_pattern()) }} and {{ std_uscc_check(repaired) }} = substr({{ repaired }}, 18, 1)
and {{ std_org_code_check(repaired, 9) }} = substr({{ repaired }}, 17, 1) then {{ repaired }} end
end
{%- endmacro -%}

{%- macro std_uscc__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} or {{ raw }} = {{ value }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is not null then case
when {{ value }} <> {{ clean }} then 'uscc_letter'
when {{ std_re_has(raw, '[\\x{ff01}-\\x{ff5e}]') }} then 'uscc_width'
when {{ std_re_has(raw, '[a-z]') }} then 'uscc_lower'
else 'uscc_spaces' end
else case
when {{ std_re_is(clean, '[0-9][.]?[0-9]*E[+]?[0-9]+') }} then 'uscc_sci_text'
when {{ std_re_is(clean, '[1-9][0-9]{16}[0-9X]') }} and {{ std_id_check(clean) }} = substr({{ clean }}, 18, 1)
and {{ std_is_day("substr(" ~ clean ~ ", 7, 8)") }} then 'uscc_person_id'
when {{ std_re_is(clean, '[0-9A-Z]{18}') }} then case when {{ std_re_is(clean, '[1-9][0-9]{14}000') }} then 'uscc_excel_000' else 'uscc_bad_check' end
when {{ std_re_is(clean, '[0-9]{15}|[0-9]{13}') }} then 'uscc_old_number'
when {{ std_re_is(clean, '[0-9A-Z]{8}[0-9X]') }} then 'uscc_org_code'
when {{ std_re_is(clean, '[0-9A-Z]{14,17}') }} then 'uscc_short'
when {{ std_re_is(clean, '[0-9A-Z]{19,}') }} then 'uscc_long'
else 'uscc_not_a_code' end end
{%- endmacro -%}

{%- macro std_org_code__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[0-9A-Z]{8}[0-9X]') }} then {{ raw }}
else {{ std_no_null_word("upper(" ~ std_re_sub(std_ascii(raw), '-') ~ ")", opts) }} end
{%- endmacro -%}

{%- macro std_org_code__value(clean, raw, opts={}) -%}
case when {{ std_re_is(clean, '[0-9A-Z]{8}[0-9X]') }} then
case when {{ std_org_code_check(clean) }} = substr({{ clean }}, 9, 1) then {{ clean }} end end
{%- endmacro -%}

{%- macro std_org_code__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} or {{ raw }} = {{ value }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is not null then case
when {{ std_re_is(raw, '[0-9A-Z]{8}-[0-9X]') }} then 'org_code_dash'
when {{ std_re_has(raw, '[a-z]') }} then 'org_code_lower'
else 'org_code_spaces' end
when {{ std_re_is(clean, '[0-9A-Z]{8}[0-9X]') }} then 'org_code_bad_check'
else 'org_code_not_a_code' end
{%- endmacro -%}
