"""党建网格: grids of another line of work, drawn without regard to the base grids. GeoJSON in CGCS2000, once."""

from sample_city.sources.line_grids import source

SOURCE = source("dangjian", "党建网格")
