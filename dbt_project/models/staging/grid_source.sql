{# Grids as the grid office drew them; every delivery, valid days are worked out in foundation.grid. #}
select
    dataset, file, sheet, row_number, delivery_id, received_at, delivered_on,
    grid_code, name, community_code, kind, worker_name, geometry
from {{ ref('stg_zongzhi__wangge') }}
where grid_code is not null
