"""Large delimited text, set-based."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingestion.readers.model import FileProbe, RawResult, TableProbe

SMALLEST = 4 << 20


def suits(probe: FileProbe, tables: Sequence[TableProbe]) -> bool:
    return False


def write(probe: FileProbe, table: TableProbe, out: Path, mapping: Mapping[str, str], target_columns: Sequence[str], constants: Mapping[str, Any], result: RawResult) -> None:
    raise NotImplementedError
