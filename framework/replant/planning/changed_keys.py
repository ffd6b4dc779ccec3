"""Finds rows to which transforms give the same unique key, before the target would.

Where SQL changes the key, the source is asked while planning. What Python changes is seen while it
is written: each key leaves a digest in a temporary file, so memory does not grow with the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

from psycopg import DataError, sql

from replant.database.connections import DatabaseConnection
from replant.errors import PluginError
from replant.model import Plan, PlannedColumn, PlannedTable, Table, Text, readable
from replant.sql.row_text import computed_by_server, value_expression
from replant.sql.where_clauses import chosen_from, chosen_where

#: With this many bytes two keys of one digest are not met in practice.
_DIGEST = 16


def changed_keys(table: Table, planned: Iterable[PlannedColumn]) -> tuple[tuple[str, ...], ...]:
    """Return the unique keys of a table that are exported, and that a transform changes."""
    changed = {column.name: bool(column.transforms) for column in planned}
    keys = [table.primary_key, *table.unique_keys]
    return tuple(
        key
        for key in dict.fromkeys(keys)
        if key and changed.keys() >= set(key) and any(changed[name] for name in key)
    )


def check_keys_in_source(database: DatabaseConnection, plan: Plan) -> None:
    """Let the source look for rows to which SQL transforms give the same key.

    Raises:
        PluginError: there are some.

    """
    for table in plan.tables:
        columns = {column.name: column for column in table.columns}
        for key in table.changed_keys:
            parts = [columns[name] for name in key]
            if computed_by_server(parts) and _has_duplicates(database, plan, table, parts):
                raise PluginError(_duplicate(table, key))


class WrittenKeys:
    """The changed keys of the rows that went by."""

    def __init__(self, table: PlannedTable) -> None:
        """Watch those keys of a table whose columns are all written."""
        names = table.column_names
        self._table = table
        self._keys = [
            (key, [names.index(name) for name in key])
            for key in table.changed_keys
            if set(names).issuperset(key)
        ]
        # An empty name is a temporary database, on disk where it grows.
        self._seen = sqlite3.connect("") if self._keys else None
        if self._seen is not None:
            self._seen.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def check(self, rows: Sequence[tuple[Text, ...]]) -> None:
        """Refuse rows of a key that went by before.

        Raises:
            PluginError: there is one.

        """
        if self._seen is None:
            return
        for number, (key, places) in enumerate(self._keys):
            digests = list(_digests(rows, places, number))
            try:
                self._seen.executemany("INSERT INTO seen VALUES (?)", digests)
            except sqlite3.IntegrityError as error:
                raise PluginError(_duplicate(self._table, key)) from error

    def close(self) -> None:
        """Delete the temporary file."""
        if self._seen is not None:
            self._seen.close()


def _digests(
    rows: Iterable[tuple[Text, ...]], places: Sequence[int], number: int
) -> Iterator[tuple[bytes]]:
    """Yield the digest of each key; NULL is equal to nothing."""
    for row in rows:
        parts = [row[place] for place in places]
        if None not in parts:
            text = repr((number, parts)).encode()
            yield (blake2b(text, digest_size=_DIGEST).digest(),)


def _has_duplicates(
    database: DatabaseConnection, plan: Plan, table: PlannedTable, parts: Sequence[PlannedColumn]
) -> bool:
    values = [value_expression(part) for part in parts]
    query = sql.SQL("SELECT FROM {} WHERE {} AND {} GROUP BY {} HAVING count(*) > 1 LIMIT 1")
    places = [sql.SQL("{}").format(value) for value in values]
    given = [sql.SQL("({}) IS NOT NULL").format(value) for value in values]
    try:
        found = database.execute(
            query.format(
                chosen_from(plan.selection, table.name),
                chosen_where(plan.selection, table.name),
                sql.SQL(" AND ").join(given),
                sql.SQL(", ").join(places),
            )
        )
    except DataError as error:
        raise PluginError(
            f"SQL of a plugin fails over a value: {type(error).__name__} (SQLSTATE "
            f"{error.sqlstate}), while {_changes(table, [part.name for part in parts])}; correct "
            f"the plugin"
        ) from error
    return found.fetchone() is not None


def _duplicate(table: PlannedTable, key: Sequence[str]) -> str:
    listed = ", ".join(map(readable, key))
    return (
        f"two rows of {table.name} get the same ({listed}), which is unique: "
        f"{_changes(table, key)}; let the transform keep different values apart"
    )


def _changes(table: PlannedTable, key: Sequence[str]) -> str:
    return " and ".join(
        f"{' and '.join(f'the plugin {name!r}' for name in column.plugins)} changes "
        f"{readable(column.name)}"
        for column in table.columns
        if column.name in key and column.transforms
    )
