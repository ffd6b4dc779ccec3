"""What the artifact's rows meet in the target: rows that are there, rows that are not, and types.

A look takes the rows of one table in batches, and says in the end what it found. It asks the
target about each batch, and remembers numbers and a first example, not rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import psycopg
from attrs import define, field

from replant.database.connections import DatabaseConnection, one_line
from replant.model import (
    Catalog,
    Finding,
    OnConflict,
    PlannedTable,
    RelationName,
    Selection,
    Severity,
    Subject,
    Text,
    readable,
)
from replant.preflight import queries
from replant.preflight.target_schema import not_null_finding

Row = Mapping[str, Text]

#: So many values are remembered as asked for.
REMEMBERED = 100_000


class RowCheck(Protocol):
    """What is to be known of a table's rows."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it needs of each row."""

    def observe(self, rows: Sequence[Row]) -> None:
        """Look at some rows."""

    def findings(self) -> Iterator[Finding]:
        """What was found, after the last row."""


class WaitingCheck(RowCheck, Protocol):
    """A look that must know which rows of some table the artifact has, once all were looked at."""

    @property
    def awaited_table(self) -> RelationName | None:
        """The table; None if nothing waits."""

    @property
    def awaited_columns(self) -> tuple[str, ...]:
        """The columns that it needs of the table's rows."""

    def observe_awaited_rows(self, rows: Sequence[Row]) -> None:
        """Take some of the table's rows."""


@define
class ExistingRows:
    """Rows that share a unique key with a row of the target.

    Attributes:
        keys: the unique keys of the target's table.
        selection: the conditions by which the artifact's rows were chosen, if they can be asked.
        by_text: whether equal keys have equal texts.
        counted: whether the replay ends with a count of the rows of its scope.
        known: how many rows are there already.
        others: how many of these stand for rows that are of another scope.

    """

    database: DatabaseConnection
    table: PlannedTable
    keys: tuple[tuple[str, ...], ...]
    selection: Selection | None
    by_text: bool
    counted: bool
    known: int = 0
    others: int = 0
    first: str = ""
    _clashes: dict[tuple[Text, ...], str] = field(factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """Those of the keys."""
        return frozenset(name for key in (*self.keys, self.table.key) for name in key)

    @property
    def awaited_table(self) -> RelationName | None:
        """A row that is met by another key may be updated itself, and not be in the way then."""
        return self.table.name if self._clashes else None

    @property
    def awaited_columns(self) -> tuple[str, ...]:
        """The key."""
        return self.table.key

    def observe_awaited_rows(self, rows: Sequence[Row]) -> None:
        """The artifact has these rows."""
        for row in rows:
            self._clashes.pop(tuple(row[name] for name in self.table.key), None)

    def observe(self, rows: Sequence[Row]) -> None:
        """Ask by each unique key."""
        known: set[int] = set()
        others: set[int] = set()
        for key in self.keys:
            given = [row for row in enumerate(rows) if all(row[1][c] is not None for c in key)]
            listed = [[row[c] for c in (*key, *self.table.key)] for _, row in given]
            query = queries.present(self.table, key, listed, self.selection)
            for place, same, chosen, *held in self.database.execute(query) if listed else ():
                number, row = given[place]
                if chosen is False:
                    others.add(number)
                if self.table.on_conflict is OnConflict.UPDATE and not same:
                    self._clash(tuple(held), shown(key, row))
                else:
                    known.add(number)
                    self.first = self.first or shown(key, row)
        self.known += len(known)
        self.others += len(others)

    def _clash(self, held: tuple[Text, ...], shown: str) -> None:
        if self.by_text and len(self._clashes) < REMEMBERED:
            self._clashes.setdefault(held, shown)

    def findings(self) -> Iterator[Finding]:
        """What becomes of them, by the way that was chosen for rows that are there already."""
        if self.known:
            yield self._known()
        if self._clashes:
            first = next(iter(self._clashes.values()))
            number = _counted(len(self._clashes))
            yield Finding(
                Subject.ROW,
                Severity.REFUSES,
                str(self.table.name),
                f"{self.table.name} holds other rows with the unique values of {number}, the first "
                f"by {first}",
                "remove them from the target, or replay with --on-conflict skip",
            )
        if self.others and self.table.on_conflict is not OnConflict.ERROR:
            yield self._foreign()

    def _known(self) -> Finding:
        name, way = self.table.name, self.table.on_conflict
        held = f"{name} already holds {_counted(self.known)}, the first by {self.first}"
        if way is not OnConflict.ERROR:
            done = "left as they are" if way is OnConflict.SKIP else "updated where they differ"
            return Finding(Subject.ROW, Severity.NOTE, str(name), f"{held}: they are {done}")
        foreign = f", {self.others} of them of another scope" if self.others else ""
        ways = "skip or update" if self.table.key else "skip"
        remedy = f"remove them from the target, or replay with --on-conflict {ways}"
        return Finding(Subject.ROW, Severity.REFUSES, str(name), held + foreign, remedy)

    def _foreign(self) -> Finding:
        name, way = self.table.name, self.table.on_conflict
        done = "leave out" if way is OnConflict.SKIP else "change"
        what = (
            f"rows of another scope are in the way: --on-conflict {way.value} would {done} "
            f"{_counted(self.others)} of {name}"
        )
        if way is OnConflict.SKIP and self.counted:
            # The count at the end would miss them: rows that are left out are rows lost.
            remedy = (
                "remove the others, change them with --on-conflict update, or export with "
                "check = 'none' if they may stand for the artifact's"
            )
            return Finding(Subject.TARGET, Severity.REFUSES, str(name), what, remedy)
        return Finding(Subject.TARGET, Severity.ASKS, str(name), what)


@define
class NullInNotNull:
    """Rows with NULL in columns that take none in the target."""

    catalog: Catalog
    table: PlannedTable
    never_null: tuple[str, ...]
    _found: Counter[str] = field(factory=Counter)
    _first: dict[str, str] = field(factory=dict)

    @property
    def columns(self) -> frozenset[str]:
        """The columns, and the key to name a row by."""
        return frozenset((*self.never_null, *self.table.key))

    def observe(self, rows: Sequence[Row]) -> None:
        """Count them."""
        for row in rows:
            for column in self.never_null:
                if row[column] is None:
                    self._found[column] += 1
                    self._first.setdefault(column, shown(self.table.key, row))

    def findings(self) -> Iterator[Finding]:
        """A refusal for each column, unless a trigger may help."""
        for column, number in self._found.items():
            held = "1 row holds" if number == 1 else f"{number} rows hold"
            first = f", the first with {self._first[column]}" if self.table.key else ""
            what = f"is NOT NULL there, and {held} NULL{first}"
            yield not_null_finding(self.catalog, self.table.name, column, what)


@define
class TypeConversion:
    """Values of a column whose type is not the source's: whether the target's type holds them.

    Attributes:
        differs: how the two types differ, as a sentence.
        remedy: what would make them alike.
        exact: whether a value that becomes another one stops the replay.

    """

    database: DatabaseConnection
    table: PlannedTable
    column: str
    type_: str
    differs: str
    remedy: str
    exact: bool
    wrong: str = ""
    changed: str = ""
    untried: bool = False
    _known: set[str] = field(factory=set)

    @property
    def columns(self) -> frozenset[str]:
        """The column alone."""
        return frozenset((self.column,))

    def observe(self, rows: Sequence[Row]) -> None:
        """Let the target read them, until it refuses one."""
        if self.wrong or self.untried:
            return
        texts = {row[self.column] for row in rows} - self._known - {None}
        listed = sorted(text for text in texts if text is not None)
        if not listed:
            return
        try:
            with self.database.transaction():
                query = queries.misread(self.type_)
                places = self.database.execute(query, [listed]).fetchall()
        except psycopg.errors.InsufficientPrivilege:
            self.untried = True
        except psycopg.DatabaseError as error:
            self.wrong = one_line(error)
        else:
            self.changed = self.changed or next((listed[n - 1] for (n,) in places), "")
        if len(self._known) < REMEMBERED:
            self._known |= set(listed)

    def findings(self) -> Iterator[Finding]:
        """A refusal if a value is not held, else a note."""
        place = f"{self.table.name}.{readable(self.column)}"
        what, severity = f"{place}: {self.differs}", Severity.REFUSES
        if self.wrong:
            what += f", and does not read a value of the artifact: {self.wrong}"
        elif self.changed:
            what += f", and would make another value of {self.changed!r}"
            severity = Severity.REFUSES if self.exact else Severity.NOTE
        else:
            severity = Severity.NOTE
        remedy = self.remedy if severity is Severity.REFUSES else ""
        yield Finding(Subject.TYPE, severity, place, what, remedy)


def shown(names: Sequence[str], row: Row) -> str:
    """What tells a row apart, for people."""
    return ", ".join(f"{readable(name)} = {row[name]!s}" for name in names)


def _counted(number: int) -> str:
    return "1 of these rows" if number == 1 else f"{number} of these rows"
