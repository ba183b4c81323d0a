{#-
  Names of persons and organisations. Nothing changes in silence: another form of the same sign (width, radical,
  middle dot, traditional) is `standardised`, a note in brackets is split off, a lost sign stays lost and is flagged.
  What cannot be known is never put back: which character stood where ? or □ stands, or a middle dot nobody wrote.
-#}

{#- code points that are another form of an ordinary sign (signs.sql) -#}
{%- macro std_class_odd_form() -%}{{ '\\x{2e80}-\\x{2fdf}\\x{e815}-\\x{e864}\\x{f900}-\\x{faff}\\x{2f800}-\\x{2fa1f}' }}{%- endmacro -%}

{#- dots and dashes used between the parts of a transliterated name -#}
{%- macro std_class_dot() -%}{{ '\\x{2022}\\x{2027}\\x{30fb}\\x{ff65}\\x{2219}\\x{22c5}\\x{25cf}\\x{2024}\\x{ff0e}\\x{ff0d}\\x{387}\\x{1427}\\x{16eb}\\x{2e31}.\\-' }}{%- endmacro -%}

{%- macro std_class_han() -%}{{ '\\x{3007}\\x{3400}-\\x{4dbf}\\x{4e00}-\\x{9fff}\\x{20000}-\\x{323af}' }}{%- endmacro -%}

{#- x is the tidied form of seen -#}
{%- macro std_name_widths(x, seen) -%}
{{ std_translate(x, std_text_width_from() ~ '？＊（）［］【】〔〕', std_text_width_to() ~ '?*()[][][]', seen=seen) }}
{%- endmacro -%}

{#- a note in brackets, closed or cut off; whatever the kind of bracket -#}
{%- macro std_name_note_pattern() -%}{{ '[(\\[<（\\x{300a}][^)\\]>）\\x{300b}]*(?:[)\\]>）\\x{300b}]|$)' }}{%- endmacro -%}

{%- macro std_person_name__clean(raw, opts={}) -%}
{%- set cell = std_unswapped(raw, '[一-龥·]{2,6}', '[1-9][0-9]{16}[0-9Xx]|[1-9][0-9]{14}', opts) -%}
{%- set tidy = std_no_null_word(std_name_widths(std_tidy(cell), cell), opts) -%}
case when {{ std_re_has(raw, '[' ~ std_name_other_forms(opts) ~ ']') }} then {{ std_name_one_form(tidy, cell, opts) }}
when {{ std_re_is(raw, '[' ~ std_class_han_start() ~ '][一-龥]{1,3}') }} then {{ raw }}
else {{ tidy }} end
{%- endmacro -%}

{#-
  Traditional signs, opts.traditional: 'sure' (default) writes them simplified where the same name has a sign that only
  simplified text uses: nobody is registered in both scripts. A name all of whose signs could be traditional may be
  its bearer's true name (Hong Kong, Macao, Taiwan) and stays, flagged. 'simplify' (registers of mainland residents)
  always converts, 'keep' never; opts.mainland, an SQL boolean, decides row by row.
-#}
{%- macro std_traditional_mode(opts) -%}{{ opts.get('traditional') or 'sure' }}{%- endmacro -%}

{%- macro std_has_traditional(x) -%}{{ std_re_has(x, '[' ~ std_traditional_forms()['from'] ~ ']') }}{%- endmacro -%}

{#- signs that have, or may have, another standard form -#}
{%- macro std_name_other_forms(opts) -%}
{{ std_class_odd_form() }}{{ std_traditional_forms()['from'] if std_traditional_mode(opts) != 'keep' }}
{%- endmacro -%}

{%- macro std_name_one_form(x, raw, opts) -%}
{%- set forms = std_traditional_forms() -%}
{%- set mode = std_traditional_mode(opts) -%}
{%- set signs = "case when " ~ std_re_has(raw, '[' ~ std_class_odd_form() ~ ']') ~ " then translate(" ~ x ~ ", " ~ std_str(std_sign_forms()['from']) ~ ", " ~ std_str(std_sign_forms()['to']) ~ ") else " ~ x ~ " end" -%}
{%- set simplified = "translate(" ~ signs ~ ", " ~ std_str(forms['from']) ~ ", " ~ std_str(forms['to']) ~ ")" -%}
{%- if mode == 'keep' -%}{{ signs }}
{%- elif mode == 'simplify' -%}{{ simplified }}
{%- else -%}
case when {{ std_re_has(raw, '[' ~ forms['simplified_only'] ~ ']') }}{% if opts.get('mainland') %} or coalesce({{ opts['mainland'] }}, false){% endif %} then {{ simplified }} else {{ signs }} end
{%- endif -%}
{%- endmacro -%}

{%- macro std_person_name__value(clean, raw, opts={}) -%}
case
when {{ std_re_is(clean, '[一-龥]{2,4}') }} then {{ clean }}
else nullif({{ std_re_sub(std_name_forms(std_re_sub(clean, std_name_note_pattern())), '^(?:' ~ std_null_pattern(opts) ~ '|[-+0-9.E*Xx ]*[0-9][-+0-9.E*Xx ]*)$') }}, '') end
{%- endmacro -%}

{#- a caller who gives no name: the word stays, and the rule says that it is none -#}
{%- macro std_anonymous() -%}{{ '匿名|匿名者|匿名人|保密|不愿透露|不愿透露姓名|不便透露' }}{%- endmacro -%}

{#- no spaces between Chinese signs, one middle dot; Latin names keep their spaces -#}
{%- macro std_name_forms(x) -%}{{ adapter.dispatch('std_name_forms')(x) }}{%- endmacro -%}
{%- macro std_name_forms_with(x, group) -%}
{%- set h = std_class_han() -%}
{%- set tidy = std_close_han_gaps(std_re_sub(x, '^[ ,;:、，；：。' ~ std_class_dot() ~ ']+|[ ,;:、，；：。' ~ std_class_dot() ~ ']+$')) -%}
{{ std_re_sub(tidy, '([' ~ h ~ ']) *[·' ~ std_class_dot() ~ ']+ *', group ~ '·') }}
{%- endmacro -%}
{%- macro default__std_name_forms(x) -%}{{ std_name_forms_with(x, '\\1') }}{%- endmacro -%}
{%- macro spark__std_name_forms(x) -%}{{ std_name_forms_with(x, '$1') }}{%- endmacro -%}

{#- signs that stand for a lost one: ? □ ■ * , a private-use point, pinyin in the middle of a Chinese name -#}
{%- macro std_name_lost_pattern() -%}
{{ '[?？*＊□■▢◻◼▯▮〓○◇◆\\x{fffd}\\x{25a1}\\x{e000}-\\x{f8ff}\\x{f0000}-\\x{10fffd}_#]|[' ~ std_class_han() ~ '] ?[A-Za-z]+|[A-Za-z]+ ?[' ~ std_class_han() ~ ']' }}
{%- endmacro -%}

{%- macro std_person_name__rule(raw, clean, value, opts={}) -%}
{%- set swapped = std_is_swapped(raw, '[一-龥·]{2,6}', '[1-9][0-9]{16}[0-9Xx]|[1-9][0-9]{14}', opts) -%}
case
when {{ value }} = {{ raw }} and {{ std_re_is(raw, '[一-龥]{2,4}') }} then case when {{ std_re_is(raw, '.{1,2}(?:先生|女士|小姐|同志|大爷|大妈)') }} then 'name_title' when {{ std_re_is(raw, std_anonymous()) }} then 'name_anonymous'
{%- if std_traditional_mode(opts) == 'sure' %}
when {{ std_has_traditional(raw) }} then 'name_traditional_kept'
{%- endif %} end
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_re_has(clean, '[0-9]') }} then 'name_is_number' else 'name_only_note' end
{% if swapped != 'false' %}when {{ swapped }} then 'swapped_columns'
{% endif -%}
when {{ std_re_has(value, std_name_lost_pattern()) }} then 'name_rare_lost'
when {{ std_re_has(value, '[0-9]') }} then 'name_digits'
when {{ std_re_is(value, std_anonymous()) }} then 'name_anonymous'
when {{ value }} = {{ raw }} then case when length({{ value }}) = 1 then 'name_one_sign'
{%- if std_traditional_mode(opts) == 'sure' %}
when {{ std_has_traditional(raw) }} then 'name_traditional_kept'
{%- endif %} end
when {{ std_re_has(clean, std_name_note_pattern()) }} then 'name_note'
when {{ std_re_has(raw, '[' ~ std_class_odd_form() ~ ']') }} then 'name_radical'
when {{ std_re_has(value, '·') }} and not {{ std_re_has(raw, '·') }} then 'name_dot'
when length({{ value }}) = 1 then 'name_one_sign'
when {{ std_re_has(raw, '[' ~ std_class_space() ~ std_class_invisible() ~ ']') }} then 'name_space'
when {{ std_re_has(raw, '[\\x{ff01}-\\x{ff5e}]') }} then 'name_width'
when {{ std_re_has(raw, '[' ~ std_traditional_forms()['from'] ~ ']') }} then 'name_traditional'
else 'name_width' end
{%- endmacro -%}

{#- ---- organisation: width of letters and digits, Chinese brackets, no spaces between Chinese signs ---- -#}
{%- macro std_org_name__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[' ~ std_class_han_start() ~ '][一-龥]{2,}') }} then {{ raw }}
else {{ std_no_null_word(std_tidy(raw), opts) }} end
{%- endmacro -%}

{%- macro std_org_signs(x) -%}
{%- set forms = std_sign_forms() -%}
{%- set widths = std_translate(x, std_text_width_from() ~ '()[]【】〔〕﹙﹚•・‧', std_text_width_to() ~ '（）（）（）（）（）···') -%}
case when {{ std_re_has(x, '[' ~ std_class_odd_form() ~ ']') }} then translate({{ widths }}, {{ std_str(forms['from']) }}, {{ std_str(forms['to']) }}) else {{ widths }} end
{%- endmacro -%}

{%- macro std_org_name__value(clean, raw, opts={}) -%}
case when {{ std_re_is(clean, '[一-龥]*') }} then {{ clean }}
else {{ std_no_null_word(std_close_han_gaps(std_re_sub(std_org_signs(clean), '[ ,;。，；、]+$')), opts) }} end
{%- endmacro -%}

{%- macro std_org_name__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null or {{ value }} is null then 'null_word'
when {{ std_re_has(value, '[?？□■▢〓\\x{fffd}\\x{e000}-\\x{f8ff}]') }} then 'org_name_lost'
when {{ value }} = {{ raw }} then null
when {{ std_re_has(raw, '[()\\[\\]【】〔〕]') }} then 'org_name_brackets'
when {{ std_re_has(raw, '[\\x{ff10}-\\x{ff5a}]') }} then 'org_name_width'
else 'org_name_spaces' end
{%- endmacro -%}
