"""Says of a plan what a report holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from replant.model import Plan, PlannedTable, RelationName
from replant.model.closure_rules import ProvenanceCount
from replant.model.numbers import counted
from replant.model.table_shape import TableShape
from replant.report.facts_of_findings import note_of
from replant.report.run_report import (
    CheckResult,
    MadeCheck,
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


def references_between(shapes: Shapes) -> tuple[TableReference, ...]:
    """Return the foreign keys between these tables."""
    return tuple(
        TableReference(str(name), key.columns, str(key.references), key.referenced_columns)
        for name, shape in shapes.items()
        for key in sorted(shape.keys.foreign if shape.keys else ())
        if key.references in shapes
    )


def reported_columns(
    columns: Iterable[tuple[str, str, tuple[str, ...]]], shape: TableShape | None
) -> tuple[ReportedColumn, ...]:
    """Say what is known of columns, each given by its name, type and changes."""
    full = {column.name for column in shape.columns if column.not_null} if shape else set()
    return tuple(
        ReportedColumn(name, type_, name in full, changes) for name, type_, changes in columns
    )


def _planned(table: PlannedTable, shapes: Shapes, came: Iterable[str]) -> ReportedTable:
    columns = [(column.name, column.type, column.changes) for column in table.columns]
    return ReportedTable(
        name=str(table.name),
        rows=table.row_count,
        shared=table.shared.row_count,
        key=table.key,
        columns=reported_columns(columns, shapes.get(table.name)),
        came=tuple(came),
    )


def _came(provenance: Iterable[ProvenanceCount]) -> Mapping[RelationName, list[str]]:
    """Return by which ways rows came, by the table to which they belong."""
    found: defaultdict[RelationName, list[str]] = defaultdict(list)
    for way in provenance:
        found[way.table].append(str(way))
    return found
