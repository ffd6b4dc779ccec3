"""Finds the path by which a row is in a closed set or what stops one: predicate in, paths out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from replant.closure import queries
from replant.closure.closure import Closure, check_predicates
from replant.closure.closure_request import Rules
from replant.closure.provenance import Provenance
from replant.closure.queries import leaf_source, order_of, table_source
from replant.closure.row_locations import pointer
from replant.closure.search import Search
from replant.closure.visited_rows import SearchStep, VisitedRows
from replant.database.connections import DatabaseConnection
from replant.database.planner_settings import index_scans_preferred
from replant.errors import UsageError
from replant.explain.explanation import (
    Barrier,
    ClosureExplanation,
    PathStep,
    RowInClosure,
    RowKey,
    RowOutsideClosure,
)
from replant.model.closure_rules import Children, EdgeRule, Root
from replant.model.references import Leaf, Reference

#: A search back from a row that is not part of the set ends after this many rows, and
#: takes only so many of those that reference a row by one reference.
_MOST_ROWS = 20_000
_MOST_CHILDREN = 100


def explain_closure(
    database: DatabaseConnection, closure: Closure, asked: Root, *, most: int = 10
) -> ClosureExplanation:
    """Explain the rows that satisfy a predicate, in the snapshot of the closed set.

    Args:
        database: the transaction in which the set was found.
        closure: the set.
        asked: the table and the predicate.
        most: how many rows to explain.

    Raises:
        UsageError: there is no such table, or the predicate is not valid.
        DatabaseError: the server failed.

    """
    graph = closure.graph
    if asked.table not in graph.storage:
        raise UsageError(f"the source has no table {asked.table}")
    check_predicates(database, [asked])
    order = order_of(graph, graph.storage[asked.table].root)
    query = queries.first_rows(asked, table_source(graph, asked.table), order, most)
    rows = database.execute(query).fetchall()
    matched = rows[0][0] if rows else 0
    locations = [closure.locations.at(oid, _pointer(location)) for _, oid, location in rows]
    explained = [_explain(database, closure, location) for location in locations]
    return ClosureExplanation(asked, matched, tuple(explained))


def _explain(
    database: DatabaseConnection, closure: Closure, location: int
) -> RowInClosure | RowOutsideClosure:
    if location in closure.found:
        return _included(database, closure, location)
    return _excluded(database, closure, location)


def _included(database: DatabaseConnection, closure: Closure, location: int) -> RowInClosure:
    """Follow a row of the set back to a root, by steps that made each next step possible."""
    provenance = Provenance(closure.graph, closure.request, closure.found)
    back: list[tuple[SearchStep, int]] = []
    step, source = closure.found.found_by(location)
    while source is not None:
        back.append((step, location))
        location = source
        if provenance.needs_downward_source(step.edge, down=step.down):
            step, source = closure.found.reached_downward_by(location)
        else:
            step, source = closure.found.found_by(location)
    root = provenance.by(step.edge)
    assert isinstance(root, Root)
    keys = row_keys(database, closure, [location, *(reached for _, reached in back)])
    steps = [
        PathStep(closure.graph.references[step.edge], step.down, keys[reached])
        for step, reached in reversed(back)
    ]
    return RowInClosure(root, keys[location], tuple(steps))


def _excluded(database: DatabaseConnection, closure: Closure, location: int) -> RowOutsideClosure:
    """Search back from the row, as if every reference were followed, to a row of the set."""
    graph = closure.graph
    rule = EdgeRule(limit=_MOST_CHILDREN)
    rules = Rules(Children.FOLLOW, edges={r.edge: rule for r in graph.references})
    with VisitedRows() as found, index_scans_preferred(database):
        search = Search(database, graph, rules, found)
        search.take([(location, None)], SearchStep(0, -1, down=True))
        round_ = 0
        while leaves := search.leaves(round_):
            # Rows that a row references are few; of those that reference it there may be many.
            for go in (search.go_up, search.go_down):
                go(round_, leaves)
                hit = _first_of_set(closure, found, round_ + 1)
                if hit is not None:
                    return _stopped_path(database, closure, found, hit)
            if found.provenance.total() > _MOST_ROWS:
                break
            round_ += 1
        total = found.provenance.total()
        return RowOutsideClosure(
            row_keys(database, closure, [location])[location],
            looked_at=total,
            # If there were more, one row might have had more children than are taken.
            exhausted=not leaves and total <= _MOST_CHILDREN,
        )


def _first_of_set(closure: Closure, found: VisitedRows, round_: int) -> int | None:
    """Return the first row of a round that is part of the set."""
    for location in found.touched(round_):
        bounds = closure.locations.bounds(closure.locations.leaf(location))
        for page in found.new(round_, bounds, _MOST_ROWS, unless_down_by=None):
            for candidate in page:
                if candidate in closure.found:
                    return candidate
    return None


def _stopped_path(
    database: DatabaseConnection, closure: Closure, found: VisitedRows, hit: int
) -> RowOutsideClosure:
    """Return the path from a row of the set to this row, and what stopped its first step."""
    references = closure.graph.references
    path: list[tuple[Reference, bool, int]] = []
    step, source = found.found_by(hit)
    while source is not None:
        # Found upward by going back, a row is reached downward by going forth, and the reverse.
        path.append((references[step.edge], not step.down, source))
        step, source = found.found_by(source)
    keys = row_keys(database, closure, [hit, *(location for _, _, location in path)])
    steps = tuple(PathStep(reference, down, keys[location]) for reference, down, location in path)
    return RowOutsideClosure(
        row=steps[-1].row,
        last=keys[hit],
        barrier=_barrier(closure, steps[0], hit),
        steps=steps,
        looked_at=found.provenance.total(),
    )


def _barrier(closure: Closure, first: PathStep, start: int) -> Barrier:
    """Say why a step from a row of the set was not taken."""
    rules, reference = closure.request.rules, first.reference
    if first.row.table in rules.fixed:
        return Barrier.FIXED
    match rules.children_by(reference, closure.graph.parent(reference)):
        case Children.STOP:
            return Barrier.STOPPED
        case Children.FROM_ROOTS if not closure.found.was_reached_downward(start):
            return Barrier.NOT_DESCENDED
        case _:
            return Barrier.SAMPLED if rules.sample_of(reference) else Barrier.LIMITED


def row_keys(
    database: DatabaseConnection, closure: Closure, locations: Iterable[int]
) -> dict[int, RowKey]:
    """Read the identifying columns of the rows at these locations."""
    by_leaf: defaultdict[Leaf, list[int]] = defaultdict(list)
    for location in locations:
        by_leaf[closure.locations.leaf(location)].append(location)
    keys = {}
    for leaf, held in by_leaf.items():
        table = closure.locations.table(held[0])
        columns = closure.graph.tables[table].identifying_columns
        query = queries.key_texts(leaf_source(table, leaf), list(map(pointer, held)), columns)
        for oid, text, *texts in database.execute(query):
            found = closure.locations.at(oid, _pointer(text))
            keys[found] = RowKey(table, tuple(zip(columns, texts, strict=True)))
    return keys


def _pointer(text: str) -> queries.Pointer:
    """Return the block and the line pointer of a `ctid` as PostgreSQL writes it."""
    block, line = text.strip("()").split(",")
    return int(block), int(line)
