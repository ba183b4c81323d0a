"""Imports what reading files needs, so that a server process can fork readers that start at once.

Only what starts no threads of its own (Arrow's allocator minds forks): polars and DuckDB are left to the readers.
"""

import pandas
import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
import python_calamine

import ingestion.intake
import ingestion.readers.bulk
import ingestion.readers.dbf
import ingestion.readers.delimited
import ingestion.readers.jsonfile
import ingestion.readers.workbook

ENGINES = (pandas, pyarrow, pyarrow.compute, pyarrow.csv, pyarrow.parquet, python_calamine, ingestion)
