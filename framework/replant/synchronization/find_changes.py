"""Finds how the rows of a target must change to be those of an artifact.

Owned rows are inserted, updated and deleted. Shared rows are inserted where the target lacks them,
and left as they are otherwise, unless they are owned in the target: then they are updated. A row of
the artifact that is there and belongs to nobody's set, or to another, is not touched: it refuses
the change if it differs.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import chain, islice

from attrs import define, field, frozen

from replant.artifact.artifact import Artifact
from replant.changes.table_changes import (
    Changes,
    PackedRows,
    PackedUpdates,
    RowValues,
    TableChanges,
    UpdatedRow,
)
from replant.database.connections import DatabaseConnection, is_near
from replant.database.session_settings import exact_names
from replant.difference.compare_sides import TableComparison
from replant.difference.result import DifferingRow, Presence
from replant.difference.target_side import TargetSide
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
from replant.sql.fingerprints import Fingerprint
from replant.sql.row_queries import texts_by_key
from replant.synchronization.artifact_rows_by_owner import OwnedSide, rows_of_owner
from replant.synchronization.rows_in_target import RowsInTarget
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
    there = TargetSide(database, found.tables, found.selection, found.owned, found.owned_counts)
    of_artifact = OwnedSide(artifact)
    changes, findings, wanted = {}, [], {}
    for exported in artifact.manifest.tables:
        name = exported.name
        if name in left_out:
            continue
        check = checks.get(name, SharedRowsCheck.KEEP)
        table = _TableSearch(there, of_artifact, found.tables[name], check)
        changes[name] = table.changes(exported.ownership)
        findings += table.findings
        if table.written is not None and not exported.shared_count:
            wanted[name] = WantedRows(changes[name], exported.row_form, table.written)
    return FoundChanges(changes, tuple(findings), found, wanted)


@define
class _OwnedRows:
    """The owned rows of one table that differ.

    Attributes:
        table: the table as the target has it.
        wanted: those that only the artifact has.
        updated: those that both have.

    """

    table: PlannedTable
    wanted: PackedRows = field(init=False)
    updated: PackedUpdates = field(init=False)
    _keyless: PackedRows = field(init=False)
    #: Those that only the target has, by the text of their key.
    _only_there: dict[tuple[Text, ...], bytes] = field(factory=dict, init=False)

    @wanted.default
    @_keyless.default
    def _none(self) -> PackedRows:
        return PackedRows(self.table.column_names)

    @updated.default
    def _no_updates(self) -> PackedUpdates:
        return PackedUpdates(self.table.key)

    def add(self, row: DifferingRow) -> None:
        """Take a row that the comparison of the target with the artifact found."""
        if row.right is not None and row.presence is Presence.RIGHT:
            self.wanted.append(row.right)
        elif row.right is not None:
            self.updated.append(UpdatedRow(row.key, row.right))
        elif row.left is not None and row.key:
            self._only_there[tuple(row.key.values())] = self._keyless.line_of(row.left)
        elif row.left is not None:
            self._keyless.append(row.left)

    def meet(self, key: tuple[Text, ...], wanted: RowValues) -> bool:
        """Update the row of a key that only the target seemed to have; False if there is none."""
        line = self._only_there.pop(key, None)
        if line is None:
            return False
        own = self._keyless.row_of(line)
        changed = {name: text for name, text in wanted.items() if text != own[name]}
        if changed:
            self.updated.append(UpdatedRow(dict(zip(self.table.key, key, strict=True)), changed))
        return True

    @property
    def deleted(self) -> PackedRows:
        """Those that the artifact does not have."""
        rows = PackedRows(self.table.column_names)
        rows.lines = [*self._keyless.lines, *self._only_there.values()]
        return rows


@define
class _TableSearch:
    """The search for the changes of one table.

    Attributes:
        there: the owned rows of the target.
        wanted: those of the artifact.
        table: the table as the target has it.
        check: what is done with shared rows that differ.
        findings: what stands in their way.
        written: what the rows are together that the artifact has otherwise than the target; None
            where rows were not compared as they stand.

    """

    there: TargetSide
    wanted: OwnedSide
    table: PlannedTable
    check: SharedRowsCheck
    findings: list[Finding] = field(factory=list)
    written: Fingerprint | None = None

    def changes(self, ownership: Ownership) -> TableChanges:
        """Return what changes."""
        found = _OwnedRows(self.table)
        if ownership is not Ownership.SHARED:
            # To hash the rows of a server nearby takes longer than to compare them.
            by_blocks = not is_near(self.there.database)
            comparison = TableComparison(self.there, self.wanted, self.table.name, by_blocks)
            self.written = comparison.find(found.add)
        shared = () if ownership is Ownership.OWNED else self._shared_rows()
        inserted = PackedRows(self.table.column_names)
        differing = self._settle(shared, found, inserted)
        if self.check is SharedRowsCheck.SAME and differing.counts:
            self._refuse(differing, "that are shared with others", _SHARED_REMEDY)
        of_others = self._settle(found.wanted, found, inserted)
        if of_others.counts:
            self._refuse(of_others, "that belong to others", _OTHERS_REMEDY)
        return TableChanges(self.table, found.deleted, found.updated, inserted)

    def _shared_rows(self) -> Iterator[RowValues]:
        """Yield the shared rows of the artifact; without a key nothing can reference them."""
        if not self.table.key:
            return
        form = self.wanted.artifact.manifest.table(self.table.name).row_form
        names = self.table.column_names
        batches = rows_of_owner(self.wanted.artifact, self.table.name, form, owned=False)
        for row in chain.from_iterable(batches):
            yield dict(zip(names, form.texts(row, len(names)), strict=True))

    def _settle(
        self,
        rows: Iterable[RowValues],
        owned: _OwnedRows,
        missing: PackedRows,
    ) -> DifferenceList:
        """Look up rows of the artifact that were not found by the text of their key.

        The server may hold a key to be equal to one with another text, as 1.0 to 1.00.

        Args:
            rows: the rows.
            owned: those that only the target has; those that are met are updated instead.
            missing: the rows that the target does not have are added here.

        Returns:
            How those differ that it has otherwise, among rows that it does not own.

        """
        table = self.table
        differing = DifferenceList(table.name, table.key)
        for row, there in self._looked_up(rows):
            if there is None:
                missing.append(row)
                continue
            key = tuple(there[name] for name in table.key)
            if not owned.meet(key, row):
                names = table.column_names
                exported, found = (tuple(each[name] for name in names) for each in (row, there))
                differing.add_changed(key, names, exported, found)
        return differing

    def _looked_up(self, rows: Iterable[RowValues]) -> Iterator[tuple[RowValues, RowValues | None]]:
        """Yield each row with that of the target that has an equal key."""
        table, names, width = self.table, self.table.column_names, len(self.table.key)
        left = iter(rows)
        while batch := list(islice(left, _ASKED)):
            there: dict[int, RowValues] = {}
            if table.key:
                keys = [tuple(row[name] for name in table.key) for row in batch]
                with exact_names(self.there.database, table):
                    found = self.there.database.execute(texts_by_key(table, names, keys)).fetchall()
                there = {
                    place: dict(zip(names, rest[width:], strict=True)) for place, *rest in found
                }
            for place, row in enumerate(batch):
                yield row, there.get(place)

    def _refuse(self, differences: DifferenceList, whose: str, remedy: str) -> None:
        result = differences.result(0, 0)
        shown = [str(difference) for difference in result.differences]
        more = [f"and {result.count - len(shown):,} more"] if result.count > len(shown) else []
        self.findings.append(
            Finding(
                Subject.ROW,
                Severity.REFUSES,
                str(self.table.name),
                f"{self.table.name}: other values in the target, in rows {whose}: "
                f"{'; '.join([*shown, *more])}",
                remedy,
            )
        )


_SHARED_REMEDY = "change them by hand, or let them be: shared = 'keep' under [[tables]]"
_OTHERS_REMEDY = (
    "no root of the artifact leads to them in the target; remove them, or move them back"
)
