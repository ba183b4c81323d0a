{{ config(materialized='table', pre_hook="load spatial") }}
{# Grids of the lines, as last drawn, each line for itself. #}
{{ drawn_grids(ref('line_grid_source'), ['line', 'code'], ['line'], ['name', 'manager']) }}
