"""Asks many questions in few round trips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import Cursor, Pipeline

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.libpq import PATIENCE

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
    if not Pipeline.is_supported():
        return [database.execute(query) for query in queries]
    with _interruptible(database), database.pipeline(), _interruptible(database):
        return [database.execute(query) for query in queries]


@contextmanager
def _interruptible(database: DatabaseConnection) -> Iterator[None]:
    """Let nobody wait for what was asked already, after Ctrl-C; nothing else can be asked then.

    A request to cancel may come before the server has begun, so the database is closed as well. To
    leave a pipeline that is interrupted may fail, which would hide why it is left.
    """
    try:
        yield
    except BaseException as error:
        reason: BaseException | None = error
        while reason is not None and not isinstance(reason, KeyboardInterrupt):
            reason = reason.__context__
        if reason is None:
            raise
        if not database.closed:
            with suppress(psycopg.Error):
                database.cancel_safe(timeout=PATIENCE)
            database.close()
        raise reason from None


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
