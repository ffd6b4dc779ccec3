"""Rows of a query as lines of COPY's text format, in batches.

The server writes the rows as a data file holds them, so they are handed on as they come.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from replant.database.connections import DatabaseConnection
from replant.database.copy_out import BYTES_PER_BATCH, ROWS_PER_BATCH, copy_out, wait


def copied_rows(database: DatabaseConnection, query: sql.Composable) -> Iterator[list[bytes]]:
    """Yield the rows of a query as lines of COPY's text format, without line ends, in batches.

    Raises:
        DatabaseError: the server failed.

    """
    rows: list[bytes] = []
    held = 0
    with copy_out(database, sql.SQL("COPY ({}) TO STDOUT").format(query)) as connection:
        take = connection.get_copy_data
        while True:
            size, message = take(1)
            if size > 0:
                rows.append(bytes(message[:-1]))
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
