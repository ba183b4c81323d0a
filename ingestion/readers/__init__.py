"""Readers: any file a department drops, to tables of text with everything known about where each cell came from.

``probe`` looks, ``write_raw`` streams tables to raw Parquet, ``read_first``/``iter_tables``/``write_csv`` read without a
contract, ``expand`` opens archives, ``is_noise`` names files that are no deliveries. Importing this package is cheap: the
engines are imported by the functions that need them.
"""

from __future__ import annotations

from ingestion.readers.archive import Member, expand, is_archive, is_noise
from ingestion.readers.model import (
    ROW_KINDS,
    AnotherTable,
    Decision,
    FileProbe,
    RawResult,
    Refused,
    TableProbe,
    UnreadRow,
)
from ingestion.readers.read import ReadRow, ReadTable, iter_tables, probe, read_first, report, with_table_at, write_csv
from ingestion.readers.write import write_raw

__all__ = [
    "ROW_KINDS",
    "AnotherTable",
    "Decision",
    "FileProbe",
    "Member",
    "RawResult",
    "ReadRow",
    "ReadTable",
    "Refused",
    "TableProbe",
    "UnreadRow",
    "expand",
    "is_archive",
    "is_noise",
    "iter_tables",
    "probe",
    "read_first",
    "report",
    "with_table_at",
    "write_csv",
    "write_raw",
]
