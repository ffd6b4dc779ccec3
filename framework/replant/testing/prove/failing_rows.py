"""Writes rows that show a failure as statements, for people and for psql."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from replant.database import sql
from replant.model import Catalog, RelationName, Table
from replant.testing.rows import Row, Rows, insert_statement, remove_rows
from replant.testing.servers.example_database import ExampleDatabase


def failing_rows(side: ExampleDatabase, rows: Rows) -> str:
    """Write an INSERT for each table, to be run in this order; else one for all of them.

    Columns that are NULL in every row, and would be without being named, are left out.

    Args:
        side: where it is tried in which order the statements run; nothing is kept there.
        rows: one at least.

    """
    shown = {
        name: _without_nulls(side.catalog.tables[name], of_table)
        for name, of_table in in_order(side.catalog, rows).items()
        if of_table
    }
    each = [insert_statement({name: of_table}) for name, of_table in shown.items()]
    statements = each if _run(side, each) else [insert_statement(shown)]
    return "\n".join(f"{statement.as_string(side.connection)};" for statement in statements)


def in_order(catalog: Catalog, rows: Rows) -> Rows:
    """Sort the tables with referenced ones first, as far as there is such an order."""
    waiting = dict(rows)
    ordered: dict[RelationName, list[Row]] = {}
    while waiting:
        ready = [name for name in waiting if not _needed(catalog, name) & (waiting.keys() - {name})]
        for name in ready or [next(iter(waiting))]:
            ordered[name] = list(waiting.pop(name))
    return ordered


def _needed(catalog: Catalog, name: RelationName) -> frozenset[RelationName]:
    return frozenset(key.references for key in catalog.tables[name].foreign_keys)


def _without_nulls(table: Table, rows: Sequence[Row]) -> list[Row]:
    plain = {column.name for column in table.columns if column.default is None}
    held = {name for row in rows for name, text in row.items() if text is not None}
    shown = [name for name in rows[0] if name in held or name not in plain] or list(rows[0])
    return [{name: row[name] for name in shown} for row in rows]


def _run(side: ExampleDatabase, statements: list[sql.Composed]) -> bool:
    """Return whether the statements run one after the other."""
    try:
        with side.connection.transaction(force_rollback=True):
            remove_rows(side.connection, side.tables)
            for statement in statements:
                side.connection.execute(statement)
    except psycopg.Error:
        return False
    return True
