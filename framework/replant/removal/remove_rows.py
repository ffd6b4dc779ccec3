"""Removes the owned rows of an artifact from a target, all or none, and touches no other row."""

from __future__ import annotations

from collections.abc import Iterator

from replant.artifact.artifact import Artifact
from replant.changes.change_plan import ChangePlan
from replant.changes.change_privileges import find_missing_change_privileges
from replant.changes.change_rows import change_rows, looking
from replant.changes.outside_references import find_outside_references
from replant.changes.target_keys import find_missing_keys
from replant.changes.unique_collisions import SettledChanges
from replant.database.connections import DatabaseConnection
from replant.database.read_catalog import read_catalog
from replant.errors import ChangeError
from replant.model import Finding, Severity, Subject
from replant.model.numbers import counted
from replant.preflight.same_database import check_same_database
from replant.preflight.target_schema import check_nothing_missing
from replant.preflight.target_tables import tables_in_target
from replant.removal.owned_rows import find_owned_rows, rows_left
from replant.verification.unseen_tables import check_all_seen


def plan_removal(
    database: DatabaseConnection, artifact: Artifact, *, allow_cascade: bool, asks: bool
) -> ChangePlan:
    """Find the rows, and what prevents their removal; nothing is changed.

    Args:
        database: the transaction.
        artifact: has the rows.
        allow_cascade: whether foreign keys may delete and change rows that stay.
        asks: whether the removal has to be confirmed.

    Raises:
        ReplantError: the question itself cannot be answered; see `replant.errors`.

    """
    with looking(database):
        catalog = read_catalog(database)
        check_nothing_missing(artifact.manifest, catalog)
        tables = tables_in_target(artifact.manifest, catalog)
        check_all_seen(database, catalog, tables)
        changes, findings = find_owned_rows(database, artifact, tables)
        plan = ChangePlan(catalog.database, changes)
        return ChangePlan(
            catalog.database,
            changes,
            (
                *check_same_database(database, None, artifact.manifest, {}),
                *findings,
                *find_missing_keys(catalog, changes),
                *find_outside_references(
                    database, catalog, changes, artifact.manifest, allow_cascade=allow_cascade
                ),
                *find_missing_change_privileges(database, catalog, changes),
                *(_question(plan) if asks else ()),
            ),
        )


def remove_rows(database: DatabaseConnection, plan: ChangePlan, *, rehearse: bool) -> None:
    """Delete the rows, see that they are gone, and commit.

    Args:
        database: the transaction in which the plan was made.
        plan: what is deleted.
        rehearse: whether all is undone in the end.

    Raises:
        ChangeError: the target refused, or kept a row.
        PrivilegeError: the role lacks a privilege that was not foreseen.

    """
    change_rows(database, SettledChanges(plan.changes))
    with looking(database):
        for name, number in rows_left(database, plan.changes):
            raise ChangeError(
                f"{name} holds {number:,} of the deleted rows again: a trigger of the target "
                f"brought them back; nothing was changed"
            )
    database.execute(b"ROLLBACK" if rehearse else b"COMMIT")


def _question(plan: ChangePlan) -> Iterator[Finding]:
    if plan.total.deleted:
        rows, tables = counted(plan.total.deleted, "row"), counted(len(plan.counts), "table")
        what = f"{rows} of {tables} are deleted from {plan.database!r}"
        yield Finding(Subject.ROW, Severity.ASKS, plan.database, what)
