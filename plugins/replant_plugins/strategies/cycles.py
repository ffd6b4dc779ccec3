"""Decides how tables that reference each other are loaded; all strategies share it.

An `OrderRequest` comes in; a `Part` for each component of the graph comes out, referenced ones
first. Tables come in levels by their foreign keys. What the levels cannot order is a component of
tables that reference each other. Each is loaded by the first of these ways that serves, so that
the target's role needs as little as can be:

1. a small component: in one statement with an INSERT for each table, since PostgreSQL checks a
   foreign key at the end of the statement;
2. a large table that references itself: by COPY, which is one statement too; before the target is
   known, in statements by depth;
3. a large component: with deferred constraints;
4. from temporary tables in one statement, where the target is known and the role may make them;
5. with columns that are NULL first and updated later; or with these and deferred constraints;
6. in one statement after all, which takes memory for every row of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush

from attrs import evolve, frozen

from replant.model import (
    AsReplica,
    CheckForeignKeys,
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
from replant.model.numbers import counted

#: A statement of this many rows of 18 columns takes the server about 80 MB to parse; ten times as
#: many would take ten times that.
MOST_ROWS_TOGETHER = 10_000

_TEMPORARY = "TEMPORARY on the database"


@frozen
class Part:
    """How one component is loaded.

    Attributes:
        unbounded: why a statement takes memory for every row of many; empty if none does.

    """

    steps: tuple[Step, ...]
    before: tuple[Statement, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    needs: tuple[str, ...] = ()
    unbounded: str = ""


@frozen
class _Component:
    """Tables that can all reach each other, and the keys between them."""

    request: OrderRequest
    tables: tuple[RelationName, ...]
    keys: tuple[ForeignKey, ...]

    @property
    def row_count(self) -> int:
        return sum(self.request.row_counts.get(table, 0) for table in self.tables)

    @property
    def is_large(self) -> bool:
        return self.row_count > MOST_ROWS_TOGETHER

    @property
    def counted(self) -> str:
        if not self.request.row_counts.keys() >= {*self.tables}:
            return "its rows never counted"
        return counted(self.row_count, "row")


def parts_of(request: OrderRequest) -> list[Part]:
    """Yield how each component is loaded, referenced ones first."""
    return [
        _alone(component) if len(component.tables) == 1 else _together(component)
        for component in _components(request)
    ]


def joined(parts: Sequence[Part]) -> LoadOrder:
    """Join the parts to one load order, with one statement for all deferred constraints."""
    deferred = [
        name
        for part in parts
        for statement in part.before
        if isinstance(statement, DeferConstraints)
        for name in statement.constraints
    ]
    return LoadOrder(
        steps=tuple(step for part in parts for step in part.steps),
        before=(DeferConstraints(tuple(sorted(deferred))),) if deferred else (),
        cycles=tuple(cycle for part in parts for cycle in part.cycles),
        needs=tuple(dict.fromkeys(need for part in parts for need in part.needs)),
    )


def as_replica(request: OrderRequest, way: str) -> LoadOrder:
    """Load tables by name with foreign keys switched off, and check them after the last row."""
    return LoadOrder(
        steps=tuple(LoadTable(table) for table in sorted(request.tables)),
        before=(AsReplica(),),
        after=(CheckForeignKeys(),),
        cycles=tuple(Cycle(c.tables, way) for c in _components(request) if c.keys),
        needs=(
            "SET on the parameter session_replication_role (superuser, or a GRANT)",
            "SELECT on the loaded tables and on those that they reference",
        ),
    )


#: What must be loaded before a component.
_Before = dict[tuple[RelationName, ...], set[tuple[RelationName, ...]]]


def _components(request: OrderRequest) -> Iterable[_Component]:
    """Yield the strongly connected components, by level and then by name."""
    component_of = _strongly_connected(request)
    inside: defaultdict[tuple[RelationName, ...], list[ForeignKey]] = defaultdict(list)
    before: _Before = {component: set() for component in component_of.values()}
    for key in request.foreign_keys:
        own, other = component_of[key.table], component_of[key.references]
        if own == other:
            inside[own].append(key)
        else:
            before[own].add(other)
    for table, references in request.declared:
        own, other = component_of[table], component_of[references]
        if own not in _all_before(before, other):
            before[own].add(other)
    sorter = TopologicalSorter(before)
    sorter.prepare()
    while level := sorter.get_ready():
        for tables in sorted(level):
            yield _Component(request, tables, tuple(inside[tables]))
        sorter.done(*level)


def _all_before(
    before: _Before, component: tuple[RelationName, ...]
) -> set[tuple[RelationName, ...]]:
    """Return a component, and all that must be loaded before it."""
    found, pending = {component}, [component]
    while pending:
        new = before[pending.pop()] - found
        found |= new
        pending += new
    return found


def _strongly_connected(request: OrderRequest) -> dict[RelationName, tuple[RelationName, ...]]:
    """Find the component of each table: itself, and the tables on a cycle with it."""
    keys = [key for key in request.foreign_keys if not key.references_itself]
    if _sorted_by_references(request.tables, keys) is not None:
        return {table: (table,) for table in request.tables}
    # Most schemas have no cycle, and need not wait 0.1 s for the import.
    import networkx as nx  # noqa: PLC0415

    graph: nx.DiGraph[RelationName] = nx.DiGraph()
    graph.add_nodes_from(request.tables)
    graph.add_edges_from((key.references, key.table) for key in keys)
    components = (tuple(sorted(found)) for found in nx.strongly_connected_components(graph))
    return {table: component for component in components for table in component}


# -- one table -----------------------------------------------------------------------------------


def _alone(component: _Component) -> Part:
    (table,), keys = component.tables, component.keys
    if not keys:
        return Part((LoadTable(table),))
    names = ", ".join(", ".join(key.columns) for key in keys)
    part = _itself(component.request, table, keys)
    (how,) = (cycle.way for cycle in part.cycles)
    way = f"references itself by {names}: {how}, {component.counted}"
    return evolve(part, cycles=(Cycle((table,), way),))


def _itself(
    request: OrderRequest,
    table: RelationName,
    keys: Sequence[ForeignKey],
    patched: tuple[str, ...] = (),
) -> Part:
    """Load a table that references itself by these keys; the method says how.

    Depth is defined along one key, by which a row references one row; several keys, or periods,
    would need the rows sorted by all of them at once. It is known to the source alone.
    """

    def part(how: str, step: Step, unbounded: str = "", *needs: str) -> Part:
        return Part((step,), cycles=(Cycle((table,), how),), needs=needs, unbounded=unbounded)

    whole = LoadTable(table, together=True, patched=patched)
    if request.row_counts.get(table, 0) <= MOST_ROWS_TOGETHER:
        return part("one statement", whole)
    if request.may_copy is None:
        if len(keys) == 1 and not keys[0].period and not patched:
            return part("statements by depth", LoadTable(table, by_depth=keys[0]))
        return part("one statement", whole, "depth is defined along one key")
    if table in request.may_copy:
        return part("one COPY", whole)
    if not patched and table in (request.may_stage or ()):
        step = LoadTogether((table,), staged=True)
        return part("one statement from a temporary table", step, "", _TEMPORARY)
    return part("one statement", whole, "COPY cannot load it, nor may temporary tables be made")


# -- several tables ------------------------------------------------------------------------------


def _together(component: _Component) -> Part:
    """Load the component by the first method that works, with the reasons against earlier ones."""
    one = Part(
        (LoadTogether(component.tables),),
        cycles=(_cycle(component, f"one statement with an INSERT for each, {component.counted}"),),
    )
    if not component.is_large:
        return one
    reasons: list[str] = []
    for way in (_deferred, _staged, _null_first):
        found = way(component)
        if isinstance(found, Part):
            many = f"{component.counted} are many to write into one statement"
            return _with_reasons(found, [many, *reasons])
        reasons += found
    return evolve(_with_reasons(one, reasons), unbounded=", ".join(reasons))


def _cycle(component: _Component, way: str) -> Cycle:
    return Cycle(component.tables, way)


def _with_reasons(part: Part, reasons: Sequence[str]) -> Part:
    (cycle,) = part.cycles
    return evolve(part, cycles=(evolve(cycle, way=f"{cycle.way}; {', '.join(reasons)}"),))


def _deferred(component: _Component) -> Part | list[str]:
    """Defer the keys that are deferrable until COMMIT."""
    deferrable = [key for key in component.keys if key.deferrable]
    late = _fewest(component, deferrable)
    if late is not None:
        return _late(component, late)
    if not all(key.references_itself for key in deferrable):
        return ["its deferrable keys do not break the cycle"]
    return ["no key of the cycle is deferrable"]


def _staged(component: _Component) -> Part | list[str]:
    """Copy the rows into temporary tables, and insert from there in one statement."""
    may_stage = component.request.may_stage
    if may_stage is None:
        return []
    if not may_stage.issuperset(component.tables):
        return ["the role may make no temporary tables for them"]
    way = f"one statement from temporary tables, {component.counted}"
    return Part(
        (LoadTogether(component.tables, staged=True),),
        cycles=(_cycle(component, way),),
        needs=(_TEMPORARY,),
    )


def _null_first(component: _Component) -> Part | list[str]:
    """Load nullable columns as NULL and set them later, with deferred keys as well."""
    deferrable = [key for key in component.keys if key.deferrable]
    nullable = [k for k in component.keys if not k.deferrable and _can_be_null(component, k)]
    for candidates in (nullable, deferrable + nullable):
        late = _fewest(component, candidates)
        if late is not None:
            return _late(component, late)
    if not all(key.references_itself for key in nullable):
        return ["those that can be NULL for a while do not break it"]
    return ["none can be NULL for a while"]


def _can_be_null(component: _Component, key: ForeignKey) -> bool:
    """Return whether the key's columns may be NULL until an UPDATE, which needs a row key."""
    request = component.request
    if request.may_update is not None and key.table not in request.may_update:
        return False
    nullable = all((key.table, column) in request.nullable for column in key.columns)
    return nullable and key.table in request.keyed


def _fewest(component: _Component, candidates: Sequence[ForeignKey]) -> list[ForeignKey] | None:
    """Find few of the candidates without which the tables can be ordered; None if it takes more."""
    early = [key for key in component.keys if key not in candidates]
    if _ordered(component, early) is None:
        return None
    late = []
    for key in candidates:
        if _ordered(component, [*early, key]) is None:
            late.append(key)
        else:
            early.append(key)
    return late


def _late(component: _Component, late: Sequence[ForeignKey]) -> Part:
    """Load the component with these keys checked late: they are deferred or patched."""
    deferred = [key for key in late if key.deferrable]
    patched = [key for key in late if not key.deferrable]
    early = [key for key in component.keys if key not in late]
    tables = _ordered(component, early) or component.tables
    columns = {
        table: tuple(sorted({c for key in patched if key.table == table for c in key.columns}))
        for table in tables
    }
    loads = [_late_table(component.request, table, early, columns[table]) for table in tables]
    updated = [table for table in tables if columns[table]]
    names = tuple(sorted({key.constraint for key in deferred}))
    ways = []
    if deferred:
        ways.append(f"constraints deferred until COMMIT: {', '.join(n for _, n in names)}")
    if updated:
        listed = ", ".join(f"{table}({', '.join(columns[table])})" for table in updated)
        ways.append(f"NULL first, then UPDATE: {listed}")
    ways += [f"{c.tables[0]} itself: {c.way}" for load in loads for c in load.cycles]
    return Part(
        steps=(
            *(step for load in loads for step in load.steps),
            *(PatchColumns(table, columns[table]) for table in updated),
        ),
        before=(DeferConstraints(names),) if names else (),
        cycles=(_cycle(component, "; ".join(ways)),),
        needs=(
            *(need for load in loads for need in load.needs),
            *(f"UPDATE and SELECT on {table}" for table in updated),
        ),
        unbounded=", ".join(load.unbounded for load in loads if load.unbounded),
    )


def _late_table(
    request: OrderRequest,
    table: RelationName,
    early: Sequence[ForeignKey],
    patched: tuple[str, ...],
) -> Part:
    keys = [key for key in early if key.references_itself and key.table == table]
    if not keys:
        return Part((LoadTable(table, patched=patched),))
    return _itself(request, table, keys, patched)


def _ordered(component: _Component, keys: Sequence[ForeignKey]) -> tuple[RelationName, ...] | None:
    """Order the tables so that the keys between them hold; None if there is no such order."""
    others = [key for key in keys if not key.references_itself]
    return _sorted_by_references(component.tables, others)


def _sorted_by_references(
    tables: Iterable[RelationName], keys: Iterable[ForeignKey]
) -> tuple[RelationName, ...] | None:
    """Sort referenced tables first, and else by name; return None for a cycle."""
    sorter: TopologicalSorter[RelationName] = TopologicalSorter(dict.fromkeys(tables, ()))
    for key in keys:
        sorter.add(key.table, key.references)
    try:
        sorter.prepare()
    except CycleError:
        return None
    names: list[RelationName] = []
    ready: list[RelationName] = []
    while sorter.is_active():
        for table in sorter.get_ready():
            heappush(ready, table)
        names.append(heappop(ready))
        sorter.done(names[-1])
    return tuple(names)
