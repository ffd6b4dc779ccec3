"""Finds tables whose rows the target does not tell apart by the artifact's key."""

from __future__ import annotations

from collections.abc import Iterator

from replant.changes.table_changes import Changes
from replant.model import Catalog, Finding, Severity, Subject, readable


def find_missing_keys(catalog: Catalog, changes: Changes) -> Iterator[Finding]:
    """Yield a refusal for each table of which rows are found by columns that are not a key there.

    Two rows could have the same values in them, and one would be changed for the other.
    """
    for name, each in changes.items():
        key, live = each.table.key, catalog.tables[name]
        unique = [set(columns) for columns in (live.primary_key, *live.unique_keys) if columns]
        found_by_key = key and (each.deleted or each.updated)
        if found_by_key and not any(columns <= set(key) for columns in unique):
            listed = ", ".join(map(readable, key))
            yield Finding(
                Subject.TABLE,
                Severity.REFUSES,
                str(name),
                f"{name} has no primary or unique key on ({listed}), by which its rows are found",
                f"ALTER TABLE {name} ADD UNIQUE ({listed});",
            )
