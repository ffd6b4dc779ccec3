"""COPY … TO STDOUT, its data taken from libpq directly.

psycopg's own iteration takes 1.9 s for a million rows where this takes 0.4 s: for each row it goes
through a lock, a generator and a state machine that wait for the server, where mostly the row has
already come.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from select import select

import psycopg
from psycopg import pq, sql
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGconn, PGresult

from replant.database.connections import DatabaseConnection, translated

#: Rows are handed on in lists, which costs Python less than one at a time. A list ends after this
#: many rows, or once it has more bytes than this: large rows do not pile up in memory.
ROWS_PER_BATCH = 1000
BYTES_PER_BATCH = 1 << 20

#: Seconds that the server gets to take note that nobody wants the rest.
_PATIENCE = 2.0


@contextmanager
def copy_out(database: DatabaseConnection, statement: sql.Composable) -> Iterator[PGconn]:
    """Start a COPY, and give libpq's connection to read from until `get_copy_data` has no more.

    A block that ends earlier, by an error or because nobody asks for more rows, closes the
    database: the rest of the data is on its way, and nothing else can be asked.

    Raises:
        DatabaseError: the server failed.

    """
    connection = database.pgconn
    ended = False
    try:
        with translated("source"):
            _send(connection, statement.as_bytes(database))
            _result(connection, pq.ExecStatus.COPY_OUT)
            yield connection
            _result(connection, pq.ExecStatus.COMMAND_OK)
            while connection.get_result() is not None:
                pass
        ended = True
    finally:
        if not ended:
            with suppress(psycopg.Error):
                # Else the server would go on until it finds nobody to send the rows to.
                database.cancel_safe(timeout=_PATIENCE)
            database.close()


def wait(connection: PGconn) -> None:
    """Wait for more of the server's answer; in `select` Python can answer Ctrl-C.

    `get_copy_data` is to be asked before: what has come already will not come again.
    """
    select([connection.socket], [], [])
    connection.consume_input()


def _send(connection: PGconn, statement: bytes) -> None:
    connection.send_query(statement)
    while connection.flush() != 0:
        select([connection.socket], [connection.socket], [])
        connection.consume_input()


def _result(connection: PGconn, wanted: pq.ExecStatus) -> PGresult:
    while connection.is_busy():
        wait(connection)
    result = connection.get_result()
    if result is None:
        raise psycopg.OperationalError("the connection was lost")
    if result.status != wanted:
        raise error_from_result(result)
    return result
