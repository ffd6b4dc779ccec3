"""Adds the closed set to a selection: from the chosen rows into the tables open to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from attrs import evolve, field, frozen

from replant.closure.closure import Closure, find_closure
from replant.closure.closure_request import Budget, ClosureRequest, Rules
from replant.closure.graph_reader import read_reference_graph, read_uncompared_graph
from replant.closure.reachability import Reachable, find_reachable, tables_within_reach
from replant.closure.size_estimate import estimate_sizes
from replant.database.connections import DatabaseConnection
from replant.errors import BudgetError
from replant.model import (
    Catalog,
    Finding,
    RelationName,
    RowsAt,
    RowSecurity,
    Selection,
    Settings,
    Severity,
    Subject,
)
from replant.model.closure_rules import EdgeRule, ProvenanceCount, Root
from replant.model.ownership import Ownership
from replant.model.references import DeclaredReference, EdgeName, Reference, ReferenceGraph
from replant.model.registration import InClosure
from replant.selection.sampling import sampled_edges, table_samples
from replant.selection.select import SelectedTables
from replant.selection.table_ownership import ownership_of
from replant.sql.where_clauses import predicate_of


@frozen
class FinishedSearch:
    """A search for a closed set that has ended.

    Attributes:
        graph: the references along which the set could grow.
        request: what was asked for.
        reachable: the tables and references that it could come to.
        roots: the rows that satisfied each registered root when it was evaluated.

    """

    graph: ReferenceGraph
    request: ClosureRequest
    reachable: Reachable
    roots: Mapping[Root, RowsAt]


@frozen
class Expanded:
    """What a selection became.

    Attributes:
        selected: without the tables that no row can come into.
        rows: the selection with the closed set's rows.
        counts: how many rows of the tables that were open.
        shared: the shared rows of the tables that were open; see `replant.model.ownership`.
        provenance: by which roots and references rows came.
        unindexed: the references that made a table be read as a whole, for people.
        expected: how many rows the planner expected, asked where the rows have a limit.
        search: what was searched; None where no table is open.

    """

    selected: SelectedTables
    rows: Selection
    counts: Mapping[RelationName, int]
    shared: Mapping[RelationName, RowsAt] = field(factory=dict)
    provenance: tuple[ProvenanceCount, ...] = ()
    unindexed: tuple[Finding, ...] = ()
    expected: int | None = None
    search: FinishedSearch | None = None


def expand_selection(
    database: DatabaseConnection,
    catalog: Catalog,
    selected: SelectedTables,
    rows: Selection,
    settings: Settings,
) -> Expanded:
    """Find the rows of the tables that are open to a closed set.

    Args:
        database: the transaction in whose snapshot the places of rows hold.
        catalog: what the source has.
        selected: the registered tables.
        rows: the rows chosen so far; none in open tables.
        settings: the budget.

    Raises:
        ReplantError: see `find_closure`.

    """
    if not selected.open:
        return Expanded(selected, rows, {})
    every = read_reference_graph(database, catalog, declared_references(selected))
    graph, request = closure_request(every, selected, rows, settings)
    expected = (
        sum(estimate_sizes(database, graph, request).values()) if request.budget.limits else None
    )
    with _within(expected), find_closure(database, graph, request) as closure:
        reachable = find_reachable(closure.graph, closure.request)
        kept = {name for name in selected.tables if name not in selected.open} | reachable.tables
        came = _reached_upward(closure.provenance)
        chosen = {
            name: evolve(rows[name], conditions=(closure.rows_at(name), *rows[name].conditions[1:]))
            for name in selected.open & kept
            # Of a table without a shared row in the set, the condition itself says more.
            if name not in selected.shared or name in came
        }
        return Expanded(
            selected=selected.only(kept),
            rows={name: chosen.get(name, rows[name]) for name in rows if name in kept},
            counts={name: closure.counts.get(name, 0) for name in chosen},
            shared={name: closure.shared_at(name) for name in chosen},
            provenance=closure.provenance,
            unindexed=tuple(_unindexed(*found) for found in reachable.unindexed),
            expected=expected,
            search=FinishedSearch(
                closure.graph,
                closure.request,
                reachable,
                {
                    root: closure.root_rows(index)
                    for index, root in enumerate(closure.request.roots)
                    if root.table in selected.open
                },
            ),
        )


def check_readable(
    database: DatabaseConnection, catalog: Catalog, selected: SelectedTables, settings: Settings
) -> None:
    """Find all tables that the role may not read, of the closed set and beside it, at once.

    Raises:
        PrivilegeError: there are some.
        ReplantError: see `find_reachable`.

    """
    tables = selected.tables.values()
    if selected.open and not all(table.may_select and table.may_use_schema for table in tables):
        every = read_uncompared_graph(database, catalog, declared_references(selected))
        find_reachable(*closure_request(every, selected, selected.rows, settings))


@contextmanager
def _within(expected: int | None) -> Iterator[None]:
    """Say what the planner expected, when there is more than may be exported."""
    try:
        yield
    except BudgetError as error:
        raise BudgetError(f"{error}; the planner expected about {expected} rows") from error


@contextmanager
def open_closure(
    database: DatabaseConnection,
    catalog: Catalog,
    selected: SelectedTables,
    rows: Selection,
    settings: Settings,
) -> Iterator[Closure]:
    """Find the closed set, and keep it open for the length of the block.

    Raises:
        ReplantError: see `find_closure`.

    """
    every = read_reference_graph(database, catalog, declared_references(selected))
    graph, request = closure_request(every, selected, rows, settings)
    with find_closure(database, graph, request) as closure:
        yield closure


def tables_to_read(
    database: DatabaseConnection, catalog: Catalog, selected: SelectedTables, settings: Settings
) -> frozenset[RelationName]:
    """Return the tables that an export can read: the selected ones, and those that they reference.

    Of the tables that are open to a closed set, only those count that it can reach.

    Raises:
        ConfigurationError: see `read_uncompared_graph`.

    """
    names = frozenset(selected.tables)
    if selected.open:
        every = read_uncompared_graph(database, catalog, declared_references(selected))
        graph, request = closure_request(every, selected, selected.rows, settings)
        known = frozenset(graph.storage)
        roots = tuple(root for root in request.roots if root.table in known)
        names -= selected.open
        names |= tables_within_reach(graph, evolve(request, roots=roots))
    referenced = {key.references for name in names for key in catalog.tables[name].foreign_keys}
    return names | referenced


def declared_references(selected: SelectedTables) -> list[DeclaredReference]:
    """Return the references that the registrations declare."""
    return [
        reference
        for item in selected.registered.values()
        for reference in item.registration.references
    ]


def closure_request(
    every: ReferenceGraph, selected: SelectedTables, rows: Selection, settings: Settings
) -> tuple[ReferenceGraph, ClosureRequest]:
    """Return the references along which the set can grow, and the request for the search.

    Args:
        every: all references of the source.
        selected: the registered tables.
        rows: the rows chosen so far.
        settings: the budget.

    """
    graph = _between(every, selected)
    if settings.export.row_security is RowSecurity.AS_ROLE:
        seen = {name: evolve(t, rows_are_hidden=False) for name, t in graph.tables.items()}
        graph = evolve(graph, tables=seen)
    # A rule for a reference that is not followed is no mistake, and changes nothing.
    unused = {r.edge for r in every.references} - {r.edge for r in graph.references}
    registrations = [item.registration for item in selected.registered.values()]
    edges = sampled_edges(graph, registrations, settings)
    kept = {edge: rule for edge, rule in edges.items() if edge not in unused}
    return graph, _request(selected, rows, settings, kept)


def _between(graph: ReferenceGraph, selected: SelectedTables) -> ReferenceGraph:
    """Return the references with both tables registered, and at least one of them open."""
    return evolve(
        graph, references=tuple(r for r in graph.references if _is_inside(graph, r, selected))
    )


def _is_inside(graph: ReferenceGraph, reference: Reference, selected: SelectedTables) -> bool:
    ends = {graph.child(reference), graph.parent(reference)}
    return ends.issubset(selected.tables) and not ends.isdisjoint(selected.open)


def registered_roots(selected: SelectedTables, settings: Settings) -> list[Root]:
    """Return the roots that registrations name."""
    samples = table_samples(settings)
    registrations = [item.registration for item in selected.registered.values()]
    return [
        Root(
            registration.table,
            registration.rows.root,
            registration.rows.may_be_empty or settings.export.allow_empty,
            samples.get(registration.table),
        )
        for registration in registrations
        if isinstance(registration.rows, InClosure) and registration.rows.root is not None
    ]


def _request(
    selected: SelectedTables,
    rows: Selection,
    settings: Settings,
    edges: Mapping[EdgeName, EdgeRule],
) -> ClosureRequest:
    """Make the request: registered roots, and as roots all rows of tables that are not open."""
    registrations = [item.registration for item in selected.registered.values()]
    roots = registered_roots(selected, settings)
    fixed = sorted(set(selected.tables) - selected.open)
    ownership = ownership_of(selected)
    roots += [
        Root(name, predicate_of(rows, name).as_string(), may_be_empty=True)
        for name in sorted({*fixed, *selected.shared})
    ]
    return ClosureRequest(
        roots=tuple(roots),
        rules=Rules(
            tables={item.table: item.children for item in registrations},
            edges=edges,
            fixed=frozenset(fixed),
            shared=selected.shared,
        ),
        budget=Budget(
            settings.export.max_rows,
            {change.name: change.max_rows for change in settings.tables if change.max_rows},
        ),
        shared=frozenset(name for name in fixed if ownership[name] is Ownership.SHARED),
    )


def _reached_upward(provenance: Iterable[ProvenanceCount]) -> set[RelationName]:
    """Return the tables of which rows came because others reference them."""
    return {a.by.references for a in provenance if isinstance(a.by, Reference) and not a.down}


def _unindexed(reference: Reference, down: bool) -> Finding:
    whole = reference.table if down else reference.references
    return Finding(
        Subject.REFERENCE,
        Severity.NOTE,
        str(reference),
        f"no index serves {reference}: {whole} is read as a whole",
        together="references are served by no index, so that tables are read as a whole",
    )
