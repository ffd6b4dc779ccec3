"""Finds the owned rows of an artifact in a target, and whether they are as they were exported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice

from attrs import evolve

from replant.artifact.artifact import Artifact
from replant.changes.table_changes import Changes, PackedRows, TableChanges
from replant.database.connections import DatabaseConnection
from replant.database.session_settings import exact_names
from replant.difference.sides import ArtifactSide
from replant.model import Finding, PlannedTable, RelationName, Severity, Subject
from replant.sql.row_queries import texts_by_key
from replant.verification.differences import (
    DifferenceList,
    Key,
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
        rows = _owned(artifact, table)
        if not rows:
            continue
        changes[table.name] = evolve(TableChanges.none(table), deleted=rows)
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


def _owned(artifact: Artifact, table: PlannedTable) -> PackedRows:
    """Return the owned rows of a table, whole."""
    exported = artifact.manifest.table(table.name)
    found = PackedRows(table.column_names, form=exported.row_form)
    rows = chain.from_iterable(ArtifactSide(artifact).rows(table.name, found.form))
    found.lines = [row for row, owned in zip(rows, exported.is_owned(), strict=True) if owned]
    return found


def _compare(database: DatabaseConnection, table: PlannedTable, rows: PackedRows) -> TableResult:
    differences = DifferenceList(table.name, table.key)
    names = table.column_names
    for batch, found in _looked_up(database, table, rows):
        for place, (key, texts) in enumerate(batch):
            if place not in found:
                differences.add(RowDifferenceKind.MISSING, key)
            else:
                differences.add_changed(key, names, texts, found[place])
    return differences.result(len(rows), len(rows))


def _looked_up(
    database: DatabaseConnection, table: PlannedTable, rows: PackedRows
) -> Iterator[tuple[list[tuple[Key, Key]], dict[int, Key]]]:
    """Yield rows in batches with their keys, and the target's rows that have these, by place."""
    width, places = len(table.key), [rows.names.index(name) for name in table.key]
    left = ((tuple(texts[place] for place in places), texts) for texts in rows.texts())
    while batch := list(islice(left, _ASKED)):
        query = texts_by_key(table, table.column_names, [key for key, _ in batch])
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
