"""Counts the chosen rows of several large tables at the same time, in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from psycopg.errors import LockNotAvailable

from replant.database import sql
from replant.database.connections import DatabaseConnection, ReadingConnection
from replant.database.shared_snapshot import SharedSnapshot, joined, share_snapshot
from replant.errors import DatabaseError
from replant.model import RelationName, Selection, Table
from replant.selection.dangling import count_chosen
from replant.sql import row_queries as queries

#: A table of fewer rows is counted sooner than another connection is there.
FEWEST_ROWS = 200_000


def count_at_once(
    database: DatabaseConnection, tables: Mapping[RelationName, Table], rows: Selection, jobs: int
) -> dict[RelationName, int]:
    """Count the chosen rows of each table, of large ones in connections of their own.

    The server counts, so a thread waits for each connection.

    Args:
        database: the source.
        tables: what it has.
        rows: the chosen rows.
        jobs: how many connections count at the same time, besides the one that is open.

    Raises:
        DatabaseError: the server failed.

    """
    large = [name for name in rows if tables[name].estimated_rows >= FEWEST_ROWS]
    if jobs == 1 or len(large) <= 1 or not isinstance(database, ReadingConnection):
        return count_chosen(database, rows, rows)
    snapshot = share_snapshot(database, database.side)
    with ThreadPoolExecutor(min(jobs, len(large))) as executor:
        asked = {name: queries.count(rows, name).as_string(database) for name in large}
        futures = {name: executor.submit(_count, snapshot, asked[name]) for name in large}
        small = count_chosen(database, rows, rows.keys() - large)
        found = {name: future.result() for name, future in futures.items()}
    left = [name for name, number in found.items() if number is None]
    counts = {**found, **small, **count_chosen(database, rows, left)}
    return {name: counts[name] or 0 for name in rows}


def _count(snapshot: SharedSnapshot, query: str) -> int | None:
    """Count rows in a connection of its own.

    Returns:
        None if another session waits for the table: the first connection has its lock already.

    Raises:
        DatabaseError: the server failed.

    """
    try:
        with joined(snapshot) as database:
            _, number = database.execute(sql.SQL(query)).fetchone() or (0, 0)
    except DatabaseError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return None
        raise
    return int(number)
