"""Finds references of the artifact's rows to rows that neither artifact nor target has."""

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
from replant.preflight.row_check import REMEMBERED, CheckContext, CheckedRow, same_text, shown
from replant.preflight.target_tables import table_in_target

#: This many values are looked up in one query, as a batch of rows has at most this many.
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
        """The columns of the foreign key."""
        return frozenset(self.ends.key.columns)

    @property
    def awaited_table(self) -> RelationName | None:
        """The referenced table, as rows of the artifact may have what is referenced."""
        return self.ends.key.references if self._waiting and not self.leave else None

    @property
    def awaited_columns(self) -> tuple[str, ...]:
        """The columns that the key references."""
        return self.ends.key.referenced_columns

    def observe(self, rows: Sequence[CheckedRow]) -> None:
        """Remember which values are referenced, and look them up in batches."""
        for row in rows:
            values = tuple(row[name] for name in self.ends.key.columns)
            if None not in values and values not in self._asked:
                self._waiting[values] = None
            if not self.leave and len(self._waiting) >= REMEMBERED:
                return
        while self.leave and len(self._waiting) >= _ASKED:
            self._ask()

    def observe_awaited_rows(self, rows: Sequence[CheckedRow]) -> None:
        """Forget values that rows of the artifact have, as the target need not have them."""
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
        """Yield a refusal; or a note where skipped rows would reference nothing."""
        while self._waiting:
            self._ask()
        if not self.lacking:
            return
        key = self.ends.key
        skipped = self.ends.table.on_conflict is OnConflict.SKIP
        number = "1 row that is" if self.lacking == 1 else f"{self.lacking:,} rows that are"
        what = f"{key}: the target lacks {number} referenced, the first by {self.first}"
        yield Finding(
            Subject.REFERENCE,
            Severity.NOTE if skipped else Severity.REFUSES,
            f"{key.table}.{readable(key.name)}",
            what,
            "replay with --rehearse tries whether such a row is skipped, and undoes everything"
            if skipped
            else f"load the rows of {key.references} first, or export them too",
        )


def missing_parents_checks(context: CheckContext, name: RelationName) -> Iterator[MissingParents]:
    """Make a check for each foreign key that the role can read and that texts can compare."""
    for key in context.catalog.tables[name].foreign_keys:
        check = _check_of(context, key)
        if check is not None:
            yield check


def _check_of(context: CheckContext, key: ForeignKey) -> MissingParents | None:
    table = context.tables[key.table]
    unreadable = context.privileges.unreadable & {key.table, key.references}
    hidden = context.catalog.tables[key.references].rows_are_hidden
    if not key.enforced or unreadable or hidden or not {*key.columns} <= {*table.column_names}:
        return None
    if key.partition is not None:
        return None  # which of the rows will lie in it is known to the target alone
    other = table_in_target(context.tables, context.catalog, key.references)
    leaves = not context.tables.get(key.references, other).row_count
    if leaves or _by_text(context, key):
        return MissingParents(context.database, ReferenceEnds(key, table, other), leaves)
    return None


def _by_text(context: CheckContext, key: ForeignKey) -> bool:
    """Return whether the artifact's rows can be found by a key's texts, in bounded time."""
    other = context.tables[key.references]
    own, live = context.catalog.tables[key.table], context.catalog.tables[key.references]
    if key.period or key.referenced_partition:
        return False
    same = same_text(own, key.columns) and same_text(live, key.referenced_columns)
    held = {*key.referenced_columns} <= {*other.column_names}
    stored_separately = context.artifact.stored_separately.get(key.references, ())
    few = context.limit is None or other.row_count <= context.limit
    return same and held and few and not {*stored_separately} & {*key.referenced_columns}
