"""Describes the artifact's tables as the target has them, from which statements are composed."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from replant.artifact.manifest import Manifest
from replant.model import (
    Catalog,
    Identity,
    OnConflict,
    PlannedColumn,
    PlannedTable,
    RelationKind,
    RelationName,
    Table,
)
from replant.planning.on_conflict import matching_indexes


def tables_in_target(
    manifest: Manifest,
    catalog: Catalog,
    on_conflict: Mapping[RelationName, OnConflict] | None = None,
) -> dict[RelationName, PlannedTable]:
    """Return the artifact's tables with the target's types.

    What the target lacks is left out; `missing_in_target` names it.

    Args:
        manifest: what the artifact holds.
        catalog: what the target has.
        on_conflict: what to do with existing rows, where it is not what the artifact says.

    """
    configured = on_conflict or {}
    found = {
        name: _as_target_has_it(
            evolve(exported, on_conflict=configured.get(name, exported.on_conflict)),
            catalog.tables[name],
        )
        for name, exported in manifest.planned.items()
        if name in catalog.tables and catalog.tables[name].kind.holds_rows
    }
    return {n: evolve(table, rows=table.rows.linked_to(found)) for n, table in found.items()}


def table_in_target(
    tables: Mapping[RelationName, PlannedTable], catalog: Catalog, name: RelationName
) -> PlannedTable:
    """Return a table of the target, even one that is not in the artifact."""
    table = catalog.tables[name]
    return tables.get(name) or _as_target_has_it(PlannedTable(name, ()), table)


def _as_target_has_it(planned: PlannedTable, table: Table) -> PlannedTable:
    live = {column.name: column for column in table.columns}
    known = [live[c.name] for c in planned.columns if c.name in live]
    found = evolve(
        planned,
        collatable=frozenset(c.name for c in known if c.collatable and c.name in planned.key),
        columns=tuple(
            PlannedColumn(
                c.name,
                c.type,
                always_identity=c.identity is Identity.ALWAYS,
                names_objects=c.names_objects,
            )
            for c in known
        ),
        rows=evolve(
            planned.rows,
            only=table.kind is RelationKind.TABLE,
            equality=table.equality,
            keys=table.keys_to_follow,
        ),
    )
    return evolve(found, matching=matching_indexes(found, table))
