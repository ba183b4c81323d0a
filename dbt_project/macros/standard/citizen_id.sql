{#-
  Citizen id (GB 11643-1999, check character ISO 7064 MOD 11-2), disability certificate (citizen id + category + level)
  and the documents of people who have no citizen id.
  A 15-digit number (before 1999) gets its century and check character: one right answer, so `repaired`. A number a
  spreadsheet has rounded has many completions: NULL, and the rule says which damage it was.
-#}

{#- the digit's place values of ISO 7064 MOD 11-2 are powers of two modulo 11 -#}
{%- macro std_mod11_weights() -%}{{ return([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) }}{%- endmacro -%}

{#- check character over 17 characters that are digits, given as a list of SQL expressions of one character each -#}
{%- macro std_mod11_check(digits) -%}
{%- set weights = std_mod11_weights() -%}
substr('10X98765432', ((
{%- for digit in digits -%}ascii({{ digit }}) * {{ weights[loop.index0] }}{{ ' + ' if not loop.last }}{%- endfor -%}
) - {{ 48 * weights | sum }}) % 11 + 1, 1)
{%- endmacro -%}

{%- macro std_id_check(x) -%}
{%- set digits = [] -%}
{%- for i in range(1, 18) -%}{%- do digits.append("substr(" ~ x ~ ", " ~ i ~ ", 1)") -%}{%- endfor -%}
{{ std_mod11_check(digits) }}
{%- endmacro -%}

{#- the same for a 15-digit number with the century put in -#}
{%- macro std_id15_check(x) -%}
{%- set digits = [] -%}
{%- for i in range(1, 7) -%}{%- do digits.append("substr(" ~ x ~ ", " ~ i ~ ", 1)") -%}{%- endfor -%}
{%- do digits.append("'1'") -%}{%- do digits.append("'9'") -%}
{%- for i in range(7, 16) -%}{%- do digits.append("substr(" ~ x ~ ", " ~ i ~ ", 1)") -%}{%- endfor -%}
{{ std_mod11_check(digits) }}
{%- endmacro -%}

{#- is yyyymmdd (eight digits) a day? Days up to the 28th need no calendar, so nearly all skip the cast -#}
{%- macro std_is_day(yyyymmdd) -%}
case when substr({{ yyyymmdd }}, 1, 4) not between '1800' and '2099' then false
when substr({{ yyyymmdd }}, 7, 2) between '01' and '28' then substr({{ yyyymmdd }}, 5, 2) between '01' and '12'
else try_cast(substr({{ yyyymmdd }}, 1, 4) || '-' || substr({{ yyyymmdd }}, 5, 2) || '-' || substr({{ yyyymmdd }}, 7, 2) as date) is not null end
{%- endmacro -%}

{#- letters and signs people write for the check character X -#}
{%- macro std_x_signs() -%}ⅹⅩхХχΧ×✕✖╳乂㐅{%- endmacro -%}

{%- macro std_id_squeeze(x) -%}
{{ std_re_sub("upper(" ~ std_ascii(x, std_x_signs(), 'X' * 12) ~ ")", '[.]0*$|-') }}
{%- endmacro -%}

{%- macro std_citizen_id__clean(raw, opts={}) -%}
{%- set cell = std_unswapped(raw, '[1-9][0-9]{16}[0-9Xx]', '[一-龥·]{2,6}', opts) -%}
case when {{ std_re_is(raw, '[1-9][0-9]{16}[0-9X]') }} then {{ raw }}
else {{ std_no_null_word(std_id_squeeze(cell), opts) }} end
{%- endmacro -%}

{%- macro std_citizen_id__value(clean, raw, opts={}) -%}
{#- a tail of 000 may be a spreadsheet's although its check holds: the twin knows -#}
{%- if opts.get('twin') -%}
case when {{ std_re_has(clean, '000$') }} and ({{ std_id_twin(clean, opts) }}) is not null then {{ std_id_twin(clean, opts) }}
else coalesce({{ std_id_of_cell(clean, opts) }}, {{ std_id_twin(clean, opts) }}) end
{%- else -%}{{ std_id_of_cell(clean, opts) }}
{%- endif -%}
{%- endmacro -%}

{%- macro std_id_of_cell(clean, opts) -%}
case
when {{ std_re_is(clean, '[1-9][0-9]{16}[0-9X]') }} then
case when {{ std_id_check(clean) }} = substr({{ clean }}, 18, 1) and {{ std_is_day("substr(" ~ clean ~ ", 7, 8)") }}
{%- if std_is_number_cell(opts) != 'false' %} and not {{ std_is_number_cell(opts) }}{% endif %} then {{ clean }} end
when {{ std_re_is(clean, '[1-9][0-9]{16}[*]') }} then
case when {{ std_id_check(clean) }} = 'X' and {{ std_is_day("substr(" ~ clean ~ ", 7, 8)") }} then substr({{ clean }}, 1, 17) || 'X' end
{# sequence numbers 996 to 999 were kept for those born before 1900: the century is not sure #}
when {{ std_re_is(clean, '[1-9][0-9]{14}') }} then
case when {{ std_is_day("'19' || substr(" ~ clean ~ ", 7, 6)") }} and substr({{ clean }}, 13, 3) < '996'
then substr({{ clean }}, 1, 6) || '19' || substr({{ clean }}, 7, 9) || {{ std_id15_check(clean) }} end
end
{%- endmacro -%}

{#-
  opts.twin: another text of the same row that holds the same number (a school number is G and the citizen id). It speaks
  only for a damaged cell whose first six or last four digits it shares.
-#}
{%- macro std_id_twin(clean, opts) -%}
{%- set twin = std_re_get("upper(coalesce(" ~ opts['twin'] ~ ", ''))", '[1-9][0-9]{16}[0-9X]', 0) -%}
case when length({{ twin }}) = 18 then
case when {{ std_id_check(twin) }} = substr({{ twin }}, 18, 1) and {{ std_is_day("substr(" ~ twin ~ ", 7, 8)") }}
and (substr(replace({{ clean }}, '.', ''), 1, 6) = substr({{ twin }}, 1, 6) or right({{ clean }}, 4) = right({{ twin }}, 4)) then {{ twin }} end end
{%- endmacro -%}

{#- spelling faults that leave no doubt about the number, most telling first -#}
{%- macro std_id_spelling_rule(raw, clean) -%}
when {{ std_re_has(raw, '[xｘ' ~ std_x_signs() ~ ']') }} then 'id_lower_x'
when {{ std_re_has(raw, '[a-wyz]') }} then 'id_lower_case'
when {{ std_re_has(raw, '[' ~ std_class_quote() ~ ']') }} then 'id_apostrophe'
when {{ std_re_has(raw, '[.．]') }} then 'id_dot_zero'
when {{ std_re_has(raw, '[\\x{ff01}-\\x{ff5e}]') }} then 'id_width'
else 'id_spaces'
{%- endmacro -%}

{#- Whole numbers above 2^53 exist in a spreadsheet only in steps: 16 below 2^57, 32 below 2^58, 64 below 2^59, 128 above -#}
{%- macro std_is_float_step(digits18) -%}
{%- set n = "try_cast(" ~ digits18 ~ " as bigint)" -%}
{{ n }} % case when {{ n }} < 144115188075855872 then 16 when {{ n }} < 288230376151711744 then 32
when {{ n }} < 576460752303423488 then 64 else 128 end = 0
{%- endmacro -%}

{%- macro std_citizen_id__rule(raw, clean, value, opts={}) -%}
{%- set swapped = std_is_swapped(raw, '[1-9][0-9]{16}[0-9Xx]', '[一-龥·]{2,6}', opts) -%}
case
when {{ raw }} = {{ value }} then {{ std_id_doubt(value, opts) }}
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is not null then case
{% if swapped != 'false' %}when {{ swapped }} then 'swapped_columns'
{% endif -%}
when {{ std_re_is(clean, '[0-9]{15}') }} then 'id_15_digit'
when {{ std_re_is(clean, '[0-9]{17}[*]') }} then 'id_star_x'
{% if opts.get('twin') -%}
when {{ value }} <> {{ clean }} then 'id_from_twin'
{% endif -%}
{{ std_id_spelling_rule(raw, clean) }} end
else {{ std_id_damage_rule(clean, opts) }} end
{%- endmacro -%}

{#- a sound number that does not fit the rest of its row, or that a spreadsheet may have made -#}
{%- macro std_id_doubt(value, opts) -%}
case
{%- if opts.get('birth') %}
when substr({{ value }}, 7, 8) <> replace({{ std_iso_date(opts['birth']) }}, '-', '') then 'id_birth_mismatch'
{%- endif %}
{%- if opts.get('sex') %}
when ({{ opts['sex'] }}) in ('1', '2') and (ascii(substr({{ value }}, 17, 1)) % 2 = 1) <> (({{ opts['sex'] }}) = '1') then 'id_sex_mismatch'
{%- endif %}
when substr({{ value }}, 16, 3) = '000' then 'id_tail_000' end
{%- endmacro -%}

{%- macro std_id_damage_rule(clean, opts) -%}
{%- set typed = std_is_number_cell(opts) -%}
case
when {{ std_re_is(clean, '[0-9][.]?[0-9]*E[+]?[0-9]+') }} then 'id_sci_text'
when {{ std_re_is(clean, '[1-9][0-9]{16}[0-9X*]') }} then case
when {{ std_re_has(clean, '000$') }} then 'id_excel_000'
{%- if typed != 'false' %}
when {{ typed }} then 'id_excel_float'
{%- endif %}
when {{ std_re_is(clean, '[0-9]{18}') }} and {{ std_is_float_step(clean) }} and {{ std_id_check(clean) }} <> substr({{ clean }}, 18, 1) then 'id_excel_float'
when {{ std_id_check(clean) }} = replace(substr({{ clean }}, 18, 1), '*', 'X') then 'id_bad_birth'
else 'id_bad_check' end
when {{ std_re_is(clean, '[1-9][0-9]{14}') }} then case when {{ std_is_day("'19' || substr(" ~ clean ~ ", 7, 6)") }} then 'id_15_century' else 'id_bad_birth' end
when {{ std_re_is(clean, '[0-9]{10,14}|[0-9]{15,16}[0-9X*]') }} then 'id_short'
when {{ std_re_is(clean, '[0-9]{18,}[0-9X*]') }} then 'id_long'
else 'id_not_an_id' end
{%- endmacro -%}

{#- ---- disability certificate: citizen id, category 1–7, level 1–4, and B with a digit after a reissue ---- -#}
{%- macro std_disability_certificate__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[1-9][0-9]{16}[0-9X][1-7][1-4]') }} then {{ raw }}
else {{ std_no_null_word(std_id_squeeze(raw), opts) }} end
{%- endmacro -%}

{%- macro std_disability_certificate__value(clean, raw, opts={}) -%}
case when {{ std_re_is(clean, '[1-9][0-9]{16}[0-9X*][1-7][1-4](?:B[0-9]?)?') }} then
case when {{ std_id_check(clean) }} = replace(substr({{ clean }}, 18, 1), '*', 'X') and {{ std_is_day("substr(" ~ clean ~ ", 7, 8)") }}
{%- if std_is_number_cell(opts) != 'false' %} and not {{ std_is_number_cell(opts) }}{% endif %} then replace({{ clean }}, '*', 'X') end
end
{%- endmacro -%}

{%- macro std_disability_certificate__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} or {{ raw }} = {{ value }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is not null then case
when {{ std_re_has(clean, '[*]') }} then 'id_star_x'
{{ std_id_spelling_rule(raw, clean) }} end
else case
when {{ std_re_is(clean, '[0-9][.]?[0-9]*E[+]?[0-9]+') }} then 'id_sci_text'
when {{ std_re_is(clean, '[1-9][0-9]{14}00000') }} then 'id_excel_000'
{# the numbers below are recognised by length alone: a lost digit shifts everything after it #}
when {{ std_re_is(clean, '[1-9][0-9]{16}[0-9X*][0-9]{2}(?:B[0-9]?)?') }} then case
when {{ std_id_check(clean) }} <> replace(substr({{ clean }}, 18, 1), '*', 'X') then 'id_bad_check'
when not ({{ std_is_day("substr(" ~ clean ~ ", 7, 8)") }}) then 'id_bad_birth'
else 'cert_bad_class' end
when {{ std_re_is(clean, '[0-9]{10,17}[0-9X*]{1,2}|[0-9]{15,16}[0-9X*][0-9]{0,2}|[0-9]{10,19}') }} then 'id_short'
when {{ std_re_is(clean, '[0-9X*]{21,}') }} then 'id_long'
else 'id_not_an_id' end end
{%- endmacro -%}

{#- ---- documents: what opts.document_type (text or SQL) says decides what the number must look like ---- -#}
{%- macro std_document_type(opts) -%}
{%- if opts.get('document_type_column') -%}{{ opts['document_type_column'] }}
{%- else -%}{{ std_str(opts.get('document_type', 'unknown')) }}{%- endif -%}
{%- endmacro -%}

{%- macro std_id_document__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[1-9][0-9]{16}[0-9X]|[A-Z][0-9]{8}') }} then {{ raw }}
else {{ std_no_null_word("upper(" ~ std_re_sub(std_ascii(raw, std_x_signs(), 'X' * 12), '[.]0*$|[-()]') ~ ")", opts) }} end
{%- endmacro -%}

{#- shape of each document's number; the 18-character ones also hold a check character -#}
{%- macro std_document_patterns() -%}
{{ return({
  'passport': '[A-Z0-9]{5,17}',
  'hk_macau_permit': '[HM][0-9]{8}(?:[0-9]{2})?',
  'taiwan_permit': '[0-9]{8}|[0-9]{10}[A-Z]?',
  'foreign_permanent': '[A-Z]{3}[0-9]{12}',
  'other': '[A-Z0-9]{4,30}',
}) }}
{%- endmacro -%}

{%- macro std_id_document__value(clean, raw, opts={}) -%}
{%- set type = std_document_type(opts) -%}
case
when ({{ type }}) = 'citizen_id' then {{ std_citizen_id__value(clean, raw, opts) }}
when ({{ type }}) in ('residence_permit', 'foreign_permanent') and {{ std_re_is(clean, '[89][0-9]{16}[0-9X*]') }} then {{ std_citizen_id__value(clean, raw, opts) }}
{%- for name, pattern in std_document_patterns().items() %}
when ({{ type }}) = '{{ name }}' then case when {{ std_re_is(clean, pattern) }} and {{ std_re_has(clean, '[0-9]') }} and not {{ std_re_is(clean, '[0-9][.]?[0-9]*E[+][0-9]+') }} then {{ clean }} end
{%- endfor %}
when ({{ type }}) = 'unknown' or ({{ type }}) is null then case
when {{ std_re_is(clean, '[1-9][0-9]{16}[0-9X*]|[1-9][0-9]{14}') }} then {{ std_citizen_id__value(clean, raw, opts) }}
when {{ std_re_is(clean, '[A-Z]{0,3}[0-9]{6,12}[A-Z]?') }} then {{ clean }} end
end
{%- endmacro -%}

{%- macro std_id_document__rule(raw, clean, value, opts={}) -%}
{%- set type = std_document_type(opts) -%}
case
when {{ raw }} = {{ value }} then case
when coalesce({{ type }}, 'unknown') in ('citizen_id', 'residence_permit', 'foreign_permanent', 'unknown')
and {{ std_re_is(value, '[1-9][0-9]{16}[0-9X]') }} then {{ std_id_doubt(value, opts) }} end
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is not null then case
when length({{ value }}) = 18 and length({{ clean }}) = 15 then 'id_15_digit'
when {{ std_re_is(clean, '[0-9]{17}[*]') }} then 'id_star_x'
{% if opts.get('twin') -%}
when {{ value }} <> {{ clean }} then 'id_from_twin'
{% endif -%}
{{ std_id_spelling_rule(raw, clean) }} end
when ({{ type }}) in ('citizen_id', 'residence_permit') or (({{ type }}) in ('unknown', 'foreign_permanent') and {{ std_re_is(clean, '[0-9]{15,19}[X*]?|[0-9.]+E[+][0-9]+') }})
then {{ std_id_damage_rule(clean, opts) }}
else 'document_bad_form' end
{%- endmacro -%}
