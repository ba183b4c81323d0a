{#
    What a schema of the lake holds, asked of the catalogue itself: information_schema reads the statistics of every table of the
    lake before it answers, half a second for each dbt run.
#}
{% macro duckdb__list_relations_without_caching(schema_relation) %}
  {%- if schema_relation.database != 'lake' -%}
    {{ return(dbt_duckdb.duckdb__list_relations_without_caching(schema_relation)) }}
  {%- endif -%}
  {% call statement('list_relations_without_caching', fetch_result=True) -%}
    select '{{ schema_relation.database }}' as database, held.name, s.schema_name as schema, held.type
    from (
      select schema_id, table_name as name, 'table' as type
      from __ducklake_metadata_lake.ducklake_table where end_snapshot is null
      union all
      select schema_id, view_name, 'view'
      from __ducklake_metadata_lake.ducklake_view where end_snapshot is null
    ) as held
    join __ducklake_metadata_lake.ducklake_schema as s using (schema_id)
    where s.end_snapshot is null and lower(s.schema_name) = '{{ schema_relation.schema | lower }}'
  {%- endcall %}
  {{ return(load_result('list_relations_without_caching').table) }}
{% endmacro %}
