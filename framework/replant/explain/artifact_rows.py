"""Puts the keys of an artifact's rows into a temporary SQLite database, to join them.

Of each row it has those columns whose values say which row it is and which rows it references, as
texts that are equal where the values are. So memory stays flat, and indexes serve.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from replant.artifact.artifact import Artifact, patch_texts, row_texts
from replant.artifact.manifest import ExportedTable
from replant.errors import OutputError
from replant.explain.comparable_text import TextKind, elements
from replant.explain.explanation import RowKey
from replant.model import Link, RelationName, Text

_PRAGMAS = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32768;
BEGIN;
"""

#: Rows are numbered through; each table has this many numbers, and the first is its own.
_SHIFT = 40


#: A column, and how its values are compared.
ComparedColumn = tuple[str, TextKind]


class ArtifactRows:
    """Rows by their numbers. Within a table, numbers follow the order of the artifact."""

    def __init__(self, tables: Sequence[ExportedTable]) -> None:
        """Keep no row yet, of these tables."""
        self._numbers = {name: place for place, name in enumerate(sorted(t.name for t in tables))}
        self._names = {place: name for name, place in self._numbers.items()}
        self._tables = {table.name: table for table in tables}
        with _translated():
            self._file = sqlite3.connect("", isolation_level=None)
            self._file.executescript(_PRAGMAS)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    # -- filling ---------------------------------------------------------------------------------

    def take(
        self, artifact: Artifact, name: RelationName, wanted: Collection[ComparedColumn]
    ) -> None:
        """Keep the key of a table's rows, and these columns as they are compared.

        Raises:
            ArtifactError: the artifact does not hold the rows that its manifest tells of.
            OutputError: there is no room for the file.

        """
        table, kept = self._tables[name], sorted(wanted, key=lambda each: (each[0], each[1].name))
        # Of the key the texts are shown; what is joined is compared.
        names = [*(self.shown(name, c) for c in table.key), *(self.column(name, c) for c in kept)]
        self.execute(
            f"CREATE TABLE {self.table(name)} ({_listed(['id INTEGER PRIMARY KEY', *names])})"
        )
        key = [self._place(name, c) for c in table.key]
        compared = [(self._place(name, c), kind) for c, kind in kept]
        first = self._numbers[name] << _SHIFT

        def rows() -> Iterator[tuple[int | Text, ...]]:
            number = first
            for batch in row_texts(artifact, name):
                for row in batch:
                    number += 1
                    yield (
                        number,
                        *(row[place] for place in key),
                        *(kind.of(row[place]) for place, kind in compared),
                    )

        marks = ", ".join("?" * (1 + len(names)))
        self._many(f"INSERT INTO {self.table(name)} VALUES ({marks})", rows())
        late = [each for each in kept if each[0] in artifact.stored_separately.get(name, ())]
        if late:
            self._patch(artifact, table, late)

    def _patch(
        self, artifact: Artifact, table: ExportedTable, late: Sequence[ComparedColumn]
    ) -> None:
        """Set the columns that stand apart from their rows."""
        name = table.name
        stored = (*table.key, *artifact.stored_separately[name])
        self.index(name, [self.shown(name, c) for c in table.key])
        places = [(stored.index(c), kind) for c, kind in late]

        def rows() -> Iterator[tuple[Text, ...]]:
            for batch in patch_texts(artifact, name):
                for row in batch:
                    yield (*(kind.of(row[i]) for i, kind in places), *row[: len(table.key)])

        values = _listed(f"{self.column(name, c)} = ?" for c in late)
        same = " AND ".join(f"{self.shown(name, c)} = ?" for c in table.key)
        self._many(f"UPDATE {self.table(name)} SET {values} WHERE {same}", rows())

    def take_elements(self, name: RelationName, column: str, kind: TextKind, into: str) -> None:
        """Keep the elements of an array column as (value, id) in a table of their own."""
        self.execute(f"CREATE TABLE {into} (value, id)")
        query = f"SELECT id, {self.column(name, (column, TextKind.EXACT))} FROM {self.table(name)}"
        self._many(
            f"INSERT INTO {into} VALUES (?, ?)",
            (
                (kind.of(element), number)
                for number, array in self._file.execute(query)
                for element in dict.fromkeys(elements(array or ""))
            ),
        )
        self.execute(f"CREATE INDEX {into}_by_value ON {into} (value)")
        self.execute(f"CREATE INDEX {into}_by_id ON {into} (id)")

    def index(self, name: RelationName, columns: Sequence[str]) -> None:
        """Have an index on columns of a table, unless there is one."""
        title = f"{self.table(name)}_{'_'.join(columns)}"
        self.execute(
            f"CREATE INDEX IF NOT EXISTS {title} ON {self.table(name)} ({_listed(columns)})"
        )

    # -- names in SQLite: numbers, so that no name of the artifact is part of a statement ---------

    def table(self, name: RelationName) -> str:
        """Return the SQLite table that holds a table's rows."""
        return f"t{self._numbers[name]}"

    def column(self, name: RelationName, compared: ComparedColumn) -> str:
        """Return the SQLite column with values that are compared in this way."""
        column, kind = compared
        return f"c{self._place(name, column)}_{kind.name}"

    def shown(self, name: RelationName, column: str) -> str:
        """Return the SQLite column with the unchanged texts of a key column."""
        return f"k{self._place(name, column)}"

    def bounds(self, name: RelationName) -> tuple[int, int]:
        """Return the least and the greatest number that a row of a table can have."""
        first = self._numbers[name] << _SHIFT
        return first, first + (1 << _SHIFT) - 1

    def table_of(self, number: int) -> RelationName:
        """Return the table to which a row belongs."""
        return self._names[number >> _SHIFT]

    def compared(self, name: RelationName, column: str, cast: str | None = None) -> ComparedColumn:
        """Return how the values of a column are compared, after a cast if there is one."""
        type_ = self._tables[name].columns[self._place(name, column)].type
        return column, TextKind.of_type(type_, cast)

    def _place(self, name: RelationName, column: str) -> int:
        return next(i for i, c in enumerate(self._tables[name].columns) if c.name == column)

    # -- asking ----------------------------------------------------------------------------------

    def matching(
        self, name: RelationName, wanted: Sequence[tuple[str, str]], most: int
    ) -> tuple[int, list[int]]:
        """Count the rows with these texts in these columns, and return the first of them."""
        compared = [self.compared(name, column) for column, _ in wanted]
        same = " AND ".join(f"{self.column(name, each)} = ?" for each in compared)
        values = [kind.of(text) for (_, kind), (_, text) in zip(compared, wanted, strict=True)]
        source = f"FROM {self.table(name)} WHERE {same}"
        ((count,),) = self.execute(f"SELECT count(*) {source}", values)
        found = self.execute(f"SELECT id {source} ORDER BY id LIMIT {most}", values)
        return count, [number for (number,) in found]

    def linked(self, number: int, link: Link) -> int | None:
        """Return the first row at the other end of a link from a row; None if there is none."""
        name = self.table_of(number)
        own = [self.column(name, self.compared(name, c)) for c in link.columns]
        others = [self.column(link.other, self.compared(link.other, c)) for c in link.other_columns]
        self.index(link.other, others)
        same = " AND ".join(f"other.{b} = own.{a}" for a, b in zip(own, others, strict=True))
        query = (
            f"SELECT other.id FROM {self.table(name)} AS own "
            f"CROSS JOIN {self.table(link.other)} AS other ON {same} "
            f"WHERE own.id = ? ORDER BY other.id LIMIT 1"
        )
        return next((other for (other,) in self.execute(query, (number,))), None)

    def key(self, number: int) -> RowKey:
        """Return the key of a row, as messages show it."""
        name = self.table_of(number)
        key = self._tables[name].key
        shown = _listed(["id", *(self.shown(name, column) for column in key)])
        query = f"SELECT {shown} FROM {self.table(name)} WHERE id = ?"
        ((_, *values),) = self.execute(query, (number,))
        return RowKey(name, tuple(zip(key, map(str, values), strict=True)))

    def execute(
        self, query: str, values: Sequence[Text | int] | Mapping[str, Text | int] = ()
    ) -> list[tuple[int, ...]]:
        """Run a statement, and return the rows of a query."""
        with _translated():
            return self._file.execute(query, values).fetchall()

    def define(self, name: str, count: int, function: Callable[..., bytes]) -> None:
        """Let statements call a function of so many texts."""
        with _translated():
            self._file.create_function(name, count, function, deterministic=True)

    def changed(self, statement: str, values: Mapping[str, int]) -> int:
        """Run a statement, and return how many rows it added."""
        with _translated():
            return self._file.execute(statement, values).rowcount

    def _many(self, statement: str, rows: Iterator[tuple[int | Text, ...]]) -> None:
        with _translated():
            self._file.executemany(statement, rows)


def _listed(names: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(names)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(
            f"the rows of the artifact cannot be kept in a temporary file: {error}; let TMPDIR "
            f"name a folder with room for their keys"
        ) from error
