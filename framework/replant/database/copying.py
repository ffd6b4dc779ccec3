"""Rows of text columns out of a query, as raw bytes, in batches.

COPY in binary format hands a text over as it is; the text format would escape it, and the CSV
format quote it. PostgreSQL manual, COPY, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterator
from select import select
from struct import Struct

import psycopg
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGconn

from replant.database.connections import Database, translated

#: Rows are handed on in lists, which costs Python less than one at a time. A list ends after this
#: many rows, or once it has more bytes than this: large rows do not pile up in memory.
ROWS_PER_BATCH = 1000
BYTES_PER_BATCH = 1 << 20

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
    yield from _copied(database, query, _FIELD_COUNT + _LENGTH.size)


def copied_fields(
    database: Database, query: sql.Composable
) -> Iterator[list[tuple[bytes | None, ...]]]:
    """The rows of a query, each as the binary form of its columns, or None for NULL, in batches.

    The binary form of a text is its bytes in the client's encoding.

    Raises:
        DatabaseError: the server failed.

    """
    for batch in _copied(database, query, _FIELD_COUNT):
        rows = [_fields(row) for row in batch]
        # Nobody else has this list; what the rows were taken from may be large.
        batch.clear()
        yield rows


def _copied(database: Database, query: sql.Composable, skip: int) -> Iterator[list[bytes]]:
    """The messages of the protocol, each a row in binary form without its first bytes."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(query)
    with translated("source"), database.cursor().copy(statement) as copy:
        yield from _batches(database.pgconn, skip)
        # Behind the trailer the server says how the command ended.
        copy.read()


def _batches(connection: PGconn, skip: int) -> Iterator[list[bytes]]:
    """The rows up to the trailer; the header comes in one message with the first of them.

    psycopg's own iteration takes 1.9 s for a million rows where this takes 0.4 s: for each row it
    goes through a lock, a generator and a state machine that wait for the server, where mostly
    the row has already come. A row is copied once, from the message to what is handed on, and a
    message lives no longer than that.
    """
    take = connection.get_copy_data
    message = _without_header(_awaited(connection, *take(1)))
    rows: list[bytes] = []
    held = 0
    while message != _TRAILER:
        if message:  # the header may have come alone
            rows.append(bytes(message[skip:]))
        held += len(message)
        if len(rows) == ROWS_PER_BATCH or held > BYTES_PER_BATCH:
            del message
            yield rows
            rows, held = [], 0
        size, message = take(1)
        if size <= 0:
            message = _awaited(connection, size, message)
    if rows:
        yield rows


def _without_header(message: memoryview) -> memoryview:
    if message[: len(_SIGNATURE)] != _SIGNATURE:
        raise AssertionError("COPY in binary format begins with its signature")
    return message[_HEADER_LENGTH + _LENGTH.unpack_from(message, _HEADER_LENGTH - 4)[0] :]


def _awaited(connection: PGconn, size: int, message: memoryview) -> memoryview:
    """The next message, after libpq answered `size`: 0 for none yet, less for no more.

    It is asked before each wait, since what it has read already will not come again. Waiting in
    `select` leaves Python free to answer Ctrl-C.
    """
    while size == 0:
        select([connection.socket], [], [])
        connection.consume_input()
        size, message = connection.get_copy_data(1)
    if size < 0:
        result = connection.get_result()
        raise error_from_result(result) if result else psycopg.OperationalError("no more rows")
    return message


def _fields(row: bytes) -> tuple[bytes | None, ...]:
    """The fields of a row in binary form, from behind its count of fields on."""
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
