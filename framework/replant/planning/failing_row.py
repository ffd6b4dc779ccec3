"""Finds the row over whose values the SQL of plugins fails, by halves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

import psycopg
from attrs import evolve

from replant.closure.row_locations import pointers
from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_texts
from replant.model import PlannedTable, RowsAt, Selection, SqlExpression, readable
from replant.model.conditions import RowsIn
from replant.sql import row_queries as queries

_LEAF, _POINTER = itemgetter(0), itemgetter(1)

_Located = list[tuple[int, tuple[int, int]]]


def find_failing_row(
    database: DatabaseConnection, selection: Selection, table: PlannedTable
) -> str | None:
    """Return the key of the first row that cannot be read, in the order of places.

    Args:
        database: in the transaction in which the row was met, which has not failed.
        selection: the chosen rows.
        table: what plugins compute of it.

    Returns:
        None for a table without a key, or if every row can be read now.

    """
    query = queries.locations(selection, table.name)
    rows = [row for batch in copied_texts(database, query) for row in pointers(batch)]
    if not table.key or not _fails(database, selection, table, rows):
        return None
    while len(rows) > 1:
        half = rows[: len(rows) // 2]
        rows = half if _fails(database, selection, table, half) else rows[len(half) :]
    found = database.execute(queries.key_texts(_only(selection, table, rows), table)).fetchone()
    return key_named(table, found) if found else None


def key_named(table: PlannedTable, key: Sequence[str | bytes | None]) -> str:
    """Name a row by its key in the source; parts that a plugin changes are not shown."""
    if not table.key:
        return f"of {table.name}, which has no key"
    changed = {column.name for column in table.columns if column.transforms}
    return ", ".join(
        f"{readable(name)} = {'…' if name in changed else shown(value)}"
        for name, value in zip(table.key, key, strict=True)
    )


def shown(value: str | bytes | None) -> str | None:
    """Return a text as a message shows it."""
    return value.decode() if isinstance(value, bytes) else value


def _fails(
    database: DatabaseConnection, selection: Selection, table: PlannedTable, rows: _Located
) -> bool:
    """Return whether the server cannot compute all columns of some rows."""
    only = _only(selection, table, rows)
    if isinstance(table.row_format, SqlExpression):
        query = queries.rendered(only, table, table.row_format)
    else:
        query = queries.texts(only, table)
    every = sql.SQL('SELECT count(("every column".*)::text) FROM ({}) AS "every column"')
    try:
        with database.transaction():
            database.execute(every.format(query))
    except (psycopg.DataError, psycopg.ProgrammingError):
        return True
    return False


def _only(selection: Selection, table: PlannedTable, rows: _Located) -> Selection:
    held = [RowsIn.of(leaf, map(_POINTER, part)) for leaf, part in groupby(rows, key=_LEAF)]
    chosen = evolve(selection[table.name], conditions=(RowsAt(tuple(held)),))
    return {**selection, table.name: chosen}
