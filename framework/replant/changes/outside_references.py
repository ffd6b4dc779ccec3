"""Finds rows that reference rows which would be deleted, and are not changed themselves.

A foreign key would refuse the deletion, or delete or change these rows as well (ON DELETE CASCADE,
SET NULL, SET DEFAULT). Neither may happen to a row that nobody asked to change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from replant.changes.queries import referencing_rows
from replant.changes.table_changes import Changes, RowValues, TableChanges
from replant.database.connections import DatabaseConnection
from replant.model import (
    Catalog,
    ChosenRows,
    Finding,
    ForeignKey,
    PlannedColumn,
    PlannedTable,
    RelationKind,
    Severity,
    Subject,
    Table,
    Text,
    readable,
)
from replant.sql.grants import read_grants
from replant.verification.differences import visible

#: So many referenced rows are looked up in one query.
_ASKED = 1000

#: So many referencing rows are named.
_NAMED = 3


def find_outside_references(
    database: DatabaseConnection, catalog: Catalog, changes: Changes
) -> Iterator[Finding]:
    """Yield a refusal for each foreign key by which rows outside would be met."""
    for table in catalog.tables.values():
        for key in table.foreign_keys:
            if key.enforced and key.references in changes:
                parents = _vanishing(changes[key.references], key)
                if parents:
                    yield from _of_key(database, catalog, changes, key, parents)


def _vanishing(changes: TableChanges, key: ForeignKey) -> list[RowValues]:
    """Return the rows that will not have the values any more that the key references."""
    changed = [
        row.key
        for row in changes.updated
        if not row.values.keys().isdisjoint(key.referenced_columns)
    ]
    return [*changes.deleted, *changed]


def _of_key(
    database: DatabaseConnection,
    catalog: Catalog,
    changes: Changes,
    key: ForeignKey,
    parents: Sequence[RowValues],
) -> Iterator[Finding]:
    live = catalog.tables[key.table]
    if unseen := _unseen(catalog, live):
        yield Finding(
            Subject.REFERENCE,
            Severity.REFUSES,
            str(key.table),
            f"the role {catalog.role!r} cannot see which rows of {key.table} reference rows of "
            f"{key.references} that are deleted",
            unseen,
        )
        return
    own = changes.get(key.table)
    child = _planned(live) if own is None else own.table
    wanted = child.key or child.column_names
    left = Counter(_not_asked_for(own, key))
    found: list[tuple[Text, ...]] = []
    # A period may reference several rows; by another key, a row comes once.
    seen: set[tuple[int, str]] = set()
    number = 0
    for start in range(0, len(parents), _ASKED):
        asked = parents[start : start + _ASKED]
        query = referencing_rows(key, (child, wanted), changes[key.references].table, asked)
        for leaf, place, *row in database.execute(query):
            if key.period and (leaf, place) in seen:
                continue
            seen.update([(leaf, place)] if key.period else [])
            if left[tuple(row)] > 0:
                left[tuple(row)] -= 1
                continue
            number += 1
            found += [tuple(row)] if len(found) < _NAMED else []
    if number:
        yield _finding(key, wanted, found, number)


def _not_asked_for(own: TableChanges | None, key: ForeignKey) -> Iterator[tuple[Text, ...]]:
    """Yield what identifies the rows that will not reference the deleted rows any more."""
    if own is None:
        return
    for row in own.deleted:
        yield own.key_of(row)
    for updated in own.updated:
        if not updated.values.keys().isdisjoint(key.columns):
            yield tuple(updated.key.values())


def _finding(
    key: ForeignKey, wanted: Sequence[str], found: Sequence[tuple[Text, ...]], number: int
) -> Finding:
    named = "; ".join(
        ", ".join(f"{readable(c)} = {visible(v)}" for c, v in zip(wanted, row, strict=True))
        for row in found
    )
    more = f" and {number - len(found)} more" if number > len(found) else ""
    rows, reference = ("row", "references") if number == 1 else ("rows", "reference")
    return Finding(
        Subject.REFERENCE,
        Severity.REFUSES,
        str(key.table),
        f"{number} {rows} of {key.table} that would stay {reference} rows of {key.references} that "
        f"would be deleted, by {readable(key.name)}: {named}{more}",
        "delete them first, or let them reference other rows",
    )


def _unseen(catalog: Catalog, table: Table) -> str:
    """Return what would let the role see all rows of a table; empty if it does."""
    if table.rows_are_hidden:
        return "use the table's owner or a role with BYPASSRLS"
    schemas = [] if table.may_use_schema else [table.name.schema]
    tables = [] if table.may_select else [table.name]
    return read_grants(schemas, tables, catalog.role) if schemas or tables else ""


def _planned(table: Table) -> PlannedTable:
    """Describe a table of which no row changes."""
    return PlannedTable(
        name=table.name,
        columns=tuple(PlannedColumn(column.name, column.type) for column in table.columns),
        key=table.identifying_columns,
        rows=ChosenRows((), table.kind is RelationKind.TABLE, table.equality, table.keys_to_follow),
    )
