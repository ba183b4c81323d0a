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

{#
    On Spark every build is a full refresh into Parquet folders below TOWNLAKE_SPARK_OUT: what analysts open (foundation,
    marts) is a table there whatever it is on the lake, so that it is worked out once; hooks only prepare increments.
#}

{% materialization table, adapter='spark' -%}{{ return(parquet_folder()) }}{%- endmaterialization %}
{% materialization incremental, adapter='spark' -%}{{ return(parquet_folder()) }}{%- endmaterialization %}

{% materialization view, adapter='spark' -%}
  {%- if model.schema in ('foundation', 'marts') -%}{{ return(parquet_folder()) }}{%- endif -%}
  {% call statement('main') -%}
    create or replace view {{ this }} as /* models */ {{ sql }}
  {%- endcall %}
  {{ return({'relations': [this.incorporate(type='view')]}) }}
{%- endmaterialization %}

{% macro parquet_folder() -%}
  {% call statement('drop') -%}drop table if exists {{ this }}{%- endcall %}
  {% call statement('main') -%}
    create table {{ this }} using parquet location {{ std_str(env_var('TOWNLAKE_SPARK_OUT') ~ '/' ~ this.schema ~ '/' ~ this.identifier) }} as /* models */ {{ sql }}
  {%- endcall %}
  {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmacro %}
