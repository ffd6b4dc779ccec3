"""Says of an artifact's manifest what a report holds."""

from __future__ import annotations

from replant.artifact.artifact_size import artifact_size
from replant.artifact.manifest import ExportedTable, Manifest
from replant.report.facts_of_plans import references_between, reported_columns
from replant.report.run_report import (
    CheckResult,
    MadeCheck,
    ReportedArtifact,
    ReportedTable,
    RunFacts,
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


def _exported(table: ExportedTable) -> ReportedTable:
    columns = [(column.name, column.type, column.changes) for column in table.columns]
    return ReportedTable(
        name=str(table.name),
        rows=table.row_count,
        shared=table.shared_count,
        key=table.key,
        columns=reported_columns(columns, table.shape),
    )
