"""Finds rows to which Python gives the same unique key, before the target would.

Two texts may be one value: `A` and `a` as citext, `1` and `01` as integer. So the source is asked
which keys are equal, once all rows of a table went by. Only of keys of plain texts every difference
counts, and nobody is asked. What was seen is in a temporary file: memory does not grow with rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from attrs import frozen
from psycopg import DataError, errors

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.errors import PluginError
from replant.export import queries
from replant.model import PlannedColumn, PlannedTable, Text
from replant.planning.changed_keys import duplicate_keys

#: With this many bytes two keys of one digest are not met in practice.
_DIGEST = 16

#: The server hashes so many keys at once: 0.05 s.
_AT_ONCE = 5_000

_SCHEMA = """
CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE written (key INTEGER, parts TEXT);
CREATE TABLE hashed (key INTEGER, hash INTEGER, parts TEXT, PRIMARY KEY (key, hash)) WITHOUT ROWID;
"""


@frozen
class _Key:
    """A unique key whose columns are all written.

    Attributes:
        number: which of the table's.
        places: where the columns stand in a row.
        by_server: whether keys of different texts may be equal.

    """

    number: int
    columns: tuple[PlannedColumn, ...]
    places: tuple[int, ...]
    by_server: bool

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


class WrittenKeys:
    """The changed keys of the rows that went by."""

    def __init__(self, database: DatabaseConnection, table: PlannedTable) -> None:
        """Watch those keys of a table whose columns are all written."""
        self._database = database
        self._table = table
        self._keys = list(_watched(database, table))
        # An empty name is a temporary database, on disk where it grows.
        self._seen = sqlite3.connect("") if self._keys else None
        if self._seen is not None:
            self._seen.executescript(_SCHEMA)

    def check(self, rows: Sequence[tuple[Text, ...]]) -> None:
        """Refuse rows of a key that went by before with the same text.

        Raises:
            PluginError: there is one.

        """
        if self._seen is None:
            return
        for key in self._keys:
            found = list(_parts(rows, key))
            digests = [(_digest(key, parts),) for parts in found]
            try:
                self._seen.executemany("INSERT INTO seen VALUES (?)", digests)
            except sqlite3.IntegrityError as error:
                raise PluginError(duplicate_keys(self._table, key.names)) from error
            if key.by_server:
                kept = ((key.number, json.dumps(parts)) for parts in found)
                self._seen.executemany("INSERT INTO written VALUES (?, ?)", kept)

    def finish(self) -> None:
        """Refuse keys that have different texts, and are equal as values.

        Raises:
            PluginError: there are two, or a value is none of its type.

        """
        for key in self._keys:
            if self._seen is None or not key.by_server:
                continue
            written = self._seen.execute("SELECT parts FROM written WHERE key = ?", (key.number,))
            while batch := written.fetchmany(_AT_ONCE):
                self._compare(self._seen, key, [parts for (parts,) in batch])

    def _compare(self, seen: sqlite3.Connection, key: _Key, batch: Sequence[str]) -> None:
        """Compare keys, as JSON, with each other and with those before, by the server's hash."""
        hashes = self._ask(
            key, queries.key_hashes(self._table.name, key.columns, map(_read, batch))
        )
        for parts, (_, number) in zip(batch, sorted(hashes), strict=True):
            row = (key.number, number, parts)
            if seen.execute("INSERT OR IGNORE INTO hashed VALUES (?, ?, ?)", row).rowcount:
                continue
            ((other,),) = seen.execute(
                "SELECT parts FROM hashed WHERE key = ? AND hash = ?", (key.number, number)
            )
            pair = queries.keys_are_equal(self._table.name, key.columns, _read(parts), _read(other))
            if self._ask(key, pair) == [(True,)]:
                raise PluginError(duplicate_keys(self._table, key.names))

    def _ask(self, key: _Key, query: sql.Composed) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(query).fetchall()
        except DataError as error:
            plugins = sorted({name for column in key.columns for name in column.plugins})
            raise PluginError(
                f"the plugin {' or '.join(map(repr, plugins))} gives a key of {self._table.name} "
                f"({', '.join(key.names)}) that is not a value of its type: "
                f"{type(error).__name__} (SQLSTATE {error.sqlstate}); correct the plugin"
            ) from error

    def close(self) -> None:
        """Delete the temporary file."""
        if self._seen is not None:
            self._seen.close()


def _watched(database: DatabaseConnection, table: PlannedTable) -> Iterator[_Key]:
    names = table.column_names
    columns = {column.name: column for column in table.columns}
    for number, key in enumerate(table.changed_keys):
        if set(names).issuperset(key):
            parts = tuple(columns[name] for name in key)
            places = tuple(names.index(name) for name in key)
            yield _Key(number, parts, places, _needs_server(database, table, parts))


def _needs_server(
    database: DatabaseConnection, table: PlannedTable, columns: Sequence[PlannedColumn]
) -> bool:
    """Return whether keys with different texts may be equal, and the server can hash them.

    A type without a hash function, such as `money`, is compared by its texts alone.
    """
    names = [column.name for column in columns]
    if database.execute(queries.are_plain_texts(table.name, names)).fetchone() == (True,):
        return False
    try:
        with database.transaction():
            database.execute(queries.key_hashes(table.name, columns, [[None] * len(names)]))
    except errors.UndefinedFunction:
        return False
    return True


def _parts(rows: Iterable[tuple[Text, ...]], key: _Key) -> Iterator[list[Text]]:
    """Yield each row's key; NULL is equal to nothing."""
    for row in rows:
        parts = [row[place] for place in key.places]
        if None not in parts:
            yield parts


def _digest(key: _Key, parts: Sequence[Text]) -> bytes:
    return blake2b(repr((key.number, parts)).encode(), digest_size=_DIGEST).digest()


def _read(parts: str) -> list[Text]:
    found: list[Text] = json.loads(parts)
    return found
