{#-
  Characters: what is invisible, what is a space, which forms of width are the same sign, which words mean "nothing".
  Two clean-ups stand on it: std_ascii (identifiers, numbers, dates: every space goes) and std_tidy (text for people:
  spaces are kept where they mean something).
-#}

{%- macro std_class_invisible() -%}
{{ "\\x00-\\x08\\x0e-\\x1f\\x7f\\x{80}-\\x{84}\\x{86}-\\x{9f}\\x{ad}\\x{34f}\\x{180e}\\x{200b}-\\x{200f}\\x{202a}-\\x{202e}\\x{2060}-\\x{206f}\\x{feff}\\x{fe00}-\\x{fe0f}\\x{fff9}-\\x{fffb}" }}
{%- endmacro -%}

{%- macro std_class_space() -%}
{{ "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}" }}
{%- endmacro -%}

{#- apostrophes, back-ticks and quotation marks: a spreadsheet's "this is text" mark and its look-alikes -#}
{%- macro std_class_quote() -%}{{ "'\"`\\x{b4}\\x{2018}\\x{2019}\\x{201c}\\x{201d}\\x{2032}\\x{ff07}\\x{ff02}" }}{%- endmacro -%}

{#- full-width forms and the many dashes, as one pair of equally long texts for translate() -#}
{%- macro std_width_from() -%}
！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～﹣‐‑‒–—―−。﹒【】〔〕
{%- endmacro -%}
{%- macro std_width_to() -%}
{{ "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~--------..[][]" }}
{%- endmacro -%}

{#- for text people read: letters, digits and the signs of addresses take one width, Chinese punctuation stays -#}
{%- macro std_text_width_from() -%}
０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ－＃．／＆＋＠﹣‐‑‒–—―−﹟
{%- endmacro -%}
{%- macro std_text_width_to() -%}
0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-#./&+@--------#
{%- endmacro -%}

{#- translate() builds its table anew for each cell: only cells in which `seen` (default x) has such a sign pay for it -#}
{%- macro std_translate(x, from, to, seen=none) -%}
case when {{ std_re_has(seen or x, '[' ~ from | replace('[', '\\[') | replace(']', '\\]') ~ ']') }} then translate({{ x }}, {{ std_str(from) }}, {{ std_str(to) }}) else {{ x }} end
{%- endmacro -%}

{#- signs to ASCII, then every space, invisible sign and quotation mark away. `more` maps further signs, e.g. × to X -#}
{%- macro std_ascii(x, more_from='', more_to='') -%}
{{ std_re_sub(std_translate(x, std_width_from() ~ more_from, std_width_to() ~ more_to),
              '[' ~ std_class_space() ~ std_class_invisible() ~ std_class_quote() ~ ']+') }}
{%- endmacro -%}

{#- invisible signs away, runs of any spaces to one, ends trimmed; nothing visible changes -#}
{%- macro std_tidy(x) -%}
trim({{ std_re_sub(std_re_sub(x, '[' ~ std_class_invisible() ~ ']+'), '[' ~ std_class_space() ~ ']+', ' ') }})
{%- endmacro -%}

{#- words that say "there is no value"; `zeros`: rows of zeros and lone signs say it too -#}
{%- macro std_null_pattern(opts, zeros=true) -%}
(?i:null|none|nil|nan|n/a|#n/a|#null!|#value!|#ref!|#div/0!|#name\?|#num!|<na>|<null>|\(null\)|\[null\]|undefined|\(blank\)|{#- -#}
无|没有|不详|未知|不明|不清楚|空|空白|为空|暂无|暂缺|暂不详|缺|缺失|未填|未填写|未填报|未提供|未登记|未采集|未录入|未办理|待补|待补充|待查|待核实|待定|{#- -#}
无身份证|无身份证号|无身份证号码|无证|无证件|无证件号|无证件号码|无号码|无号|无电话|无联系电话|无手机|无数据|无信息|无此项|\(无\)|\[无\]|（无）|/无|无。
{%- if zeros -%} |[-—_/\\.,、。*?~·#]+|0+(?:[-/.:]0+)*|{{ '[' ~ std_class_space() ~ ']+' }}{%- else -%} |[-—_/\\.,、。*?~·#]+{%- endif -%}
{%- for word in opts.get('null_words', []) -%} |\Q{{ word }}\E{%- endfor -%}
)
{%- endmacro -%}

{%- macro std_no_null_word(x, opts, zeros=true) -%}
nullif({{ std_re_sub(x, '^' ~ std_null_pattern(opts, zeros) ~ '$') }}, '')
{%- endmacro -%}

{#- Chinese signs but those that begin a null word: what starts so needs no closer look -#}
{%- macro std_class_han_start() -%}一-丌与-丹主-径徆-旟旡-暁暃-朩末-沠沢-穹穻-缹缻-龥{%- endmacro -%}

{#- true where the cell holds nothing at all (that is no finding) -#}
{%- macro std_is_blank(raw) -%}({{ raw }} is null or {{ raw }} = ''){%- endmacro -%}

{#- the kind of a typed cell as the contract gives it, or the text 'null' where the format has no types -#}
{%- macro std_is_number_cell(opts) -%}
{%- set kind = opts.get('kind_column') or 'null' -%}
{%- if kind == 'null' -%}false{%- else -%}coalesce({{ kind }} in ('number', 'float', 'integer', 'int'), false){%- endif -%}
{%- endmacro -%}

{#- one of two exchanged columns: the other cell is taken where this one clearly holds the other's kind -#}
{%- macro std_unswapped(raw, this_pattern, other_pattern, opts) -%}
{%- set other = opts.get('swapped_with') -%}
{%- if other -%}
case when {{ std_re_is(raw, other_pattern) }} and {{ std_re_is(other, this_pattern) }} then {{ other }} else {{ raw }} end
{%- else -%}{{ raw }}{%- endif -%}
{%- endmacro -%}

{%- macro std_is_swapped(raw, this_pattern, other_pattern, opts) -%}
{%- set other = opts.get('swapped_with') -%}
{%- if other -%}coalesce({{ std_re_is(raw, other_pattern) }} and {{ std_re_is(other, this_pattern) }}, false)
{%- else -%}false{%- endif -%}
{%- endmacro -%}

{#- kind text: free text as it is, without what nobody can see; width and words stay; what could not be decoded is said -#}
{%- macro std_text__clean(raw, opts={}) -%}
case when not {{ std_re_has(raw, '^ | $|  |[\\x00-\\x1f\\x7f\\x{80}-\\x{a0}\\x{ad}\\x{34f}\\x{1680}\\x{180e}\\x{2000}-\\x{200f}\\x{2028}-\\x{202f}\\x{205f}-\\x{206f}\\x{3000}\\x{fe00}-\\x{fe0f}\\x{feff}\\x{fff9}-\\x{fffb}]|^(?i:null|none|nan|n/a|#n/a|<na>|<null>|[-—/]+)$') }} and {{ raw }} <> '' then {{ raw }}
else nullif({{ std_re_sub(std_tidy(raw), '^(?i:null|none|nan|n/a|#n/a|<na>|<null>|[-—/]+' ~ std_more_null_words(opts) ~ ')$') }}, '') end
{%- endmacro -%}

{%- macro std_more_null_words(opts) -%}
{%- for word in opts.get('null_words', []) -%}|\Q{{ word }}\E{%- endfor -%}
{%- endmacro -%}

{%- macro std_text__value(clean, raw, opts={}) -%}{{ clean }}{%- endmacro -%}

{%- macro std_text__rule(raw, clean, value, opts={}) -%}
case when {{ std_re_has(value, '\\x{fffd}') }} then 'text_lost'
when {{ std_is_blank(raw) }} or {{ value }} = {{ raw }} then null
when {{ value }} is null then 'null_word' else 'text_spaces' end
{%- endmacro -%}

{#- kind address: one form of width, no spaces between Chinese signs, one kind of dash and number sign; no parsing -#}
{%- macro std_address__clean(raw, opts={}) -%}
case when {{ std_re_is(raw, '[' ~ std_class_han_start() ~ '][一-龥]{2,}[一-龥0-9A-Z-]*') }} then {{ raw }}
else {{ std_no_null_word(std_address_tidy(raw), opts) }} end
{%- endmacro -%}

{%- macro std_address_tidy(x) -%}
{#- a full stop or comma at the end belongs to the form, not to the address -#}
{%- set plain = std_translate(std_tidy(x), std_text_width_from(), std_text_width_to(), seen=x) -%}
{{ std_re_sub(plain, '[ ;,.；，。、]+$') }}
{%- endmacro -%}

{%- macro std_address__value(clean, raw, opts={}) -%}
case when {{ std_re_has(clean, ' ') }} then {{ std_close_han_gaps(clean) }} else {{ clean }} end
{%- endmacro -%}

{#- removes the spaces that have a Chinese sign on at least one side; without look-around: mark, then unmark -#}
{%- macro std_close_han_gaps(x) -%}{{ adapter.dispatch('std_close_han_gaps')(x) }}{%- endmacro -%}
{%- macro default__std_close_han_gaps(x) -%}
regexp_replace(regexp_replace({{ x }}, '([^\x00-\x7f]) +', '\1', 'g'), ' +([^\x00-\x7f])', '\1', 'g')
{%- endmacro -%}
{%- macro spark__std_close_han_gaps(x) -%}
regexp_replace(regexp_replace({{ x }}, '([^\\x00-\\x7f]) +', '$1'), ' +([^\\x00-\\x7f])', '$1')
{%- endmacro -%}

{%- macro std_address__rule(raw, clean, value, opts={}) -%}
case when {{ std_re_has(value, '\\x{fffd}') }} then 'text_lost'
when {{ std_is_blank(raw) }} or {{ value }} = {{ raw }} then null
when {{ value }} is null then 'null_word'
when {{ std_re_has(raw, '[\\x{ff01}-\\x{ff5e}]') }} then 'text_width'
when {{ std_re_has(raw, '[' ~ std_class_space() ~ std_class_invisible() ~ ']') }} then 'text_spaces'
else 'text_width' end
{%- endmacro -%}
