"""Counts the chosen rows, after closed sets were found and dangling references were settled.

A selection goes in; a selection and its counts come out. No row is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import psycopg
from attrs import field, frozen

from replant.closure.closure import check_predicates
from replant.config.mistakes import Mistakes
from replant.database import sql
from replant.database.connections import DatabaseConnection, one_line
from replant.database.expression_errors import why_invalid
from replant.database.session_settings import own_settings
from replant.errors import BudgetError, ConfigurationError, ScopeError
from replant.model import (
    Catalog,
    Dangling,
    Finding,
    ProvenanceCount,
    RelationName,
    RowsAt,
    Satisfies,
    Selection,
    Settings,
    readable,
)
from replant.model.conditions import among
from replant.model.ownership import Ownership, SharedRows
from replant.selection.dangling import (
    DanglingReferences,
    count_chosen,
    dangling_modes,
    settle_references,
)
from replant.selection.expand import (
    Expanded,
    FinishedSearch,
    check_readable,
    expand_selection,
    registered_roots,
)
from replant.selection.parallel_counts import count_at_once
from replant.selection.predicate_rows import find_predicate_rows
from replant.selection.select import SelectedTables
from replant.selection.shared_rows import with_shared_rows
from replant.selection.table_ownership import ownership_of
from replant.sql import row_queries as queries


@frozen
class CountedSelection:
    """The counted selection.

    Attributes:
        rows: the selection, without the rows that were left out.
        counts: how many rows of each table are chosen.
        shared: which of them are shared.
        left_out: the references for whose sake rows were left out.
        kept: the references that are exported although they lead outside.
        provenance: how rows of a closed set came.
        unindexed: the references that made a table be read as a whole, for people.
        unreached: the registered tables that no row can come into.
        expected: how many rows of a closed set the planner expected, where there is a limit.
        search: the search for the closed set; None where there is none.
        dangling: what is done with the dangling references of each table.

    """

    rows: Selection
    counts: Mapping[RelationName, int]
    shared: Mapping[RelationName, SharedRows]
    left_out: tuple[DanglingReferences, ...] = ()
    kept: tuple[DanglingReferences, ...] = ()
    provenance: tuple[ProvenanceCount, ...] = ()
    unindexed: tuple[Finding, ...] = ()
    unreached: frozenset[RelationName] = frozenset()
    expected: int | None = None
    search: FinishedSearch | None = None
    dangling: Mapping[RelationName, Dangling] = field(factory=dict)


def count_rows(
    database: DatabaseConnection, catalog: Catalog, selected: SelectedTables, settings: Settings
) -> tuple[SelectedTables, CountedSelection]:
    """Find closed sets, count the chosen rows, and settle references to rows outside.

    Returns:
        The selection without tables that no row can come into, and its counts.

    Raises:
        ScopeError: a scope value is malformed, or nothing was chosen at all.
        ConfigurationError: a predicate is not one valid SQL expression.
        DanglingReferenceError: rows reference rows outside, and that is not allowed.
        BudgetError: there are more rows than may be exported.
        PrivilegeError: the role may not read all tables.

    """
    check_readable(database, catalog, selected, settings)
    check_scope_values(database, selected, settings)
    mistakes = Mistakes()
    with mistakes.collecting(), own_settings(database):
        _check_predicates(database, selected, settings)
    if mistakes.lines:
        # Otherwise the search for the closed set looks at them.
        with mistakes.collecting():
            check_predicates(database, registered_roots(selected, settings))
        mistakes.check()
    selected = with_shared_rows(database, selected)
    fixed = find_predicate_rows(
        database, selected, selected.rows, selected.tables.keys() - selected.wholly_open
    )
    # A closed set starts from rows that are exported, so rows are left out before it is found.
    rows, left_out, kept = settle_references(
        database, selected, fixed, settings, unsettled=selected.shared
    )
    expanded = expand_selection(database, catalog, selected, rows, settings)
    if expanded.rows is not rows:
        chosen = find_predicate_rows(
            database, expanded.selected, expanded.rows, expanded.selected.open
        )
        rows, more, kept = settle_references(database, expanded.selected, chosen, settings)
        left_out += more
    counts = count_at_once(database, expanded.selected.tables, rows, settings.run.jobs)
    if not any(counts.values()) and not settings.export.allow_empty:
        raise ScopeError(_nothing_chosen(settings, len(counts)))
    _check_budget(counts, settings)
    counted = CountedSelection(
        rows=rows,
        counts=counts,
        shared=dict(_shared_rows(database, selected, expanded, rows, counts)),
        left_out=left_out,
        kept=kept,
        provenance=expanded.provenance,
        unindexed=expanded.unindexed,
        unreached=frozenset(selected.tables) - frozenset(expanded.selected.tables),
        expected=expanded.expected,
        search=expanded.search,
        dangling=dangling_modes(selected, settings),
    )
    return expanded.selected, counted


def _shared_rows(
    database: DatabaseConnection,
    selected: SelectedTables,
    expanded: Expanded,
    rows: Selection,
    counts: Mapping[RelationName, int],
) -> Iterator[tuple[RelationName, SharedRows]]:
    """Yield which rows of each table are shared, and how many of those that are chosen."""
    ownership = ownership_of(selected)
    mixed = {name: at for name, at in expanded.shared.items() if at.locations and name in rows}
    narrowed = {**rows, **{name: among(rows[name], at) for name, at in mixed.items()}}
    numbers = count_chosen(database, narrowed, mixed)
    for name in rows:
        number = counts[name] if ownership[name] is Ownership.SHARED else numbers.get(name, 0)
        yield name, SharedRows(ownership[name], number, mixed.get(name, RowsAt(())))


def check_scope_values(
    database: DatabaseConnection, selected: SelectedTables, settings: Settings
) -> None:
    """Let each scope value's type read it.

    Raises:
        ScopeError: one is not a value of its column's type.

    """
    for name, (table, column) in selected.scope_columns.items():
        query = sql.SQL("SELECT CAST({} AS {})").format(
            sql.Literal(settings.scope[name]), sql.SQL(column.type)
        )
        try:
            database.execute(query)
        except psycopg.DataError as error:
            raise ScopeError(
                f"scope {name} = {settings.scope[name]!r} does not fit {table}"
                f".{readable(column.name)} ({column.type}): {one_line(error)}"
            ) from error


def _check_predicates(
    database: DatabaseConnection, selected: SelectedTables, settings: Settings
) -> None:
    said = {f"{change.name} {change.where}" for change in settings.tables}
    problems = []
    for name, chosen in selected.rows.items():
        predicates = [c.sql for c in chosen.conditions if isinstance(c, Satisfies)]
        for predicate in predicates:
            query = queries.explain_predicate(name, predicate)
            try:
                with database.transaction():
                    database.execute(query)
            except psycopg.ProgrammingError as error:
                reason = why_invalid(error, query.as_string(database), predicate)
                path = settings.path_of(name) if f"{name} {predicate}" in said else ""
                plugin = selected.registered[name].plugin
                where = f"{path}.where: " if path else ""
                by = "" if path else f" that the plugin {plugin!r} chooses"
                remedy = "check it" if path else f"update {plugin!r}, or what it is told"
                problems.append(
                    f"{where}the condition on the rows of {name}{by} is not valid: {reason}; "
                    f"{remedy}"
                )
    if problems:
        raise ConfigurationError("\n".join(problems))


def _check_budget(counts: Mapping[RelationName, int], settings: Settings) -> None:
    """Refuse more rows than may be exported; what a closed set grew by was limited before."""
    most = {change.name: change.max_rows for change in settings.tables if change.max_rows}
    over = [
        f"{name} has {counts[name]:,} rows, and max_rows allows {limit:,}"
        for name, limit in most.items()
        if counts.get(name, 0) > limit
    ]
    total, limit = sum(counts.values()), settings.export.max_rows
    if limit is not None and total > limit:
        name = max(counts, key=lambda table: (counts[table], table))
        over.append(
            f"{total:,} rows are chosen, most of them ({counts[name]:,}) of {name}, and max_rows "
            f"allows {limit:,}"
        )
    if over:
        raise BudgetError(f"{'; '.join(over)}; choose fewer rows, or allow more under [export]")


def _nothing_chosen(settings: Settings, tables: int) -> str:
    scope = ", ".join(f"{name} = {value}" for name, value in sorted(settings.scope.items()))
    return (
        f"no row of any of the {tables} tables matches {scope or 'the registrations'}; check the "
        f"value and the database, or allow it with allow_empty = true under [export]"
    )
