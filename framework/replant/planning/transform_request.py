"""Tells plugins of the tables of an export, and finds shared rows for what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from replant.database import sql
from replant.errors import PluginError
from replant.model import AmongShared, ExportedTables, RelationName
from replant.model.conditions import among
from replant.model.ownership import Ownership
from replant.model.references import Reference, from_declared, from_foreign_key
from replant.model.registration import ByColumn, ThroughForeignKey
from replant.selection.counting import CountedSelection
from replant.selection.select import SelectedTables
from replant.sql.where_clauses import chosen_from, chosen_where


def exported_tables(selected: SelectedTables, counted: CountedSelection) -> ExportedTables:
    """Describe the tables of a counted selection."""
    chosen_by = {name: selected.registered[name].registration.rows for name in selected.tables}
    return ExportedTables(
        {name: _ownership(counted, name) for name in selected.tables},
        {name: tuple(c.name for c in columns) for name, columns in selected.columns.items()},
        {name: rows.column for name, rows in chosen_by.items() if isinstance(rows, ByColumn)},
        {n: rows.columns for n, rows in chosen_by.items() if isinstance(rows, ThroughForeignKey)},
        tuple(exported_references(selected)),
    )


def _ownership(counted: CountedSelection, name: RelationName) -> Ownership:
    """Return what the rows of a table are that were found, and not only what they might be."""
    shared = counted.shared[name]
    if shared.ownership is not Ownership.EACH:
        return shared.ownership
    if not shared.row_count:
        return Ownership.OWNED
    return Ownership.SHARED if shared.row_count == counted.counts[name] else Ownership.EACH


def exported_references(selected: SelectedTables) -> Iterator[Reference]:
    """Yield the references of the exported tables, whether or not the other table is exported."""
    for name, table in selected.tables.items():
        keys = [from_foreign_key(key) for key in table.foreign_keys]
        declared = selected.registered[name].registration.references
        yield from (*keys, *(one for item in declared for one in from_declared(item)))


def composing_among(
    selected: SelectedTables, counted: CountedSelection
) -> Callable[[AmongShared], str]:
    """Return what composes the condition that a shared row has the same values.

    It returns an empty text where there is no shared row, and raises `PluginError` if the table or
    a column is not exported.
    """

    def compose(asked: AmongShared) -> str:
        exported = {column.name for column in selected.columns.get(asked.table, ())}
        if not exported.issuperset(asked.columns):
            raise PluginError(
                f"a plugin asks for shared rows of {asked.table} by {', '.join(asked.columns)}, "
                f"which are not exported"
            )
        shared, rows = counted.shared[asked.table], counted.rows[asked.table]
        if not shared.row_count:
            return ""
        if shared.ownership is Ownership.EACH:
            rows = among(rows, shared.rows)
        selection = {**counted.rows, asked.table: rows}
        return (
            sql.SQL("({}) IN (SELECT {} FROM {} WHERE {})")
            .format(
                _compared(selected, asked),
                sql.SQL(", ").join(sql.Identifier("t0", name) for name in asked.columns),
                chosen_from(selection, asked.table),
                chosen_where(selection, asked.table),
            )
            .as_string()
        )

    return compose


def _compared(selected: SelectedTables, asked: AmongShared) -> sql.Composable:
    """Compose what is compared: columns of the row, or the value as one of the other's type."""
    if asked.own:
        return sql.SQL(", ").join(map(sql.Identifier, asked.own))
    column = selected.tables[asked.table].column(asked.columns[0])
    assert column is not None
    return sql.SQL("CAST(value AS {})").format(sql.SQL(column.type))
