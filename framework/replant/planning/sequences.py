"""Finds how far sequences must move for the exported rows, and which large objects they use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replant.database.connections import DatabaseConnection, translated
from replant.model import (
    Column,
    Omission,
    Plan,
    PlannedTable,
    PythonFunction,
    RelationName,
    SequencePosition,
    readable,
)
from replant.model.numbers import counted
from replant.planning.plugin_faults import blaming_plugins
from replant.selection.select import SelectedTables
from replant.sql import row_queries as queries

_INTEGERS = ("smallint", "integer", "bigint")


def sequence_positions(
    database: DatabaseConnection, selected: SelectedTables, plan: Plan
) -> tuple[tuple[SequencePosition, ...], tuple[Omission, ...]]:
    """Return how far the exported columns' sequences must move, and which are not moved and why."""
    positions, omissions = [], []
    for table, column in _columns(selected, plan):
        if column.sequence is None or not table.row_count:
            continue
        place = f"the sequence of {table.name}.{readable(column.name)}"
        (planned,) = (c for c in table.columns if c.name == column.name)
        if column.base_type not in _INTEGERS:
            omissions.append(Omission(place, f"not moved: the column is {column.type}"))
        elif any(isinstance(transform, PythonFunction) for transform in planned.transforms):
            omissions.append(Omission(place, "not moved: a plugin changes its values in Python"))
        else:
            query = queries.bounds(plan.selection, table, column.name)
            with blaming_plugins(database, plan, table), translated("source"):
                least, greatest = database.execute(query).fetchone() or (None, None)
            if least is not None:
                positions.append(SequencePosition(table.name, column.name, least, greatest))
    return tuple(positions), tuple(omissions)


def sequence_names(
    selected: SelectedTables, positions: Iterable[SequencePosition]
) -> tuple[RelationName, ...]:
    """Return the names of the sequences that move, each once."""
    moved = {(position.table, position.column) for position in positions}
    found = {
        column.sequence.name
        for name, table in selected.tables.items()
        for column in table.columns
        if column.sequence is not None and (name, column.name) in moved
    }
    return tuple(sorted(found))


def large_objects(
    database: DatabaseConnection, selected: SelectedTables, plan: Plan
) -> tuple[Omission, ...]:
    """Find the large objects that exported columns of type `oid` or `lo` point to.

    Only their numbers are exported; PostgreSQL keeps their content in a table of its own.
    """
    found = []
    for table, column in _columns(selected, plan):
        if column.base_type != "oid" or not table.row_count:
            continue
        query = queries.large_objects(plan.selection, table.name, column.name)
        (number,) = database.execute(query).fetchone() or (0,)
        if number:
            why = "large objects are not exported; move them with lo_export and lo_import"
            place = f"{table.name}.{readable(column.name)}"
            found.append(Omission(f"{counted(number, 'large object')} that {place} points to", why))
    return tuple(found)


def _columns(selected: SelectedTables, plan: Plan) -> Iterator[tuple[PlannedTable, Column]]:
    """Yield the exported columns, with their tables as planned."""
    names: list[RelationName] = sorted(selected.tables)
    for name in names:
        for column in selected.columns[name]:
            yield plan.table(name), column
