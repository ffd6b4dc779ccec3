"""However tables reference each other, each is loaded once, and no key is checked too early."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from replant.model import (
    AsReplica,
    CheckForeignKeys,
    DeferConstraints,
    ForeignKey,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OrderRequest,
    PatchColumns,
    RelationName,
)
from replant_plugins.strategies import auto, cycles, ordered, superuser
from tests.support.order_requests import order_requests

STRATEGIES = {strategy.NAME: strategy.order_tables for strategy in (auto, ordered, superuser)}
by_every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)
by_order = pytest.mark.parametrize("strategy", [auto.NAME, ordered.NAME])


def order_of(request: OrderRequest, strategy: str) -> LoadOrder:
    order: LoadOrder | None = STRATEGIES[strategy](evolve(request, strategy=strategy))
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
    if AsReplica() in order.before:
        return CheckForeignKeys() in order.after
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


@by_every_strategy
@given(order_requests())
def test_every_table_is_loaded_exactly_once(strategy: str, request: OrderRequest) -> None:
    assert sorted(name for name, _ in loads(order_of(request, strategy))) == list(request.tables)


@by_every_strategy
@given(order_requests())
def test_every_key_is_honoured(strategy: str, request: OrderRequest) -> None:
    order = order_of(request, strategy)

    early = [str(key) for key in request.foreign_keys if not is_honoured(key, order)]
    assert early == [], order


@by_order
@given(order_requests())
def test_what_is_referenced_comes_first_where_no_foreign_key_forbids_it(
    strategy: str, request: OrderRequest
) -> None:
    pairs = [(key.table, key.references) for key in request.foreign_keys]
    pairs += [pair for pair in request.declared if pair[0] != pair[1]]
    assume(nx.is_directed_acyclic_graph(nx.DiGraph(pairs)))
    order = [name for name, _ in loads(order_of(request, strategy))]

    assert [p for p in request.declared if order.index(p[1]) > order.index(p[0])] == []


@by_every_strategy
@given(order_requests())
def test_only_what_may_be_null_and_updated_is_patched(strategy: str, request: OrderRequest) -> None:
    order = order_of(request, strategy)

    for step in order.steps:
        if isinstance(step, LoadTable) and step.patched:
            assert {(step.table, column) for column in step.patched} <= request.nullable, step
            assert step.table in request.keyed, step
            assert request.may_update is None or step.table in request.may_update, step


@by_every_strategy
@given(order_requests())
def test_columns_that_are_left_null_are_set_once(strategy: str, request: OrderRequest) -> None:
    order = order_of(request, strategy)

    left_null = [(s.table, s.patched) for s in order.steps if isinstance(s, LoadTable)]
    patched = [(s.table, s.columns) for s in order.steps if isinstance(s, PatchColumns)]
    assert sorted(patched) == sorted((table, columns) for table, columns in left_null if columns)


@by_every_strategy
@given(order_requests())
def test_only_deferrable_keys_are_deferred(strategy: str, request: OrderRequest) -> None:
    deferrable = {(key.table.schema, key.name) for key in request.foreign_keys if key.deferrable}

    assert deferred(order_of(request, strategy)) <= deferrable


@by_every_strategy
@given(order_requests())
def test_every_cycle_is_named_with_its_way(strategy: str, request: OrderRequest) -> None:
    graph: nx.DiGraph[RelationName] = nx.DiGraph()
    graph.add_nodes_from(request.tables)
    graph.add_edges_from((key.table, key.references) for key in request.foreign_keys)
    cycles = [
        tuple(sorted(members))
        for members in nx.strongly_connected_components(graph)
        if len(members) > 1 or graph.has_edge(*[next(iter(members))] * 2)
    ]

    named = order_of(request, strategy).cycles

    assert sorted(cycle.tables for cycle in named) == sorted(cycles)
    assert all(cycle.way for cycle in named)


@by_order
@given(order_requests(counts=st.integers(0, cycles.MOST_ROWS_TOGETHER // 5)))
def test_small_tables_need_nothing_but_insert(strategy: str, request: OrderRequest) -> None:
    order = order_of(request, strategy)

    assert (order.needs, order.before, order.after) == ((), (), ())
    assert not any(isinstance(step, PatchColumns) for step in order.steps)


@by_every_strategy
@given(order_requests(), st.data())
def test_the_order_in_which_tables_are_listed_changes_nothing(
    strategy: str, request: OrderRequest, data: DataObject
) -> None:
    shuffled = evolve(
        request,
        tables=tuple(data.draw(st.permutations(request.tables))),
        row_counts=dict(data.draw(st.permutations(list(request.row_counts.items())))),
    )

    assert order_of(shuffled, strategy) == order_of(request, strategy)


def written_out(order: LoadOrder, request: OrderRequest) -> Iterator[tuple[RelationName, ...]]:
    """The tables of each statement that holds more rows than are good to write into one."""
    may_copy = request.may_copy or frozenset()
    for step in order.steps:
        match step:
            case LoadTogether(tables, staged=False):
                names = tables
            case LoadTable(name, together=True) if name not in may_copy:
                names = (name,)
            case _:
                continue
        if sum(request.row_counts[name] for name in names) > cycles.MOST_ROWS_TOGETHER:
            yield names


@by_every_strategy
@given(order_requests())
def test_temporary_tables_are_made_where_the_role_may_and_said_to_be_needed(
    strategy: str, request: OrderRequest
) -> None:
    order = order_of(request, strategy)

    staged = [step.tables for step in order.steps if isinstance(step, LoadTogether) and step.staged]
    assert all((request.may_stage or frozenset()).issuperset(tables) for tables in staged)
    assert ("TEMPORARY on the database" in order.needs) == bool(staged)


@by_order
@given(order_requests())
def test_a_role_that_may_make_temporary_tables_writes_no_large_statement(
    strategy: str, request: OrderRequest
) -> None:
    able = evolve(
        request,
        may_copy=request.may_copy or frozenset(),
        may_stage=frozenset(request.tables),
        may_update=frozenset(),
        may_be_replica=False,
    )

    assert list(written_out(order_of(able, strategy), able)) == []


@given(order_requests())
def test_auto_switches_foreign_keys_off_only_where_ordered_would_write_a_large_statement(
    request: OrderRequest,
) -> None:
    costly = list(written_out(order_of(request, "ordered"), request))
    order = order_of(request, "auto")

    assert (AsReplica() in order.before) == bool(costly and request.may_be_replica)
    if AsReplica() not in order.before:
        assert order == order_of(request, "ordered")
