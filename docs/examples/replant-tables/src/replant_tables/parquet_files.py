"""The format `parquet`: a file for each table, with columns of types, for analysis.

Numbers, booleans and texts have their own types; every other value is the text that PostgreSQL
writes for it, which loses nothing. The package `pyarrow` is needed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from attrs import field, frozen, validators

from replant import ArtifactFormat, ArtifactWriter, Column, Table, hookimpl

FORMATS = ("parquet",)

_TYPES: dict[str, tuple[Any, Callable[[str], Any]]] = {
    "smallint": (pa.int16(), int),
    "integer": (pa.int32(), int),
    "bigint": (pa.int64(), int),
    "boolean": (pa.bool_(), "t".__eq__),
    "real": (pa.float32(), float),
    "double precision": (pa.float64(), float),
}


@frozen
class ParquetSettings:
    """`[plugins.parquet]`.

    Attributes:
        compression: how pages are compressed: snappy, gzip, zstd or none.

    """

    compression: str = field(
        default="zstd", validator=validators.in_(("snappy", "gzip", "zstd", "none"))
    )


SETTINGS = ParquetSettings


class ParquetWriter(ArtifactWriter):
    """Writes a table as one Parquet file; each batch of rows is a row group."""

    def __init__(self, compression: str) -> None:
        """Compress pages so."""
        self._compression = compression
        self._out = _Drained()

    def table(self, table: Table, columns: Sequence[Column]) -> bytes:
        """Begin the file with a schema."""
        del table
        self._readers = [_TYPES.get(column.type, (None, str))[1] for column in columns]
        self._schema = pa.schema(
            [
                pa.field(
                    column.name,
                    _TYPES.get(column.type, (pa.string(), str))[0],
                    nullable=not column.not_null,
                )
                for column in columns
            ]
        )
        self._out = _Drained()
        self._writer = pq.ParquetWriter(self._out, self._schema, compression=self._compression)
        return self._out.drain()

    def rows(self, rows: Sequence[tuple[str | None, ...]]) -> bytes:
        """Write a row group."""
        columns = [
            [None if text is None else read(text) for text in texts]
            for read, texts in zip(self._readers, zip(*rows, strict=True), strict=True)
        ]
        self._writer.write_table(pa.table(columns, schema=self._schema))
        return self._out.drain()

    def end_table(self) -> bytes:
        """Write what stands at the end of a Parquet file."""
        self._writer.close()
        return self._out.drain()


@hookimpl
def write_artifact(settings: ParquetSettings) -> ArtifactFormat:
    """Write a file for each table."""
    return ArtifactFormat(lambda: ParquetWriter(settings.compression), suffix=".parquet")


class _Drained(io.RawIOBase):
    """A file that hands over what was written to it."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        super().__init__()
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def tell(self) -> int:
        """Return how many bytes were written in all."""
        return self._position

    def write(self, data: Any) -> int:
        """Keep some bytes."""
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def drain(self) -> bytes:
        """Return what was written since the last time."""
        written = b"".join(self._parts)
        self._parts = []
        return written
