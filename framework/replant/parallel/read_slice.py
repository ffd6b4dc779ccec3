"""Reads and hashes one slice of a table, in whatever process it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from struct import Struct
from typing import BinaryIO

import zstandard
from attrs import frozen
from psycopg import DataError, ProgrammingError
from psycopg.errors import LockNotAvailable

from replant.database import sql
from replant.database.copy_stream import copied_rows
from replant.database.joined_rows import JoinedRows, bytes_in
from replant.database.shared_snapshot import SharedSnapshot, joined
from replant.errors import DatabaseError
from replant.sql.fingerprints import Block, Fingerprint, FingerprintPart
from replant.sql.row_forms import FORMS

#: Of a batch: how many rows it has, and how many bytes of text.
_LENGTHS = Struct("<IQ")


@frozen
class SliceTask:
    """What is read: plain values, which can be pickled.

    Attributes:
        query: the text of the query that gives the rows.
        form: the name of the form in which the rows are read and hashed.
        columns: the names of the query's columns.
        key: those by which the rows are ordered, if they are.
        rows_per_block: how many rows a block has; 1 if each row is hashed by itself.
        like: the blocks of the rows with which those of the slice are compared.
        file: where the rows are left; None if they are not left in a file.
        carried: whether they come with the result. Else only their hashes are wanted.

    """

    snapshot: SharedSnapshot
    query: str
    form: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows_per_block: int
    like: tuple[Block, ...]
    file: Path | None
    carried: bool = False

    @property
    def hashed(self) -> bool:
        """Whether the slice is hashed by whoever reads it.

        Whoever is handed its rows goes on with the last block of the slice before.
        """
        return self.rows_per_block == 1 or not (self.carried or self.file)

    def new_fingerprint(self) -> Fingerprint:
        """Begin the fingerprint of the slice."""
        key_of = FORMS[self.form].key_of(self.columns, self.key) if self.like else None
        return Fingerprint(self.rows_per_block, key_of, self.like)


@frozen
class ReadSlice:
    """What was read.

    Attributes:
        part: the hashes, if they are taken here.
        row_count: how many rows.
        size: how many bytes.
        rows: the batches, compressed, if they were to come with it.

    """

    part: FingerprintPart | None
    row_count: int
    size: int
    rows: bytes = b""


def read_slice(task: SliceTask) -> ReadSlice | None:
    """Read a slice.

    Returns:
        None if another session waits for the table, and this one would wait behind it; or if the
        query fails over a value, which the first connection can tell more of.

    Raises:
        DatabaseError: the server failed.

    """
    form = FORMS[task.form]
    found = task.new_fingerprint()
    row_count = size = 0
    try:
        carried = _Carried() if task.carried else None
        with joined(task.snapshot) as database, _left_in(task.file, carried) as leave:
            query, options = sql.SQL(task.query), form.copy_out_options
            for rows in copied_rows(database, query, options, side=task.snapshot.side):
                if task.hashed:
                    found.add(rows)
                row_count += len(rows)
                size += bytes_in(rows)
                leave(rows)
    except DatabaseError as error:
        if isinstance(error.__cause__, LockNotAvailable | DataError | ProgrammingError):
            return None
        raise
    return ReadSlice(
        found.part if task.hashed else None,
        row_count,
        size,
        b"" if carried is None else carried.finish(),
    )


def rows_left_in(file: Path) -> Iterator[JoinedRows]:
    """Yield the rows that a task left in a file, in batches, and delete the file."""
    with file.open("rb") as opened:
        file.unlink()
        yield from _unpacked(opened)


def rows_carried(content: bytes) -> Iterator[JoinedRows]:
    """Yield the rows that came with a result, in batches."""
    with zstandard.ZstdDecompressor().stream_reader(content) as stream:
        yield from _unpacked(BufferedReader(stream))


def _packed(rows: JoinedRows) -> bytes:
    number = len(rows.sizes)
    sizes = Struct(f"<{number}I").pack(*rows.sizes)
    return b"".join([_LENGTHS.pack(number, len(rows.text)), sizes, rows.text])


def _unpacked(file: BinaryIO) -> Iterator[JoinedRows]:
    while head := file.read(_LENGTHS.size):
        number, size = _LENGTHS.unpack(head)
        sizes = Struct(f"<{number}I")
        found = list(sizes.unpack(file.read(sizes.size)))
        yield JoinedRows(file.read(size), found)


class _Carried:
    """Batches of rows, compressed as they come."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=1).compressobj()
        self._parts: list[bytes] = []

    def add(self, rows: JoinedRows) -> None:
        self._parts.append(self._compressor.compress(_packed(rows)))

    def finish(self) -> bytes:
        return b"".join([*self._parts, self._compressor.flush()])


@contextmanager
def _left_in(
    file: Path | None, carried: _Carried | None
) -> Iterator[Callable[[JoinedRows], object]]:
    """Leave batches of rows in a file, or with the result; or nowhere."""
    if file is None:
        yield carried.add if carried is not None else lambda _: None
        return
    with file.open("xb") as opened:
        yield lambda rows: opened.write(_packed(rows))
