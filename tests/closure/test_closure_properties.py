"""For all schemas, rows, roots and rules: the closed set is the smallest, and is explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from replant.closure.closure import Closure, find_closure
from replant.closure.closure_request import Budget, ClosureRequest
from replant.closure.graph_reader import read_reference_graph
from replant.database.connections import READING
from replant.database.read_catalog import read_catalog
from replant.errors import BudgetError
from replant.explain.closure_paths import explain_closure
from replant.explain.explanation import Barrier, RowInClosure, RowOutsideClosure
from replant.model import Catalog, RelationName
from replant.model.closure_rules import Root
from replant.model.conditions import RowsAt, RowsIn
from replant.model.references import EdgeName
from replant.sql.where_clauses import rows_at
from replant.testing.servers.server import Server
from tests.support.closure_graphs import Drawn, drawn_graphs, shuffled
from tests.support.closure_oracle import (
    Edge,
    RowId,
    Smallest,
    allowed,
    edges_of,
    owned,
    roots,
    rows_like,
    smallest,
)
from tests.support.property_tests import example_count

DRAWN = drawn_graphs()

# An example takes a schema of its own, though none is ever committed.
EXAMPLES = example_count(50)
FEWER_EXAMPLES = example_count(25)


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection[TupleRow]]:
    database = server.create_database()
    with psycopg.connect(database.dsn, autocommit=True) as connected:
        yield connected
    server.drop_database(database)


@contextmanager
def deployed(connection: Connection[TupleRow], drawn: Drawn) -> Iterator[Catalog]:
    """The drawn schema in a transaction that is never committed, which costs little."""
    with connection.transaction(force_rollback=True):
        for name, value in READING.items():
            connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        drawn.deploy(connection)
        yield read_catalog(connection)


def rows_of(
    connection: Connection[TupleRow], drawn: Drawn, places: Callable[[RelationName], RowsAt]
) -> set[RowId]:
    """The rows of the set, read by their places."""
    found = set()
    for table, held in drawn.rows.items():
        query = sql.SQL("SELECT n::text FROM {} AS t0 WHERE {}").format(
            sql.Identifier(table.schema, table.name), rows_at(places(table), "t0")
        )
        numbers = [n for (n,) in connection.execute(query)]
        assert len(numbers) == len(set(numbers))
        found |= {(table, place) for place, row in enumerate(held) if row["n"] in numbers}
    return found


@given(drawn=DRAWN)
@settings(max_examples=EXAMPLES)
def test_the_set_is_the_smallest_that_the_rules_allow(
    connection: Connection[TupleRow], drawn: Drawn
) -> None:
    with deployed(connection, drawn) as catalog:
        graph = read_reference_graph(connection, catalog, drawn.declared)
        with find_closure(connection, graph, drawn.request) as closure:
            edges = edges_of(drawn)
            rows = rows_of(connection, drawn, closure.rows_at)
            assert rows == set(smallest(drawn, edges).found)
            assert len(rows) == closure.rows
            shared = rows_of(connection, drawn, closure.shared_at)
            assert rows - shared == owned(drawn, edges)
            assert sum(arrival.rows for arrival in closure.provenance) == closure.rows


def ways(closure: Closure) -> list[object]:
    """Every row with the ways by which it was found and reached downward."""
    found = closure.found
    return [
        (place, found.found_by(place), found.reached_downward_by(place))
        for name, held in sorted(closure.graph.storage.items())
        if name == held.root
        for leaf in held.leaves
        for place in found.locations(closure.locations.bounds(leaf))
    ]


@given(data=st.data(), drawn=DRAWN)
@settings(max_examples=FEWER_EXAMPLES)
def test_the_order_of_the_catalog_decides_nothing(
    connection: Connection[TupleRow], drawn: Drawn, data: st.DataObject
) -> None:
    with deployed(connection, drawn) as catalog:
        graph = read_reference_graph(connection, catalog, drawn.declared)
        other = read_reference_graph(
            connection,
            data.draw(shuffled(catalog)),
            data.draw(st.permutations(drawn.declared)),
        )
        with (
            find_closure(connection, graph, drawn.request) as one,
            find_closure(connection, other, drawn.request) as two,
        ):
            assert ways(one) == ways(two)


@given(drawn=DRAWN)
@settings(max_examples=EXAMPLES)
def test_each_row_of_the_set_has_a_shortest_path_that_the_rules_allow(
    connection: Connection[TupleRow], drawn: Drawn
) -> None:
    edges = edges_of(drawn)
    expected = smallest(drawn, edges)
    with deployed(connection, drawn) as catalog:
        graph = read_reference_graph(connection, catalog, drawn.declared)
        with find_closure(connection, graph, drawn.request) as closure:
            for row, rounds in expected.found.items():
                (told,) = explain_closure(connection, closure, asked(drawn, row)).rows
                assert isinstance(told, RowInClosure)
                assert len(told.steps) == rounds
                assert row in ends_of_path(drawn, edges, told)


def asked(drawn: Drawn, row: RowId) -> Root:
    table, place = row
    return Root(table, f"n = {drawn.rows[table][place]['n']}")


def ends_of_path(drawn: Drawn, edges: dict[EdgeName, Edge], told: RowInClosure) -> set[RowId]:
    """The rows that the path may lead to, going it as the rules allow."""
    assert told.root in drawn.request.roots
    reached = rows_like(drawn, told.start) & set(roots(drawn))
    descending = reached
    for step in told.steps:
        edge, wanted = edges[step.reference.edge], rows_like(drawn, step.row)
        if step.down:
            descending = {
                child
                for parent in reached
                for child in allowed(
                    drawn.request,
                    edge.reference,
                    parent,
                    edge.children.get(parent, ()),
                    reached,
                    descending,
                )
            } & wanted
            reached = descending
        else:
            reached = {p for p in wanted for child in reached if edge.connects(child, p)}
            descending = set()
    return reached


@given(drawn=DRAWN)
@settings(max_examples=EXAMPLES)
def test_for_a_row_outside_the_set_the_reference_is_named_that_keeps_it_out(
    connection: Connection[TupleRow], drawn: Drawn
) -> None:
    edges = edges_of(drawn)
    expected = smallest(drawn, edges)
    outside = [
        (table, place)
        for table, held in drawn.rows.items()
        for place in range(len(held))
        if (table, place) not in expected.found
    ]
    with deployed(connection, drawn) as catalog:
        graph = read_reference_graph(connection, catalog, drawn.declared)
        with find_closure(connection, graph, drawn.request) as closure:
            for row in outside:
                (told,) = explain_closure(connection, closure, asked(drawn, row)).rows
                assert isinstance(told, RowOutsideClosure)
                if told.last is None:
                    assert told.exhausted
                    assert not connected(edges, row) & set(expected.found)
                else:
                    assert row in ends_beyond_barrier(drawn, edges, expected, told)


def connected(edges: dict[EdgeName, Edge], row: RowId) -> set[RowId]:
    """The rows that references connect with a row, in whatever direction."""
    reached, size = {row}, 0
    while size != len(reached):
        size = len(reached)
        for edge in edges.values():
            for parent, children in edge.children.items():
                if parent in reached or reached.intersection(children):
                    reached |= {parent, *children} if children else set()
    return reached


def ends_beyond_barrier(
    drawn: Drawn, edges: dict[EdgeName, Edge], expected: Smallest, told: RowOutsideClosure
) -> set[RowId]:
    """The rows that the path may lead to, if its first step is barred as it says."""
    assert told.last is not None
    found, descended = set(expected.found), set(expected.descended)
    reached = rows_like(drawn, told.last) & found
    first, *others = told.steps
    assert first.down
    edge = edges[first.reference.edge]
    reached = {
        child
        for parent in reached
        for child in edge.children[parent]
        if told.barrier is barrier(drawn, edge, parent, child, found, descended)
    } & rows_like(drawn, first.row)
    for step in others:
        edge, wanted = edges[step.reference.edge], rows_like(drawn, step.row)
        if step.down:
            reached = {c for p in reached for c in edge.children[p] if c in wanted}
        else:
            reached = {p for p in wanted for child in reached if edge.connects(child, p)}
    return reached


def barrier(
    drawn: Drawn,
    edge: Edge,
    parent: RowId,
    child: RowId,
    found: set[RowId],
    descended: set[RowId],
) -> Barrier | None:
    children = edge.children[parent]
    if child in allowed(drawn.request, edge.reference, parent, children, found, descended):
        return None
    everything = {parent}
    if not allowed(drawn.request, edge.reference, parent, children, everything, everything):
        return Barrier.STOPPED
    if not allowed(drawn.request, edge.reference, parent, children, found, descended):
        return Barrier.NOT_DESCENDED
    return Barrier.LIMITED


@given(drawn=DRAWN, data=st.data())
@settings(max_examples=FEWER_EXAMPLES)
def test_a_budget_refuses_a_larger_set_and_no_other(
    connection: Connection[TupleRow], drawn: Drawn, data: st.DataObject
) -> None:
    size = len(smallest(drawn, edges_of(drawn)).found)
    most = data.draw(st.integers(0, size + 1), label="budget")
    request = ClosureRequest(drawn.request.roots, drawn.request.rules, Budget(rows=most))
    with deployed(connection, drawn) as catalog:
        graph = read_reference_graph(connection, catalog, drawn.declared)
        if size <= most:
            with find_closure(connection, graph, request) as closure:
                assert closure.rows == size
        else:
            with pytest.raises(BudgetError, match="most came by this path:\n  root "):
                find_closure(connection, graph, request)


@given(locations=st.sets(st.tuples(st.integers(0, 3) | st.just(2**32 - 2), st.integers(1, 9))))
def test_runs_of_neighbours_hold_the_rows_they_were_made_from(
    locations: set[tuple[int, int]],
) -> None:
    runs = list(RowsIn.of(1, sorted(locations)))
    held = [(block, line) for block, first, last in runs for line in range(first, last + 1)]
    assert held == sorted(locations)
