"""One Parquet file, written in a thread of its own: compressing goes on while the next rows are being read."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.identity import Shape

if TYPE_CHECKING:
    import pyarrow as pa

COMPRESSION = "zstd"
LOW_CARDINALITY = 0.3


class ParquetSink:
    """Writes Arrow tables of one schema to a file; each becomes a row group. The file and its ``shape`` are whole when the
    block ends."""

    def __init__(self, out: Path, schema: pa.Schema) -> None:
        self._out, self._schema = out, schema
        self.shape = Shape()
        self._queue: queue.Queue[Any] = queue.Queue(maxsize=2)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> ParquetSink:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._failure is not None and error[0] is None:
            raise self._failure

    def put(self, piece: pa.Table) -> None:
        """Hand over one table.

        Raises:
            Exception: what went wrong while an earlier one was written.
        """
        if self._failure is not None:
            raise self._failure
        if piece.num_rows:
            self._queue.put(piece)

    def _run(self) -> None:
        writer = None
        try:
            while (piece := self._queue.get()) is not None:
                writer = writer or self._open(repetitive(piece))
                writer.write_table(piece, row_group_size=piece.num_rows)
                self.shape.add(piece)
            writer = writer or self._open([])
        except BaseException as error:
            self._failure = error
            while self._queue.get() is not None:
                pass
        finally:
            if writer is not None:
                writer.close()

    def _open(self, dictionary: list[str]) -> Any:
        import pyarrow.parquet as pq

        return pq.ParquetWriter(
            self._out,
            self._schema,
            compression=COMPRESSION,
            use_dictionary=dictionary,
            column_encoding={"row_number": "DELTA_BINARY_PACKED"},
            store_schema=False,
            write_statistics=["row_number", "row_kind"],
        )


def repetitive(piece: pa.Table) -> list[str]:
    """Columns worth a dictionary: constants, and those whose values repeat in the first rows."""
    import pyarrow as pa

    head = piece.slice(0, 5_000)
    names = []
    for name in piece.schema.names:
        column = head.column(name)
        if pa.types.is_dictionary(column.type) or (
            pa.types.is_string(column.type) and len(column.unique()) <= max(LOW_CARDINALITY * head.num_rows, 1)
        ):
            names.append(name)
    return names
