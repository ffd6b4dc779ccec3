"""Rows of an artifact in a temporary SQLite database, as far as it takes to join them.

Of each row it has those columns whose values say which row it is and which rows it references, as
texts that are equal where the values are. So memory stays flat, and indexes serve.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation

from replant.artifact.manifest import ExportedTable
from replant.artifact.reading import Artifact
from replant.errors import OutputError
from replant.model import Link, RelationName, Text
from replant.model.closure import RowKey
from replant.rendering.rows import texts

_PRAGMAS = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -32768;
BEGIN;
"""

#: Rows are numbered through; each table has this many numbers, and the first is its own.
_SHIFT = 40

_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^{},"]+)')


class KeptRows:
    """Rows by their numbers. Within a table, numbers follow the order of the artifact."""

    def __init__(self, tables: Sequence[ExportedTable]) -> None:
        """Keep no row yet, of these tables."""
        self._numbers = {name: place for place, name in enumerate(sorted(t.name for t in tables))}
        self._names = {place: name for name, place in self._numbers.items()}
        self._tables = {table.name: table for table in tables}
        self._comparable = {
            t.name: {c.name: _comparable(c.type) for c in t.columns} for t in tables
        }
        with _translated():
            self._file = sqlite3.connect("", isolation_level=None)
            self._file.executescript(_PRAGMAS)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    # -- filling ---------------------------------------------------------------------------------

    def take(self, artifact: Artifact, name: RelationName, wanted: Collection[str]) -> None:
        """Keep the wanted columns, and the key, of a table's rows.

        Raises:
            ArtifactError: the artifact does not hold the rows that its manifest tells of.
            OutputError: there is no room for the file.

        """
        table = self._tables[name]
        columns = [column.name for column in table.columns]
        kept = [c for c in columns if c in wanted]
        # Of the key the texts are shown; what is joined is compared.
        names = [*(self.shown(name, c) for c in table.key), *(self.column(name, c) for c in kept)]
        self.execute(
            f"CREATE TABLE {self.table(name)} ({_listed(['id INTEGER PRIMARY KEY', *names])})"
        )
        key = [columns.index(c) for c in table.key]
        compared = [(columns.index(c), self._comparable[name][c]) for c in kept]
        first = self._numbers[name] << _SHIFT

        def rows() -> Iterator[tuple[int | Text, ...]]:
            number = first
            for lines in artifact.rows(name):
                for line in lines:
                    row = texts(line)
                    number += 1
                    yield (
                        number,
                        *(row[place] for place in key),
                        *(_value(row[place], comparable) for place, comparable in compared),
                    )

        marks = ", ".join("?" * (1 + len(names)))
        self._many(f"INSERT INTO {self.table(name)} VALUES ({marks})", rows())
        late = [c for c in artifact.in_two_parts.get(name, ()) if c in wanted]
        if late:
            self._patch(artifact, table, late)

    def _patch(self, artifact: Artifact, table: ExportedTable, late: Sequence[str]) -> None:
        """Set the columns that stand apart from their rows."""
        name = table.name
        stored = (*table.key, *artifact.in_two_parts[name])
        self.index(name, [self.shown(name, c) for c in table.key])
        places = [(stored.index(c), self._comparable[name][c]) for c in late]

        def rows() -> Iterator[tuple[Text, ...]]:
            for lines in artifact.patches(name):
                for line in lines:
                    row = texts(line)
                    yield (*(_value(row[i], f) for i, f in places), *row[: len(table.key)])

        values = _listed(f"{self.column(name, c)} = ?" for c in late)
        same = " AND ".join(f"{self.shown(name, c)} = ?" for c in table.key)
        self._many(f"UPDATE {self.table(name)} SET {values} WHERE {same}", rows())

    def take_elements(self, name: RelationName, column: str, into: str) -> None:
        """Keep the elements of an array column as (value, id) in a table of their own."""
        self.execute(f"CREATE TABLE {into} (value, id)")
        query = f"SELECT id, {self.column(name, column)} FROM {self.table(name)}"
        comparable = _comparable(_element_type(self._tables[name], column))
        self._many(
            f"INSERT INTO {into} VALUES (?, ?)",
            (
                (_value(element, comparable), number)
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
        """The table that holds a table's rows."""
        return f"t{self._numbers[name]}"

    def column(self, name: RelationName, column: str) -> str:
        """The column with values that are compared."""
        return f"c{self._place(name, column)}"

    def shown(self, name: RelationName, column: str) -> str:
        """The column of the key with its texts as they are."""
        return f"k{self._place(name, column)}"

    def bounds(self, name: RelationName) -> tuple[int, int]:
        """The least and the greatest number that a row of a table may have."""
        first = self._numbers[name] << _SHIFT
        return first, first + (1 << _SHIFT) - 1

    def table_of(self, number: int) -> RelationName:
        """The table whose row it is."""
        return self._names[number >> _SHIFT]

    def comparable(self, name: RelationName, column: str, text: str) -> Text:
        """A text as it is compared with a column."""
        return self._comparable[name][column](text)

    def _place(self, name: RelationName, column: str) -> int:
        return next(i for i, c in enumerate(self._tables[name].columns) if c.name == column)

    # -- asking ----------------------------------------------------------------------------------

    def matching(
        self, name: RelationName, wanted: Sequence[tuple[str, str]], most: int
    ) -> tuple[int, list[int]]:
        """How many rows of a table hold these texts in these columns, and the first of them."""
        same = " AND ".join(f"{self.column(name, column)} = ?" for column, _ in wanted)
        values = [self.comparable(name, column, text) for column, text in wanted]
        source = f"FROM {self.table(name)} WHERE {same}"
        ((count,),) = self.execute(f"SELECT count(*) {source}", values)
        found = self.execute(f"SELECT id {source} ORDER BY id LIMIT {most}", values)
        return count, [number for (number,) in found]

    def linked(self, number: int, link: Link) -> int | None:
        """The first row at the other end of a link from a row; None if there is none."""
        name = self.table_of(number)
        others = [self.column(link.other, column) for column in link.other_columns]
        self.index(link.other, others)
        pairs = zip(link.columns, others, strict=True)
        same = " AND ".join(f"other.{b} = own.{self.column(name, a)}" for a, b in pairs)
        query = (
            f"SELECT other.id FROM {self.table(name)} AS own "
            f"CROSS JOIN {self.table(link.other)} AS other ON {same} "
            f"WHERE own.id = ? ORDER BY other.id LIMIT 1"
        )
        return next((other for (other,) in self.execute(query, (number,))), None)

    def key(self, number: int) -> RowKey:
        """The row as a person tells it from others."""
        name = self.table_of(number)
        key = self._tables[name].key
        shown = _listed(["id", *(self.shown(name, column) for column in key)])
        query = f"SELECT {shown} FROM {self.table(name)} WHERE id = ?"
        ((_, *values),) = self.execute(query, (number,))
        return RowKey(name, tuple(zip(key, map(str, values), strict=True)))

    def execute(
        self, query: str, values: Sequence[Text | int] | Mapping[str, Text | int] = ()
    ) -> list[tuple[int, ...]]:
        """The rows of a query; none of a statement."""
        with _translated():
            return self._file.execute(query, values).fetchall()

    def changed(self, statement: str, values: Mapping[str, int]) -> int:
        """How many rows a statement added."""
        with _translated():
            return self._file.execute(statement, values).rowcount

    def _many(self, statement: str, rows: Iterator[tuple[int | Text, ...]]) -> None:
        with _translated():
            self._file.executemany(statement, rows)


def elements(array: str) -> Iterator[str]:
    """The elements of an array as its output function writes it, of whatever dimension.

    NULL is none: it references nothing. PostgreSQL manual, "Array Input and Output Syntax".
    """
    body = array[array.index("{") :] if "{" in array else ""
    for match in _ELEMENT.finditer(body):
        quoted, plain = match.groups()
        if quoted is not None:
            yield re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        elif plain.upper() != "NULL":
            yield plain


def _element_type(table: ExportedTable, column: str) -> str:
    return next(c.type for c in table.columns if c.name == column).removesuffix("[]")


def _value(text: Text, comparable: Callable[[str], Text]) -> Text:
    return None if text is None else comparable(text)


def _comparable(type_: str) -> Callable[[str], Text]:
    """What makes texts of a type equal where its values are."""
    plain = type_.split("(", maxsplit=1)[0].rsplit(".", 1)[-1].strip('"')
    match plain:
        case "numeric":
            return _number
        case "character":
            return lambda text: text.rstrip(" ")
        case "citext" | "uuid":
            return str.lower
        case "boolean":
            return lambda text: {"true": "t", "false": "f"}.get(text.lower(), text)
        case _:
            return str


def _number(text: str) -> str:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    return f"{value.normalize():f}" if value.is_finite() else text


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
