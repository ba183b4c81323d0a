{#-
  The few SQL functions whose names or meanings differ between engines. Every kind is written once on top of these.
  A macro here returns one SQL expression; `x` and the like are SQL expressions, `pattern` is plain text (not SQL).
  Patterns keep to what RE2 (DuckDB) and java.util.regex (Spark) read alike: no look-around, no back-references.
-#}

{%- macro std_str(text) -%}{{ adapter.dispatch('std_str')(text) }}{%- endmacro -%}
{%- macro default__std_str(text) -%}'{{ text | string | replace("'", "''") }}'{%- endmacro -%}
{%- macro spark__std_str(text) -%}'{{ text | string | replace("\\", "\\\\") | replace("'", "\\'") }}'{%- endmacro -%}

{#- does the whole of x match -#}
{%- macro std_re_is(x, pattern) -%}{{ adapter.dispatch('std_re_is')(x, pattern) }}{%- endmacro -%}
{%- macro default__std_re_is(x, pattern) -%}regexp_full_match({{ x }}, {{ std_str(pattern) }}){%- endmacro -%}
{%- macro spark__std_re_is(x, pattern) -%}({{ x }} rlike {{ std_str('\\A(?:' ~ pattern ~ ')\\z') }}){%- endmacro -%}

{#- does any part of x match -#}
{%- macro std_re_has(x, pattern) -%}{{ adapter.dispatch('std_re_has')(x, pattern) }}{%- endmacro -%}
{%- macro default__std_re_has(x, pattern) -%}regexp_matches({{ x }}, {{ std_str(pattern) }}){%- endmacro -%}
{%- macro spark__std_re_has(x, pattern) -%}({{ x }} rlike {{ std_str(pattern) }}){%- endmacro -%}

{#- every match replaced by a plain text; the engines disagree on what the plain call replaces (first against all) -#}
{%- macro std_re_sub(x, pattern, by='') -%}{{ adapter.dispatch('std_re_sub')(x, pattern, by) }}{%- endmacro -%}
{%- macro default__std_re_sub(x, pattern, by) -%}
regexp_replace({{ x }}, {{ std_str(pattern) }}, {{ std_str(by) }}, 'g')
{%- endmacro -%}
{%- macro spark__std_re_sub(x, pattern, by) -%}
regexp_replace({{ x }}, {{ std_str(pattern) }}, {{ std_str(by) }})
{%- endmacro -%}

{#- the same with groups: `by` may name them as \1 to \9 -#}
{%- macro std_re_rewrite(x, pattern, by) -%}{{ adapter.dispatch('std_re_rewrite')(x, pattern, by) }}{%- endmacro -%}
{%- macro default__std_re_rewrite(x, pattern, by) -%}
regexp_replace({{ x }}, {{ std_str(pattern) }}, {{ std_str(by) }}, 'g')
{%- endmacro -%}
{%- macro spark__std_re_rewrite(x, pattern, by) -%}
regexp_replace({{ x }}, {{ std_str(pattern) }}, {{ std_str(by | replace("\\", "$")) }})
{%- endmacro -%}

{#- the same for the first match only -#}
{%- macro std_re_rewrite_first(x, pattern, by) -%}{{ adapter.dispatch('std_re_rewrite_first')(x, pattern, by) }}{%- endmacro -%}
{%- macro default__std_re_rewrite_first(x, pattern, by) -%}
regexp_replace({{ x }}, {{ std_str(pattern) }}, {{ std_str(by) }})
{%- endmacro -%}
{#- all that stands before the first match is one more group, so that nothing behind it is a match any more -#}
{%- macro spark__std_re_rewrite_first(x, pattern, by) -%}
{%- set shifted = namespace(by=by) -%}
{%- for group in range(8, 0, -1) -%}{%- set shifted.by = shifted.by | replace('\\' ~ group, '$' ~ (group + 1)) -%}{%- endfor -%}
regexp_replace({{ x }}, {{ std_str('\\A((?s:.*?))' ~ pattern) }}, {{ std_str('$1' ~ shifted.by) }})
{%- endmacro -%}

{#- text of one group of the first match, '' where nothing matches -#}
{%- macro std_re_get(x, pattern, group=1) -%}
regexp_extract({{ x }}, {{ std_str(pattern) }}, {{ group }})
{%- endmacro -%}

{#- signs of the Chinese script, within a class -#}
{%- macro std_script_han() -%}{{ adapter.dispatch('std_script_han')() }}{%- endmacro -%}
{%- macro default__std_script_han() -%}\p{Han}{%- endmacro -%}
{%- macro spark__std_script_han() -%}\p{IsHan}{%- endmacro -%}

{%- macro std_text_type() -%}{{ adapter.dispatch('std_text_type')() }}{%- endmacro -%}
{%- macro default__std_text_type() -%}varchar{%- endmacro -%}
{%- macro spark__std_text_type() -%}string{%- endmacro -%}

{#- wall-clock time of China, without a zone -#}
{%- macro std_timestamp_type() -%}{{ adapter.dispatch('std_timestamp_type')() }}{%- endmacro -%}
{%- macro default__std_timestamp_type() -%}timestamp{%- endmacro -%}
{%- macro spark__std_timestamp_type() -%}timestamp_ntz{%- endmacro -%}

{%- macro std_add_seconds(moment, seconds) -%}{{ adapter.dispatch('std_add_seconds')(moment, seconds) }}{%- endmacro -%}
{%- macro default__std_add_seconds(moment, seconds) -%}({{ moment }} + to_seconds({{ seconds }})){%- endmacro -%}
{%- macro spark__std_add_seconds(moment, seconds) -%}timestampadd(second, {{ seconds }}, {{ moment }}){%- endmacro -%}

{%- macro std_add_days(day, days) -%}{{ adapter.dispatch('std_add_days')(day, days) }}{%- endmacro -%}
{%- macro default__std_add_days(day, days) -%}({{ day }} + {{ days }}){%- endmacro -%}
{%- macro spark__std_add_days(day, days) -%}date_add({{ day }}, {{ days }}){%- endmacro -%}

{#- a date or timestamp written as ISO text -#}
{%- macro std_iso_date(x) -%}cast({{ x }} as {{ std_text_type() }}){%- endmacro -%}

{%- macro std_starts_with(x, start) -%}{{ adapter.dispatch('std_starts_with')(x, start) }}{%- endmacro -%}
{%- macro default__std_starts_with(x, start) -%}starts_with({{ x }}, {{ start }}){%- endmacro -%}
{%- macro spark__std_starts_with(x, start) -%}startswith({{ x }}, {{ start }}){%- endmacro -%}

{#- aggregate: the texts of a group as a list, longest first; null texts are left out -#}
{%- macro std_longest_first(x) -%}{{ adapter.dispatch('std_longest_first')(x) }}{%- endmacro -%}
{%- macro default__std_longest_first(x) -%}
list({{ x }} order by length({{ x }}) desc, {{ x }}) filter (where {{ x }} is not null)
{%- endmacro -%}
{%- macro spark__std_longest_first(x) -%}
array_sort(collect_list({{ x }}), (a, b) -> case when length(a) <> length(b) then length(b) - length(a) when a < b then -1 when a > b then 1 else 0 end)
{%- endmacro -%}

{#- the first text of a list that x begins with, null where none does -#}
{%- macro std_first_prefix(names, x) -%}{{ adapter.dispatch('std_first_prefix')(names, x) }}{%- endmacro -%}
{%- macro default__std_first_prefix(names, x) -%}
list_filter({{ names }}, lambda name: starts_with({{ x }}, name))[1]
{%- endmacro -%}
{%- macro spark__std_first_prefix(names, x) -%}
get(filter({{ names }}, name -> startswith({{ x }}, name)), 0)
{%- endmacro -%}

{#- a whole number of more than 64 bits -#}
{%- macro std_wide(x) -%}{{ adapter.dispatch('std_wide')(x) }}{%- endmacro -%}
{%- macro default__std_wide(x) -%}({{ x }})::hugeint{%- endmacro -%}
{%- macro spark__std_wide(x) -%}cast({{ x }} as decimal(38, 0)){%- endmacro -%}

{#- the number that up to 15 hexadecimal digits write -#}
{%- macro std_hex_number(x) -%}{{ adapter.dispatch('std_hex_number')(x) }}{%- endmacro -%}
{%- macro default__std_hex_number(x) -%}('0x' || {{ x }})::bigint{%- endmacro -%}
{%- macro spark__std_hex_number(x) -%}cast(conv({{ x }}, 16, 10) as bigint){%- endmacro -%}
