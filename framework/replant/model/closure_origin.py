"""Defines the origin of a closed set: which references were followed, and from which rows."""

from __future__ import annotations

from attrs import frozen

from replant.model.checked import checked
from replant.model.closure_rules import Children
from replant.model.names import RelationName
from replant.model.references import Reference
from replant.model.samples import Sample


@frozen(field_transformer=checked)
class FollowedReference:
    """A reference along which a closed set may have grown.

    Attributes:
        up: whether the rows that it references were included.
        down: whether the rows that reference by it were included; None if none were.
        limit: at most so many of them for each referenced row.
        sample: which of them; None for all.

    """

    reference: Reference
    up: bool
    down: Children | None = None
    limit: int | None = None
    sample: Sample | None = None


@frozen(field_transformer=checked)
class RootRows:
    """The rows of one table from which a closed set grew.

    Attributes:
        condition: which rows these are, for people; nothing ever runs it.
        row_count: how many they are.
        keys: their keys as they are exported; None where they are all rows of the table, too many
            to list, or without a key.

    """

    table: RelationName
    condition: str
    row_count: int
    keys: tuple[tuple[str, ...], ...] | None = None


@frozen(field_transformer=checked)
class ClosureOrigin:
    """Nothing for what was not made by a closed set."""

    references: tuple[FollowedReference, ...] = ()
    roots: tuple[RootRows, ...] = ()
