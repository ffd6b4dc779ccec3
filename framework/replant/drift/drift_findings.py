"""Defines the findings of a comparison, with kind, severity, place, and what to do."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from replant.model import RelationName, readable
from replant.model.table_differences import DifferenceKind


class DriftSeverity(Enum):
    """What a difference means for an export, or for a replay where two databases are compared."""

    FAILS = "fails"
    LOSES = "loses"
    HARMLESS = "harmless"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(DriftSeverity).index(self)


@frozen
class DriftFinding:
    """One difference, for people.

    Attributes:
        kind: what differs.
        severity: what that means.
        table: the table; None for a type.
        subject: the column; or the type where there is no table.
        what: what is so, as a sentence that names the place.
        remedy: what to do.

    """

    kind: DifferenceKind
    severity: DriftSeverity
    table: RelationName | None
    subject: str
    what: str
    remedy: str

    @property
    def place(self) -> str:
        """The table, column or type, as a person writes it."""
        if self.table is None:
            return self.subject
        return f"{self.table}.{readable(self.subject)}" if self.subject else str(self.table)

    def __str__(self) -> str:
        """One line."""
        return f"{self.what}; {self.remedy}"


@frozen
class Drift:
    """The result of a comparison.

    Attributes:
        wanted: what was compared, in words: `the plugins`, `the source 'design'`.
        found: with what.
        tables: how many tables were compared.
        findings: the worst first, then by place.
        unknown: the tables of which nothing was known, and which were not compared.

    """

    wanted: str
    found: str
    tables: int
    findings: tuple[DriftFinding, ...]
    unknown: tuple[RelationName, ...] = ()

    def of(self, severity: DriftSeverity) -> tuple[DriftFinding, ...]:
        """Return the findings of this severity."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def at_least(self, severity: DriftSeverity) -> tuple[DriftFinding, ...]:
        """Return the findings of this severity or a worse one."""
        return tuple(f for f in self.findings if f.severity.rank <= severity.rank)


def in_order(findings: list[DriftFinding]) -> tuple[DriftFinding, ...]:
    """Sort findings: the worst first, then by place, then in the order in which they were found."""
    return tuple(sorted(findings, key=lambda f: (f.severity.rank, f.place)))
