"""Checks the target's schema: tables, columns and keys that an artifact needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replant.artifact.manifest import Manifest
from replant.errors import CatalogMismatchError
from replant.model import Catalog, Finding, OnConflict, RelationName, Severity, Subject, readable
from replant.model.table_differences import DifferenceKind, TableDifference, table_differences
from replant.model.table_shape import shape_of
from replant.replay.load_plan import Tables

#: How the tables of a target differ from those from which an artifact was made.
Differences = Sequence[TableDifference]

#: Differences with which the rows cannot be loaded.
_LACKING = {
    DifferenceKind.TABLE_MISSING: (Subject.TABLE, "there is no table {table}"),
    DifferenceKind.NO_TABLE: (Subject.TABLE, "{table} is not a table"),
    DifferenceKind.COLUMN_MISSING: (Subject.COLUMN, "{table} has no column {column}"),
    DifferenceKind.COLUMN_GENERATED: (Subject.COLUMN, "{table}.{column} is computed there"),
}

#: The remedy for all of them.
AS_THE_SOURCE = "bring the schema to the state of the source's"


def check_target_schema(
    manifest: Manifest, catalog: Catalog, tables: Tables, differences: Differences
) -> Iterator[Finding]:
    """Find missing schemas, tables, columns and keys, and columns that would get no value."""
    for subject, place, what in missing_in_target(manifest, catalog, differences):
        yield Finding(subject, Severity.REFUSES, place, what, AS_THE_SOURCE)
    for difference in differences:
        if difference.change is DifferenceKind.COLUMN_ADDED:
            yield from _unfilled(difference, catalog, tables)
    for name in tables:
        yield from _update_key(catalog, tables, name)
        yield from _rules(catalog, tables, name)


def missing_in_target(
    manifest: Manifest, catalog: Catalog, differences: Differences
) -> Iterator[tuple[Subject, str, str]]:
    """Yield what the target lacks: what it is, its name, and a sentence.

    A table of which no row was exported is not needed.
    """
    filled = {table.name for table in manifest.tables if table.row_count}
    absent = {name.schema for name in filled} - catalog.schemas
    for schema in sorted(absent):
        yield Subject.SCHEMA, readable(schema), f"there is no schema {readable(schema)}"
    for difference in differences:
        table = difference.table
        if difference.change in _LACKING and table is not None and table.schema not in absent:
            if _is_left_out(manifest, difference):
                continue
            subject, sentence = _LACKING[difference.change]
            if subject is Subject.TABLE and table not in filled:
                continue
            column = readable(difference.subject)
            place = f"{table}.{column}" if subject is Subject.COLUMN else str(table)
            yield subject, place, sentence.format(table=table, column=column)


def _is_left_out(manifest: Manifest, difference: TableDifference) -> bool:
    """Tell whether a column that the target lacks is not in the artifact, so needs no place."""
    assert difference.table is not None
    if _LACKING[difference.change][0] is not Subject.COLUMN:
        return False
    held = {column.name for column in manifest.table(difference.table).columns}
    return difference.subject not in held


def differences_in_target(manifest: Manifest, catalog: Catalog) -> Differences:
    """Compare the target's tables with those from which the artifact was made."""
    names = [table.name for table in manifest.tables if table.name in catalog.tables]
    found = {name: shape_of(catalog.tables[name]) for name in names}
    return tuple(table_differences(manifest.shapes, found))


def check_nothing_missing(manifest: Manifest, catalog: Catalog) -> None:
    """Refuse a target that lacks tables or columns of the artifact.

    Raises:
        CatalogMismatchError: it names everything that is missing.

    """
    differences = differences_in_target(manifest, catalog)
    problems = [what for _, _, what in missing_in_target(manifest, catalog, differences)]
    if problems:
        raise CatalogMismatchError(
            f"the target database {catalog.database!r} does not fit the artifact: "
            f"{'; '.join(problems)}; {AS_THE_SOURCE}"
        )


def _unfilled(difference: TableDifference, catalog: Catalog, tables: Tables) -> Iterator[Finding]:
    """Find a NOT NULL column that would get no value; a trigger may still give it one."""
    name, shape = difference.table, difference.shape
    if name is None or shape is None or not tables[name].row_count:
        return
    if not shape.not_null or shape.filled or shape.generated:
        return
    yield not_null_finding(
        catalog,
        name,
        shape.name,
        "is NOT NULL there, has no default, and is not in the artifact",
        given=False,
    )


def not_null_finding(
    catalog: Catalog, name: RelationName, column: str, what: str, *, given: bool
) -> Finding:
    """Make the finding for a column that needs a value for which rows have none.

    Args:
        catalog: what the target has.
        name: the table.
        column: the column.
        what: what is so, behind the column's name.
        given: whether the rows hold NULL for it; a default then changes nothing.

    """
    place = f"{name}.{readable(column)}"
    if _has_insert_trigger(catalog, name):
        what = f"{place} {what}: a trigger must give it a value"
        return Finding(Subject.COLUMN, Severity.NOTE, place, what)
    alter = f"ALTER TABLE {name} ALTER COLUMN {readable(column)}"
    remedy = f"{alter} SET DEFAULT …; or {alter} DROP NOT NULL;"
    if given:
        remedy = f"{alter} DROP NOT NULL; or export without the column (omit)"
    return Finding(Subject.COLUMN, Severity.REFUSES, place, f"{place} {what}", remedy)


def _has_insert_trigger(catalog: Catalog, name: RelationName) -> bool:
    return any("INSERT" in trigger.events for trigger in catalog.tables[name].triggers)


def _update_key(catalog: Catalog, tables: Tables, name: RelationName) -> Iterator[Finding]:
    """Refuse to update rows by columns that are not a key in the target."""
    planned, table = tables[name], catalog.tables[name]
    keys = [set(key) for key in (table.primary_key, *table.unique_keys)]
    keys += [{*index.columns} for index in planned.matching or () if not index.excludes]
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


def _rules(catalog: Catalog, tables: Tables, name: RelationName) -> Iterator[Finding]:
    """Refuse ON CONFLICT where a rule rewrites the INSERT: PostgreSQL has no such statement."""
    planned = tables[name]
    rules = [t for t in catalog.tables[name].triggers if t.kind == "rule"]
    if not rules or not planned.row_count or planned.on_conflict is OnConflict.ERROR:
        return
    listed = ", ".join(readable(rule.name) for rule in rules)
    yield Finding(
        Subject.TABLE,
        Severity.REFUSES,
        str(name),
        f"{name} has a rule ({listed}), with which no row can be skipped or updated",
        f"ALTER TABLE {name} DISABLE RULE {readable(rules[0].name)}; or replay with --on-conflict "
        f"error",
    )
