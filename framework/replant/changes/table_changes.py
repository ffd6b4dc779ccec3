"""Defines what is changed in a table: rows that are deleted, updated and inserted.

Each row is kept as one piece of bytes, and taken apart when somebody looks at it: as objects of
Python's, one of five values takes five times as much memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import overload

from attrs import frozen

from replant.model import PlannedTable, RelationName, Text
from replant.sql.row_forms import COPY_ROWS, RowForm

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


class PackedRows(Sequence[RowValues]):
    """Rows of the same columns.

    Attributes:
        names: the columns.
        form: that of the lines.
        lines: the rows.

    """

    def __init__(
        self, names: Sequence[str], rows: Iterable[RowValues] = (), form: RowForm = COPY_ROWS
    ) -> None:
        """Keep rows, which may have more columns."""
        self.names = tuple(names)
        self.form = form
        self.lines: list[bytes] = []
        for row in rows:
            self.append(row)

    def append(self, row: RowValues) -> None:
        """Keep one more row."""
        self.lines.append(self.line_of(row))

    def line_of(self, row: RowValues) -> bytes:
        """Make one piece of a row."""
        return self.form.row([row[name] for name in self.names])

    def row_of(self, line: bytes) -> RowValues:
        """Take such a piece apart."""
        return dict(zip(self.names, self.form.texts(line, len(self.names)), strict=True))

    def texts(self) -> Iterator[tuple[Text, ...]]:
        """Yield the values of each row."""
        width = len(self.names)
        return (self.form.texts(line, width) for line in self.lines)

    def copied(self, names: Sequence[str]) -> Iterator[bytes]:
        """Yield some columns of each row as COPY takes them."""
        if self.form is COPY_ROWS and tuple(names) == self.names:
            return iter(self.lines)
        places = [self.names.index(name) for name in names]
        return (COPY_ROWS.row([texts[place] for place in places]) for texts in self.texts())

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lines)

    def __iter__(self) -> Iterator[RowValues]:
        """Take one row after the other apart."""
        return map(self.row_of, self.lines)

    @overload
    def __getitem__(self, place: int) -> RowValues: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RowValues]: ...

    def __getitem__(self, place: int | slice) -> RowValues | Sequence[RowValues]:
        """Take a row apart, or some."""
        if isinstance(place, int):
            return self.row_of(self.lines[place])
        return list(map(self.row_of, self.lines[place]))


class PackedUpdates(Sequence[UpdatedRow]):
    """Rows that get other values, each in some of its columns."""

    def __init__(self, key: Sequence[str], rows: Iterable[UpdatedRow] = ()) -> None:
        """Keep updates of rows that are told apart by a key."""
        self._key = tuple(key)
        #: Of each row the columns that change, and its key with their new values.
        self._columns: list[tuple[str, ...]] = []
        self._lines: list[bytes] = []
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}
        for row in rows:
            self.append(row)

    def append(self, row: UpdatedRow) -> None:
        """Keep one more update."""
        columns = tuple(row.values)
        self._columns.append(self._known.setdefault(columns, columns))
        texts = [*(row.key[name] for name in self._key), *row.values.values()]
        self._lines.append(COPY_ROWS.row(texts))

    @property
    def columns(self) -> frozenset[str]:
        """The columns that change in any row."""
        return frozenset(name for names in self._known for name in names)

    def by_columns(self) -> Iterator[tuple[tuple[str, ...], PackedRows]]:
        """Divide the rows by the columns that change; yield these, and the rows with their keys."""
        groups: defaultdict[tuple[str, ...], list[bytes]] = defaultdict(list)
        for columns, line in zip(self._columns, self._lines, strict=True):
            groups[columns].append(line)
        for columns, lines in sorted(groups.items()):
            rows = PackedRows([*dict.fromkeys((*self._key, *columns))])
            if len(rows.names) == len(self._key) + len(columns):
                rows.lines = lines
            else:
                # The text of a key changes, to one that is equal to it.
                updates = (self._update_of(columns, line) for line in lines)
                rows = PackedRows(rows.names, ({**row.key, **row.values} for row in updates))
            yield columns, rows

    def _update_of(self, columns: tuple[str, ...], line: bytes) -> UpdatedRow:
        width = len(self._key)
        texts = COPY_ROWS.texts(line, width + len(columns))
        key = dict(zip(self._key, texts[:width], strict=True))
        return UpdatedRow(key, dict(zip(columns, texts[width:], strict=True)))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._lines)

    def __iter__(self) -> Iterator[UpdatedRow]:
        """Take one update after the other apart."""
        return map(self._update_of, self._columns, self._lines)

    @overload
    def __getitem__(self, place: int) -> UpdatedRow: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[UpdatedRow]: ...

    def __getitem__(self, place: int | slice) -> UpdatedRow | Sequence[UpdatedRow]:
        """Take an update apart, or some."""
        if isinstance(place, int):
            return self._update_of(self._columns[place], self._lines[place])
        return list(map(self._update_of, self._columns[place], self._lines[place]))


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
    deleted: PackedRows
    updated: PackedUpdates
    inserted: PackedRows

    @classmethod
    def none(cls, table: PlannedTable) -> TableChanges:
        """Return the changes of a table of which no row changes yet."""
        names = table.column_names
        return cls(table, PackedRows(names), PackedUpdates(table.key), PackedRows(names))

    @property
    def count(self) -> int:
        """How many rows change."""
        return len(self.deleted) + len(self.updated) + len(self.inserted)

    def key_of(self, row: RowValues) -> tuple[Text, ...]:
        """Return what tells a row from others: its key, or all its values if there is none."""
        return tuple(row[name] for name in self.table.key or self.table.column_names)


Changes = Mapping[RelationName, TableChanges]
