"""However tables reference each other, `ordered` loads each once and checks no key too early."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from replant.model import (
    DeferConstraints,
    ForeignKey,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OrderRequest,
    PatchColumns,
    RelationName,
)
from replant_plugins.strategies import ordered
from tests.property.graphs import order_requests


def order_of(request: OrderRequest) -> LoadOrder:
    order = ordered.order_tables(request)
    assert order is not None
    return order


def loads(order: LoadOrder) -> Iterator[tuple[RelationName, int]]:
    """The tables that are loaded, each with the place of its step."""
    for place, step in enumerate(order.steps):
        match step:
            case LoadTable(name):
                yield name, place
            case LoadTogether(names):
                yield from ((name, place) for name in names)


def deferred(order: LoadOrder) -> set[tuple[str, str]]:
    return {
        constraint
        for statement in order.before
        if isinstance(statement, DeferConstraints)
        for constraint in statement.constraints
    }


def is_honoured(key: ForeignKey, order: LoadOrder) -> bool:
    """Whether every row that the key references is there when PostgreSQL looks for it."""
    place = dict(loads(order))
    own, other = place[key.table], place[key.references]
    step = order.steps[own]
    assert isinstance(step, LoadTable | LoadTogether)
    if (key.table.schema, key.name) in deferred(order):
        return key.deferrable
    if isinstance(step, LoadTable) and not set(step.patched).isdisjoint(key.columns):
        # One NULL among its columns, and the key references nothing, until the row is updated.
        return other < min(patches(key, order), default=0)
    if not key.references_itself:
        return other < own or (own == other and isinstance(step, LoadTogether))
    return isinstance(step, LoadTogether) or step.together or step.by_depth == key


def patches(key: ForeignKey, order: LoadOrder) -> list[int]:
    """The places of the steps that set all of the key's columns that were left NULL."""
    step = order.steps[dict(loads(order))[key.table]]
    left_null = set(key.columns).intersection(getattr(step, "patched", ()))
    return [
        place
        for place, step in enumerate(order.steps)
        if isinstance(step, PatchColumns)
        and step.table == key.table
        and left_null.issubset(step.columns)
    ]


@given(order_requests())
def test_every_table_is_loaded_exactly_once(request: OrderRequest) -> None:
    assert sorted(name for name, _ in loads(order_of(request))) == list(request.tables)


@given(order_requests())
def test_every_key_is_honoured(request: OrderRequest) -> None:
    order = order_of(request)

    early = [str(key) for key in request.foreign_keys if not is_honoured(key, order)]
    assert early == [], order


@given(order_requests())
def test_only_what_may_be_null_and_updated_is_patched(request: OrderRequest) -> None:
    order = order_of(request)

    for step in order.steps:
        if isinstance(step, LoadTable) and step.patched:
            assert {(step.table, column) for column in step.patched} <= request.nullable, step
            assert step.table in request.keyed, step
            assert request.may_update is None or step.table in request.may_update, step


@given(order_requests())
def test_columns_that_are_left_null_are_set_once(request: OrderRequest) -> None:
    order = order_of(request)

    left_null = [(s.table, s.patched) for s in order.steps if isinstance(s, LoadTable)]
    patched = [(s.table, s.columns) for s in order.steps if isinstance(s, PatchColumns)]
    assert sorted(patched) == sorted((table, columns) for table, columns in left_null if columns)


@given(order_requests())
def test_only_deferrable_keys_are_deferred(request: OrderRequest) -> None:
    deferrable = {(key.table.schema, key.name) for key in request.foreign_keys if key.deferrable}

    assert deferred(order_of(request)) <= deferrable


@given(order_requests())
def test_every_cycle_is_named_with_its_way(request: OrderRequest) -> None:
    graph: nx.DiGraph[RelationName] = nx.DiGraph()
    graph.add_nodes_from(request.tables)
    graph.add_edges_from((key.table, key.references) for key in request.foreign_keys)
    cycles = [
        tuple(sorted(members))
        for members in nx.strongly_connected_components(graph)
        if len(members) > 1 or graph.has_edge(*[next(iter(members))] * 2)
    ]

    named = order_of(request).cycles

    assert sorted(cycle.tables for cycle in named) == sorted(cycles)
    assert all(cycle.way for cycle in named)


@given(order_requests(counts=st.integers(0, ordered.MOST_ROWS_TOGETHER // 5)))
def test_small_tables_need_nothing_but_insert(request: OrderRequest) -> None:
    order = order_of(request)

    assert (order.needs, order.before, order.after) == ((), (), ())
    assert not any(isinstance(step, PatchColumns) for step in order.steps)


@given(order_requests(), st.data())
def test_the_order_in_which_tables_are_listed_changes_nothing(
    request: OrderRequest, data: DataObject
) -> None:
    shuffled = evolve(
        request,
        tables=tuple(data.draw(st.permutations(request.tables))),
        row_counts=dict(data.draw(st.permutations(list(request.row_counts.items())))),
    )

    assert order_of(shuffled) == order_of(request)
