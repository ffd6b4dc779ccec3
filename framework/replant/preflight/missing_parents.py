"""References of the artifact's rows: whether the rows that they lead to are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import define, field, frozen

from replant.database.connections import DatabaseConnection
from replant.model import (
    Finding,
    ForeignKey,
    OnConflict,
    PlannedTable,
    RelationName,
    Severity,
    Subject,
    Text,
    readable,
)
from replant.preflight import queries
from replant.preflight.existing_rows import REMEMBERED, Row, shown

#: So many values are asked for at a time.
_ASKED = 1000


@frozen
class ReferenceEnds:
    """A foreign key, and the two tables as the target has them."""

    key: ForeignKey
    table: PlannedTable
    references: PlannedTable


@define
class MissingParents:
    """References to rows that neither the artifact nor the target has.

    Attributes:
        leave: whether they leave the artifact's tables; the rows of the others may be referenced
            by a value that the artifact provides, which is known only after all have been seen.

    """

    database: DatabaseConnection
    ends: ReferenceEnds
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
    def awaited_table(self) -> RelationName | None:
        """Rows of the artifact may yet have what is referenced."""
        return self.ends.key.references if self._waiting and not self.leave else None

    @property
    def awaited_columns(self) -> tuple[str, ...]:
        """Those that the key references."""
        return self.ends.key.referenced_columns

    def observe(self, rows: Sequence[Row]) -> None:
        """Remember which values are referenced; ask for many at once."""
        for row in rows:
            values = tuple(row[name] for name in self.ends.key.columns)
            if None not in values and values not in self._asked:
                self._waiting[values] = None
            if not self.leave and len(self._waiting) >= REMEMBERED:
                return
        while self.leave and len(self._waiting) >= _ASKED:
            self._ask()

    def observe_awaited_rows(self, rows: Sequence[Row]) -> None:
        """The artifact has these rows of the referenced table, so the target need not."""
        for row in rows:
            values = tuple(row[name] for name in self.ends.key.referenced_columns)
            self._waiting.pop(values, None)

    def _ask(self) -> None:
        listed = list(self._waiting)[:_ASKED]
        for values in listed:
            del self._waiting[values]
        if len(self._asked) < REMEMBERED:
            self._asked.update(listed)
        tables = (self.ends.table, self.ends.references)
        query = queries.lacked(self.ends.key, tables, listed)
        lacked = sorted(place for (place,) in self.database.execute(query))
        self.lacking += len(lacked)
        if lacked and not self.first:
            names = self.ends.key.columns
            self.first = shown(names, dict(zip(names, listed[lacked[0]], strict=True)))

    def findings(self) -> Iterator[Finding]:
        """A refusal; a row that is skipped references nothing."""
        while self._waiting:
            self._ask()
        if not self.lacking:
            return
        key = self.ends.key
        skipped = self.ends.table.on_conflict is OnConflict.SKIP
        number = "1 row that is" if self.lacking == 1 else f"{self.lacking} rows that are"
        what = f"{key}: the target lacks {number} referenced, the first by {self.first}"
        yield Finding(
            Subject.REFERENCE,
            Severity.NOTE if skipped else Severity.REFUSES,
            f"{key.table}.{readable(key.name)}",
            what,
            f"load the rows of {key.references} first, or export them too",
        )
