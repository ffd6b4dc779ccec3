"""Speaks with libpq directly, where rows pass.

psycopg would go through a lock, a generator and a state machine for each of them, although most
have arrived already.
"""

from __future__ import annotations

import select
import sys

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGconn, PGresult

#: So many statements go in one message: the text of thousands would be held as a whole on both
#: sides.
TOGETHER = 100

#: Seconds that a server gets to answer the request to cancel what is left.
PATIENCE = 2.0


def send_query(connection: PGconn, statements: bytes) -> None:
    """Send statements as one message, whose results come one by one."""
    connection.send_query(statements)
    flush(connection)


def flush(connection: PGconn) -> None:
    """Wait until all that was put has left, and take in what comes meanwhile."""
    while connection.flush() != 0:
        wait_to_send(connection)


def wait_to_send(connection: PGconn) -> None:
    """Wait until the server takes more; a server that waits to be read first is read."""
    if _wait_for(connection.socket, to_send=True):
        connection.consume_input()


def wait_to_read(connection: PGconn) -> None:
    """Wait for more of the server's answer; meanwhile Python can answer Ctrl-C.

    libpq is to be asked before: what has come already will not come again.
    """
    _wait_for(connection.socket, to_send=False)
    connection.consume_input()


if sys.platform == "win32" or not hasattr(select, "poll"):

    def _wait_for(socket: int, *, to_send: bool) -> bool:
        """Wait until a socket can be read, or written to if that is wanted; tell if it is to read.

        On Windows `select` has no highest socket.
        """
        readable, _, _ = select.select([socket], [socket] if to_send else [], [])
        return bool(readable)

else:

    def _wait_for(socket: int, *, to_send: bool) -> bool:
        """Wait until a socket can be read, or written to if that is wanted; tell if it is to read.

        `select` would take none above 1023, which a program with many open files has.
        """
        poll = select.poll()
        poll.register(socket, select.POLLIN | (select.POLLOUT if to_send else 0))
        return any(event & ~select.POLLOUT for _, event in poll.poll())


def next_result(connection: PGconn, wanted: pq.ExecStatus) -> PGresult:
    """Wait for the next result.

    Raises:
        psycopg.Error: it is another one than was wanted. No other result is left then.

    """
    while connection.is_busy():
        wait_to_read(connection)
    result = connection.get_result()
    if result is None:
        raise psycopg.OperationalError("the connection was lost")
    if result.status != wanted:
        pass_over(connection)
        raise error_from_result(result)
    return result


def pass_over(connection: PGconn) -> None:
    """Take the results that are left, and let each COPY fail that still waits for rows."""
    while True:
        while connection.is_busy():
            wait_to_read(connection)
        result = connection.get_result()
        if result is None:
            return
        if result.status == pq.ExecStatus.COPY_IN:
            connection.put_copy_end(b"no more rows come")
            flush(connection)
