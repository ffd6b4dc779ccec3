"""Says of findings what a report holds."""

from __future__ import annotations

from collections.abc import Iterable

from replant.model import Finding, Severity
from replant.report.run_report import CheckResult, MadeCheck, ReportedNote

#: Said of a command that undid in the end what it did.
REHEARSED = "this was a rehearsal: everything was undone"


def check_of(findings: Iterable[Finding], name: str) -> MadeCheck:
    """Say whether findings refuse."""
    refusals = sum(1 for finding in findings if finding.severity is Severity.REFUSES)
    if refusals:
        return MadeCheck(name, CheckResult.FAILED, f"{refusals} that prevent it: see the notes")
    return MadeCheck(name, CheckResult.PASSED)


def note_of(finding: Finding) -> ReportedNote:
    """Say a finding in full."""
    return ReportedNote(finding.severity, finding.told(verbose=True))
