"""Rows of text columns out of a query, as raw bytes, in batches.

COPY in binary format hands a text over as it is; the text format would escape it, and the CSV
format quote it. PostgreSQL manual, COPY, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from struct import Struct

from psycopg import Copy, sql

from replant.database.connections import Database, translated

#: Rows are handed on in lists of this length, which costs Python less than one at a time.
ROWS_PER_BATCH = 1000

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER_LENGTH = len(_SIGNATURE) + 8
_TRAILER = b"\xff\xff"
_FIELD_COUNT = 2
_LENGTH = Struct("!i")


def copied_texts(database: Database, query: sql.Composable) -> Iterator[list[bytes]]:
    """The rows of a query of one column of type text, which is never NULL, in batches.

    Raises:
        DatabaseError: the server failed.

    """
    skip = _FIELD_COUNT + _LENGTH.size
    for batch in _copied(database, query):
        yield [row[skip:] for row in batch]


def copied_fields(
    database: Database, query: sql.Composable
) -> Iterator[list[tuple[bytes | None, ...]]]:
    """The rows of a query, each as the binary form of its columns, or None for NULL, in batches.

    The binary form of a text is its bytes in the client's encoding.

    Raises:
        DatabaseError: the server failed.

    """
    for batch in _copied(database, query):
        yield [_fields(row) for row in batch]


def _copied(database: Database, query: sql.Composable) -> Iterator[list[bytes]]:
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    with translated("source"), database.cursor().copy(statement) as copy:
        rows = _rows(copy)
        while batch := list(islice(rows, ROWS_PER_BATCH)):
            yield batch


def _rows(copy: Copy) -> Iterator[bytes]:
    """The messages of the protocol, each a row; the header comes before the first."""
    messages = iter(copy)
    first = bytes(next(messages))
    if not first.startswith(_SIGNATURE):
        raise AssertionError("COPY in binary format begins with its signature")
    extension = _LENGTH.unpack_from(first, _HEADER_LENGTH - _LENGTH.size)[0]
    row = first[_HEADER_LENGTH + extension :]
    if row and row != _TRAILER:
        yield row
    for message in messages:
        if len(message) > len(_TRAILER):
            yield bytes(message)


def _fields(row: bytes) -> tuple[bytes | None, ...]:
    values: list[bytes | None] = []
    at = _FIELD_COUNT
    while at < len(row):
        length = _LENGTH.unpack_from(row, at)[0]
        at += _LENGTH.size
        if length < 0:
            values.append(None)
            continue
        values.append(row[at : at + length])
        at += length
    return tuple(values)
