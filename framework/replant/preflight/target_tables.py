"""The artifact's tables as the target has them, and how the two differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from replant.artifact.manifest import Manifest
from replant.database.connections import DatabaseConnection
from replant.database.privileges import TablePrivileges, read_privileges
from replant.errors import CatalogMismatchError, ConfigurationError, PrivilegeError
from replant.model import (
    Catalog,
    Identity,
    OnConflict,
    PlannedColumn,
    PlannedTable,
    RelationKind,
    RelationName,
    Settings,
    Subject,
    Table,
    readable,
)
from replant.model.table_differences import DifferenceKind, TableDifference, table_differences
from replant.model.table_shape import shape_of
from replant.planning.make_plan import no_key_to_update_by
from replant.sql.grants import grants, usage_grants

#: Without these there is nowhere to put the rows.
_LACKING = {
    DifferenceKind.TABLE_MISSING: (Subject.TABLE, "there is no table {table}"),
    DifferenceKind.NO_TABLE: (Subject.TABLE, "{table} is no table"),
    DifferenceKind.COLUMN_MISSING: (Subject.COLUMN, "{table} has no column {column}"),
    DifferenceKind.COLUMN_GENERATED: (Subject.COLUMN, "{table}.{column} is computed there"),
}

#: What mends any of them.
AS_THE_SOURCE = "bring the schema to the state of the source's"


def tables_in_target(
    manifest: Manifest,
    catalog: Catalog,
    on_conflict: Mapping[RelationName, OnConflict] | None = None,
) -> dict[RelationName, PlannedTable]:
    """The artifact's tables with the target's types, from which statements are composed.

    What the target lacks is left out; `missing_in_target` names it.

    Args:
        manifest: what the artifact holds.
        catalog: what the target has.
        on_conflict: what to do with rows that are there already, where not the artifact's way.

    """
    said = on_conflict or {}
    return {
        name: _as_target_has_it(
            evolve(exported, on_conflict=said.get(name, exported.on_conflict)), catalog.tables[name]
        )
        for name, exported in manifest.planned.items()
        if name in catalog.tables and shape_of(catalog.tables[name]).is_table
    }


def table_in_target(
    tables: Mapping[RelationName, PlannedTable], catalog: Catalog, name: RelationName
) -> PlannedTable:
    """A table of the target, also one that the artifact does not hold."""
    table = catalog.tables[name]
    return tables.get(name) or _as_target_has_it(PlannedTable(name, ()), table)


def missing_in_target(manifest: Manifest, catalog: Catalog) -> Iterator[tuple[Subject, str, str]]:
    """What has no place in the target: what it is, its name, and a sentence."""
    absent = {table.name.schema for table in manifest.tables} - catalog.schemas
    for schema in sorted(absent):
        yield Subject.SCHEMA, readable(schema), f"there is no schema {readable(schema)}"
    for difference in differences_in_target(manifest, catalog):
        table = difference.table
        if difference.change in _LACKING and table is not None and table.schema not in absent:
            subject, sentence = _LACKING[difference.change]
            column = readable(difference.subject)
            place = f"{table}.{column}" if subject is Subject.COLUMN else str(table)
            yield subject, place, sentence.format(table=table, column=column)


def differences_in_target(manifest: Manifest, catalog: Catalog) -> Iterator[TableDifference]:
    """How the target's tables differ from those that the artifact was made of."""
    names = [table.name for table in manifest.tables if table.name in catalog.tables]
    found = {name: shape_of(catalog.tables[name]) for name in names}
    return table_differences(manifest.shapes, found)


def check_fits(manifest: Manifest, catalog: Catalog) -> None:
    """Refuse a target that has no place for what the artifact holds.

    Raises:
        CatalogMismatchError: it names everything that is lacking.

    """
    problems = [what for _, _, what in missing_in_target(manifest, catalog)]
    if problems:
        raise CatalogMismatchError(
            f"the target database {catalog.database!r} does not fit the artifact: "
            f"{'; '.join(problems)}; {AS_THE_SOURCE}"
        )


def on_conflict_of(settings: Settings, manifest: Manifest) -> dict[RelationName, OnConflict]:
    """What a replay was told to do with rows that are there already, by table.

    Raises:
        ConfigurationError: rows of a table should be updated, and no key tells them apart.

    """
    said = dict.fromkeys(manifest.planned, settings.export.on_conflict)
    said |= {change.name: change.on_conflict for change in settings.tables if change.on_conflict}
    wanted = {name: said[name] for name in manifest.planned}
    keyless = [
        str(name)
        for name, way in wanted.items()
        if way is OnConflict.UPDATE and not manifest.planned[name].key
    ]
    if keyless:
        raise ConfigurationError(no_key_to_update_by(keyless))
    return {name: way for name, way in wanted.items() if way is not None}


def find_unseen_tables(
    database: DatabaseConnection, catalog: Catalog, tables: Mapping[RelationName, PlannedTable]
) -> dict[RelationName, str]:
    """The tables whose rows the role may not see, or not all of them: each with the mend.

    Raises:
        PrivilegeError: that is so of every table; the text has the GRANT that would mend it.

    """
    has = read_privileges(database, {n: t.column_names for n, t in tables.items()})
    hidden = {name for name in tables if catalog.tables[name].rows_are_hidden}
    unread = {name for name, may in has.items() if not (may.select and may.use_schema)}
    remedies = {
        name: _HIDDEN if name in hidden else " ".join(_remedies(catalog, {name: has[name]}))
        for name in tables
        if name in hidden | unread
    }
    if tables and len(remedies) == len(tables):
        if unread - hidden:
            lacked = " ".join(_remedies(catalog, has))
            raise PrivilegeError(
                f"the role {catalog.role!r} may not read the tables of the artifact; "
                f"run as their owner: {lacked}"
            )
        raise PrivilegeError(
            f"row-level security may hide rows of {', '.join(map(str, sorted(hidden)))} from the "
            f"role {catalog.role!r}; {_HIDDEN}"
        )
    return remedies


_HIDDEN = "verify as the tables' owner or as a role with BYPASSRLS"


def _remedies(catalog: Catalog, has: Mapping[RelationName, TablePrivileges]) -> Iterator[str]:
    schemas = {name.schema for name, may in has.items() if not may.use_schema}
    if schemas:
        yield usage_grants(schemas, catalog.role)
    names = [name for name, may in has.items() if not may.select]
    if names:
        yield grants("SELECT", names, catalog.role)


def _as_target_has_it(planned: PlannedTable, table: Table) -> PlannedTable:
    live = {column.name: column for column in table.columns}
    known = [live[c.name] for c in planned.columns if c.name in live]
    return evolve(
        planned,
        columns=tuple(
            PlannedColumn(c.name, c.type, always_identity=c.identity is Identity.ALWAYS)
            for c in known
        ),
        rows=evolve(planned.rows, only=table.kind is RelationKind.TABLE, equality=table.equality),
    )
