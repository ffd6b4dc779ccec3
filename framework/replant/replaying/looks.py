"""What the artifact's rows meet in the target: rows that are there, rows that are not, and types.

A look takes the rows of one table in batches, and says in the end what it found. It asks the
target about each batch, and remembers numbers and a first example, not rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import psycopg
from attrs import define, field, frozen

from replant.database.connections import Database, one_line
from replant.model import (
    Catalog,
    Finding,
    ForeignKey,
    OnConflict,
    PlannedTable,
    Selection,
    Severity,
    Subject,
    Text,
    readable,
)
from replant.rendering import preflight_queries as queries
from replant.replaying.fitting import not_null_finding

Row = Mapping[str, Text]

#: So many values are asked for at a time, and remembered as answered.
_ASKED, _REMEMBERED = 1000, 100_000


class Look(Protocol):
    """What is to be known of a table's rows.

    Attributes:
        columns: those that it needs of each row.

    """

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it needs of each row."""

    def take(self, rows: Sequence[Row]) -> None:
        """Look at some rows."""

    def findings(self) -> Iterator[Finding]:
        """What was found, after the last row."""


@define
class Present:
    """Rows that share a unique key with a row of the target.

    Attributes:
        keys: the unique keys of the target's table.
        selection: the conditions by which the artifact's rows were chosen, if they can be asked.
        known: how many rows are there already.
        others: how many of these stand for rows that are of another scope.
        clashes: how many rows that should be updated meet another row by another key.

    """

    database: Database
    table: PlannedTable
    keys: tuple[tuple[str, ...], ...]
    selection: Selection | None
    known: int = 0
    others: int = 0
    clashes: int = 0
    first: str = ""
    first_clash: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """Those of the keys."""
        return frozenset(name for key in (*self.keys, self.table.key) for name in key)

    def take(self, rows: Sequence[Row]) -> None:
        """Ask by each unique key."""
        known: set[int] = set()
        others: set[int] = set()
        clashes: set[int] = set()
        for key in self.keys:
            given = [n for n, row in enumerate(rows) if all(row[c] is not None for c in key)]
            listed = [[rows[n][c] for c in (*key, *self.table.key)] for n in given]
            query = queries.present(self.table, key, listed, self.selection)
            for place, same, chosen in self.database.execute(query) if listed else ():
                number = given[place]
                updated = self.table.on_conflict is OnConflict.UPDATE
                (clashes if updated and not same else known).add(number)
                if chosen is False:
                    others.add(number)
                if not (self.first_clash if number in clashes else self.first):
                    self._show(_shown(key, rows[number]), number in clashes)
        self.known += len(known)
        self.others += len(others)
        self.clashes += len(clashes)

    def _show(self, shown: str, clashes: bool) -> None:
        if clashes:
            self.first_clash = shown
        else:
            self.first = shown

    def findings(self) -> Iterator[Finding]:
        """What becomes of them, by the way that was chosen for rows that are there already."""
        name, way = self.table.name, self.table.on_conflict
        if self.known:
            held = f"{name} already holds {_counted(self.known)}, the first by {self.first}"
            if way is OnConflict.ERROR:
                ways = "skip or update" if self.table.key else "skip"
                yield Finding(
                    Subject.ROW,
                    Severity.REFUSES,
                    str(name),
                    held + (f", {self.others} of them of another scope" if self.others else ""),
                    f"remove them from the target, or replay with --on-conflict {ways}",
                )
            else:
                done = "left as they are" if way is OnConflict.SKIP else "updated where they differ"
                yield Finding(Subject.ROW, Severity.NOTE, str(name), f"{held}: they are {done}")
        if self.clashes:
            what = (
                f"{name} holds other rows with the unique values of {_counted(self.clashes)}, the "
                f"first by {self.first_clash}"
            )
            mend = "remove them from the target, or replay with --on-conflict skip"
            yield Finding(Subject.ROW, Severity.REFUSES, str(name), what, mend)
        if self.others and way is not OnConflict.ERROR:
            done = "leave out" if way is OnConflict.SKIP else "change"
            what = (
                f"rows of another scope are in the way: --on-conflict {way.value} would {done} "
                f"{_counted(self.others)} of {name}"
            )
            yield Finding(Subject.TARGET, Severity.ASKS, str(name), what)


@define
class Nulls:
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

    def take(self, rows: Sequence[Row]) -> None:
        """Count them."""
        for row in rows:
            for column in self.never_null:
                if row[column] is None:
                    self._found[column] += 1
                    self._first.setdefault(column, _shown(self.table.key, row))

    def findings(self) -> Iterator[Finding]:
        """A refusal for each column, unless a trigger may help."""
        for column, number in self._found.items():
            held = "1 row holds" if number == 1 else f"{number} rows hold"
            first = f", the first with {self._first[column]}" if self.table.key else ""
            what = f"is NOT NULL there, and {held} NULL{first}"
            yield not_null_finding(self.catalog, self.table.name, column, what)


@define
class Values:
    """Values of a column whose type is not the source's: whether the target's type holds them.

    Attributes:
        differs: how the two types differ, as a sentence.
        mend: what would make them alike.
        exact: whether a value that becomes another one stops the replay.

    """

    database: Database
    table: PlannedTable
    column: str
    type_: str
    differs: str
    mend: str
    exact: bool
    wrong: str = ""
    changed: str = ""
    untried: bool = False
    _known: set[str] = field(factory=set)

    @property
    def columns(self) -> frozenset[str]:
        """The column alone."""
        return frozenset((self.column,))

    def take(self, rows: Sequence[Row]) -> None:
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
        if len(self._known) < _REMEMBERED:
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
        mend = self.mend if severity is Severity.REFUSES else ""
        yield Finding(Subject.TYPE, severity, place, what, mend)


@frozen
class Ends:
    """A foreign key, and the two tables as the target has them."""

    key: ForeignKey
    table: PlannedTable
    references: PlannedTable


@define
class References:
    """References to rows that neither the artifact nor the target has.

    Attributes:
        leave: whether they leave the artifact's tables; the rows of the others may be referenced
            by a value that the artifact provides, which is known only after all have been seen.

    """

    database: Database
    ends: Ends
    leave: bool
    lacking: int = 0
    first: str = ""
    _waiting: dict[tuple[Text, ...], None] = field(factory=dict)
    _asked: set[tuple[Text, ...]] = field(factory=set)

    @property
    def columns(self) -> frozenset[str]:
        """Those of the key."""
        return frozenset(self.ends.key.columns)

    @property
    def waits(self) -> bool:
        """Whether rows of the artifact may yet have what is referenced."""
        return not self.leave and bool(self._waiting)

    def take(self, rows: Sequence[Row]) -> None:
        """Remember which values are referenced; ask for many at once."""
        for row in rows:
            values = tuple(row[name] for name in self.ends.key.columns)
            if None not in values and values not in self._asked:
                self._waiting[values] = None
            if not self.leave and len(self._waiting) >= _REMEMBERED:
                return
        while self.leave and len(self._waiting) >= _ASKED:
            self._ask()

    def provided(self, rows: Sequence[Row]) -> None:
        """The artifact has these rows of the referenced table, so the target need not."""
        for row in rows:
            values = tuple(row[name] for name in self.ends.key.referenced_columns)
            self._waiting.pop(values, None)

    def _ask(self) -> None:
        listed = list(self._waiting)[:_ASKED]
        for values in listed:
            del self._waiting[values]
        if len(self._asked) < _REMEMBERED:
            self._asked.update(listed)
        tables = (self.ends.table, self.ends.references)
        query = queries.lacked(self.ends.key, tables, listed)
        lacked = sorted(place for (place,) in self.database.execute(query))
        self.lacking += len(lacked)
        if lacked and not self.first:
            names = self.ends.key.columns
            self.first = _shown(names, dict(zip(names, listed[lacked[0]], strict=True)))

    def findings(self) -> Iterator[Finding]:
        """A refusal; a row that is skipped references nothing."""
        while self._waiting:
            self._ask()
        if not self.lacking:
            return
        key = self.ends.key
        skipped = self.ends.table.on_conflict is OnConflict.SKIP
        number = "1 row" if self.lacking == 1 else f"{self.lacking} rows"
        what = f"{key}: the target lacks {number} that are referenced, the first by {self.first}"
        yield Finding(
            Subject.REFERENCE,
            Severity.NOTE if skipped else Severity.REFUSES,
            f"{key.table}.{readable(key.name)}",
            what,
            f"load the rows of {key.references} first, or export them too",
        )


def _shown(names: Sequence[str], row: Row) -> str:
    return ", ".join(f"{readable(name)} = {row[name]!s}" for name in names)


def _counted(number: int) -> str:
    return "1 of these rows" if number == 1 else f"{number} of these rows"
