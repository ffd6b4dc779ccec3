"""Sends rows to tables through COPY … FROM STDIN, as raw bytes in batches.

Many tables with few rows each take few messages: to begin and to end each by itself takes longer
than to send its rows.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice, zip_longest

import psycopg
from attrs import frozen
from psycopg import pq
from psycopg.pq.abc import PGconn

from replant.database.connections import DatabaseConnection
from replant.database.joined_rows import pieces
from replant.database.libpq import (
    PATIENCE,
    TOGETHER,
    flush,
    next_result,
    pass_over,
    send_query,
    wait_to_send,
)

#: libpq is given so many bytes at a time; it holds what the server has not taken yet.
_PIECE = 1 << 17


@frozen
class Sent:
    """How many rows were sent to a table, and how many of them the server wrote."""

    given: int
    written: int


def send_rows(
    database: DatabaseConnection, statement: bytes, batches: Iterable[Sequence[bytes]]
) -> Sent:
    """Send the rows of one table.

    Args:
        database: the connection.
        statement: a COPY … FROM STDIN, in a text format.
        batches: the rows, without line ends.

    Raises:
        psycopg.Error: the server failed, or refused a row.

    """
    with closing(send_together(database, [(statement, batches)])) as outcomes:
        return next(outcomes)


def send_together(
    database: DatabaseConnection, copies: Iterable[tuple[bytes, Iterable[Sequence[bytes]]]]
) -> Generator[Sent]:
    """Send the rows of several tables, and yield what became of those of each.

    Where rows cannot be read, or nobody asks for the next outcome, each COPY fails that has not
    ended. Whoever ends early closes the generator.

    Args:
        database: the connection; no one else may ask it anything until the end.
        copies: what `send_rows` takes, one after the other.

    Raises:
        psycopg.Error: the server failed over the table whose outcome comes next, or refused a row.

    """
    remaining = iter(copies)
    while together := list(islice(remaining, TOGETHER)):
        yield from _in_one_message(database, together)


def _in_one_message(
    database: DatabaseConnection, copies: Sequence[tuple[bytes, Iterable[Sequence[bytes]]]]
) -> Iterator[Sent]:
    connection = database.pgconn
    ended = False
    try:
        send_query(connection, b";\n".join(statement for statement, _ in copies))
        remaining = [iter(batches) for _, batches in copies]
        ahead = next(remaining[0], None)
        for batches, following in zip_longest(remaining, remaining[1:]):
            next_result(connection, pq.ExecStatus.COPY_IN)
            given = 0
            while ahead is not None:
                given += len(ahead)
                for piece in pieces(ahead):
                    _put(connection, piece)
                ahead = next(batches, None)
            while connection.put_copy_end() == 0:
                wait_to_send(connection)
            flush(connection)
            # Read while the server is at work.
            ahead = None if following is None else next(following, None)
            result = next_result(connection, pq.ExecStatus.COMMAND_OK)
            if following is None:
                # Nobody need ask for more than the last outcome.
                pass_over(connection)
                ended = True
            yield Sent(given, result.command_tuples or 0)
    finally:
        with suppress(psycopg.Error):
            if not ended and connection.transaction_status == pq.TransactionStatus.ACTIVE:
                # Ctrl-C, rows that cannot be read, or nobody asks for more: the server waits for
                # rows, or for a lock.
                database.cancel_safe(timeout=PATIENCE)
            pass_over(connection)


def _put(connection: PGconn, data: bytes) -> None:
    view = memoryview(data)
    for start in range(0, len(view), _PIECE):
        while connection.put_copy_data(view[start : start + _PIECE]) == 0:
            wait_to_send(connection)
        flush(connection)
