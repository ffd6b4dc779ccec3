"""Defines a finding: something that a check found, with its severity and remedy."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from replant.model.checked import checked


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

    """

    subject: Subject
    severity: Severity
    place: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        """One line."""
        return f"{self.what}; {self.remedy}" if self.remedy else self.what
