"""Writes the rows of a target as they are, as an artifact from which they can be brought back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from replant.artifact.artifact import Artifact
from replant.database.connections import DatabaseConnection
from replant.errors import UsageError
from replant.export.export_rows import write_artifact
from replant.export.source_rows import SourceRows
from replant.model import Catalog, DefinedType, Plan, PlannedTable, RelationName
from replant.model.closure_origin import ClosureOrigin, RootRows
from replant.model.conditions import RowsAt, among
from replant.model.ownership import Ownership, SharedRows
from replant.model.progress import silent
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
    write_artifact(output, plan, SourceRows(database, plan, silent), force=False)


def _plan(
    database: DatabaseConnection, catalog: Catalog, artifact: Artifact, found: RowsInTarget
) -> Plan:
    manifest = artifact.manifest
    counts = count_chosen(database, found.selection, found.selection)
    shared = dict(_shared_rows(database, artifact, found, counts))
    tables = tuple(
        evolve(
            found.tables[exported.name],
            rows=found.selection[exported.name],
            row_count=counts[exported.name],
            shared=shared[exported.name],
        )
        for exported in manifest.tables
    )
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


def _shared_rows(
    database: DatabaseConnection,
    artifact: Artifact,
    found: RowsInTarget,
    counts: Mapping[RelationName, int],
) -> Iterator[tuple[RelationName, SharedRows]]:
    """Yield which rows of each table are shared, and how many."""
    mixed = {
        table.name: found.closure.shared[table.name]
        for table in artifact.manifest.tables
        if table.ownership is Ownership.EACH and found.closure.shared[table.name].locations
    }
    narrowed = {name: among(found.selection[name], at) for name, at in mixed.items()}
    numbers = count_chosen(database, {**found.selection, **narrowed}, mixed)
    for table in artifact.manifest.tables:
        every = table.ownership is Ownership.SHARED
        number = counts[table.name] if every else numbers.get(table.name, 0)
        at = mixed.get(table.name, RowsAt(()))
        yield table.name, SharedRows(table.ownership, number, at)


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
