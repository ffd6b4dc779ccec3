"""Rows of a query as lines of COPY's text format, in batches.

The server writes the rows as a data file holds them, so they are handed on as they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from select import select

import psycopg
from psycopg import pq, sql
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGconn, PGresult

from replant.database.connections import Database, translated

#: A batch ends after this many rows, or before it has more bytes than this.
ROWS_PER_BATCH = 1000
BYTES_PER_BATCH = 1 << 20


def copied_rows(database: Database, query: sql.Composable) -> Iterator[list[bytes]]:
    """The rows of a query, one line each without its line end.

    libpq is asked directly, as in `replant.database.copying`; since nothing in the data tells
    its end, the end of the command is waited for here too.

    Raises:
        DatabaseError: the server failed.

    """
    statement = sql.SQL("COPY ({}) TO STDOUT").format(query)
    connection = database.pgconn
    ended = False
    try:
        with translated("source"):
            _send(connection, statement.as_bytes(database))
            _result(connection, pq.ExecStatus.COPY_OUT)
            yield from _batches(connection)
            _result(connection, pq.ExecStatus.COMMAND_OK)
            while connection.get_result() is not None:
                pass
        ended = True
    finally:
        if not ended:
            # The rest of the rows is on its way; nothing else can be asked of the connection.
            database.close()


def _batches(connection: PGconn) -> Iterator[list[bytes]]:
    rows: list[bytes] = []
    held = 0
    take = connection.get_copy_data
    while True:
        size, message = take(1)
        if size > 0:
            rows.append(bytes(message[:-1]))
            held += size
            if len(rows) == ROWS_PER_BATCH or held > BYTES_PER_BATCH:
                yield rows
                rows, held = [], 0
        elif size == 0:
            _wait(connection)
        else:
            break
    if rows:
        yield rows


def _send(connection: PGconn, statement: bytes) -> None:
    connection.send_query(statement)
    while connection.flush() != 0:
        select([connection.socket], [connection.socket], [])
        connection.consume_input()


def _wait(connection: PGconn) -> None:
    """Wait for more of the server's answer; in `select` Python can answer Ctrl-C."""
    select([connection.socket], [], [])
    connection.consume_input()


def _result(connection: PGconn, wanted: pq.ExecStatus) -> PGresult:
    while connection.is_busy():
        _wait(connection)
    result = connection.get_result()
    if result is None:
        raise psycopg.OperationalError("the connection was lost")
    if result.status != wanted:
        raise error_from_result(result)
    return result
