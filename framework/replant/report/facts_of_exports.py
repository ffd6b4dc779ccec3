"""Says of an export what a report holds."""

from __future__ import annotations

from replant.api import Exported
from replant.artifact.artifact_size import artifact_size
from replant.model.numbers import counted
from replant.report.run_report import (
    CheckResult,
    MadeCheck,
    ReportedArtifact,
    ReportedTable,
    RunFacts,
)


def facts_of_export(done: Exported) -> RunFacts:
    """Say what an export wrote."""
    plan = done.plan
    rows, tables = sum(done.rows.values()), counted(len(plan.tables), "table")
    artifact = ReportedArtifact(
        path=done.output,
        layout=plan.layout.value,
        format=plan.format,
        size=artifact_size(done.output),
        digest=done.digest,
        postgresql=plan.source_version,
    )
    written = tuple(
        ReportedTable(str(name), counts={"exported": number}) for name, number in done.rows.items()
    )
    return RunFacts(
        summary=(f"exported {counted(rows, 'row')} of {tables} to {done.output}",),
        artifacts=(artifact,),
        tables=written,
        checks=(
            MadeCheck("as many rows were written as the plan counted", CheckResult.PASSED),
            MadeCheck("no table was altered while it was read", CheckResult.PASSED),
        ),
    )
