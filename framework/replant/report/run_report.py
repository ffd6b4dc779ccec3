"""Defines the report of a command: what it did, with which databases, and what was checked."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import field, frozen

from replant.database.connection_facts import ConnectionFacts
from replant.model import Omission, Severity, Text


class Outcome(Enum):
    """How a command ended."""

    #: It did what was asked.
    DONE = "done"
    #: It compared what was asked, and found a difference.
    DIFFERENT = "different"
    #: It stopped with an error, and changed nothing.
    FAILED = "failed"


class CheckResult(Enum):
    """What a check found."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MADE = "not made"


@frozen
class RunPhase:
    """A part of the work of a command.

    Attributes:
        rows: how many rows went by.
        size: how many bytes these had.

    """

    name: str
    seconds: float
    rows: int = 0
    size: int = 0


@frozen
class ReportedArtifact:
    """An artifact that was read or written.

    Attributes:
        path: as the command was given it; `-` for standard input or output.
        size: in bytes as it lies there; None where that is not known.
        digest: the SHA-256 over the whole artifact, if the command computed it.
        replant: the version that wrote it.
        postgresql: the version of the server from which it was exported.

    """

    path: str
    layout: str
    format: str
    size: int | None = None
    digest: str | None = None
    replant: str = ""
    postgresql: str = ""


@frozen
class ReportedColumn:
    """A column that was exported; `changes` says how its values change, and by which plugin."""

    name: str
    type: str
    not_null: bool = False
    changes: tuple[str, ...] = ()


@frozen
class ReportedValue:
    """A value that differs: NULL is None, and so is what the row does not have on this side."""

    column: str
    before: Text
    after: Text


@frozen
class ReportedRow:
    """A row that differs or changes.

    Attributes:
        kind: what is so: `changed`, `missing in the target`, `only left`, `deleted`.
        key: its key, for people.
        values: those that differ.

    """

    kind: str
    key: str
    values: tuple[ReportedValue, ...] = ()

    @property
    def has_before(self) -> bool:
        """Whether the values before are known: the row is on the left, or was read."""
        return self.kind not in {"only right", "updated"}

    @property
    def has_after(self) -> bool:
        """Whether there are values after: the row is on the right, or was found."""
        return self.kind != "only left"


@frozen
class ReportedTable:
    """A table.

    Attributes:
        name: with its schema, quoted where SQL needs it.
        rows: how many rows of it were chosen.
        shared: how many of these came only because others reference them.
        key: the columns that identify a row.
        came: by which references rows came, with their number.
        counts: what became of the rows: `inserted`, `unchanged`, `only left`.
        compared: what was compared, in words; empty where nothing was.
        result: what the comparison found; None where nothing was compared.
        differing: how many rows differ or change.
        differences: the first of them.
        size: how many bytes of it went by.
        seconds: how long that took.

    """

    name: str
    rows: int = 0
    shared: int = 0
    key: tuple[str, ...] = ()
    columns: tuple[ReportedColumn, ...] = ()
    came: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(factory=dict)
    compared: str = ""
    result: CheckResult | None = None
    differing: int = 0
    differences: tuple[ReportedRow, ...] = ()
    size: int = 0
    seconds: float = 0.0


@frozen(order=True)
class TableReference:
    """A foreign key between two of the tables."""

    table: str
    columns: tuple[str, ...]
    references: str
    referenced_columns: tuple[str, ...]


@frozen
class MadeCheck:
    """A check, and what it found."""

    name: str
    result: CheckResult
    detail: str = ""


@frozen
class ReportedNote:
    """Something that a person should know, or that asks or refuses."""

    severity: Severity
    text: str


@frozen
class RunFacts:
    """What a report says of the work itself; empty where a command has nothing to say.

    Attributes:
        summary: what was done, one sentence a line.
        tables: in load order.

    """

    summary: tuple[str, ...] = ()
    scope: Mapping[str, str] = field(factory=dict)
    strategy: str = ""
    plugins: Mapping[str, str] = field(factory=dict)
    artifacts: tuple[ReportedArtifact, ...] = ()
    tables: tuple[ReportedTable, ...] = ()
    references: tuple[TableReference, ...] = ()
    checks: tuple[MadeCheck, ...] = ()
    notes: tuple[ReportedNote, ...] = ()
    left_out: tuple[Omission, ...] = ()


@frozen
class RunReport:
    """The report of one command.

    Attributes:
        command: `export`, `replay`, …
        replant: its version.
        started: when, in UTC, as ISO 8601 writes it.
        seconds: how long it took.
        error: what went wrong, if it failed.
        connections: each place to which it connected, once.
        phases: in the order in which they began.

    """

    command: str
    replant: str
    started: str
    seconds: float
    outcome: Outcome
    exit_code: int
    error: str | None
    connections: tuple[ConnectionFacts, ...]
    phases: tuple[RunPhase, ...]
    facts: RunFacts

    @property
    def ending(self) -> str:
        """How the command ended, in words."""
        match self.outcome:
            case Outcome.DONE:
                return "done"
            case Outcome.DIFFERENT:
                return "a difference was found"
            case Outcome.FAILED:
                return f"failed with exit code {self.exit_code}"
