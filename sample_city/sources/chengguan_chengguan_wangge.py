"""城管网格: grids of another line of work, drawn without regard to the base grids. GeoJSON in CGCS2000, once."""

from sample_city.sources.line_grids import source

SOURCE = source("chengguan", "城管网格")
