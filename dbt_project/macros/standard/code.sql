{#-
  Coded values. opts.codes maps the spellings this source declares to the standard code: a delivered key is no finding.
  What the source did not declare is read only where it can mean one thing; digits never, when the source's own digits
  mean something else.
-#}

{#- a look-up written as SQL: short lists as CASE, long ones by place in one text (CASE would try every entry) -#}
{%- macro std_lookup(x, codes) -%}
{%- if codes | length == 0 -%}cast(null as {{ std_text_type() }})
{%- elif codes | length <= 24 -%}
case {{ x }} {% for key, code in codes.items() %}when {{ std_str(key) }} then {{ std_str(code) }} {% endfor %}end
{%- else -%}
{%- set ns = namespace(text='|') -%}
{%- for key, code in codes.items() -%}{%- set ns.text = ns.text ~ key ~ '=' ~ code ~ '|' -%}{%- endfor -%}
{%- set from_key = "substr(" ~ std_str(ns.text) ~ ", instr(" ~ std_str(ns.text) ~ ", '|' || " ~ x ~ " || '=') + length(" ~ x ~ ") + 2, 24)" -%}
case when instr({{ std_str(ns.text) }}, '|' || {{ x }} || '=') > 0 and {{ x }} not like '%|%' and {{ x }} not like '%=%' then substr({{ from_key }}, 1, instr({{ from_key }}, '|') - 1) end
{%- endif -%}
{%- endmacro -%}

{#- is x one of these standard codes -#}
{%- macro std_is_one_of(x, values) -%}
{%- if values | length == 0 -%}false
{%- else -%}{{ x }} in ({% for value in values %}{{ std_str(value) }}{{ ', ' if not loop.last }}{% endfor %})
{%- endif -%}
{%- endmacro -%}

{%- macro std_codes(opts) -%}
{%- set codes = {} -%}
{%- for key, code in (opts.get('codes') or {}).items() -%}{%- do codes.update({key | string: code | string}) -%}{%- endfor -%}
{{ return(codes) }}
{%- endmacro -%}

{#- 1.0 out of a number cell is the code 1 -#}
{%- macro std_code_text(x) -%}{{ std_re_sub(std_ascii(x), '(?:[.]0+)+$') }}{%- endmacro -%}

{#- a declared spelling is never read as a null word -#}
{%- macro std_declared_or(raw, opts, otherwise) -%}
{%- set codes = std_codes(opts) -%}
{%- if codes | length == 0 -%}{{ otherwise }}
{%- elif codes | length <= 24 -%}case when {{ std_is_one_of(raw, codes.keys() | list) }} then {{ raw }} else {{ otherwise }} end
{%- else -%}case when {{ std_lookup(raw, codes) }} is not null then {{ raw }} else {{ otherwise }} end
{%- endif -%}
{%- endmacro -%}

{%- macro std_code__clean(raw, opts={}) -%}
{{ std_declared_or(raw, opts, std_no_null_word(std_code_text(raw), opts, zeros=false)) }}
{%- endmacro -%}

{%- macro std_code__value(clean, raw, opts={}) -%}
{%- set codes = std_codes(opts) -%}
{%- set values = codes.values() | unique | list -%}
{%- set folded = {} -%}
{%- for key, code in codes.items() -%}{%- do folded.update({(key | upper): code}) -%}{%- endfor -%}
coalesce(
{%- if codes -%}
{{ std_lookup(clean, codes) }}, {{ std_lookup("upper(" ~ clean ~ ")", folded) }},
case when {{ std_is_one_of(clean, values) }} then {{ clean }} end
{%- if opts.get('width') -%}
, case when length({{ clean }}) < {{ opts['width'] }} and {{ std_re_is(clean, '[0-9]+') }} and {{ std_is_one_of("lpad(" ~ clean ~ ", " ~ opts['width'] ~ ", '0')", (codes.keys() | list + values)) }}
then coalesce({{ std_lookup("lpad(" ~ clean ~ ", " ~ opts['width'] ~ ", '0')", codes) }}, lpad({{ clean }}, {{ opts['width'] }}, '0')) end
{%- endif -%}
{%- if opts.get('open') -%}, {{ clean }}{%- endif -%}
{%- elif opts.get('width') -%}
case when length({{ clean }}) < {{ opts['width'] }} and {{ std_re_is(clean, '[0-9]+') }} then lpad({{ clean }}, {{ opts['width'] }}, '0')
when length({{ clean }}) = {{ opts['width'] }}{% if opts.get('pattern') %} and {{ std_re_is(clean, opts['pattern']) }}{% endif %} then {{ clean }} end
{%- elif opts.get('pattern') -%}
case when {{ std_re_is(clean, opts['pattern']) }} then {{ clean }} when {{ std_re_is("upper(" ~ clean ~ ")", opts['pattern']) }} then upper({{ clean }}) end
{%- else -%}{{ clean }}
{%- endif -%}
{%- if not (codes) -%}, cast(null as {{ std_text_type() }}){%- endif -%}
)
{%- endmacro -%}

{%- macro std_code__rule(raw, clean, value, opts={}) -%}
{%- set codes = std_codes(opts) -%}
case
when {{ std_is_blank(raw) }} then null
{%- if codes %}
when {{ value }} is not null and {{ std_lookup(raw, codes) }} = {{ value }} then null
{%- else %}
when {{ value }} = {{ raw }} then null
{%- endif %}
when {{ clean }} is null then 'null_word'
when {{ value }} is null then {% if codes or opts.get('list') %}'code_unknown'{% else %}'code_bad_form'{% endif %}
{%- if codes and opts.get('open') %}
when not {{ std_is_one_of(value, codes.values() | unique | list) }} then 'code_unlisted'
{%- endif %}
{%- if opts.get('width') %}
when length({{ clean }}) < {{ opts['width'] }} and {{ std_re_is(clean, '[0-9]+') }}
{%- if codes %} and {{ std_lookup(clean, codes) }} is null and not {{ std_is_one_of(clean, codes.values() | unique | list) }}{% endif %} then 'code_zero_lost'
{%- endif %}
when {{ value }} = {{ std_code_text(raw) }} and {{ value }} <> {{ raw }} then 'code_spaces'
else 'code_other_spelling' end
{%- endmacro -%}

{#- ---- sex, GB/T 2261.1. 'unknown' (0) and 'not stated' (9) are no value unless opts.keep_unknown ---- -#}
{%- macro std_sex_words(opts) -%}
{%- set words = {'男': '1', '女': '2', '男性': '1', '女性': '2', '男士': '1', '女士': '2', '男生': '1', '女生': '2', '先生': '1',
  'M': '1', 'F': '2', 'MALE': '1', 'FEMALE': '2', '未知': '0', '未知的性别': '0', '不详': '0', 'U': '0', 'UNKNOWN': '0',
  '未说明': '9', '未说明的性别': '9', '1男': '1', '2女': '2', '1-男': '1', '2-女': '2', '1.男': '1', '2.女': '2'} -%}
{%- set codes = std_codes(opts) -%}
{%- set own_digits = codes.keys() | select('in', ['0', '1', '2', '3', '9']) | list -%}
{%- set usual = {'0': '0', '1': '1', '2': '2', '9': '9', '01': '1', '02': '2'} -%}
{#- the source's own digits decide; the standard ones are read only where they do not contradict them -#}
{%- set ns = namespace(contradict=false) -%}
{%- for digit in own_digits -%}{%- if codes[digit] != usual.get(digit) -%}{%- set ns.contradict = true -%}{%- endif -%}{%- endfor -%}
{%- if not ns.contradict -%}{%- do words.update(usual) -%}{%- endif -%}
{%- for key, code in codes.items() -%}{%- do words.update({key: code}) -%}{%- endfor -%}
{{ return(words) }}
{%- endmacro -%}

{%- macro std_sex__clean(raw, opts={}) -%}
case when {{ raw }} in ('1', '2', '男', '女') then {{ raw }}
else {{ std_declared_or(raw, opts, "upper(" ~ std_no_null_word(std_sex_text(raw), opts, zeros=false) ~ ")") }} end
{%- endmacro -%}

{#- unknown is a code here, so its words are not null words -#}
{%- macro std_sex_text(raw) -%}replace(replace(replace({{ std_code_text(raw) }}, '未知', 'U'), '不详', 'U'), '不明', 'U'){%- endmacro -%}

{%- macro std_sex__value(clean, raw, opts={}) -%}
{%- set words = std_sex_words(opts) -%}
{%- if opts.get('keep_unknown') -%}{{ std_lookup(clean, words) }}
{%- else -%}
{%- set known = {} -%}
{%- for key, code in words.items() -%}{%- if code in ('1', '2') -%}{%- do known.update({key: code}) -%}{%- endif -%}{%- endfor -%}
{{ std_lookup(clean, known) }}
{%- endif -%}
{%- endmacro -%}

{%- macro std_sex__rule(raw, clean, value, opts={}) -%}
{%- set codes = std_codes(opts) or {'1': '1', '2': '2'} -%}
{%- set words = std_sex_words(opts) -%}
case
when {{ std_is_one_of(raw, codes.keys() | list) }} and {{ value }} is not null then null
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_lookup(clean, words) }} in ('0', '9') then 'sex_unknown' else 'code_unknown' end
when {{ value }} in ('0', '9') then 'sex_unstated'
else 'sex_other_code' end
{%- endmacro -%}

{#- ---- ethnic group, GB 3304: two digits; names with and without 族, two letters, lost zeros ---- -#}
{%- macro std_ethnic_groups() -%}
{{ return([
  ['01', 'HA', '汉族'], ['02', 'MG', '蒙古族'], ['03', 'HU', '回族'], ['04', 'ZA', '藏族'], ['05', 'UG', '维吾尔族'],
  ['06', 'MH', '苗族'], ['07', 'YI', '彝族'], ['08', 'ZH', '壮族'], ['09', 'BY', '布依族'], ['10', 'CS', '朝鲜族'],
  ['11', 'MA', '满族'], ['12', 'DO', '侗族'], ['13', 'YA', '瑶族'], ['14', 'BA', '白族'], ['15', 'TJ', '土家族'],
  ['16', 'HN', '哈尼族'], ['17', 'KZ', '哈萨克族'], ['18', 'DA', '傣族'], ['19', 'LI', '黎族'], ['20', 'LS', '傈僳族'],
  ['21', 'VA', '佤族'], ['22', 'SH', '畲族'], ['23', 'GS', '高山族'], ['24', 'LH', '拉祜族'], ['25', 'SU', '水族'],
  ['26', 'DX', '东乡族'], ['27', 'NX', '纳西族'], ['28', 'JP', '景颇族'], ['29', 'KG', '柯尔克孜族'], ['30', 'TU', '土族'],
  ['31', 'DU', '达斡尔族'], ['32', 'ML', '仫佬族'], ['33', 'QI', '羌族'], ['34', 'BL', '布朗族'], ['35', 'SL', '撒拉族'],
  ['36', 'MN', '毛南族'], ['37', 'GL', '仡佬族'], ['38', 'XB', '锡伯族'], ['39', 'AC', '阿昌族'], ['40', 'PM', '普米族'],
  ['41', 'TA', '塔吉克族'], ['42', 'NU', '怒族'], ['43', 'UZ', '乌孜别克族'], ['44', 'RS', '俄罗斯族'], ['45', 'EW', '鄂温克族'],
  ['46', 'DE', '德昂族'], ['47', 'BN', '保安族'], ['48', 'YG', '裕固族'], ['49', 'GI', '京族'], ['50', 'TT', '塔塔尔族'],
  ['51', 'DR', '独龙族'], ['52', 'OR', '鄂伦春族'], ['53', 'HZ', '赫哲族'], ['54', 'MB', '门巴族'], ['55', 'LB', '珞巴族'],
  ['56', 'JN', '基诺族'],
]) }}
{%- endmacro -%}

{%- macro std_ethnic_words(opts) -%}
{%- set words = {} -%}
{%- for code, letters, name in std_ethnic_groups() -%}
{%- do words.update({name: code, letters: code}) -%}
{%- if name != '其他' and name[-1:] == '族' -%}{%- do words.update({name[:-1]: code}) -%}{%- endif -%}
{%- endfor -%}
{%- do words.update({'维族': '05', '维': '05', '蒙族': '02', '蒙': '02', '哈族': '17', '柯族': '29', '朝族': '10', '其他': '97', '其它': '97', '其他族': '97', '外国血统': '98', '外国血统中国籍人士': '98'}) -%}
{%- for key, code in std_codes(opts).items() -%}{%- do words.update({key: code}) -%}{%- endfor -%}
{{ return(words) }}
{%- endmacro -%}

{%- macro std_ethnic__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[0-9]{2}') }} then nullif({{ raw }}, '00')
else {{ std_declared_or(raw, opts, "upper(" ~ std_no_null_word(std_code_text(raw), opts) ~ ")") }} end
{%- endmacro -%}

{%- macro std_ethnic__value(clean, raw, opts={}) -%}
case
when {{ std_re_is(clean, '0[1-9]|[1-4][0-9]|5[0-6]|97|98') }} then {{ clean }}
when {{ std_re_is(clean, '[1-9]') }} then '0' || {{ clean }}
when {{ std_re_is(clean, '0(?:0[1-9]|[1-4][0-9]|5[0-6])') }} then substr({{ clean }}, 2, 2)
{# 01汉族, 1-汉: the number and the name say the same or nothing is taken #}
when {{ std_re_is(clean, '[0-9]{1,2}[-.]?[^0-9]+') }} then {{ std_ethnic_number_and_name(clean, opts) }}
else {{ std_lookup(clean, std_ethnic_words(opts)) }} end
{%- endmacro -%}

{%- macro std_ethnic_number_and_name(clean, opts) -%}
{%- set number = "lpad(" ~ std_re_get(clean, '^[0-9]+', 0) ~ ", 2, '0')" -%}
case when {{ std_lookup(std_re_sub(clean, '^[0-9]+[-.]?'), std_ethnic_words(opts)) }} = {{ number }} then {{ number }} end
{%- endmacro -%}

{%- macro std_ethnic__rule(raw, clean, value, opts={}) -%}
{%- set codes = std_codes(opts) -%}
{%- set form = opts.get('form') -%}
case
when {{ std_is_blank(raw) }} then null
{%- if codes %}
when {{ std_is_one_of(raw, codes.keys() | list) }} and {{ value }} is not null then null
{%- elif form == 'name' %}
when {{ value }} is not null and {{ std_re_is(raw, '[一-龥]+族') }} then null
{%- elif form == 'short_name' %}
when {{ value }} is not null and {{ std_re_is(raw, '[一-龥]+') }} then null
{%- else %}
when {{ value }} = {{ raw }} then null
{%- endif %}
when {{ clean }} is null then 'null_word'
when {{ value }} is null then 'code_unknown'
when {{ std_re_is(clean, '[0-9]') }} then 'ethnic_zero_lost'
when {{ std_re_is(clean, '[0-9]{2,3}') }} then 'ethnic_as_code'
else 'ethnic_as_text' end
{%- endmacro -%}

{#- ---- area: six (county), nine (town-street) or twelve (community) digits ---- -#}
{%- macro std_area_code__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[1-9][0-9]{11}|[1-9][0-9]{5}') }} then {{ raw }}
else {{ std_no_null_word(std_re_sub(std_ascii(raw), '(?:[.]0+)+$|-'), opts) }} end
{%- endmacro -%}

{#- opts.width (6, 9, 12) is the length the contract declares: a shorter code is filled with zeros, as the standard writes an upper level -#}
{%- macro std_area_code__value(clean, raw, opts={}) -%}
{%- set width = opts.get('width') -%}
{%- set sound = '(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{4}(?:[0-9]{3}(?:[0-9]{3}(?:[0-9]{3})?)?)?' -%}
case when {{ std_re_is(clean, sound) }} then
{%- if width %}
case when length({{ clean }}) = {{ width }} then {{ clean }}
when length({{ clean }}) < {{ width }} then rpad({{ clean }}, {{ width }}, '0')
when substr({{ clean }}, {{ width + 1 }}) = repeat('0', length({{ clean }}) - {{ width }}) or length({{ clean }}) = 15 and {{ width }} = 12 and substr({{ clean }}, 13) = '000' then substr({{ clean }}, 1, {{ width }}) end
{%- else %} {{ clean }}
{%- endif %} end
{%- endmacro -%}

{%- macro std_area_code__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} or {{ value }} = {{ raw }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_re_has(clean, 'E[+]?[0-9]') }} then 'code_sci_text'
when {{ std_re_is(clean, '[0-9]+') }} then 'area_bad_code' else 'area_not_a_code' end
when length({{ value }}) <> length({{ clean }}) then 'area_other_level'
else 'code_spaces' end
{%- endmacro -%}

{#- ---- grid, CJ/T 349: 6 object class + 12 community + 2 serial; the class may start with 0, which a number cell loses ---- -#}
{%- macro std_grid_code__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[0-9]{20}') }} then {{ raw }}
else {{ std_no_null_word(std_re_sub(std_ascii(raw), '(?:[.]0+)+$|-'), opts) }} end
{%- endmacro -%}

{%- macro std_grid_sound() -%}{{ '(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{12}' }}{%- endmacro -%}

{%- macro std_grid_code__value(clean, raw, opts={}) -%}
case
when {{ std_re_is(clean, '[0-9]{6}' ~ std_grid_sound()) }}
{%- if std_is_number_cell(opts) != 'false' %} and not {{ std_is_number_cell(opts) }}{% endif %} then {{ clean }}
{# a spreadsheet keeps 15 digits: four zeros at the end of 19 are its, not the code's #}
when {{ std_re_is(clean, '[0-9]{5}' ~ std_grid_sound()) }} and not {{ std_re_has(clean, '0000$') }} then '0' || {{ clean }}
end
{%- endmacro -%}

{%- macro std_grid_code__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} or {{ value }} = {{ raw }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_re_has(clean, 'E[+]?[0-9]') }} then 'code_sci_text'
when {{ std_re_is(clean, '[0-9]{15,16}0{4,5}|[0-9]{20}') }} then 'grid_excel_000' when {{ std_re_is(clean, '[0-9]+') }} then 'grid_bad_code' else 'grid_not_a_code' end
when length({{ clean }}) = 19 then 'grid_zero_lost'
when {{ std_re_has(raw, '[' ~ std_class_quote() ~ ']') }} then 'code_apostrophe'
else 'code_spaces' end
{%- endmacro -%}

{#- ---- house (房屋编码, 地址编码): 12-digit community + 8-digit serial within it; a spreadsheet leaves zeros of the last five digits ---- -#}
{%- macro std_house_code__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[1-9][0-9]{19}') }} then {{ raw }}
else {{ std_no_null_word(std_re_sub(std_ascii(raw), '(?:[.]0+)+$|-'), opts) }} end
{%- endmacro -%}

{%- macro std_house_code__value(clean, raw, opts={}) -%}
case when {{ std_re_is(clean, '(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])[0-9]{18}') }} and not {{ std_re_has(clean, '0{5}$') }}
{%- if std_is_number_cell(opts) != 'false' %} and not {{ std_is_number_cell(opts) }}{% endif %} then {{ clean }} end
{%- endmacro -%}

{%- macro std_house_code__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} or {{ value }} = {{ raw }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_re_has(clean, 'E[+]?[0-9]') }} then 'code_sci_text'
when {{ std_re_is(clean, '[0-9]{15}0{5}') }}{% if std_is_number_cell(opts) != 'false' %} or {{ std_is_number_cell(opts) }} and {{ std_re_is(clean, '[0-9]{20}') }}{% endif %} then 'house_excel_000'
when {{ std_re_is(clean, '[0-9]+') }} then 'house_bad_code' else 'house_not_a_code' end
when {{ std_re_has(raw, '[' ~ std_class_quote() ~ ']') }} then 'code_apostrophe'
else 'code_spaces' end
{%- endmacro -%}

{#- ---- industry, GB/T 4754: section letter, 2, 3 or 4 digits; opts.width = 4 says that only classes are delivered ---- -#}
{%- macro std_industry_code__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[0-9]{4}') }} then nullif({{ raw }}, '0000')
else {{ std_no_null_word("upper(" ~ std_code_text(raw) ~ ")", opts) }} end
{%- endmacro -%}

{%- macro std_industry_code__value(clean, raw, opts={}) -%}
{%- set division = '(?:0[1-9]|[1-8][0-9]|9[0-7])' -%}
{%- set zero = opts.get('width') == 4 -%}
case
when {{ std_re_is(clean, division ~ '(?:[0-9]{2})') }} then {{ clean }}
{%- if zero %}
{# agriculture's classes (01–05) are the only ones that lose a zero #}
when {{ std_re_is(clean, '[1-5][0-9]{2}') }} then '0' || {{ clean }}
{%- else %}
when {{ std_re_is(clean, '[A-T]|' ~ division ~ '[0-9]?') }} then {{ clean }}
{%- endif %}
when {{ std_re_is(clean, '[A-T]-?' ~ division ~ ('[0-9]{2}' if zero else '[0-9]{0,2}')) }} then {{ std_re_sub(clean, '^[A-T]-?') }}
end
{%- endmacro -%}

{%- macro std_industry_code__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} or {{ value }} = {{ raw }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then 'industry_bad_code'
when length({{ value }}) > length({{ clean }}) then 'code_zero_lost'
when {{ std_re_is(clean, '[A-T]-?[0-9]+') }} then 'industry_with_section'
else 'code_spaces' end
{%- endmacro -%}

{#- ---- bank card or account: 12 to 19 digits. Cards satisfy Luhn, pass-book accounts need not ---- -#}
{%- macro std_bank_card__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[1-9][0-9]{15,18}') }} then {{ raw }}
else {{ std_no_null_word(std_re_sub(std_ascii(raw), '(?:[.]0+)+$|-'), opts) }} end
{%- endmacro -%}

{#- Luhn over the digits from the right; a shorter number is padded to 20 places with zeros, which add nothing -#}
{%- macro std_luhn(x) -%}
({%- for i in range(1, 21) -%}
{%- set digit = "(ascii(substr(lpad(" ~ x ~ ", 20, '0'), " ~ i ~ ", 1)) - 48)" -%}
{%- if i % 2 == 0 -%}{{ digit }}{%- else -%}({{ digit }} * 2 - case when {{ digit }} > 4 then 9 else 0 end){%- endif -%}{{ ' + ' if not loop.last }}
{%- endfor -%}) % 10
{%- endmacro -%}

{%- macro std_bank_card__value(clean, raw, opts={}) -%}
case when {{ std_re_is(clean, '[0-9]{12,19}') }}
{%- if std_is_number_cell(opts) != 'false' %} and not ({{ std_is_number_cell(opts) }} and length({{ clean }}) > 15){% endif %}
and not {{ std_re_is(clean, '[1-9][0-9]{14}(?:0|00|000|0000)') }} then {{ clean }}
{# a card may end in zeros of its own: then its check digit holds #}
when {{ std_re_is(clean, '[1-9][0-9]{14}(?:0|00|000|0000)') }} and {{ std_luhn(clean) }} = 0
{%- if std_is_number_cell(opts) != 'false' %} and not {{ std_is_number_cell(opts) }}{% endif %} then {{ clean }} end
{%- endmacro -%}

{%- macro std_bank_card__rule(raw, clean, value, opts={}) -%}
case
when {{ std_is_blank(raw) }} then null
when {{ clean }} is null then 'null_word'
when {{ value }} is null then case when {{ std_re_has(clean, 'E[+]?[0-9]') }} then 'code_sci_text'
when {{ std_re_is(clean, '[1-9][0-9]{15,18}') }} then 'bank_excel_000'
when {{ std_re_has(clean, '[*]') }} then 'bank_masked' else 'bank_bad_form' end
when {{ std_re_is(value, '62[0-9]{14,17}|[3-5][0-9]{15}') }} and {{ std_luhn(value) }} <> 0 then 'bank_bad_check'
when {{ value }} = {{ raw }} then null
else 'code_spaces' end
{%- endmacro -%}
