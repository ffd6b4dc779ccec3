"""Asks many small questions in few round trips: one SELECT for each, joined by UNION ALL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from psycopg import sql

from replant.database.connections import DatabaseConnection

#: How many SELECTs, and bytes of them, go to the server together.
_SELECTS, _BYTES = 64, 1 << 20


def select_all(
    database: DatabaseConnection, selects: Iterable[sql.Composed]
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of all SELECTs, which must have columns of the same types, in any order."""
    for batch in _batches(select.as_bytes(database) for select in selects):
        yield from database.execute(b" UNION ALL ".join(batch))


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
