"""Whether the target has a place for what an artifact holds: findings about tables and columns."""

from __future__ import annotations

from collections.abc import Iterator

from replant.artifact.manifest import Manifest
from replant.model import Catalog, Finding, OnConflict, RelationName, Severity, Subject, readable
from replant.model.table_differences import DifferenceKind, TableDifference
from replant.preflight.target_tables import AS_THE_SOURCE, differences_in_target, missing_in_target
from replant.replay.load_plan import Tables


def check_target_schema(manifest: Manifest, catalog: Catalog, tables: Tables) -> Iterator[Finding]:
    """Schemas, tables, columns and keys that are lacking, and columns that would get no value."""
    for subject, place, what in missing_in_target(manifest, catalog):
        yield Finding(subject, Severity.REFUSES, place, what, AS_THE_SOURCE)
    for difference in differences_in_target(manifest, catalog):
        if difference.change is DifferenceKind.COLUMN_ADDED:
            yield from _unfilled(difference, catalog, tables)
    for name in tables:
        yield from _update_key(catalog, tables, name)


def _unfilled(difference: TableDifference, catalog: Catalog, tables: Tables) -> Iterator[Finding]:
    """A column that takes no NULL and gets no value; a trigger may yet give it one."""
    name, shape = difference.table, difference.shape
    if name is None or shape is None or not tables[name].row_count:
        return
    if not shape.not_null or shape.filled or shape.generated:
        return
    yield not_null_finding(
        catalog, name, shape.name, "is NOT NULL there, has no default, and is not in the artifact"
    )


def not_null_finding(catalog: Catalog, name: RelationName, column: str, what: str) -> Finding:
    """A column for which rows have no value although it needs one."""
    place = f"{name}.{readable(column)}"
    if _has_insert_trigger(catalog, name):
        what = f"{place} {what}: a trigger must give it a value"
        return Finding(Subject.COLUMN, Severity.NOTE, place, what)
    alter = f"ALTER TABLE {name} ALTER COLUMN {readable(column)}"
    remedy = f"{alter} SET DEFAULT …; or {alter} DROP NOT NULL;"
    return Finding(Subject.COLUMN, Severity.REFUSES, place, f"{place} {what}", remedy)


def _has_insert_trigger(catalog: Catalog, name: RelationName) -> bool:
    return any("INSERT" in trigger.events for trigger in catalog.tables[name].triggers)


def _update_key(catalog: Catalog, tables: Tables, name: RelationName) -> Iterator[Finding]:
    """Rows are updated by a key, which must be one in the target too."""
    planned, table = tables[name], catalog.tables[name]
    keys = [set(key) for key in (table.primary_key, *table.unique_keys)]
    if planned.on_conflict is not OnConflict.UPDATE or set(planned.key) in keys:
        return
    listed = ", ".join(map(readable, planned.key))
    yield Finding(
        Subject.TABLE,
        Severity.REFUSES,
        str(name),
        f"{name} has no primary or unique key on ({listed}) to update rows by",
        f"ALTER TABLE {name} ADD UNIQUE ({listed}); or replay with --on-conflict error or skip",
    )
