"""Finds the references and roots of a plan's closed set, so that an artifact can explain it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from replant.closure.closure_request import ClosureRequest
from replant.closure.graph_reader import read_uncompared_graph
from replant.closure.reachability import Reachable, find_reachable
from replant.database.connections import DatabaseConnection
from replant.database.session_settings import exact_names, own_settings
from replant.model import (
    Catalog,
    ColumnIs,
    Plan,
    PlannedTable,
    PythonFunction,
    Root,
    Satisfies,
    Settings,
    Text,
    readable,
)
from replant.model.closure_origin import ClosureOrigin, FollowedReference, RootRows
from replant.model.closure_rules import Children
from replant.model.references import Reference, ReferenceGraph
from replant.selection.expand import closure_request, declared_references
from replant.selection.predicate_rows import find_rows
from replant.selection.select import SelectedTables
from replant.sql import row_queries as queries

#: At most this many keys are listed for each root, so that the manifest stays small.
MOST_KEYS = 1000


def closure_origin(
    database: DatabaseConnection,
    catalog: Catalog,
    selected: SelectedTables,
    plan: Plan,
    settings: Settings,
) -> ClosureOrigin:
    """Return the references and the root rows of the closed set, if there is one.

    Raises:
        ReplantError: see `find_reachable`; what was found before would have failed before.

    """
    if not selected.open:
        return ClosureOrigin()
    every = read_uncompared_graph(database, catalog, declared_references(selected))
    graph, request = closure_request(every, selected, plan.selection, settings)
    return ClosureOrigin(
        references=tuple(_followed(graph, request, find_reachable(graph, request))),
        roots=tuple(_root_rows(database, selected, plan, root) for root in request.roots),
    )


def _followed(
    graph: ReferenceGraph, request: ClosureRequest, reachable: Reachable
) -> Iterator[FollowedReference]:
    for reference in graph.references:
        up, down = reference in reachable.up, reference in reachable.down
        if up or down:
            yield FollowedReference(
                reference,
                up,
                _children(graph, request, reference) if down else None,
                request.rules.limit_of(reference) if down else None,
            )


def _children(graph: ReferenceGraph, request: ClosureRequest, reference: Reference) -> Children:
    return request.rules.children_by(reference, graph.parent(reference))


def _root_rows(
    database: DatabaseConnection, selected: SelectedTables, plan: Plan, root: Root
) -> RootRows:
    table = plan.table(root.table)
    if root.table not in selected.open:
        return RootRows(table.name, _condition(table), table.row_count)
    rows = evolve(table.rows, conditions=(*table.rows.conditions, Satisfies(root.predicate)))
    chosen = {**plan.selection, table.name: rows}
    with own_settings(database):
        _, count = database.execute(queries.count(chosen, table.name)).fetchone() or (0, 0)
    keys = None
    if table.key and count < table.row_count and count <= MOST_KEYS:
        held = {column.name: column for column in table.columns}
        keyed = table.with_columns(held[name] for name in table.key)
        found_rows = find_rows(database, chosen, table.name)
        chosen[table.name] = evolve(table.rows, conditions=(found_rows,))
        with exact_names(database, keyed):
            found = database.execute(queries.texts(chosen, keyed))
        keys = tuple(_transformed(keyed, row) for row in found)
    return RootRows(table.name, root.predicate, count, keys)


def _condition(table: PlannedTable) -> str:
    """Describe the conditions by which a table's rows were chosen, for people."""
    found = []
    for condition in table.rows.conditions:
        match condition:
            case ColumnIs(column, value):
                found.append(f"{readable(column)} = {value}")
            case Satisfies(text):
                found.append(text)
            case _:
                pass  # what another table decides, and what was left out, is said elsewhere
    return " AND ".join(found) or "all rows that were chosen"


def _transformed(table: PlannedTable, row: Iterable[Text]) -> tuple[str, ...]:
    """Return the key as it is exported, after the transforms that Python computes."""
    texts = []
    for column, value in zip(table.columns, row, strict=True):
        text = value
        for transform in column.transforms:
            text = transform.function(text) if isinstance(transform, PythonFunction) else text
        texts.append(text or "")
    return tuple(texts)
