"""Asks many questions in few round trips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

from psycopg import Cursor, Pipeline

from replant.database import sql
from replant.database.connections import DatabaseConnection

#: How many SELECTs, and bytes of them, go to the server together.
_SELECTS, _BYTES = 64, 1 << 20


def ask_together(database: DatabaseConnection, *queries: str) -> list[list[tuple[Any, ...]]]:
    """Send queries without waiting for each; return the rows of each.

    The pipeline of libpq 14 does that; with an older one they are asked one after the other.
    """
    answers = _ask(database, (query.encode() for query in queries))
    return [answer.fetchall() for answer in answers]


def select_all(
    database: DatabaseConnection, selects: Iterable[sql.Composed]
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of all SELECTs, joined by UNION ALL, in any order.

    They must have columns of the same types. While they are composed, the server is at work on
    those before.
    """
    batches = _batches(select.as_bytes(database) for select in selects)
    for answer in _ask(database, map(b" UNION ALL ".join, batches)):
        yield from answer


def _ask(database: DatabaseConnection, queries: Iterable[bytes]) -> list[Cursor[Any]]:
    with database.pipeline() if Pipeline.is_supported() else nullcontext():
        return [database.execute(query) for query in queries]


def _batches(selects: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for select in selects:
        if batch and (len(batch) == _SELECTS or size + len(select) > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append(select)
        size += len(select)
    if batch:
        yield batch
