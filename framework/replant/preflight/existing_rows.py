"""Finds rows of an artifact that the target already has, by its unique and excluding indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import define, field

from replant.database.batches import select_all
from replant.database.connections import DatabaseConnection
from replant.model import (
    Check,
    Finding,
    OnConflict,
    PlannedTable,
    RelationName,
    Selection,
    Severity,
    Subject,
    Text,
    UniqueIndex,
)
from replant.preflight import queries
from replant.preflight.row_check import (
    REMEMBERED,
    CheckContext,
    CheckedRow,
    RowCheck,
    same_text,
    shown,
)
from replant.sql.row_queries import texts_by_key
from replant.verification.differences import ValueDifference

#: What happens to rows that exist already.
_OUTCOMES = {
    OnConflict.SKIP: "they are left as they are",
    OnConflict.SAME: "they are skipped",
    OnConflict.UPDATE: "they are updated where they differ",
}


@define
class ExistingRows:
    """Rows that share a unique key with a row of the target.

    Attributes:
        indexes: those of the target's table that let no two rows be alike.
        selection: the conditions by which the artifact's rows were chosen, if they can be asked.
        by_text: whether equal keys have equal texts.
        counted: whether the replay ends with a count of the rows of its scope.
        compared: the columns by which rows with the same key are compared.
        known: how many of the artifact's rows the target already has, by any unique key.
        differing: how many of these hold other values in the target.
        difference: the first of these, for people.
        others: how many of these are rows of another scope in the target.
        skipped: the keys of rows that are skipped for a row with another key.

    """

    database: DatabaseConnection
    table: PlannedTable
    indexes: tuple[UniqueIndex, ...]
    selection: Selection | None
    by_text: bool
    counted: bool
    compared: tuple[str, ...]
    known: int = 0
    differing: int = 0
    difference: str = ""
    others: int = 0
    first: str = ""
    skipped: set[tuple[Text, ...]] = field(factory=set)
    _clashes: dict[tuple[Text, ...], str] = field(factory=dict)
    _exchanged: int = 0
    _first_exchanged: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the indexes and of the key, and those that are compared."""
        read = (name for index in self.indexes for name in index.columns)
        return frozenset((*read, *self.table.key, *self.compared))

    @property
    def awaited_table(self) -> RelationName | None:
        """The table itself: a row with the same unique value may be one that the replay updates."""
        return self.table.name if self._clashes else None

    @property
    def awaited_columns(self) -> tuple[str, ...]:
        """The key columns."""
        return self.table.key

    def observe_awaited_rows(self, rows: Sequence[CheckedRow]) -> None:
        """Drop the conflicts with rows that the artifact updates itself."""
        for row in rows:
            told = self._clashes.pop(tuple(row[name] for name in self.table.key), "")
            self._exchanged += bool(told)
            self._first_exchanged = self._first_exchanged or told

    def observe(self, rows: Sequence[CheckedRow]) -> None:
        """Look for the rows in the target by each index."""
        known: set[int] = set()
        others: set[int] = set()
        by_key: dict[int, CheckedRow] = {}
        for index in self.indexes:
            given = [row for row in enumerate(rows) if _may_meet(index, row[1])]
            listed = [[row[c] for c in (*index.columns, *self.table.key)] for _, row in given]
            query = queries.present(self.table, index, listed, self.selection)
            for place, same, chosen, *held in self.database.execute(query) if listed else ():
                number, row = given[place]
                if chosen is False:
                    others.add(number)
                if self.table.on_conflict is OnConflict.UPDATE and not same:
                    self._clash(tuple(held), shown(index.columns, row))
                else:
                    known.add(number)
                    self.first = self.first or shown(index.columns, row)
                if same:
                    by_key[number] = row
        self._compare(list(by_key.values()))
        if self.table.key:
            # A row that shares only another unique value is another row.
            others_for_them = known - by_key.keys()
            self.differing += len(others_for_them)
            for number in others_for_them:
                if len(self.skipped) < REMEMBERED:
                    self.skipped.add(tuple(rows[number][name] for name in self.table.key))
        self.known += len(known)
        self.others += len(others)

    def _compare(self, rows: Sequence[CheckedRow]) -> None:
        """Compare rows with those of the target that have the same key, by the texts of values."""
        keys = [tuple(row[name] for name in self.table.key) for row in rows]
        query = texts_by_key(self.table, self.compared, keys)
        width = len(self.compared)
        for place, *found in self.database.execute(query) if keys else ():
            row = rows[place]
            values = found[len(found) - width :]
            unequal = [
                ValueDifference(name, row[name], other)
                for name, other in zip(self.compared, values, strict=True)
                if row[name] != other
            ]
            if unequal:
                self.differing += 1
                told = f"{shown(self.table.key, row)}: {'; '.join(map(str, unequal))}"
                self.difference = self.difference or told

    def _clash(self, held: tuple[Text, ...], shown: str) -> None:
        if self.by_text and len(self._clashes) < REMEMBERED:
            self._clashes.setdefault(held, shown)

    def findings(self) -> Iterator[Finding]:
        """Yield what happens to existing rows under the table's `on_conflict`."""
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
        if self._exchanged:
            yield Finding(
                Subject.UNSEEN,
                Severity.NOTE,
                str(self.table.name),
                f"rows of {self.table.name} exchange unique values with rows that are updated too, "
                f"the first by {self._first_exchanged}: in some orders the target refuses that",
                "replay with --rehearse tries it, and undoes everything",
            )
        if self.others and self.table.on_conflict is not OnConflict.ERROR:
            yield self._foreign()

    def _known(self) -> Finding:
        name, way = self.table.name, self.table.on_conflict
        what = f"{name} already holds {_counted(self.known)}, the first by {self.first}"
        what += f", {self.others} of them of another scope" if self.others else ""
        what += f" ({self._content()})" if self.table.key else ""
        refused = way is OnConflict.ERROR or (way is OnConflict.SAME and self.differing)
        if not refused:
            return Finding(
                Subject.ROW,
                Severity.NOTE,
                str(name),
                f"{what}: {_OUTCOMES[way]}",
                together=f"tables already hold some of these rows: {_OUTCOMES[way]}",
            )
        return Finding(Subject.ROW, Severity.REFUSES, str(name), what, self._remedy())

    def _content(self) -> str:
        equal = self.known - self.differing
        if not self.differing:
            return f"{equal} equal"
        first = f", as {self.difference}" if self.difference else ""
        return f"{equal} equal, {self.differing} with other values{first}"

    def _remedy(self) -> str:
        """Say what to do, and never what would join rows that may be somebody else's."""
        if not self.table.key:
            return "remove them from the target, or replay with --on-conflict skip"
        if self.differing:
            return (
                "these may be rows of somebody else: remove them from the target, or replay into "
                "another database"
            )
        return (
            "replay with --on-conflict same, which skips rows that are equal and refuses others, "
            "or remove them from the target"
        )

    def _foreign(self) -> Finding:
        name, way = self.table.name, self.table.on_conflict
        done = "leave out" if way is OnConflict.SKIP else "change"
        what = (
            f"rows of another scope are affected: --on-conflict {way.value} would {done} "
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


def existing_rows_checks(
    context: CheckContext, names: Iterable[RelationName]
) -> dict[RelationName, ExistingRows]:
    """Make the checks for tables whose rows the role sees, where the target has any."""
    asked = [name for name in names if _indexes(context, name) and context.sees(name)]
    answers = select_all(
        context.database,
        (queries.has_rows(context.tables[name], number) for number, name in enumerate(asked)),
    )
    return {asked[number]: _check(context, asked[number]) for number, any_row in answers if any_row}


def _indexes(context: CheckContext, name: RelationName) -> tuple[UniqueIndex, ...]:
    """Return the indexes all of whose columns the artifact has, that of the key first."""
    table, live = context.tables[name], context.catalog.tables[name]
    given = [i for i in live.unique_indexes if {*table.column_names}.issuperset(i.columns)]
    return tuple(sorted(given, key=lambda index: {*index.columns} != {*table.key}))


def _may_meet(index: UniqueIndex, row: CheckedRow) -> bool:
    """Return whether an index may take a row for another; not if it compares a NULL, mostly."""
    open_ = index.nulls_alike or len(index.columns) != len(index.terms) or index.predicate
    return bool(open_) or all(row[name] is not None for name in index.columns)


def _check(context: CheckContext, name: RelationName) -> ExistingRows:
    table, live = context.tables[name], context.catalog.tables[name]
    selection = context.selection if name in context.by_conditions else None
    counted = context.artifact.manifest.check is not Check.NONE
    by_text = same_text(live, table.key)
    separate = context.artifact.stored_separately.get(name, ())
    compared = tuple(column for column in table.column_names if column not in separate)
    compared = compared if table.key else ()
    indexes = _indexes(context, name)
    return ExistingRows(context.database, table, indexes, selection, by_text, counted, compared)


def every_row_exists(
    context: CheckContext, checks: Mapping[RelationName, Sequence[RowCheck]]
) -> Finding | None:
    """Return one finding in place of many, if the target already has every row of the artifact."""
    filled = [table for table in context.artifact.manifest.tables if table.row_count]
    for table in filled:
        present = [k for k in checks.get(table.name, ()) if isinstance(k, ExistingRows)]
        if not present or present[0].known != table.row_count or present[0].differing:
            return None
        if context.tables[table.name].on_conflict is not OnConflict.ERROR:
            return None
    if not filled:
        return None
    return Finding(
        Subject.TARGET,
        Severity.REFUSES,
        context.catalog.database,
        f"the target {context.catalog.database!r} already holds every row of this artifact: it was "
        f"replayed before, or this database is the source itself",
        "replay into another database, or with --on-conflict same, which finds them equal",
    )


def _counted(number: int) -> str:
    return "1 of these rows" if number == 1 else f"{number:,} of these rows"
