"""Defines the batches of rows that go from an artifact to a replay; no batch grows large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from replant.model import RelationName, Step
from replant.sql.load_statements import Frame

#: Rows of one table, a line each, without what stands between them.
Lines = list[bytes]

#: As many as an export hands on at a time; see `database.copy_stream`.
_ROWS = 1000
_BYTES = 1 << 20


@frozen
class Group:
    """The rows of one table that belong to one INSERT.

    Attributes:
        frame: what its writer put around them.
        lines: the rows' lines, each made of literals only.

    """

    frame: Frame
    lines: Lines


@frozen
class StatementRows:
    """The rows of one statement: of one table, or of the several of a `LoadTogether`."""

    step: Step
    groups: tuple[Group, ...]

    @property
    def tables(self) -> tuple[RelationName, ...]:
        """The tables whose rows these are."""
        return tuple(group.frame.name for group in self.groups)


@frozen
class CopiedRows:
    """The rows of one COPY, which may be many: they come in batches, once."""

    step: Step
    frame: Frame
    batches: Iterator[Lines]

    @property
    def tables(self) -> tuple[RelationName, ...]:
        """The table whose rows these are."""
        return (self.frame.name,)


def limited(rows: Iterable[bytes]) -> Iterator[Lines]:
    """Group rows into lists that are limited by number of rows and by bytes."""
    pending: Lines = []
    held = 0
    for row in rows:
        pending.append(row)
        held += len(row)
        if len(pending) == _ROWS or held > _BYTES:
            yield pending
            pending, held = [], 0
    if pending:
        yield pending
