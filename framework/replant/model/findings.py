"""Defines a finding: something that a check found, with its severity and remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from attrs import frozen

from replant.errors import ReplantError, UsageError
from replant.model.checked import checked

#: This many of the things that a finding is about are listed, unless all are asked for.
_LISTED = 3


class Severity(Enum):
    """What a finding does to the command that makes it."""

    REFUSES = "refuses"
    ASKS = "asks"
    NOTE = "note"


class Subject(Enum):
    """What a finding is about."""

    TARGET = "target"
    SCHEMA = "schema"
    TABLE = "table"
    COLUMN = "column"
    TYPE = "type"
    PRIVILEGE = "privilege"
    SEQUENCE = "sequence"
    TRIGGER = "trigger"
    ORDER = "order"
    ROW = "row"
    REFERENCE = "reference"
    UNSEEN = "unseen"


@frozen(field_transformer=checked)
class Finding:
    """One thing that was found.

    Attributes:
        place: the table, column, key or setting where it is, as a person writes it.
        what: what is so, as a sentence that names the place.
        remedy: the statement or option that would help; empty where nothing is wrong.
        each: what it is about one by one, where it says the same of many things.
        together: what several such findings say at once, behind their number; empty for one that
            always stands alone.

    """

    subject: Subject
    severity: Severity
    place: str
    what: str
    remedy: str = ""
    each: tuple[str, ...] = ()
    together: str = ""

    def __str__(self) -> str:
        """One line."""
        return self.told(verbose=False)

    def told(self, *, verbose: bool) -> str:
        """Write the finding with the first of the things that it is about, or with all of them."""
        listed = self.each if verbose else self.each[:_LISTED]
        more = len(self.each) - len(listed)
        what = self.what
        if listed:
            what += f": {'; '.join(listed)}"
            what += f"; and {more} more (-v lists them)" if more else ""
        return f"{what}; {self.remedy}" if self.remedy else what


def grouped(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Let findings that say the same of several places be one, where the first of them was."""
    groups: dict[object, list[Finding]] = {}
    for place, finding in enumerate(findings):
        alike = (finding.subject, finding.severity, finding.together)
        groups.setdefault(alike if finding.together else place, []).append(finding)
    return tuple(found[0] if len(found) == 1 else _joined(found) for found in groups.values())


def _joined(found: Sequence[Finding]) -> Finding:
    first, places = found[0], tuple(finding.place for finding in found)
    what = f"{len(found)} {first.together}"
    return Finding(first.subject, first.severity, places[0], what, each=places)


#: Asked whether to go on in spite of findings that ask.
Confirm = Callable[[Sequence[Finding]], bool]


def check_findings(
    findings: Iterable[Finding], confirm: Confirm, refusal: type[ReplantError], doing: str
) -> None:
    """Refuse to go on if a finding does, or if one asks and nobody agrees.

    Args:
        findings: what was found.
        confirm: asked about the findings that ask.
        refusal: the error that names everything that refuses, each with its remedy, line by line.
        doing: what would be done, as in "say --yes to replay all the same".

    Raises:
        UsageError: it names everything that was not confirmed.

    """
    found = tuple(findings)
    refusals = [finding for finding in found if finding.severity is Severity.REFUSES]
    if refusals:
        raise refusal("\n".join(map(str, refusals)))
    questions = tuple(finding for finding in found if finding.severity is Severity.ASKS)
    if questions and not confirm(questions):
        raise UsageError("\n".join(f"{q}; say --yes to {doing} all the same" for q in questions))
