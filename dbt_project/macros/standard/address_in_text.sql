{#-
  The address that a sentence names, as it stands there: from the last sign or word that opens it (来电人反映：, 地址, 位于)
  to the last house, building, unit or room number, or else to the end of an estate's or village's name behind a county,
  town or street. Null where neither is found: a place is read, never guessed.
-#}
{%- macro std_text_number() -%}[0-9A-Za-z{{ std_zh_digits() }}]{1,5}{%- endmacro -%}

{%- macro std_text_opening() -%}(?:(?:^|[：:，,。；;、“”"‘’（）() ])(?:市民|居民|村民|群众|来电人|网格员|巡查员)?(?:来电)?(?:反映|反应|投诉|称|说|地址是?为?|地点是?为?|位于|家住|住在)?|(?:反映|地址是?|地点是?|位于|家住|住在|发现)){%- endmacro -%}

{%- macro std_address_in_text(text) -%}
{%- set text = std_re_rewrite_first(text, '号楼([上下后前顶道旁])', '号，楼\\1') -%}
nullif(coalesce(
    nullif(regexp_extract({{ text }}, '{{ std_text_opening() }}([一-龥][一-龥0-9A-Za-z#-]{1,40}?{{ std_text_number() }}(?:号楼|#楼|号院|号|幢|栋|座)(?:[一-龥]{0,8}?{{ std_text_number() }}(?:号楼|#楼|幢|栋|座))?(?:{{ std_text_number() }}单元)?(?:{{ std_text_number() }}(?:室|户|号)|[0-9]{3,4})?)', 1), ''),
    nullif(regexp_extract({{ text }}, '{{ std_text_opening() }}((?:[一-龥]{2,8}?(?:区|县|市|镇|乡|街道)){1,4}[一-龥]{1,8}?(?:{{ std_estate_tail() }}|国际|社区|村))', 1), '')), '')
{%- endmacro -%}
