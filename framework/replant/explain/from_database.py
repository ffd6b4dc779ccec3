"""Explains whether rows would be exported, and why: a selection and a predicate in.

What a table's registration decides, it decides by conditions, of which each row satisfies some or
all. What a closed set decides is found by a path in it.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, frozen

from replant.closure.closure import Closure, check_predicates
from replant.database.connections import DatabaseConnection
from replant.errors import PrivilegeError, UsageError
from replant.explain import queries
from replant.explain.closure_paths import explain_closure
from replant.explain.explanation import (
    Explanation,
    ExportedRow,
    PathStep,
    RowInClosure,
    RowKey,
    RowLeftOut,
)
from replant.explain.queries import RowPosition
from replant.model import (
    ByPredicate,
    Catalog,
    ChosenRows,
    ColumnIs,
    Condition,
    Dangling,
    KeyIsNot,
    Link,
    LinkedTo,
    PlannedColumn,
    PlannedTable,
    RelationName,
    Root,
    Satisfies,
    Selection,
    Settings,
    WhereReferenced,
    readable,
)
from replant.model.names import did_you_mean
from replant.model.references import Pair, Reference
from replant.selection.counting import check_scope_values, count_rows
from replant.selection.expand import check_readable, open_closure
from replant.selection.predicate_rows import find_predicate_rows
from replant.selection.select import SelectedTables
from replant.selection.shared_rows import with_shared_rows
from replant.sql.grants import grants

#: This many rows are explained, so that the answer fits on a screen or two.
MOST_ROWS = 10


def explain_in_database(
    database: DatabaseConnection,
    catalog: Catalog,
    selected: SelectedTables,
    settings: Settings,
    asked: Root,
) -> Explanation:
    """Explain the rows that satisfy a predicate, in the transaction's snapshot.

    References that would stop an export do not stop this, and no budget holds: a set that is too
    large is one to ask about.

    Raises:
        UsageError: there is no such table, or the predicate is not valid.
        PrivilegeError: the role may not read the table.
        ReplantError: see `count_rows`.

    """
    _check_asked(catalog, asked)
    if asked.table not in selected.tables:
        by = selected.excluded.get(asked.table)
        why = f"the configuration excludes it: {by}" if by else "no enabled plugin registers it"
        return Explanation(asked, because=why)
    check_predicates(database, [asked])
    selected = with_shared_rows(database, selected)
    lenient = _lenient(settings)
    explainer = _RowExplainer(
        database, selected, _settled_selection(database, catalog, selected, lenient)
    )
    given = ChosenRows(
        (Satisfies(asked.predicate),),
        selected.rows[asked.table].only,
        explainer.equality(asked.table),
    )
    matched, positions = explainer.first_locations(asked.table, given)
    if asked.table not in selected.open:
        explained_rows = [explainer.explained(asked.table, position) for position in positions]
    else:
        with open_closure(database, catalog, selected, explainer.rows, lenient) as closure:
            explained_rows = [
                _explain_closure_row(explainer, closure, asked.table, position)
                for position in positions
            ]
    return Explanation(asked, matched, tuple(explained_rows))


def _check_asked(catalog: Catalog, asked: Root) -> None:
    table = catalog.tables.get(asked.table)
    if table is None:
        meant = did_you_mean(asked.table, catalog.tables)
        raise UsageError(f"the source has no table {asked.table}{meant}")
    if table.is_partition:
        raise UsageError(
            f"{asked.table} is a partition; ask for its rows through the table that it belongs to"
        )
    if not (table.may_select and table.may_use_schema):
        raise PrivilegeError(
            f"the role {catalog.role!r} may not read {asked.table}; run as its owner: "
            f"{grants('SELECT', [asked.table], catalog.role)}"
        )


def _lenient(settings: Settings) -> Settings:
    """Return the settings without limits, and with no reference that stops an export."""

    def allowed(mode: Dangling) -> Dangling:
        return Dangling.EXPORT if mode is Dangling.FAIL else mode

    tables = tuple(
        evolve(change, max_rows=None, dangling=change.dangling and allowed(change.dangling))
        for change in settings.tables
    )
    dangling = allowed(settings.export.dangling)
    return evolve(
        settings, export=evolve(settings.export, max_rows=None, dangling=dangling), tables=tables
    )


def _settled_selection(
    database: DatabaseConnection, catalog: Catalog, selected: SelectedTables, settings: Settings
) -> Selection:
    """Return the chosen rows without those that are left out for what they reference.

    Counting reads every table and finds the closed set, so it is done only where it matters.
    """
    modes = {settings.export.dangling, *(change.dangling for change in settings.tables)}
    if Dangling.LEAVE_OUT not in modes:
        check_readable(database, catalog, selected, settings)
        check_scope_values(database, selected, settings)
        fixed = set(selected.tables) - selected.open
        return find_predicate_rows(database, selected, selected.rows, fixed)
    _, counted = count_rows(database, catalog, selected, settings)
    return {**selected.rows, **counted.rows}


def _explain_closure_row(
    explainer: _RowExplainer, closure: Closure, name: RelationName, position: RowPosition
) -> ExportedRow | RowLeftOut:
    """Explain a row of a table whose rows a closed set decides."""
    (found,) = explain_closure(
        explainer.database, closure, Root(name, queries.location_predicate(position)), most=1
    ).rows
    if isinstance(found, RowInClosure):
        stopped = explainer.left_out_later(name, position)
        return stopped or _with_chosen_start(explainer, found)
    if explainer.is_chosen(name, position):
        return ExportedRow(found.row, "by a row that is left out itself, for what it references")
    if found.last is None or found.barrier is None:
        because = "no reference leads to it from an exported row, whatever is followed"
        if not found.exhausted:
            because = (
                f"no exported row was found among the first {found.looked_at:,} rows from which "
                f"references lead to it"
            )
        return RowLeftOut(found.row, because)
    because = f"which is exported, but {found.barrier.value}"
    return RowLeftOut(found.row, because, found.last, found.steps)


def _with_chosen_start(explainer: _RowExplainer, found: RowInClosure) -> ExportedRow:
    """Join the path in the closed set with the reason why its first row was chosen."""
    name = found.root.table
    if name in explainer.selected.open and name not in explainer.selected.shared:
        return ExportedRow(found.start, f"root {found.root}", found.steps)
    key = tuple(ColumnIs(column, text) for column, text in found.start.values)
    if not key:
        reasons = explainer.reasons(name)
        return ExportedRow(found.start, reasons, found.steps)
    given = ChosenRows(key, explainer.rows[name].only, explainer.equality(name))
    _, (position, *_) = explainer.first_locations(name, given)
    before = explainer.explained(name, position)
    assert isinstance(before, ExportedRow)
    return evolve(before, steps=(*before.steps, *found.steps))


@frozen
class _RowExplainer:
    """The conditions by which rows are chosen, and where they are looked at."""

    database: DatabaseConnection
    selected: SelectedTables
    rows: Selection

    def equality(self, name: RelationName) -> dict[str, str]:
        return self.selected.tables[name].equality

    def first_locations(
        self, name: RelationName, given: ChosenRows
    ) -> tuple[int, list[RowPosition]]:
        """Count the given rows, and return the locations of the first of them in key order."""
        table = self.selected.tables[name]
        planned = PlannedTable(
            name=name,
            columns=tuple(PlannedColumn(column.name, column.type) for column in table.columns),
            key=table.identifying_columns,
            collatable=frozenset(
                column.name
                for column in table.columns
                if column.collatable and column.name in table.identifying_columns
            ),
            recoded=table.recoded,
            rows=given,
        )
        found = self.database.execute(queries.first_locations(planned, MOST_ROWS)).fetchall()
        return (found[0][0] if found else 0), [(relation, row) for _, relation, row in found]

    def explained(self, name: RelationName, position: RowPosition) -> ExportedRow | RowLeftOut:
        """Explain a row of a table whose rows only conditions decide."""
        row, results = self._condition_results(name, position)
        for condition, holds, text in results:
            if holds:
                continue
            linked = isinstance(condition, LinkedTo) and self._not_linked(name, position, condition)
            return linked or RowLeftOut(row, self._why_not(name, condition, text))
        for condition, _, _ in results:
            if isinstance(condition, LinkedTo):
                link, other = self._linked(name, position, condition, chosen=True)[0]
                before = self.explained(link.other, other)
                assert isinstance(before, ExportedRow)
                return evolve(before, steps=(*before.steps, self._step(name, link, row)))
        return ExportedRow(row, self.reasons(name))

    def left_out_later(self, name: RelationName, position: RowPosition) -> RowLeftOut | None:
        """Say why a row of the closed set is still not exported, or return None if it is."""
        row, results = self._condition_results(name, position)
        for condition, holds, text in results[1:]:
            if not holds:
                return RowLeftOut(row, self._why_not(name, condition, text))
        return None

    def is_chosen(self, name: RelationName, position: RowPosition) -> bool:
        """Return whether a row satisfies all conditions of its table."""
        return all(holds for _, holds, _ in self._condition_results(name, position)[1])

    def reasons(self, name: RelationName) -> str:
        """Say why the rows that satisfy a table's conditions are exported."""
        conditions = self.rows[name].conditions
        found = [reason for c in conditions for reason in self._reason(name, c)]
        return "; ".join(found) or f"all rows of {name} are exported"

    def _condition_results(
        self, name: RelationName, position: RowPosition
    ) -> tuple[RowKey, list[tuple[Condition, bool, str | None]]]:
        """Return the row, and each condition with its truth and the text of the tested column."""
        conditions = self.rows[name].conditions
        key = self.selected.tables[name].identifying_columns
        tested = [c.column for c in conditions if isinstance(c, ColumnIs)]
        query = queries.condition_results(self.rows, name, position, (*key, *tested))
        ((_, *texts),) = self.database.execute(query).fetchall()
        row = RowKey(name, tuple(zip(key, texts, strict=False)))
        texts = texts[len(key) :]
        columns = dict(zip(tested, texts, strict=False))
        answers = texts[len(tested) :]
        return row, [
            (c, holds, columns[c.column] if isinstance(c, ColumnIs) else None)
            for c, holds in zip(conditions, answers, strict=True)
        ]

    def _linked(
        self, name: RelationName, position: RowPosition, condition: LinkedTo, *, chosen: bool
    ) -> list[tuple[Link, RowPosition]]:
        """Find for each link one of the rows to which it leads."""

        def positions() -> Iterator[tuple[Link, RowPosition]]:
            for link in condition.links:
                query = queries.linked_location(self.rows, name, position, link, chosen=chosen)
                for relation, row in self.database.execute(query):
                    yield link, (relation, row)

        return list(positions())

    def _not_linked(
        self, name: RelationName, position: RowPosition, condition: LinkedTo
    ) -> RowLeftOut | None:
        """Explain a row that references one which is not exported, by why that one is not."""
        if self._is_up(name):
            return None
        for link, other in self._linked(name, position, condition, chosen=False):
            before = self.explained(link.other, other)
            if isinstance(before, RowLeftOut):
                row, _ = self._condition_results(name, position)
                step = self._step(name, link, row)
                last = before.last or before.row
                return RowLeftOut(row, before.because, last, (*before.steps, step))
        return None

    def _step(self, name: RelationName, link: Link, row: RowKey) -> PathStep:
        """Make the step over a link to the row, from the row at its other end."""
        if self._is_up(name):
            pairs = zip(link.other_columns, link.columns, strict=True)
            reference = Reference(link.other, "", name, tuple(Pair(a, b) for a, b in pairs))
            return PathStep(reference, down=False, row=row)
        pairs = zip(link.columns, link.other_columns, strict=True)
        reference = Reference(name, "", link.other, tuple(Pair(a, b) for a, b in pairs))
        return PathStep(reference, down=True, row=row)

    def _is_up(self, name: RelationName) -> bool:
        return isinstance(self.selected.registered[name].registration.rows, WhereReferenced)

    def _reason(self, name: RelationName, condition: Condition) -> Iterator[str]:
        match condition:
            case ColumnIs(column, value):
                yield f"its {readable(column)} is the scope's: {one_line(value)}"
            case Satisfies(text):
                yield f"it satisfies {self._origin(name, text)}: {one_line(text)}"
            case _:
                pass  # the path of references says it

    def _why_not(self, name: RelationName, condition: Condition, text: str | None) -> str:
        match condition:
            case ColumnIs(column, value):
                own = "NULL" if text is None else one_line(text)
                return f"its {readable(column)} is {own}, and the scope's is {one_line(value)}"
            case Satisfies(predicate):
                origin = self._origin(name, predicate)
                return f"it does not satisfy {origin}: {one_line(predicate)}"
            case KeyIsNot():
                return "it is left out, since it references a row that is not exported"
            case LinkedTo() if self._is_up(name):
                return "no exported row references it"
            case LinkedTo((link,)):
                return f"its {', '.join(map(readable, link.columns))} references no row"
            case _:
                return "it is not one of the chosen rows"

    def _origin(self, name: RelationName, predicate: str) -> str:
        item = self.selected.registered[name]
        if item.registration.rows == ByPredicate(predicate):
            return f"the condition of the plugin {item.plugin!r}"
        return "where under [[tables]]"


def one_line(text: str) -> str:
    """Put a text on one line, for messages."""
    shown = " ".join(text.split()) if not text.isprintable() else text
    return shown if shown.isprintable() else repr(shown)[1:-1]
