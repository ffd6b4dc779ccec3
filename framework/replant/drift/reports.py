"""Writes findings for other programs: JSON, SARIF, and annotations of GitHub Actions."""

from __future__ import annotations

import json
from typing import Any

from replant import __version__
from replant.drift.drift_findings import Drift, DriftFinding, DriftSeverity
from replant.model import RelationName
from replant.model.table_differences import DifferenceKind

#: The version of the JSON that `as_json` writes.
VERSION = 1

_LEVELS = {
    DriftSeverity.FAILS: "error",
    DriftSeverity.LOSES: "warning",
    DriftSeverity.HARMLESS: "note",
}
_COMMANDS = {
    DriftSeverity.FAILS: "error",
    DriftSeverity.LOSES: "warning",
    DriftSeverity.HARMLESS: "notice",
}


def as_json(drift: Drift, _file: str | None = None) -> str:
    """Write JSON: what was compared, and every finding with the parts of its place."""
    return _dumped(
        {
            "version": VERSION,
            "wanted": drift.wanted,
            "found": drift.found,
            "tables": drift.tables,
            "unknown": [_parts(name) for name in drift.unknown],
            "findings": [_finding(finding) for finding in drift.findings],
        }
    )


def _finding(finding: DriftFinding) -> dict[str, Any]:
    column = finding.subject if finding.table is not None and finding.subject else None
    return {
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "table": None if finding.table is None else _parts(finding.table),
        "column": column,
        "type": finding.subject if finding.table is None else None,
        "what": finding.what,
        "remedy": finding.remedy,
    }


def _parts(name: RelationName) -> dict[str, str]:
    return {"schema": name.schema, "name": name.name}


def as_sarif(drift: Drift, file: str | None = None) -> str:
    """Write SARIF 2.1.0 (OASIS), for tools that show the findings of any analysis.

    Args:
        drift: the comparison.
        file: the file that the findings are shown at, as a path relative to the repository: these
            tools want one, although what differs is in a database.

    """
    kinds = sorted({finding.kind for finding in drift.findings}, key=lambda kind: kind.value)
    driver = {
        "name": "replant drift",
        "version": __version__,
        "rules": [{"id": k.value, "shortDescription": {"text": _in_words(k)}} for k in kinds],
    }
    return _dumped(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": driver},
                    "results": [_result(finding, file) for finding in drift.findings],
                }
            ],
        }
    )


def _result(finding: DriftFinding, file: str | None) -> dict[str, Any]:
    location: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": finding.place, "kind": _kind(finding)}]
    }
    if file is not None:
        location["physicalLocation"] = {"artifactLocation": {"uri": file}}
    return {
        "ruleId": finding.kind.value,
        "level": _LEVELS[finding.severity],
        "message": {"text": str(finding)},
        "locations": [location],
    }


def _kind(finding: DriftFinding) -> str:
    """Return the kind of a logical location; SARIF suggests these in 3.33.7."""
    return "member" if finding.table is not None and finding.subject else "type"


def _in_words(kind: DifferenceKind) -> str:
    return kind.value.replace("-", " ")


def as_github(drift: Drift, file: str | None = None) -> str:
    """Write a workflow command of GitHub Actions for each finding, shown as an annotation.

    Args:
        drift: the comparison.
        file: the file that the annotations are shown at.

    """
    lines = []
    for finding in drift.findings:
        properties = {"file": file} if file is not None else {}
        properties["title"] = f"drift: {_in_words(finding.kind)}"
        told = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
        lines.append(f"::{_COMMANDS[finding.severity]} {told}::{_data(str(finding))}")
    return "\n".join(lines)


def _data(text: str) -> str:
    """Escape a text for a workflow command (github.com/actions/toolkit, command.ts)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _dumped(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
