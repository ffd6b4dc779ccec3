"""Rows of text columns out of a query, as raw bytes, in batches.

COPY in binary format hands a text over as it is; the text format would escape it, and the CSV
format quote it. PostgreSQL manual, COPY, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from psycopg import sql

from replant.database.connections import DatabaseConnection
from replant.database.copy_out import BYTES_PER_BATCH, ROWS_PER_BATCH, copy_out, wait

#: The signature, the flags, and the length of an extension that there never was.
_HEADER_LENGTH = 11 + 4 + 4
_TRAILER = b"\xff\xff"
_FIELD_COUNT = 2
_LENGTH = Struct("!i")


def copied_texts(database: DatabaseConnection, query: sql.Composable) -> Iterator[list[bytes]]:
    """Yield the values of a query with one text column that is never NULL, in batches.

    Raises:
        DatabaseError: the server failed.

    """
    yield from _copied(database, query, _FIELD_COUNT + _LENGTH.size)


def copied_fields(
    database: DatabaseConnection, query: sql.Composable
) -> Iterator[list[tuple[bytes | None, ...]]]:
    """Yield the rows of a query in batches, each column in binary form, or None for NULL.

    The binary form of a text is its bytes in the client's encoding.

    Raises:
        DatabaseError: the server failed.

    """
    for batch in _copied(database, query, _FIELD_COUNT):
        rows = [_fields(row) for row in batch]
        # Nobody else has this list; what the rows were taken from may be large.
        batch.clear()
        yield rows


def _copied(
    database: DatabaseConnection, query: sql.Composable, skip: int
) -> Iterator[list[bytes]]:
    """Yield rows in binary form in batches, each without its first bytes.

    The header comes in one message with the first row, or with the trailer. A row is copied once,
    from its message to what is handed on, and the message lives no longer than that.
    """
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    rows: list[bytes] = []
    held = 0
    front, end = _HEADER_LENGTH + skip, _HEADER_LENGTH + len(_TRAILER)
    with copy_out(database, statement) as connection:
        take = connection.get_copy_data
        while True:
            size, message = take(1)
            if size > 0:
                if size == end and message[-len(_TRAILER) :] == _TRAILER:
                    continue
                rows.append(bytes(message[front:]))
                front, end = skip, len(_TRAILER)
                held += size
                if len(rows) == ROWS_PER_BATCH or held > BYTES_PER_BATCH:
                    del message
                    yield rows
                    rows, held = [], 0
            elif size == 0:
                wait(connection)
            else:
                break
    if rows:
        yield rows


def _fields(row: bytes) -> tuple[bytes | None, ...]:
    """Split a row in binary form, without its count of fields, into the fields."""
    values: list[bytes | None] = []
    at = 0
    while at < len(row):
        length = _LENGTH.unpack_from(row, at)[0]
        at += _LENGTH.size
        if length < 0:
            values.append(None)
            continue
        values.append(row[at : at + length])
        at += length
    return tuple(values)
