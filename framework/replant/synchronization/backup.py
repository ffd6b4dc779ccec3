"""Writes the rows of a target as they are, as an artifact from which they can be brought back."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from replant.artifact.artifact import Artifact
from replant.database.connections import DatabaseConnection
from replant.errors import UsageError
from replant.export.export_rows import export_rows
from replant.model import Catalog, DefinedType, Plan, PlannedTable, RelationName
from replant.model.closure_origin import ClosureOrigin, RootRows
from replant.model.conditions import RowsAt, among
from replant.model.ownership import Ownership, SharedRows
from replant.model.table_shape import shapes_of
from replant.selection.dangling import count_chosen
from replant.synchronization.rows_in_target import RowsInTarget
from replant.verification.target_closure import root_keys


def write_backup(
    database: DatabaseConnection,
    catalog: Catalog,
    artifact: Artifact,
    found: RowsInTarget,
    output: str,
) -> None:
    """Write the target's rows in the form of an artifact of the same tables.

    Raises:
        OutputError: the output is there already, or cannot be written.
        UsageError: the artifact does not tell its roots by their keys.

    """
    plan = _plan(database, catalog, artifact, found)
    export_rows(database, plan, output, force=False, progress=lambda _table, _rows, _bytes: None)


def _plan(
    database: DatabaseConnection, catalog: Catalog, artifact: Artifact, found: RowsInTarget
) -> Plan:
    manifest = artifact.manifest
    tables = tuple(
        _planned(database, found, exported.name, exported.ownership) for exported in manifest.tables
    )
    counts = {table.name: table.row_count for table in tables}
    return Plan(
        source_version=catalog.version_text,
        plugins=manifest.plugins,
        scope=manifest.scope,
        strategy=manifest.strategy,
        format=manifest.format,
        tables=tables,
        order=manifest.order,
        layout=manifest.layout,
        compression=manifest.compression,
        check=manifest.check,
        closure_origin=ClosureOrigin(
            found.closure.references,
            tuple(_root(artifact, root, counts[root.table]) for root in manifest.roots),
        ),
        types=tuple(_types(catalog, tables)),
        shapes=shapes_of(catalog, counts),
        omissions=manifest.omissions,
    )


def _planned(
    database: DatabaseConnection, found: RowsInTarget, name: RelationName, ownership: Ownership
) -> PlannedTable:
    rows = found.selection[name]
    number = count_chosen(database, found.selection, name)
    shared = found.closure.shared.get(name, RowsAt(()))
    shared_number = number if ownership is Ownership.SHARED else 0
    if shared.locations and ownership is Ownership.EACH:
        selection = {**found.selection, name: among(rows, shared)}
        shared_number = count_chosen(database, selection, name)
    return evolve(
        found.tables[name],
        rows=rows,
        row_count=number,
        shared=SharedRows(
            ownership, shared_number, shared if ownership is Ownership.EACH else RowsAt(())
        ),
    )


def _root(artifact: Artifact, root: RootRows, most: int) -> RootRows:
    """Name the same root; of the rows with its keys some may not be there yet."""
    if artifact.manifest.table(root.table).rows is not None:
        return evolve(root, row_count=most)
    keys = root_keys(artifact, root)
    if keys is None:
        raise UsageError(f"the artifact does not tell the keys of the root rows of {root.table}")
    return evolve(root, row_count=min(root.row_count, most), keys=keys)


def _types(catalog: Catalog, tables: tuple[PlannedTable, ...]) -> Iterator[DefinedType]:
    """Return the defined types that the exported columns use."""
    used = {
        name
        for table in tables
        for column in catalog.tables[table.name].columns
        if column.name in table.column_names
        for name in column.made_of
    }
    return (catalog.types[name] for name in sorted(used))
