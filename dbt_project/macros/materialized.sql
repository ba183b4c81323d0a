{#
    Views and tables on the lake in one transaction and, for a view that has not changed, none at all. dbt's own
    materialisations create under another name, rename twice and drop afterwards: four changes of the catalogue in two
    snapshots for every model of every build, and after each the whole catalogue is read again (benchmarks/road.md).
    `create or replace` is atomic on the lake, and readers look at published snapshots anyway.
#}

{% materialization view, adapter='duckdb' -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target = this.incorporate(type='view') -%}
  {%- set made_from = local_md5(sql) -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% if existing is not none and existing.is_view and not should_full_refresh() and view_made_from(target) == made_from %}
    {% call noop_statement('main', 'unchanged') %}{% endcall %}
  {% else %}
    {% call statement('main') -%}
      {% if existing is not none and not existing.is_view %}drop {{ existing.type }} {{ existing }};{% endif %}
      create or replace view {{ target }} as (
        {{ sql }}
      );
      comment on view {{ target }} is '{{ made_from }}';
    {%- endcall %}
  {% endif %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{% materialization table, adapter='duckdb' -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target = this.incorporate(type='table') -%}

  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {{ run_hooks(pre_hooks, inside_transaction=True) }}
  {% call statement('main') -%}
    {% if existing is not none and not existing.is_table %}drop {{ existing.type }} {{ existing }};{% endif %}
    create or replace table {{ target }} as (
      {{ sql }}
    );
  {%- endcall %}
  {{ run_hooks(post_hooks, inside_transaction=True) }}
  {{ adapter.commit() }}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{# What the view on the lake was made from: kept as its comment, because the lake words a definition in its own way. #}
{% macro view_made_from(relation) -%}
  {%- set found = run_query(
    "select comment from duckdb_views() where database_name = '" ~ relation.database ~ "' and schema_name = '"
    ~ relation.schema ~ "' and view_name = '" ~ relation.identifier ~ "'") -%}
  {{ return(found.columns[0].values()[0] if found.rows | length else none) }}
{%- endmacro %}
