"""Makes the owned rows of a target those of an artifact, in one transaction, or changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from replant.artifact.artifact import Artifact
from replant.changes.change_plan import ChangePlan
from replant.changes.change_privileges import find_missing_change_privileges
from replant.changes.change_rows import change_rows, looking
from replant.changes.outside_references import find_outside_references
from replant.changes.target_keys import find_missing_keys
from replant.changes.unique_collisions import settle_collisions
from replant.database.connections import DatabaseConnection
from replant.database.read_catalog import read_catalog
from replant.errors import ChangeError
from replant.model import Catalog, Finding, PlannedTable, RelationName, Settings, Severity, Subject
from replant.preflight.same_database import check_same_database
from replant.preflight.target_schema import check_target_schema, differences_in_target
from replant.preflight.target_tables import tables_in_target
from replant.replay.closing_notes import collect_notes
from replant.sql.closing_checks import finishing
from replant.synchronization.backup import write_backup
from replant.synchronization.find_changes import FoundChanges, find_changes
from replant.synchronization.rows_in_target import RowsInTarget, find_rows_in_target
from replant.synchronization.untouched_rows import (
    UntouchedRows,
    find_untouched_rows,
    is_as_wanted,
)
from replant.verification.differences import told_one_way
from replant.verification.target_closure import ROOTS_BY_KEY
from replant.verification.unseen_tables import check_all_seen


class Synchronization:
    """A synchronization in the transaction of a target.

    Args:
        database: the transaction; see `replant.changes.change_rows.changing`.
        artifact: the wanted rows.
        settings: say what to do with shared rows that differ.
        source: the connection string of the source, where it is known.

    """

    def __init__(
        self,
        database: DatabaseConnection,
        artifact: Artifact,
        settings: Settings,
        source: str | None,
    ) -> None:
        self._database = database
        self._artifact = artifact
        self._source = source
        self._map_schema = settings.map_schema
        self._searched: FoundChanges | None = None
        self._checks = {table.name: table.shared for table in settings.tables if table.shared}

    def plan(self, max_deletes: int | None, *, allow_cascade: bool) -> ChangePlan:
        """Find out what changes, and what prevents it; nothing is changed.

        Args:
            max_deletes: beyond this many deleted rows it has to be confirmed; None for never.
            allow_cascade: whether foreign keys may delete and change rows outside the set.

        Raises:
            ReplantError: the question itself cannot be answered; see `replant.errors`.

        """
        manifest = self._artifact.manifest
        with looking(self._database):
            catalog = read_catalog(self._database)
            tables = tables_in_target(manifest, catalog)
            guards = [
                *check_same_database(self._database, self._source, manifest, self._map_schema),
                *check_target_schema(
                    manifest, catalog, tables, differences_in_target(manifest, catalog)
                ),
            ]
            if any(finding.severity is Severity.REFUSES for finding in guards):
                return ChangePlan(catalog.database, {}, tuple(guards))
            changes = self._searched = self._search(catalog, tables)
            plan = ChangePlan(catalog.database, changes.changes)
            findings = [
                *guards,
                *changes.findings,
                *_not_looked_for(changes.found),
                *find_missing_keys(catalog, changes.changes),
                *find_outside_references(
                    self._database,
                    catalog,
                    changes.changes,
                    manifest,
                    allow_cascade=allow_cascade,
                ),
                *find_missing_change_privileges(self._database, catalog, changes.changes),
                *_question(plan, max_deletes),
            ]
            return evolve(plan, findings=tuple(findings))

    def back_up(self, output: str) -> None:
        """Write the target's rows as they are to an artifact.

        Raises:
            OutputError: the output is there already, or cannot be written.

        """
        with looking(self._database):
            catalog = read_catalog(self._database)
            tables = tables_in_target(self._artifact.manifest, catalog)
            found = find_rows_in_target(self._database, catalog, self._artifact, tables)
            write_backup(self._database, catalog, self._artifact, found, output)

    def carry_out(self, plan: ChangePlan, *, rehearse: bool) -> tuple[Finding, ...]:
        """Change the rows, compare all of them both ways, move the sequences, and commit.

        Args:
            plan: what was found to change.
            rehearse: whether all is undone in the end.

        Returns:
            Notes on sequences that were not moved, each with the remedy.

        Raises:
            ChangeError: the target refused, or does not hold the wanted rows afterwards.

        """
        if not plan.total.total:
            with looking(self._database):
                tables = tables_in_target(self._artifact.manifest, read_catalog(self._database))
            return self._finish(tables, rehearse=rehearse)
        with looking(self._database):
            catalog = read_catalog(self._database)
            settled = settle_collisions(self._database, catalog, plan.changes)
            before = self._untouched(catalog)
        change_rows(self._database, settled)
        with looking(self._database):
            tables = tables_in_target(self._artifact.manifest, catalog)
            _check_nothing_left(self._search(catalog, tables, before))
        return self._finish(tables, rehearse=rehearse)

    def _untouched(self, catalog: Catalog) -> dict[RelationName, UntouchedRows]:
        """Find the rows that are to stay as they are, where they can be told."""
        searched = self._searched
        if searched is None:
            return {}
        return find_untouched_rows(self._database, catalog, searched.found, searched.wanted)

    def _search(
        self,
        catalog: Catalog,
        tables: dict[RelationName, PlannedTable],
        before: Mapping[RelationName, UntouchedRows] | None = None,
    ) -> FoundChanges:
        """Compare the artifact with the target.

        Args:
            catalog: what the target has.
            tables: the artifact's tables there.
            before: the rows that were to stay as they are, once the others are changed. A table
                needs no second comparison that holds these and the ones that were written.

        """
        check_all_seen(self._database, catalog, tables)
        found = find_rows_in_target(self._database, catalog, self._artifact, tables)
        as_wanted = {
            name
            for name, untouched in (before or {}).items()
            if self._searched is not None
            and is_as_wanted(self._database, found, untouched, self._searched.wanted[name])
        }
        return find_changes(self._database, self._artifact, found, self._checks, as_wanted)

    def _finish(
        self, tables: dict[RelationName, PlannedTable], *, rehearse: bool
    ) -> tuple[Finding, ...]:
        notes = collect_notes(self._database)
        ending = self._artifact.manifest.ending(tables, ())
        self._database.execute(b"ROLLBACK" if rehearse else finishing(ending))
        return tuple(notes)


def _check_nothing_left(found: FoundChanges) -> None:
    """Refuse a result that is not what the artifact holds.

    Raises:
        ChangeError: it is not.

    """
    left = ChangePlan("", found.changes)
    if not left.counts and not found.findings:
        return
    told = [
        f"{name}: {counts.inserted:,} rows are missing, {counts.updated:,} differ, "
        f"{counts.deleted:,} are too many"
        for name, counts in left.counts.items()
    ]
    told += [str(finding) for finding in found.findings]
    raise ChangeError(
        f"the target does not hold the rows of the artifact after the changes: {'; '.join(told)}; "
        f"a trigger or rule of the target may have changed them; nothing was changed"
    )


def _not_looked_for(found: RowsInTarget) -> Iterator[Finding]:
    names = sorted(found.loose)
    for told in told_one_way((name, ROOTS_BY_KEY) for name in names):
        yield Finding(Subject.ROW, Severity.NOTE, ", ".join(map(str, names)), told)


def _question(plan: ChangePlan, max_deletes: int | None) -> Iterator[Finding]:
    number = plan.total.deleted
    if max_deletes is not None and number > max_deletes:
        rows = "row is" if number == 1 else "rows are"
        what = f"{number:,} {rows} deleted from {plan.database!r}"
        yield Finding(Subject.ROW, Severity.ASKS, plan.database, what)
