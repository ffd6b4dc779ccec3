"""Describes the artifact's tables as the target has them, from which statements are composed."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from replant.artifact.manifest import Manifest
from replant.model import (
    Catalog,
    ChosenRows,
    Identity,
    OnConflict,
    PlannedTable,
    RelationKind,
    RelationName,
    Table,
)
from replant.model.plan import unchanged_column
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
    known = {
        name: exported
        for name, exported in manifest.planned.items()
        if name in catalog.tables and catalog.tables[name].kind.holds_rows
    }
    return {
        name: _as_target_has_it(
            exported,
            catalog.tables[name],
            configured.get(name, exported.on_conflict),
            exported.rows.linked_to(known),
        )
        for name, exported in known.items()
    }


def table_in_target(
    tables: Mapping[RelationName, PlannedTable], catalog: Catalog, name: RelationName
) -> PlannedTable:
    """Return a table of the target, even one that is not in the artifact."""
    table = catalog.tables[name]
    if name in tables:
        return tables[name]
    planned = PlannedTable(name, ())
    return _as_target_has_it(planned, table, planned.on_conflict, planned.rows)


def _as_target_has_it(
    planned: PlannedTable, table: Table, on_conflict: OnConflict, rows: ChosenRows
) -> PlannedTable:
    live = {column.name: column for column in table.columns}
    known = [live[c.name] for c in planned.columns if c.name in live]
    found = evolve(
        planned,
        collatable=frozenset(c.name for c in known if c.collatable and c.name in planned.key),
        recoded=table.recoded,
        columns=tuple(
            unchanged_column(
                c.name,
                c.type,
                always_identity=c.identity is Identity.ALWAYS,
                names_objects=c.names_objects,
            )
            for c in known
        ),
        on_conflict=on_conflict,
        rows=evolve(
            rows,
            only=table.kind is RelationKind.TABLE,
            equality=table.equality,
            keys=table.keys_to_follow,
        ),
    )
    matching = matching_indexes(found, table)
    return found if matching is None else evolve(found, matching=matching)
