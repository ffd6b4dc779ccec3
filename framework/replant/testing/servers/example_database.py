"""Holds the rows of one example after the other in a database, to read from or write to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from attrs import frozen
from psycopg import Connection

from replant.database import sql
from replant.database.connections import reading
from replant.database.read_catalog import read_catalog
from replant.model import Catalog, ForeignKey, RelationName
from replant.testing.rows import Contents, Rows, contents, insert_rows, remove_rows
from replant.testing.servers.database_structure import with_partition_bounds
from replant.testing.servers.server import Database


@frozen
class ExampleDatabase:
    """A database, a superuser's connection to it in autocommit mode, and its catalog."""

    database: Database
    connection: Connection[Any]
    catalog: Catalog

    @property
    def tables(self) -> tuple[RelationName, ...]:
        """The tables that hold rows; a partition's are those of the table that it is part of."""
        return tuple(
            name
            for name, table in self.catalog.tables.items()
            if table.kind.holds_rows and not table.is_partition
        )

    def hold(self, rows: Rows, *, unchecked: bool = False) -> None:
        """Hold these rows and no others.

        Args:
            rows: may reference each other.
            unchecked: whether they may also reference what is not there, and no trigger fires.

        Raises:
            psycopg.Error: the database refuses a row.

        """
        remove_rows(self.connection, self.tables)
        with self.connection.transaction():
            if unchecked:
                self.connection.execute("SET LOCAL session_replication_role = replica")
            insert_rows(self.connection, rows)

    def contents(
        self,
        tables: Iterable[RelationName] | None = None,
        *,
        without: Mapping[RelationName, Sequence[str]] | None = None,
        where: Mapping[RelationName, sql.Composable] | None = None,
    ) -> Contents:
        """Read the rows of tables, by the server's own literals; see `testing.rows.contents`."""
        chosen = self.tables if tables is None else tables
        return contents(self.connection, self.catalog, chosen, without=without, where=where)


@contextmanager
def open_example_database(database: Database) -> Iterator[ExampleDatabase]:
    """Read the catalog of a database, and connect to it.

    Raises:
        ReplantError: the server cannot be reached, or failed.

    """
    with reading(database.dsn, "source") as read:
        catalog = with_partition_bounds(read, read_catalog(read))
    # A notice of a trigger, or of a cascade, is not a result of a test.
    options = "-c client_min_messages=warning"
    with psycopg.connect(database.dsn, autocommit=True, options=options) as connection:
        yield ExampleDatabase(database, connection, catalog)


def breaks(connection: Connection[Any], key: ForeignKey) -> bool:
    """Return whether a row references, by a key or a declared reference, a row that is missing.

    A key of several columns of which one is NULL references nothing (MATCH SIMPLE).
    """
    pairs = zip(key.columns, key.referenced_columns, strict=True)
    held = [sql.SQL("own.{} IS NOT NULL").format(sql.Identifier(name)) for name in key.columns]
    equal = [
        sql.SQL("other.{} = own.{}").format(sql.Identifier(referenced), sql.Identifier(name))
        for name, referenced in pairs
    ]
    query = "SELECT FROM {} AS own WHERE {} AND NOT EXISTS (SELECT FROM {} AS other WHERE {})"
    rows = connection.execute(
        sql.SQL(query).format(
            sql.Identifier(key.relation.schema, key.relation.name),
            sql.SQL(" AND ").join(held),
            sql.Identifier(key.referenced_relation.schema, key.referenced_relation.name),
            sql.SQL(" AND ").join(equal),
        )
    )
    return rows.fetchone() is not None
