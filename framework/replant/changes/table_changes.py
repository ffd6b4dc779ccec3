"""Defines what is changed in a table: rows that are deleted, updated and inserted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from replant.model import PlannedTable, RelationName, Text

#: The texts of a row by column.
RowValues = Mapping[str, Text]


@frozen
class UpdatedRow:
    """A row that gets other values.

    Attributes:
        key: its key.
        values: the new values of the columns that change.

    """

    key: RowValues
    values: RowValues


@frozen
class TableChanges:
    """The changes of one table.

    Attributes:
        table: as the target has it.
        deleted: whole rows as the target has them.
        updated: the rows that get other values.
        inserted: whole rows.

    """

    table: PlannedTable
    deleted: Sequence[RowValues] = ()
    updated: Sequence[UpdatedRow] = ()
    inserted: Sequence[RowValues] = ()

    @property
    def count(self) -> int:
        """How many rows change."""
        return len(self.deleted) + len(self.updated) + len(self.inserted)

    def key_of(self, row: RowValues) -> tuple[Text, ...]:
        """Return what tells a row from others: its key, or all its values if there is none."""
        return tuple(row[name] for name in self.table.key or self.table.column_names)


Changes = Mapping[RelationName, TableChanges]
