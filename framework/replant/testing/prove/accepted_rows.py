"""Keeps the drawn rows that a database accepts: the server knows what a catalog does not say.

Rows come in, and those that the tables hold come out: without those that a CHECK constraint, an
index on an expression or an exclusion constraint refuses, and without what needed them.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from attrs import define, field

from replant.database.connections import one_line
from replant.model import Catalog, ForeignKey, RelationName, Table
from replant.testing.rows import Row, Rows, insert_rows, remove_rows
from replant.testing.servers.example_database import ExampleDatabase

#: How often rows are looked through: a row that lost its reference may break a check for that.
_PASSES = 4


@define
class AcceptedRows:
    """Holds rows in a database, and remembers why others were refused.

    Attributes:
        side: the database.
        refused: the first reason that the server gave, by table.
        together: why rows that are each well were not taken together, the last time.

    """

    side: ExampleDatabase
    refused: dict[RelationName, str] = field(factory=dict)
    together: str | None = None

    def held(self, rows: Rows) -> Rows | None:
        """Return the rows that the database now holds; None if no part of them could be found.

        Raises:
            psycopg.Error: the connection is lost.

        """
        for _ in range(_PASSES):
            try:
                self.side.hold(rows)
            except psycopg.Error as error:
                if self.side.connection.broken:
                    raise
                self.together = one_line(error)
            else:
                return rows
            rows = self._each_taken(rows)
        return None

    def _each_taken(self, rows: Rows) -> Rows:
        """Return the rows that the server accepts one by one, whatever they reference."""
        connection = self.side.connection
        kept: dict[RelationName, list[Row]] = {}
        with connection.transaction(force_rollback=True):
            remove_rows(connection, self.side.tables)
            # No foreign key is checked, and no trigger fires.
            connection.execute("SET LOCAL session_replication_role = replica")
            for name, of_table in rows.items():
                kept[name] = [row for row in of_table if self._takes(name, row)]
        return without_dangling(self.side.catalog, kept)

    def _takes(self, name: RelationName, row: Row) -> bool:
        connection = self.side.connection
        try:
            with connection.transaction():
                insert_rows(connection, {name: [row]})
        except psycopg.Error as error:
            if connection.broken:
                raise
            self.refused.setdefault(name, one_line(error))
            return False
        return True


def without_dangling(catalog: Catalog, rows: Rows) -> Rows:
    """Return the rows without dangling references: set to NULL, or without the row."""
    left = {name: list(of_table) for name, of_table in rows.items()}
    keys = [key for name in left for key in catalog.tables[name].foreign_keys]
    while any(_dropped(key, catalog.tables[key.table], left) for key in keys):
        pass
    return left


def _dropped(key: ForeignKey, table: Table, rows: dict[RelationName, list[Row]]) -> bool:
    """Let go what references nothing by the key; whether there was any."""
    there = {
        tuple(row[column] for column in key.referenced_columns)
        for row in rows.get(key.references, ())
    }
    before = rows[key.table]
    rows[key.table] = list(_kept(key, table, before, there))
    return rows[key.table] != before


def _kept(
    key: ForeignKey, table: Table, rows: list[Row], there: set[tuple[str | None, ...]]
) -> Iterator[Row]:
    required = {column.name for column in table.columns if column.not_null}
    nullable = [column for column in key.columns if column not in required]
    for row in rows:
        held = tuple(row[column] for column in key.columns)
        if None in held or held in there:
            yield row
        elif nullable:
            yield {**row, **dict.fromkeys(nullable)}
