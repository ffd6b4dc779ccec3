"""The strategy `ordered`: every row after the rows it references, by INSERT alone.

Tables come in levels by their foreign keys. What the levels cannot order is a component of tables
that reference each other; each is loaded by the first of these ways that serves:

1. a table that references itself: in one statement, since PostgreSQL checks a foreign key at the
   end of the statement; or, when it is large, in statements by depth;
2. a small component: in one statement with an INSERT for each table;
3. a large one: with deferred constraints, or with columns that are NULL first and updated later;
4. a large one that has neither: in one statement after all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import networkx as nx
from attrs import frozen

from replant.host.hookspecs import hookimpl
from replant.model import (
    Cycle,
    DeferConstraints,
    ForeignKey,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OrderRequest,
    PatchColumns,
    RelationName,
    Statement,
    Step,
)

NAME = "ordered"

#: A statement of this many rows of 18 columns takes the server about 80 MB to parse; ten times as
#: many would take ten times that.
MOST_ROWS_TOGETHER = 10_000


@frozen
class _Part:
    """How one component is loaded."""

    steps: tuple[Step, ...]
    before: tuple[Statement, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    needs: tuple[str, ...] = ()


@hookimpl
def order_tables(request: OrderRequest) -> LoadOrder | None:
    """Levels by foreign keys, components by the ways above."""
    if request.strategy != NAME:
        return None
    parts = [_part(request, component) for component in _components(request)]
    return LoadOrder(
        steps=tuple(step for part in parts for step in part.steps),
        before=_joined(statement for part in parts for statement in part.before),
        cycles=tuple(cycle for part in parts for cycle in part.cycles),
        needs=tuple(need for part in parts for need in part.needs),
    )


def _components(request: OrderRequest) -> Iterable[tuple[RelationName, ...]]:
    """The strongly connected components, referenced ones first, by level and then by name."""
    graph: nx.DiGraph[RelationName] = nx.DiGraph()
    graph.add_nodes_from(request.tables)
    graph.add_edges_from((key.references, key.table) for key in request.foreign_keys)
    condensed = nx.condensation(graph)
    members = {node: tuple(sorted(condensed.nodes[node]["members"])) for node in condensed}
    for level in nx.topological_generations(condensed):
        yield from sorted(members[node] for node in level)


def _part(request: OrderRequest, component: tuple[RelationName, ...]) -> _Part:
    inside = [
        key
        for key in request.foreign_keys
        if key.table in component and key.references in component
    ]
    if len(component) == 1:
        return _alone(request, component[0], inside)
    rows = sum(request.row_counts.get(table, 0) for table in component)
    way = f"one statement with an INSERT for each, {_counted(rows)}"
    if rows > MOST_ROWS_TOGETHER:
        part = _broken(request, component, inside)
        if part is not None:
            return part
        way += ": no key of the cycle is deferrable, and none can be NULL for a while"
    return _Part((LoadTogether(component),), cycles=(Cycle(component, way),))


def _alone(request: OrderRequest, table: RelationName, keys: Sequence[ForeignKey]) -> _Part:
    step = _load(request, table, keys)
    if not keys:
        return _Part((step,))
    names = ", ".join(", ".join(key.columns) for key in keys)
    rows = request.row_counts.get(table, 0)
    form = "statements by depth" if step.by_depth else "one statement"
    way = f"references itself by {names}: {form}, {_counted(rows)}"
    return _Part((step,), cycles=(Cycle((table,), way),))


def _load(
    request: OrderRequest,
    table: RelationName,
    keys: Sequence[ForeignKey],
    patched: tuple[str, ...] = (),
) -> LoadTable:
    """How a table is loaded that references itself by these keys.

    Depth is defined along one key; several would need the rows sorted by all of them at once.
    """
    large = request.row_counts.get(table, 0) > MOST_ROWS_TOGETHER
    if large and len(keys) == 1 and not patched:
        return LoadTable(table, by_depth=keys[0])
    return LoadTable(table, together=bool(keys), patched=patched)


def _broken(
    request: OrderRequest, component: tuple[RelationName, ...], inside: Sequence[ForeignKey]
) -> _Part | None:
    """The component with some keys checked late, or None when no set of late keys breaks it.

    A key that is deferrable waits for COMMIT; one that may hold NULL waits for an UPDATE.
    """
    deferrable = [key for key in inside if key.deferrable]
    nullable = [key for key in inside if not key.deferrable and _can_be_null(request, key)]
    for candidates in (deferrable, nullable, deferrable + nullable):
        late = _fewest(component, inside, candidates)
        if late is not None:
            deferred = [key for key in late if key.deferrable]
            patched = [key for key in late if not key.deferrable]
            return _late_part(request, component, inside, deferred, patched)
    return None


def _fewest(
    component: tuple[RelationName, ...],
    inside: Sequence[ForeignKey],
    candidates: Sequence[ForeignKey],
) -> list[ForeignKey] | None:
    """Few of the candidates without which the tables can be ordered; None if all do not do."""
    early = [key for key in inside if key not in candidates]
    if _ordered(component, early) is None:
        return None
    late = []
    for key in candidates:
        if _ordered(component, [*early, key]) is None:
            late.append(key)
        else:
            early.append(key)
    return late


def _late_part(
    request: OrderRequest,
    component: tuple[RelationName, ...],
    inside: Sequence[ForeignKey],
    deferred: Sequence[ForeignKey],
    patched: Sequence[ForeignKey],
) -> _Part:
    early = [key for key in inside if key not in deferred and key not in patched]
    tables = _ordered(component, early) or component
    columns = {
        table: tuple(sorted({c for key in patched if key.table == table for c in key.columns}))
        for table in tables
    }
    loads = tuple(
        _load(
            request,
            table,
            [key for key in early if key.references_itself and key.table == table],
            columns[table],
        )
        for table in tables
    )
    updated = [table for table in tables if columns[table]]
    names = tuple(sorted({(key.table.schema, key.name) for key in deferred}))
    ways = []
    if deferred:
        ways.append(f"constraints deferred until COMMIT: {', '.join(n for _, n in names)}")
    if updated:
        listed = ", ".join(f"{table}({', '.join(columns[table])})" for table in updated)
        ways.append(f"NULL first, then UPDATE: {listed}")
    return _Part(
        steps=loads + tuple(PatchColumns(table, columns[table]) for table in updated),
        before=(DeferConstraints(names),) if names else (),
        cycles=(Cycle(component, "; ".join(ways)),),
        needs=tuple(f"UPDATE and SELECT on {table}" for table in updated),
    )


def _can_be_null(request: OrderRequest, key: ForeignKey) -> bool:
    """Whether the key's columns may be NULL until an UPDATE, which needs a row's key to find it."""
    if request.may_update is not None and key.table not in request.may_update:
        return False
    nullable = all((key.table, column) in request.nullable for column in key.columns)
    return nullable and key.table in request.keyed


def _ordered(
    component: tuple[RelationName, ...], keys: Sequence[ForeignKey]
) -> tuple[RelationName, ...] | None:
    """The tables in an order that honours the keys between them, or None if there is none."""
    graph: nx.DiGraph[RelationName] = nx.DiGraph()
    graph.add_nodes_from(component)
    graph.add_edges_from((k.references, k.table) for k in keys if not k.references_itself)
    if not nx.is_directed_acyclic_graph(graph):
        return None
    return tuple(nx.lexicographical_topological_sort(graph))


def _joined(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """One statement that defers all constraints, where several parts defer some."""
    names = [
        name
        for statement in statements
        if isinstance(statement, DeferConstraints)
        for name in statement.constraints
    ]
    return (DeferConstraints(tuple(sorted(names))),) if names else ()


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"
