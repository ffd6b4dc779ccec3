"""Finds a closed set: a graph and a request in, the smallest set that the rules allow out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType

import psycopg
from attrs import frozen

from replant.closure.closure_request import ClosureRequest
from replant.closure.provenance import Provenance, root_number
from replant.closure.queries import Pointer
from replant.closure.reachability import Reachable, find_reachable
from replant.closure.row_locations import RowLocations, pointer
from replant.closure.search import Search
from replant.closure.visited_rows import VisitedRows
from replant.database.connections import DatabaseConnection
from replant.database.expression_errors import why_invalid
from replant.database.planner_settings import index_scans_preferred
from replant.database.session_settings import own_settings
from replant.errors import BudgetError, ConfigurationError, ScopeError
from replant.model import Progress, RelationName
from replant.model.closure_rules import Children, ProvenanceCount, Root
from replant.model.conditions import RowsAt, RowsIn
from replant.model.progress import silent
from replant.model.references import Leaf, ReferenceGraph
from replant.sql.row_queries import explain_predicate


@frozen
class Closure:
    """A closed set. It holds in the snapshot in which it was found; closing it forgets it.

    Attributes:
        counts: how many rows of each table; tables without a row are left out.
        owned: the owned rows, where `found` alone does not tell them from shared ones.

    """

    graph: ReferenceGraph
    request: ClosureRequest
    locations: RowLocations
    found: VisitedRows
    counts: Mapping[RelationName, int]
    owned: VisitedRows | None = None

    def __enter__(self) -> Closure:
        """Return the set itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Delete the set's temporary file."""
        self.close()

    def close(self) -> None:
        """Delete what was kept of it on disk."""
        self.found.close()
        if self.owned is not None:
            self.owned.close()

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(self.counts.values())

    @property
    def provenance(self) -> tuple[ProvenanceCount, ...]:
        """By which roots and references the rows came, and how many by each."""
        return Provenance(self.graph, self.request, self.found).all()

    def pointers(self, table: RelationName) -> Iterator[tuple[Leaf, Iterator[Pointer]]]:
        """Yield the locations of a table's rows, leaf by leaf, each in order."""
        for leaf in self.graph.storage[table].leaves:
            yield leaf, map(pointer, self.found.locations(self.locations.bounds(leaf)))

    def rows_at(self, table: RelationName) -> RowsAt:
        """Return the rows of a table as a condition."""
        return _as_condition(self.pointers(table))

    def root_rows(self, index: int) -> RowsAt:
        """Return the rows of a root of the request that no root before it had."""
        number, table = root_number(index), self.request.roots[index].table
        return _as_condition(
            (leaf, map(pointer, self.found.locations(self.locations.bounds(leaf), number)))
            for leaf in self.graph.storage[table].leaves
        )

    def owned_at(self, table: RelationName) -> RowsAt:
        """Return those rows of a table that are owned; see `replant.model.ownership`."""
        return self._at(table, self._owned)

    def shared_at(self, table: RelationName) -> RowsAt:
        """Return those rows of a table that are shared."""
        return self._at(table, self._shared)

    def _at(
        self, table: RelationName, locations: Callable[[tuple[int, int]], Iterator[int]]
    ) -> RowsAt:
        return _as_condition(
            (leaf, map(pointer, locations(self.locations.bounds(leaf))))
            for leaf in self.graph.storage[table].leaves
        )

    def _owned(self, bounds: tuple[int, int]) -> Iterator[int]:
        if self.owned is None:
            return self.found.reached(bounds, downward=True)
        return self.owned.locations(bounds)

    def _shared(self, bounds: tuple[int, int]) -> Iterator[int]:
        if self.owned is None:
            return self.found.reached(bounds, downward=False)
        owned = set(self.owned.locations(bounds))
        return (location for location in self.found.locations(bounds) if location not in owned)


def _as_condition(held: Iterable[tuple[Leaf, Iterable[Pointer]]]) -> RowsAt:
    every = (RowsIn.of(leaf.oid, pointers) for leaf, pointers in held)
    return RowsAt(tuple(rows for rows in every if rows.runs))


def find_closure(
    database: DatabaseConnection,
    graph: ReferenceGraph,
    request: ClosureRequest,
    progress: Progress = silent,
) -> Closure:
    """Find the closed set in the transaction's snapshot.

    Raises:
        ConfigurationError: the predicate of a root is not valid; see also `find_reachable`.
        ScopeError: no row satisfies the predicate of a root.
        BudgetError: the set has more rows than its budget. If a query was not read to its end, the
            database is closed.
        PrivilegeError: see `find_reachable`.
        DatabaseError: the server failed.
        OutputError: there is no room for a temporary file.

    """
    reachable = find_reachable(graph, request)
    check_predicates(database, request.roots)
    found = VisitedRows()
    owned: VisitedRows | None = None
    counts: Counter[RelationName] = Counter()

    def taken(table: RelationName, rows: int) -> None:
        counts[table] += rows
        progress(table, rows, 0)
        _check_budget(graph, request, found, counts, table)

    try:
        search = Search(database, graph, request.rules, found, taken)
        _exhaust(database, request.roots, search)
        if _needs_search_for_owned(graph, request, reachable):
            owned = VisitedRows()
            roots = [root for root in request.roots if root.table not in request.shared]
            below = Search(database, graph, request.rules, owned)
            _exhaust(database, roots, below, upward=False)
    except BaseException:
        found.close()
        if owned is not None:
            owned.close()
        raise
    return Closure(graph, request, search.locations, found, dict(sorted(counts.items())), owned)


def _needs_search_for_owned(
    graph: ReferenceGraph, request: ClosureRequest, reachable: Reachable
) -> bool:
    """Tell whether rows may have been reached downward from rows that are not owned.

    Where children are included from roots alone, a row that was reached downward is owned, as all
    rows on the way to it were.
    """
    return bool(request.shared) or any(
        request.rules.children_by(reference, graph.parent(reference)) is Children.FOLLOW
        for reference in reachable.down
    )


def _exhaust(
    database: DatabaseConnection, roots: Sequence[Root], search: Search, *, upward: bool = True
) -> None:
    """Search until no row leads to another."""
    for index, root in enumerate(roots):
        if not search.begin(root, root_number(index)) and not root.may_be_empty:
            raise ScopeError(f"no row satisfies the root {root}; check the condition")
    round_ = 0
    with index_scans_preferred(database):
        while leaves := search.leaves(round_):
            search.go_down(round_, leaves)
            if upward:
                search.go_up(round_, leaves)
            round_ += 1


def check_predicates(database: DatabaseConnection, roots: Iterable[Root]) -> None:
    """Refuse roots whose predicate is not one expression over their table's columns.

    Raises:
        ConfigurationError: it has all of them, each on a line.

    """
    problems = []
    for root in roots:
        query = explain_predicate(root.table, root.predicate)
        try:
            with own_settings(database), database.transaction():
                database.execute(query)
        except (psycopg.ProgrammingError, psycopg.DataError) as error:
            reason = why_invalid(error, query.as_string(database), root.predicate)
            problems.append(f"the condition {root} is not valid: {reason}")
    if problems:
        raise ConfigurationError("\n".join(problems))


def _check_budget(
    graph: ReferenceGraph,
    request: ClosureRequest,
    found: VisitedRows,
    counts: Counter[RelationName],
    table: RelationName,
) -> None:
    most = request.budget.tables.get(table)
    if most is not None and counts[table] > most:
        what, of = f"more than {most:,} rows of {table}", table
    elif request.budget.rows is not None and counts.total() > request.budget.rows:
        what, of = f"more than {request.budget.rows:,} rows", None
    else:
        return
    path = Provenance(graph, request, found).heaviest_path(of)
    raise BudgetError(
        "\n".join(
            [
                f"the closed set has {what}, which is its budget; most came by this path:",
                *(f"  {arrival}" for arrival in path),
                "stop or limit a reference on it, choose fewer roots, or allow more rows",
            ]
        )
    )
