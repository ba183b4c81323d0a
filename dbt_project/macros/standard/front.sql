{#-
  The front door: every kind by name. `stage` is clean (raw, opts), value (clean, raw, opts) or rule (raw, clean, value, opts).
    {{ std('clean', 'phone', 'raw_phone', {}) }}
-#}
{%- macro std(stage, kind) -%}{{ context['std_' ~ kind ~ '__' ~ stage](*varargs) }}{%- endmacro -%}

{%- macro std_kinds() -%}
{{ return([
  'citizen_id', 'id_document', 'disability_certificate', 'uscc', 'org_code', 'phone', 'person_name', 'org_name',
  'date', 'timestamp', 'month', 'sex', 'ethnic', 'code', 'area_code', 'grid_code', 'house_code', 'industry_code',
  'bank_card', 'amount', 'decimal', 'integer', 'usage', 'coordinate', 'text', 'address',
]) }}
{%- endmacro -%}

{#- SQL that turns a rule code into its outcome; a cell without a rule has none -#}
{%- macro std_outcome(rule) -%}
{%- set groups = {} -%}
{%- for code, fact in std_rules().items() -%}
{%- if fact['outcome'] not in groups -%}{%- do groups.update({fact['outcome']: []}) -%}{%- endif -%}
{%- do groups[fact['outcome']].append(code) -%}
{%- endfor -%}
case {% for outcome, codes in groups.items() %}when {{ rule }} in ({% for code in codes %}'{{ code }}'{{ ', ' if not loop.last }}{% endfor %}) then '{{ outcome }}' {% endfor %}end
{%- endmacro -%}
