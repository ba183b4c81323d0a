"""Imports what reading files needs, so that a server process can fork readers that start at once."""

import fastexcel
import jinja2
import polars
import pyarrow
import pyarrow.parquet
import xlsxwriter

import ingestion.intake
import ingestion.receipt_page

ENGINES = (fastexcel, jinja2, polars, pyarrow, pyarrow.parquet, xlsxwriter, ingestion.intake, ingestion.receipt_page)
