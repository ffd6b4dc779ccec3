"""The artifact's tables as the target has them: missing things are found before the first row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve

from replant.artifact.manifest import Manifest
from replant.database.connections import Database
from replant.database.privileges import read_privileges
from replant.errors import CatalogMismatchError, ConfigurationError, PrivilegeError
from replant.model import (
    Catalog,
    CheckForeignKeys,
    ForeignKey,
    Identity,
    LoadOrder,
    OnConflict,
    PatchColumns,
    PlannedColumn,
    PlannedTable,
    RelationKind,
    RelationName,
    Settings,
    Table,
    readable,
)
from replant.planning.plan import no_key_to_update_by
from replant.rendering import statements
from replant.rendering.grants import grants, usage_grants

_WRITABLE = (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE)


def tables_in_target(
    manifest: Manifest, catalog: Catalog, on_conflict: Mapping[RelationName, OnConflict]
) -> dict[RelationName, PlannedTable]:
    """The artifact's tables with the target's types, from which statements are composed.

    Args:
        manifest: what the artifact holds.
        catalog: what the target has.
        on_conflict: what to do with rows that are there already, where not the artifact's way.

    Raises:
        CatalogMismatchError: the target lacks tables, columns or keys; names them all.

    """
    absent = sorted({name.schema for name in manifest.planned} - catalog.schemas)
    problems = [f"there is no schema {readable(schema)}" for schema in absent]
    found = {}
    for name, exported in manifest.planned.items():
        planned = evolve(exported, on_conflict=on_conflict.get(name, exported.on_conflict))
        if name.schema in absent:
            continue
        table = catalog.tables.get(name)
        if table is None or table.kind not in _WRITABLE:
            problems.append(f"{name} is no table" if table else f"there is no table {name}")
            continue
        problems += [*_column_problems(planned, table), *_key_problems(planned, table)]
        found[name] = _as_target_has_it(planned, table)
    if problems:
        raise CatalogMismatchError(
            f"the target database {catalog.database!r} does not fit the artifact: "
            f"{'; '.join(problems)}; bring its schema to the state of the source's"
        )
    return found


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


def may_be_copied(
    tables: Mapping[RelationName, PlannedTable], catalog: Catalog
) -> frozenset[RelationName]:
    """The tables that COPY can load; it refuses one whose policies apply to the role."""
    return frozenset(
        name
        for name, table in tables.items()
        if statements.may_be_copied(table) and not catalog.tables[name].rows_are_hidden
    )


def check_may_insert(
    database: Database,
    catalog: Catalog,
    tables: Mapping[RelationName, PlannedTable],
    order: LoadOrder,
) -> None:
    """Find every missing privilege of a replay at once.

    Raises:
        PrivilegeError: with the GRANT that would mend it.

    """
    filled = {n: table.column_names for n, table in tables.items() if table.row_count}
    has = read_privileges(database, filled)
    changed = {s.table for s in order.steps if isinstance(s, PatchColumns)} & filled.keys()
    changed |= {n for n in filled if tables[n].on_conflict is OnConflict.UPDATE}
    _refuse(
        catalog,
        "replay into",
        schemas={n.schema for n, p in has.items() if not p.use_schema},
        missing={
            "INSERT": {n for n, p in has.items() if not p.insert},
            "SELECT": _unreadable(database, catalog, filled, order),
            "SELECT, UPDATE": {n for n in changed if not (has[n].update and has[n].select)},
        },
    )


def _unreadable(
    database: Database,
    catalog: Catalog,
    filled: Mapping[RelationName, tuple[str, ...]],
    order: LoadOrder,
) -> set[RelationName]:
    """The tables that a check of foreign keys would read, and the role may not."""
    if not any(isinstance(statement, CheckForeignKeys) for statement in order.after):
        return set()
    keys = [key for name in filled for key in catalog.tables[name].foreign_keys if key.enforced]
    ends = {name: columns for key in keys for name, columns in _ends(key)}
    has = read_privileges(database, ends)
    return {name for name, privileges in has.items() if not privileges.select}


def _ends(key: ForeignKey) -> Iterator[tuple[RelationName, tuple[str, ...]]]:
    yield key.table, key.columns
    yield key.references, key.referenced_columns


def check_may_select(
    database: Database, catalog: Catalog, tables: Mapping[RelationName, PlannedTable]
) -> None:
    """Find every missing privilege of a verification at once.

    Raises:
        PrivilegeError: with the GRANT that would mend it.

    """
    has = read_privileges(database, {n: table.column_names for n, table in tables.items()})
    _refuse(
        catalog,
        "read",
        schemas={n.schema for n, p in has.items() if not p.use_schema},
        missing={"SELECT": {n for n, p in has.items() if not p.select}},
    )
    hidden = [str(name) for name in tables if catalog.tables[name].rows_are_hidden]
    if hidden:
        raise PrivilegeError(
            f"row-level security may hide rows of {', '.join(hidden)} from the role "
            f"{catalog.role!r}; verify as the tables' owner or as a role with BYPASSRLS"
        )


def _refuse(
    catalog: Catalog,
    action: str,
    *,
    schemas: Iterable[str],
    missing: Mapping[str, Iterable[RelationName]],
) -> None:
    mends = [usage_grants(schemas, catalog.role)] if schemas else []
    mends += [grants(what, names, catalog.role) for what, names in missing.items() if names]
    if mends:
        raise PrivilegeError(
            f"the role {catalog.role!r} may not {action} all tables of the artifact; "
            f"run as their owner: {' '.join(mends)}"
        )


def _column_problems(planned: PlannedTable, table: Table) -> list[str]:
    problems = []
    for column in planned.columns:
        live = table.column(column.name)
        if live is None:
            problems.append(f"{table.name} has no column {readable(column.name)}")
        elif not live.writable:
            problems.append(f"{table.name}.{readable(column.name)} is computed there")
    return problems


def _key_problems(planned: PlannedTable, table: Table) -> list[str]:
    keys = [set(key) for key in (table.primary_key, *table.unique_keys)]
    if planned.on_conflict is not OnConflict.UPDATE or set(planned.key) in keys:
        return []
    listed = ", ".join(map(readable, planned.key))
    return [f"{table.name} has no primary or unique key on ({listed}) to update rows by"]


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
