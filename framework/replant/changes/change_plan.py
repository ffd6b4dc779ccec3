"""Says what would be changed in a target, and what prevents it."""

from __future__ import annotations

from attrs import frozen

from replant.changes.table_changes import Changes
from replant.errors import ChangeError
from replant.model import Finding, RelationName, Severity
from replant.model.findings import Confirm, check_findings


@frozen
class ChangeCounts:
    """How many rows of a table change."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def total(self) -> int:
        """How many rows change in all."""
        return self.inserted + self.updated + self.deleted

    def __add__(self, other: ChangeCounts) -> ChangeCounts:
        """Add the numbers of both."""
        return ChangeCounts(
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.deleted + other.deleted,
        )


@frozen
class ChangePlan:
    """What would be changed.

    Attributes:
        database: the target's name.
        changes: the changes of each table.
        findings: what refuses, what has to be confirmed, and what should be known.

    """

    database: str
    changes: Changes
    findings: tuple[Finding, ...] = ()

    @property
    def counts(self) -> dict[RelationName, ChangeCounts]:
        """How many rows change, of each table of which any does."""
        return {
            name: ChangeCounts(len(each.inserted), len(each.updated), len(each.deleted))
            for name, each in self.changes.items()
            if each.count
        }

    @property
    def total(self) -> ChangeCounts:
        """How many rows of all tables change."""
        return sum(self.counts.values(), ChangeCounts())

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of this severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def check(self, confirm: Confirm) -> None:
        """Refuse the changes if a finding does, or if one asks and nobody agrees.

        Raises:
            ChangeError: it names everything that refuses, each with its remedy, line by line.
            UsageError: it names everything that was not confirmed.

        """
        check_findings(self.findings, confirm, ChangeError, "do it")
