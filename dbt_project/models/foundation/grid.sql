{{ config(materialized='table') }}
{# Base grids with the days they are valid. #}
select code, name, parent, level, kind, valid_from, valid_to, geometry
from {{ ref('int_area__grid') }}
