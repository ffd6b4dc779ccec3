"""Finds the privileges that changes need and the role lacks, each with its GRANT."""

from __future__ import annotations

from collections.abc import Iterator

from replant.changes.table_changes import Changes, TableChanges
from replant.database.connections import DatabaseConnection
from replant.database.privileges import read_privileges
from replant.model import Catalog, Finding, RelationName, Severity, Subject
from replant.sql.grants import grants


def find_missing_change_privileges(
    database: DatabaseConnection, catalog: Catalog, changes: Changes
) -> Iterator[Finding]:
    """Yield a refusal for each privilege that is missing, with the tables that need it."""
    lacking: dict[str, list[RelationName]] = {
        privilege: [] for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
    }
    for name, each in changes.items():
        for privilege, columns in _needed(each).items():
            (has,) = read_privileges(database, {name: columns}).values()
            held = {
                "SELECT": has.select_system,
                "INSERT": has.insert,
                "UPDATE": has.update,
                "DELETE": has.delete,
            }
            if not held[privilege]:
                lacking[privilege].append(name)
    for privilege, names in lacking.items():
        if names:
            listed = ", ".join(map(str, names))
            yield Finding(
                Subject.PRIVILEGE,
                Severity.REFUSES,
                listed,
                f"the role {catalog.role!r} lacks {privilege} on {listed}",
                grants(privilege, names, catalog.role),
            )


def _needed(changes: TableChanges) -> dict[str, list[str]]:
    """Return the privileges that a table's changes need, each with the columns that it needs."""
    needed: dict[str, list[str]] = {}
    if changes.inserted:
        needed["INSERT"] = list(changes.table.column_names)
    if changes.updated:
        needed["UPDATE"] = sorted(changes.updated.columns)
    if changes.deleted:
        needed["DELETE"] = []
    if changes.deleted and not changes.table.key:
        # They are deleted by their place; a privilege on each column does not show it.
        needed["SELECT"] = []
    return needed
