"""Finds the owned rows of an artifact in a target, and whether they are as they were exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from attrs import evolve

from replant.artifact.artifact import Artifact
from replant.changes.table_changes import Changes, RowValues, TableChanges
from replant.database.connections import DatabaseConnection
from replant.database.session_settings import exact_names
from replant.difference.sides import ArtifactSide
from replant.model import Finding, PlannedTable, RelationName, Severity, Subject
from replant.sql.row_queries import texts_by_key
from replant.verification.differences import (
    DifferenceList,
    RowDifferenceKind,
    TableResult,
)
from replant.verification.row_comparison import RowComparison

#: So many rows are looked up in one query.
_ASKED = 1000

_REMEDY = "see replant diff; to remove what is there now, export them anew and use that artifact"


def find_owned_rows(
    database: DatabaseConnection, artifact: Artifact, tables: Mapping[RelationName, PlannedTable]
) -> tuple[Changes, tuple[Finding, ...]]:
    """Return the owned rows as deletions, and what is not as it was exported."""
    changes: dict[RelationName, TableChanges] = {}
    findings: list[Finding] = []
    for exported in artifact.manifest.tables:
        table = tables[exported.name]
        rows = list(_owned(artifact, table))
        if not rows:
            continue
        changes[table.name] = TableChanges(table, deleted=rows)
        with exact_names(database, table):
            result = (
                _compare(database, table, rows)
                if table.key
                else RowComparison(
                    database, artifact, evolve(exported, rows=None), table, {}
                ).by_content()
            )
        if result.count:
            findings.append(_finding(result))
    return changes, tuple(findings)


def rows_left(database: DatabaseConnection, changes: Changes) -> Iterator[tuple[RelationName, int]]:
    """Yield the tables that still hold rows with the keys of deleted ones, and how many."""
    for name, each in changes.items():
        if each.table.key:
            number = sum(len(found) for _, found in _looked_up(database, each.table, each.deleted))
            if number:
                yield name, number


def _owned(artifact: Artifact, table: PlannedTable) -> Iterator[RowValues]:
    """Yield the owned rows of a table, whole."""
    exported = artifact.manifest.table(table.name)
    form, names = exported.row_form, table.column_names
    rows = chain.from_iterable(ArtifactSide(artifact).rows(table.name, form))
    for row, owned in zip(rows, exported.is_owned(), strict=True):
        if owned:
            yield dict(zip(names, form.texts(row, len(names)), strict=True))


def _compare(
    database: DatabaseConnection, table: PlannedTable, rows: Sequence[RowValues]
) -> TableResult:
    differences = DifferenceList(table.name, table.key)
    names = table.column_names
    for batch, found in _looked_up(database, table, rows):
        for place, row in enumerate(batch):
            key = tuple(row[name] for name in table.key)
            if place not in found:
                differences.add(RowDifferenceKind.MISSING, key)
            else:
                differences.add_changed(key, names, tuple(row.values()), found[place])
    return differences.result(len(rows), len(rows))


def _looked_up(
    database: DatabaseConnection, table: PlannedTable, rows: Sequence[RowValues]
) -> Iterator[tuple[Sequence[RowValues], dict[int, tuple[str | None, ...]]]]:
    """Yield rows in batches, with the target's rows that have their keys, by place."""
    left = iter(rows)
    width = len(table.key)
    while batch := list(islice(left, _ASKED)):
        keys = [tuple(row[name] for name in table.key) for row in batch]
        query = texts_by_key(table, table.column_names, keys)
        with exact_names(database, table):
            found = {place: tuple(rest[width:]) for place, *rest in database.execute(query)}
        yield batch, found


def _finding(result: TableResult) -> Finding:
    shown = [str(difference) for difference in result.differences]
    more = [f"and {result.count - len(shown):,} more"] if result.count > len(shown) else []
    differ = "row is" if result.count == 1 else "rows are"
    return Finding(
        Subject.ROW,
        Severity.REFUSES,
        str(result.name),
        f"{result.count} {differ} not as exported in {result.name}: {'; '.join([*shown, *more])}",
        _REMEDY,
    )
