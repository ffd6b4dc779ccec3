"""Says of synchronizations and removals what a report holds."""

from __future__ import annotations

import attrs

from replant.changes.change_plan import ChangePlan
from replant.changes.table_changes import RowValues, TableChanges
from replant.model.numbers import counted
from replant.report.facts_of_findings import REHEARSED, check_of, note_of
from replant.report.row_keys import row_key
from replant.report.run_report import (
    CheckResult,
    MadeCheck,
    ReportedRow,
    ReportedTable,
    ReportedValue,
    RunFacts,
)
from replant.verification.differences import SHOWN


def facts_of_changes(plan: ChangePlan) -> RunFacts:
    """Say what a synchronization or a removal changes, and what prevents it."""
    numbers = attrs.asdict(plan.total)
    told = [f"{counted(number, 'row')} {what}" for what, number in numbers.items() if number]
    return RunFacts(
        summary=(f"to change: {', '.join(told) or 'nothing'}",),
        tables=tuple(_changed(str(name), changes) for name, changes in plan.changes.items()),
        checks=(check_of(plan.findings, "nothing prevents the changes"),),
        notes=tuple(map(note_of, plan.findings)),
    )


def _changed(name: str, changes: TableChanges) -> ReportedTable:
    rows = [
        *(ReportedRow("deleted", _key_of(changes, row)) for row in changes.deleted[:SHOWN]),
        *(
            ReportedRow(
                "updated",
                row_key(row.key),
                tuple(ReportedValue(column, None, value) for column, value in row.values.items()),
            )
            for row in changes.updated[:SHOWN]
        ),
        *(ReportedRow("inserted", _key_of(changes, row)) for row in changes.inserted[:SHOWN]),
    ]
    return ReportedTable(
        name,
        counts={
            "inserted": len(changes.inserted),
            "updated": len(changes.updated),
            "deleted": len(changes.deleted),
        },
        differing=changes.count,
        differences=tuple(rows),
    )


def compared_after_changes(*, rehearsed: bool) -> RunFacts:
    """Say what a synchronization has compared before it committed."""
    name = "owned rows were compared both ways, before the commit"
    return RunFacts(
        summary=(REHEARSED,) if rehearsed else (),
        checks=(MadeCheck(name, CheckResult.PASSED),),
    )


def _key_of(changes: TableChanges, row: RowValues) -> str:
    names = changes.table.key or changes.table.column_names
    return row_key({name: row[name] for name in names})
