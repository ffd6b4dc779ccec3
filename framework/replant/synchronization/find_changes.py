"""Finds how the rows of a target must change to be those of an artifact.

Owned rows are inserted, updated and deleted. Shared rows are inserted where the target lacks them,
and left as they are otherwise, unless they are owned in the target: then they are updated. A row of
the artifact that is there and belongs to nobody's set, or to another, is not touched: it refuses
the change if it differs.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain, islice

from attrs import define, field, frozen

from replant.artifact.artifact import Artifact
from replant.changes.table_changes import Changes, RowValues, TableChanges, UpdatedRow
from replant.database.connections import DatabaseConnection, is_near
from replant.database.session_settings import exact_names
from replant.difference.compare_sides import TableComparison
from replant.difference.result import DifferingRow, Presence
from replant.model import (
    Finding,
    PlannedTable,
    RelationName,
    Severity,
    SharedRowsCheck,
    Subject,
    Text,
)
from replant.model.ownership import Ownership
from replant.sql.row_queries import texts_by_key
from replant.synchronization.artifact_rows_by_owner import OwnedSide, rows_of_owner
from replant.synchronization.rows_in_target import RowsInTarget, TargetSide
from replant.synchronization.untouched_rows import WantedRows
from replant.verification.differences import DifferenceList

#: So many rows are looked up in one query.
_ASKED = 1000


@frozen
class FoundChanges:
    """The changes, and what stands in their way.

    Attributes:
        found: the rows that the target has.
        wanted: what the changes of a table are to leave, where its rows are all owned.

    """

    changes: Changes
    findings: tuple[Finding, ...]
    found: RowsInTarget
    wanted: Mapping[RelationName, WantedRows]


def find_changes(
    database: DatabaseConnection,
    artifact: Artifact,
    found: RowsInTarget,
    checks: Mapping[RelationName, SharedRowsCheck],
    left_out: Container[RelationName] = (),
) -> FoundChanges:
    """Compare the artifact with the target both ways.

    Args:
        database: the transaction in which the rows were found.
        artifact: the wanted rows.
        found: the rows that the target has.
        checks: what is done with shared rows that differ, by table.
        left_out: the tables that are not compared.

    """
    changes, findings, wanted = {}, [], {}
    for exported in artifact.manifest.tables:
        name = exported.name
        if name in left_out:
            continue
        table = _TableSearch(
            database, artifact, found, found.tables[name], checks.get(name, SharedRowsCheck.KEEP)
        )
        changes[name] = table.changes(exported.ownership)
        findings += table.findings
        if table.lines is not None and not exported.shared_count:
            wanted[name] = WantedRows(changes[name], exported.row_form, table.lines)
    return FoundChanges(changes, tuple(findings), found, wanted)


@define
class _TableSearch:
    """The search for the changes of one table.

    Attributes:
        findings: what stands in their way.
        lines: the rows that the artifact has otherwise than the target, as they stand; None where
            rows were not compared as they stand.

    """

    database: DatabaseConnection
    artifact: Artifact
    found: RowsInTarget
    table: PlannedTable
    check: SharedRowsCheck
    findings: list[Finding] = field(factory=list)
    lines: Sequence[bytes] | None = None

    def changes(self, ownership: Ownership) -> TableChanges:
        """Return what changes."""
        shared = {} if ownership is Ownership.OWNED else dict(self._shared_rows())
        compared: Sequence[DifferingRow] = ()
        if ownership is not Ownership.SHARED:
            left, right = TargetSide(self.database, self.found), OwnedSide(self.artifact)
            # To hash the rows of a server nearby takes longer than to compare them.
            by_blocks = not is_near(self.database)
            comparison = TableComparison(left, right, self.table.name, by_blocks)
            found = comparison.compare(None)
            compared, self.lines = found.rows, found.lines
        deleted, updated, inserted = [], [], []
        for row in compared:
            match row.presence:
                case Presence.LEFT if row.left is not None:
                    wanted = shared.pop(tuple(row.key.values()), None) if row.key else None
                    if wanted is None:
                        deleted.append(row.left)
                    elif values := _differing(row.left, wanted):
                        updated.append(UpdatedRow(row.key, values))
                case Presence.RIGHT if row.right is not None:
                    inserted.append(row.right)
                case Presence.BOTH if row.right is not None:
                    updated.append(UpdatedRow(row.key, row.right))
        missing, differing = self._looked_up(list(shared.values()))
        if self.check is SharedRowsCheck.SAME and differing.counts:
            self._refuse(differing, "shared rows differ in the target", _SHARED_REMEDY)
        absent, of_others = self._looked_up(inserted)
        if of_others.counts:
            self._refuse(of_others, "rows are there that belong to others", _OTHERS_REMEDY)
        return TableChanges(self.table, deleted, updated, [*missing, *absent])

    def _shared_rows(self) -> Iterator[tuple[tuple[Text, ...], RowValues]]:
        """Yield the shared rows of the artifact by key; without one nothing can reference them."""
        if not self.table.key:
            return
        form = self.artifact.manifest.table(self.table.name).row_form
        names = self.table.column_names
        batches = rows_of_owner(self.artifact, self.table.name, form, owned=False)
        for row in chain.from_iterable(batches):
            values = dict(zip(names, form.texts(row, len(names)), strict=True))
            yield tuple(values[name] for name in self.table.key), values

    def _looked_up(self, rows: Sequence[RowValues]) -> tuple[list[RowValues], DifferenceList]:
        """Return the rows whose key the target does not have, and how those differ that it has."""
        differences = DifferenceList(self.table.name, self.table.key)
        if not self.table.key:
            return list(rows), differences
        missing = []
        names, width = self.table.column_names, len(self.table.key)
        left = iter(rows)
        while batch := list(islice(left, _ASKED)):
            keys = [tuple(row[name] for name in self.table.key) for row in batch]
            query = texts_by_key(self.table, names, keys)
            with exact_names(self.database, self.table):
                there: dict[int, list[Text]] = {
                    place: rest for place, *rest in self.database.execute(query)
                }
            for place, (key, row) in enumerate(zip(keys, batch, strict=True)):
                if place in there:
                    wanted = tuple(row[name] for name in names)
                    differences.add_changed(key, names, wanted, tuple(there[place][width:]))
                else:
                    missing.append(row)
        return missing, differences

    def _refuse(self, differences: DifferenceList, what: str, remedy: str) -> None:
        result = differences.result(0, 0)
        shown = [str(difference) for difference in result.differences]
        more = [f"and {result.count - len(shown)} more"] if result.count > len(shown) else []
        self.findings.append(
            Finding(
                Subject.ROW,
                Severity.REFUSES,
                str(self.table.name),
                f"{self.table.name}: {result.count} {what}: {'; '.join([*shown, *more])}",
                remedy,
            )
        )


def _differing(row: RowValues, wanted: RowValues) -> RowValues:
    return {name: value for name, value in wanted.items() if row[name] != value}


_SHARED_REMEDY = "change them by hand, or let them be: shared = 'keep' under [[tables]]"
_OTHERS_REMEDY = (
    "no root of the artifact leads to them in the target; remove them, or move them back"
)
