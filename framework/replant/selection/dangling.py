"""Finds rows that reference rows which are not exported, and treats them as configured.

A selection goes in; a selection comes out from which rows were left out, with what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache

from attrs import evolve, frozen

from replant.database.batches import select_all
from replant.database.connections import DatabaseConnection
from replant.errors import DanglingReferenceError
from replant.model import (
    ChosenRows,
    ColumnIs,
    Dangling,
    ForeignKey,
    KeyIsNot,
    RelationName,
    RowsAt,
    Selection,
    Settings,
    Table,
    readable,
)
from replant.selection.select import SelectedTables
from replant.sql import row_queries as queries

#: What an identifier column defaults to where a platform has no better idea.
NIL_UUID = "00000000-0000-0000-0000-000000000000"

#: How many rows of a reference are named in a message.
_EXAMPLES = 3


def dangling_modes(selected: SelectedTables, settings: Settings) -> dict[RelationName, Dangling]:
    """Return what is done with the dangling references of each table.

    The configuration of a table goes over what its plugin says, and that over the configuration of
    the export.
    """
    said = {change.name: change.dangling for change in settings.tables}
    return {
        name: said.get(name) or item.registration.dangling or settings.export.dangling
        for name, item in selected.registered.items()
    }


@frozen
class DanglingReferences:
    """Rows that reference, by one foreign key, rows that are not exported.

    Attributes:
        count: how many rows.
        exist: whether the first example's referenced row exists in the source.
        examples: the first rows: texts of the identifying columns, texts of the key's columns.

    """

    key: ForeignKey
    identifying: tuple[str, ...]
    count: int
    exist: bool
    examples: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]

    def __str__(self) -> str:
        """One line: table, key, column, value, and what is wrong with it."""
        return self.told()

    def told(self, hidden: Collection[str] = ()) -> str:
        """Say the same without the values of some columns of the table."""
        row, values = self.examples[0]
        where = _pairs(self.identifying, row, hidden) if row else "a row without a key"
        held = _pairs(self.key.columns, values, hidden)
        if NIL_UUID in values and not self.exist:
            why = "the nil uuid, which references no row"
        elif self.exist:
            why = "a row outside the export, such as another tenant's"
        else:
            why = "no row at all"
        more = f" (and {self.count - 1:,} more)" if self.count > 1 else ""
        return f"{self.key}: the row {where}{more} holds {held}: {why}"


def settle_references(
    database: DatabaseConnection,
    selected: SelectedTables,
    rows: Selection,
    settings: Settings,
    *,
    unsettled: Collection[RelationName] = (),
) -> tuple[Selection, tuple[DanglingReferences, ...], tuple[DanglingReferences, ...]]:
    """Treat every dangling reference as configured, and return the selection that is left.

    A row that is left out may be referenced itself, so the search goes on until it finds none.

    Args:
        database: the transaction.
        selected: the tables.
        rows: the chosen rows.
        settings: what is done with such references.
        unsettled: the tables into which rows still come; references to these are passed over.

    """
    modes = dangling_modes(selected, settings)
    left_out: list[DanglingReferences] = []
    while True:
        found = _find(database, selected, rows, modes, unsettled)
        failing = [f for f, mode in found if mode is Dangling.FAIL]
        if failing:
            raise DanglingReferenceError(_refusal(failing))
        leaving = [f for f, mode in found if mode is Dangling.LEAVE_OUT]
        if not leaving:
            return rows, tuple(left_out), tuple(f for f, _ in found)
        left_out += leaving
        for finding in leaving:
            rows = _without(database, rows, finding)


def _find(
    database: DatabaseConnection,
    selected: SelectedTables,
    rows: Selection,
    modes: Mapping[RelationName, Dangling],
    unsettled: Collection[RelationName],
) -> list[tuple[DanglingReferences, Dangling]]:
    tables = selected.tables
    has_rows = cache(lambda name: count_chosen(database, rows, [name])[name] > 0)
    # A role need not be allowed to read a table that no row can come into: its closed set is not
    # found yet, or has no row of it.
    read = {name: chosen for name, chosen in rows.items() if not _is_empty(chosen)}
    keys = [
        key
        for name in read
        for key in tables[name].foreign_keys
        if key.enforced
        and key.references in read
        and key.references not in unsettled
        and not _holds(rows, key, has_rows, selected.shared)
    ]
    dangling = select_all(database, (queries.dangles(rows, k, n) for n, k in enumerate(keys)))
    found = []
    for key in [keys[number] for (number,) in sorted(dangling)]:
        finding = _dangling(database, tables[key.table], rows, key)
        if finding is not None:
            found.append((finding, modes[key.table]))
    return found


def _is_empty(chosen: ChosenRows) -> bool:
    """Return whether no row can be chosen, as in an open table before its closed set is found."""
    return RowsAt(()) in chosen.conditions


def _holds(
    rows: Selection,
    key: ForeignKey,
    has_rows: Callable[[RelationName], bool],
    shared: Collection[RelationName],
) -> bool:
    """Return whether the key cannot dangle, as both tables are chosen by the same value in it.

    Then every reference is to the one row with that value, if it is there. Nor can a key into a
    closed set, which has every row that a row of the export references, unless PostgreSQL has not
    checked that all of them are there; but of a table with shared rows it has no other scope's.
    """
    into_closure = key.validated and key.references not in shared
    if into_closure and any(isinstance(c, RowsAt) for c in rows[key.references].conditions[-1:]):
        return True
    own = [c for c in rows[key.table].conditions if isinstance(c, ColumnIs)]
    other = rows[key.references].conditions
    if len(key.columns) != 1 or len(other) != 1 or not own:
        return False
    condition = other[0]
    same = ColumnIs(key.referenced_columns[0], own[0].value)
    return condition == same and own[0].column == key.columns[0] and has_rows(key.references)


def _dangling(
    database: DatabaseConnection,
    table: Table,
    rows: Selection,
    key: ForeignKey,
    limit: int | None = _EXAMPLES,
) -> DanglingReferences | None:
    identifying = table.identifying_columns
    shown = identifying + key.columns
    found = database.execute(queries.dangling(rows, key, shown, limit=limit)).fetchall()
    if not found:
        return None
    width = 2 + len(identifying)
    return DanglingReferences(
        key=key,
        identifying=identifying,
        count=found[0][0],
        exist=found[0][1],
        examples=tuple((tuple(row[2:width]), tuple(row[width:])) for row in found),
    )


def _without(
    database: DatabaseConnection, rows: Selection, finding: DanglingReferences
) -> Selection:
    """Return the selection without the rows of a finding."""
    name = finding.key.table
    if not finding.identifying:
        raise DanglingReferenceError(
            f"{finding}; these rows cannot be left out, since {name} has no primary key that "
            f"tells them apart: choose dangling = 'export' for it, or exclude them by 'where'"
        )
    shown = finding.identifying + finding.key.columns
    every = database.execute(queries.dangling(rows, finding.key, shown, limit=None)).fetchall()
    if not every:
        return rows  # another reference of theirs had them left out already
    keys = tuple(sorted(tuple(row[2 : 2 + len(finding.identifying)]) for row in every))
    conditions = (*rows[name].conditions, KeyIsNot(finding.identifying, keys))
    return {**rows, name: evolve(rows[name], conditions=conditions)}


def count_chosen(
    database: DatabaseConnection, rows: Selection, names: Iterable[RelationName]
) -> dict[RelationName, int]:
    """Count the chosen rows of tables; a table that no row can come into is not read."""
    counts = dict.fromkeys(names, 0)
    read = [name for name in counts if not _is_empty(rows[name])]
    asked = select_all(database, (queries.count(rows, name, n) for n, name in enumerate(read)))
    return counts | {read[number]: count for number, count in asked}


def _refusal(findings: list[DanglingReferences]) -> str:
    what = (
        "rows of this export reference rows that are not part of it, so a replay would fail; "
        "repair them, or choose dangling = 'leave-out', 'set-null' or 'export' under [export] or "
        "[[tables]]:"
    )
    return "\n".join([what, *(f"  {finding}" for finding in findings)])


def _pairs(names: tuple[str, ...], values: tuple[str, ...], hidden: Collection[str]) -> str:
    return ", ".join(
        f"{readable(name)} = {'…' if name in hidden else value}"
        for name, value in zip(names, values, strict=True)
    )
