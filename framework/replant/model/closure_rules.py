"""Defines how registrations and configurations steer a closed set: roots, and what is followed."""

from __future__ import annotations

from enum import Enum

from attrs import field, frozen, validators

from replant.model.checked import checked
from replant.model.names import RelationName
from replant.model.numbers import counted
from replant.model.references import Reference
from replant.model.samples import Sample


@frozen(field_transformer=checked)
class Root:
    """The rows of a table that satisfy an SQL predicate over its columns.

    Attributes:
        may_be_empty: whether it is no mistake that no row satisfies it.
        sample: which of these rows are roots; None for all.

    """

    table: RelationName
    predicate: str
    may_be_empty: bool = False
    sample: Sample | None = None

    def __str__(self) -> str:
        """Write the root as the command line takes it, on one line, with its sample."""
        of = f", {self.sample}" if self.sample else ""
        return f"{self.table}: {' '.join(self.predicate.split())}{of}"

    @classmethod
    def parse(cls, text: str) -> Root:
        """Read `schema.table: predicate`.

        Raises:
            ValueError: there is no colon behind a table's name, or nothing behind the colon.

        """
        for colon in (place for place, character in enumerate(text) if character == ":"):
            try:
                table = RelationName.parse(text[:colon].strip())
            except ValueError:
                continue
            predicate = text[colon + 1 :].strip()
            if predicate:
                return cls(table, predicate)
        raise ValueError(
            f"{text!r} is not schema.table: condition (quote a part with double quotes)"
        )


class Children(Enum):
    """Whether the rows that reference a row of the set are included."""

    #: If the row is a root, or was itself reached downward.
    FROM_ROOTS = "from-roots"
    #: Always.
    FOLLOW = "follow"
    #: Never.
    STOP = "stop"


@frozen(field_transformer=checked)
class EdgeRule:
    """What holds for one reference.

    Attributes:
        children: overrides what holds for the referenced table; None leaves it.
        limit: at most so many referencing rows are included for each referenced row, the first in
            the order of their key; None for all.
        sample: which of the referencing rows are included: a share of all, or a number for each
            referenced row; None for all.

    """

    children: Children | None = None
    limit: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    sample: Sample | None = None


@frozen(field_transformer=checked)
class ProvenanceCount:
    """By which way rows came into the set: as a root, or by a reference up or down.

    Attributes:
        by: the root, or the reference.
        down: whether they came because they reference a row; true for a root.
        rows: how many came this way first.

    """

    by: Root | Reference
    down: bool
    rows: int

    @property
    def table(self) -> RelationName:
        """The table of these rows."""
        if isinstance(self.by, Root):
            return self.by.table
        return self.by.table if self.down else self.by.references

    def __str__(self) -> str:
        """Write one line: `down by s.t(a) → s.u(b): 5 rows`."""
        return f"{describe_arrival(self.by, down=self.down)}: {counted(self.rows, 'row')}"


def describe_arrival(by: Root | Reference, *, down: bool) -> str:
    """Say how rows were found: as a root, down to referencing rows, or up to referenced rows."""
    if isinstance(by, Root):
        return f"root {by}"
    return f"{'down' if down else 'up'} by {by}"
