"""Says of a plan, and of an artifact's manifest, what a report holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from replant.artifact.artifact_size import artifact_size
from replant.artifact.manifest import ExportedTable, Manifest
from replant.model import Plan, PlannedTable, RelationName
from replant.model.closure_rules import ProvenanceCount
from replant.model.table_shape import TableShape
from replant.report.facts_of_findings import note_of
from replant.report.figures import counted
from replant.report.run_report import (
    CheckResult,
    MadeCheck,
    ReportedArtifact,
    ReportedColumn,
    ReportedTable,
    RunFacts,
    TableReference,
)

Shapes = Mapping[RelationName, TableShape]


def facts_of_plan(plan: Plan) -> RunFacts:
    """Say what an export will do."""
    came = _came(plan.provenance)
    rows, tables = counted(plan.row_count, "row"), counted(len(plan.tables), "table")
    return RunFacts(
        summary=(f"chosen: {rows} in {tables}",),
        scope=plan.scope,
        strategy=plan.strategy,
        plugins=plan.plugins,
        tables=tuple(_planned(table, plan.shapes, came[table.name]) for table in plan.tables),
        references=references_between(plan.shapes),
        checks=(
            MadeCheck(
                "every reference of the chosen rows leads to a chosen row, or to one left out",
                CheckResult.PASSED,
            ),
        ),
        notes=tuple(map(note_of, plan.warnings)),
        left_out=plan.omissions,
    )


def facts_of_manifest(manifest: Manifest, path: str) -> RunFacts:
    """Say what is in an artifact whose digest was found right."""
    return RunFacts(
        scope=manifest.scope,
        strategy=manifest.strategy,
        plugins=manifest.plugins,
        artifacts=(
            ReportedArtifact(
                path=path,
                layout=manifest.layout.value,
                format=manifest.format,
                size=artifact_size(path),
                replant=manifest.replant,
                postgresql=manifest.postgresql,
            ),
        ),
        tables=tuple(_exported(table) for table in manifest.tables),
        references=references_between(manifest.shapes),
        checks=(MadeCheck(f"the digests of {path} are right", CheckResult.PASSED),),
        left_out=manifest.omissions,
    )


def references_between(shapes: Shapes) -> tuple[TableReference, ...]:
    """Return the foreign keys between these tables."""
    return tuple(
        TableReference(str(name), key.columns, str(key.references), key.referenced_columns)
        for name, shape in shapes.items()
        for key in sorted(shape.keys.foreign if shape.keys else ())
        if key.references in shapes
    )


def _planned(table: PlannedTable, shapes: Shapes, came: Iterable[str]) -> ReportedTable:
    columns = [(column.name, column.type, column.changes) for column in table.columns]
    return ReportedTable(
        name=str(table.name),
        rows=table.row_count,
        shared=table.shared.row_count,
        key=table.key,
        columns=_columns(columns, shapes.get(table.name)),
        came=tuple(came),
    )


def _exported(table: ExportedTable) -> ReportedTable:
    columns = [(column.name, column.type, column.changes) for column in table.columns]
    return ReportedTable(
        name=str(table.name),
        rows=table.row_count,
        shared=table.shared_count,
        key=table.key,
        columns=_columns(columns, table.shape),
    )


def _columns(
    columns: Iterable[tuple[str, str, tuple[str, ...]]], shape: TableShape | None
) -> tuple[ReportedColumn, ...]:
    full = {column.name for column in shape.columns if column.not_null} if shape else set()
    return tuple(
        ReportedColumn(name, type_, name in full, changes) for name, type_, changes in columns
    )


def _came(provenance: Iterable[ProvenanceCount]) -> Mapping[RelationName, list[str]]:
    """Return by which ways rows came, by the table to which they belong."""
    found: defaultdict[RelationName, list[str]] = defaultdict(list)
    for way in provenance:
        found[way.table].append(str(way))
    return found
