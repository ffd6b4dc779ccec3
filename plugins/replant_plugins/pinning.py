"""Pins the session settings that give SQL text its meaning, for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

#: `array_nulls`: whether NULL in an array's text is a null or a word.
#: `client_encoding`: whether every character can be sent.
#: `IntervalStyle`: whether a leading minus counts for every field of an interval.
#: `search_path`: empty means that only what is named in full, or in pg_catalog, is found.
#: `standard_conforming_strings`: whether a backslash in a literal is a backslash.
PINNED = {
    "array_nulls": "on",
    "client_encoding": "UTF8",
    "IntervalStyle": "postgres",
    "search_path": "",
    "standard_conforming_strings": "on",
}


@contextmanager
def pinned(connection: Connection[Any]) -> Iterator[None]:
    """Run the block with `PINNED`, then give the session its own settings back.

    Inside a transaction the settings are local to it, so a rollback gives them back as well.
    """
    before = _settings(connection)
    _set(connection, PINNED)
    try:
        yield
    finally:
        if connection.info.transaction_status is not TransactionStatus.INERROR:
            _set(connection, before)


def _settings(connection: Connection[Any]) -> dict[str, str]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "SELECT name, pg_catalog.current_setting(name)"
            " FROM pg_catalog.unnest(%s::pg_catalog.text[]) AS asked (name)",
            (list(PINNED),),
        )
        return dict(cursor)


def _set(connection: Connection[Any], settings: Mapping[str, str]) -> None:
    local = connection.info.transaction_status is TransactionStatus.INTRANS
    with connection.cursor() as cursor:
        cursor.executemany(
            "SELECT pg_catalog.set_config(%s, %s, %s)",
            [(name, value, local) for name, value in settings.items()],
        )
