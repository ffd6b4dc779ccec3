"""What the comparison of two sets of rows finds, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum

from attrs import field, frozen

from replant.model import RelationName, Text
from replant.model.table_shape import TableShape

#: Texts by column, in the order of the columns.
Values = Mapping[str, Text]


class Presence(Enum):
    """On which side a row is, if it is not the same on both."""

    LEFT = "only_left"
    RIGHT = "only_right"
    BOTH = "changed"


@frozen
class DifferingRow:
    """A row that is on one side only, or holds other values there.

    Attributes:
        key: the texts of its key; none for a row without a key.
        left: the values on the left; of a row that is on both sides, those that differ. None for
            a row that is not there.
        right: likewise.

    """

    presence: Presence
    key: Values
    left: Values | None
    right: Values | None


@frozen
class ComparedTable:
    """The comparison of one table.

    Attributes:
        key: the columns by which rows were found on the other side; none if by their whole content.
        columns: the columns that were compared: those that both sides have.
        left_rows: how many rows the left side has; None for a table that it does not have.
        right_rows: likewise.
        only_left: the columns that only the left side has, which were not compared.
        only_right: likewise.
        counts: how many rows differ.
        rows: the first of them, or all.
        one_way: why rows that only a database has were not looked for; empty where they were.

    """

    name: RelationName
    key: tuple[str, ...]
    columns: tuple[str, ...]
    left_rows: int | None
    right_rows: int | None
    only_left: tuple[str, ...] = ()
    only_right: tuple[str, ...] = ()
    counts: Mapping[Presence, int] = field(factory=dict)
    rows: tuple[DifferingRow, ...] = ()
    one_way: str = ""

    @property
    def count(self) -> int:
        """How many rows differ."""
        return sum(self.counts.values())

    @property
    def equal(self) -> bool:
        """Whether both sides are the same, in their columns as well."""
        both = self.left_rows is not None and self.right_rows is not None
        return both and not (self.count or self.only_left or self.only_right)


@frozen
class SideComparison:
    """The comparison of two sets of rows.

    Attributes:
        left: what the left side is, for people.
        right: likewise.
        tables: in the order in which they are loaded.
        shapes: what the tables look like; where both sides have one, what it is on the left.
        left_names: what tables are called on the left that have another name there.

    """

    left: str
    right: str
    tables: tuple[ComparedTable, ...]
    shapes: Mapping[RelationName, TableShape] = field(factory=dict)
    left_names: Mapping[RelationName, RelationName] = field(factory=dict)

    @property
    def equal(self) -> bool:
        """Whether both sides are the same."""
        return all(table.equal for table in self.tables)


@frozen
class FoundRows:
    """The differing rows of a table while they are found.

    Attributes:
        limit: how many of them are kept; None for all.

    """

    limit: int | None
    rows: list[DifferingRow] = field(factory=list)
    counts: Counter[Presence] = field(factory=Counter)

    def add(self, row: DifferingRow) -> None:
        """Count a row, and keep it if it is among the first."""
        self.counts[row.presence] += 1
        if self.limit is None or len(self.rows) < self.limit:
            self.rows.append(row)
