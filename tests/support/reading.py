"""What lies in a database, read by nothing of replant, under settings that replant does not use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from replant.model import RelationName
from replant.testing.servers.server import Database

#: Values are exact under these, and their texts are others than those that replant writes.
_SETTINGS = {
    "DateStyle": "SQL,DMY",
    "IntervalStyle": "iso_8601",
    "TimeZone": "Asia/Kathmandu",
    "extra_float_digits": "3",
    "bytea_output": "escape",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "search_path": "public",
    "client_encoding": "UTF8",
    "client_min_messages": "warning",
}


def connected(database: Database) -> Connection[Any]:
    """A superuser's connection in autocommit mode; no default of a database changes its settings.

    A default of a role or database gives way to what a connection asks for.
    """
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    dsn = make_conninfo(database.dsn, options=options)
    return psycopg.connect(dsn, autocommit=True, prepare_threshold=None)


def identifier(table: RelationName) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def literals(
    connection: Connection[Any], table: RelationName, columns: Sequence[str]
) -> list[tuple[str, ...]]:
    """The rows in the order of their first column, each value as the server's SQL literal."""
    values = [sql.SQL("format('%L', {})").format(sql.Identifier(name)) for name in columns]
    query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
        sql.SQL(", ").join(values), identifier(table), sql.Identifier(columns[0])
    )
    return connection.execute(query).fetchall()


def copied(connection: Connection[Any], table: RelationName, key: str) -> list[bytes]:
    """The rows in the order of a column, as COPY writes them: by the output functions of types."""
    query = sql.SQL("COPY (SELECT * FROM {} ORDER BY {}) TO STDOUT").format(
        identifier(table), sql.Identifier(key)
    )
    with connection.cursor().copy(query) as copy:
        return b"".join(bytes(part) for part in copy).splitlines(keepends=True)
