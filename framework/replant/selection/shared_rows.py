"""Finds tables with rows that belong to no scope: those whose scope column is NULL."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from replant.database import sql
from replant.database.batches import select_all
from replant.database.connections import DatabaseConnection
from replant.model import ByColumn, RelationName, Shared
from replant.selection.select import SelectedTables
from replant.sql.where_clauses import relation


def with_shared_rows(database: DatabaseConnection, selected: SelectedTables) -> SelectedTables:
    """Open tables to rows that belong to no scope, where there are any.

    They are included where an exported row references them, as rows of the closed set.
    """
    asked = list(_columns(selected))
    answers = select_all(
        database,
        (_has_null(name, column, number) for number, (name, column) in enumerate(asked)),
    )
    found = dict(asked[number] for number, has_null in answers if has_null)
    return evolve(selected, shared=found)


def _columns(selected: SelectedTables) -> Iterator[tuple[RelationName, str]]:
    """Yield the scope columns that may be NULL, of tables whose shared rows come by reference."""
    for name, item in sorted(selected.registered.items()):
        rows = item.registration.rows
        if not isinstance(rows, ByColumn) or rows.shared is not Shared.REFERENCE:
            continue
        column = selected.tables[name].column(rows.column)
        if column is not None and not column.not_null:
            yield name, rows.column


def _has_null(name: RelationName, column: str, number: int) -> sql.Composed:
    return sql.SQL("SELECT {}, EXISTS (SELECT FROM {} WHERE {} IS NULL)").format(
        sql.Literal(number), relation(name), sql.Identifier(column)
    )
