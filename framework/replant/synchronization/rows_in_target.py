"""Finds the rows in a target that the artifact's roots and conditions choose there now."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedTable
from replant.database.connections import DatabaseConnection
from replant.errors import UsageError
from replant.model import Catalog, ChosenRows, PlannedTable, RelationName, Selection
from replant.model.conditions import RowsAt
from replant.model.ownership import Ownership
from replant.selection.dangling import count_chosen
from replant.verification.target_closure import TargetClosure, find_target_closure, roots_by_key


@frozen
class RowsInTarget:
    """The rows of an artifact's tables in a target.

    Attributes:
        tables: as the target has them.
        selection: all rows of the set: owned and shared.
        owned: the owned rows; a table of which all rows are shared has none.
        owned_counts: how many they are.
        closure: the closed set.
        loose: the tables of which the target may have more rows that satisfy a condition of a root.

    """

    tables: Mapping[RelationName, PlannedTable]
    selection: Selection
    owned: Selection
    owned_counts: Mapping[RelationName, int]
    closure: TargetClosure
    loose: frozenset[RelationName]


def find_rows_in_target(
    database: DatabaseConnection,
    catalog: Catalog,
    artifact: Artifact,
    tables: Mapping[RelationName, PlannedTable],
) -> RowsInTarget:
    """Search the closed set in the target, from the roots that the artifact names.

    Raises:
        UsageError: rows of a table cannot be found again by what the artifact says.

    """
    exported = artifact.manifest.tables
    closure = TargetClosure({})
    if any(table.rows is None for table in exported):
        closure = find_target_closure(database, catalog, artifact, tables, by_ownership=True)
    unknown = [t.name for t in exported if t.rows is None and t.name not in closure.rows]
    if unknown:
        raise UsageError(
            f"which rows of {', '.join(map(str, unknown))} belong to this artifact is not known in "
            f"the target: {closure.why_not}; choose them by roots or a scope, and export again"
        )
    selection = {
        name: _at(table, closure.rows[name]) if name in closure.rows else table.rows
        for name, table in tables.items()
    }
    owned = {
        table.name: _owned(table, tables[table.name], closure)
        for table in exported
        if table.ownership is not Ownership.SHARED
    }
    counts = count_chosen(database, {**selection, **owned}, owned)
    loose = roots_by_key(artifact.manifest).intersection(closure.rows)
    return RowsInTarget(tables, selection, owned, counts, closure, loose)


def _owned(exported: ExportedTable, table: PlannedTable, closure: TargetClosure) -> ChosenRows:
    if exported.name not in closure.rows:
        return table.rows
    every = exported.ownership is Ownership.OWNED
    return _at(table, (closure.rows if every else closure.owned)[exported.name])


def _at(table: PlannedTable, rows: RowsAt) -> ChosenRows:
    rest = tuple(c for c in table.rows.conditions if not isinstance(c, RowsAt))
    return evolve(table.rows, conditions=(rows, *rest))
