"""Finds the references and roots of a plan's closed set, so that an artifact can explain it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import evolve

from replant.closure.closure_request import ClosureRequest
from replant.closure.reachability import Reachable
from replant.database.connections import DatabaseConnection
from replant.database.session_settings import exact_names
from replant.model import (
    ColumnIs,
    Plan,
    PlannedTable,
    Root,
    Satisfies,
    Text,
    readable,
)
from replant.model.closure_origin import ClosureOrigin, FollowedReference, RootRows
from replant.model.closure_rules import Children
from replant.model.references import Reference, ReferenceGraph
from replant.planning.hidden_values import told_condition
from replant.selection.expand import FinishedSearch
from replant.selection.select import SelectedTables
from replant.sql import row_queries as queries

#: At most this many keys are listed for each root, so that the manifest stays small.
MOST_KEYS = 1000


def closure_origin(
    database: DatabaseConnection, selected: SelectedTables, plan: Plan, search: FinishedSearch
) -> ClosureOrigin:
    """Return the references and the root rows of the closed set."""
    return ClosureOrigin(
        references=tuple(_followed(search.graph, search.request, search.reachable)),
        roots=tuple(_root_rows(database, selected, plan, search, r) for r in search.request.roots),
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
                request.rules.sample_of(reference) if down else None,
            )


def _children(graph: ReferenceGraph, request: ClosureRequest, reference: Reference) -> Children:
    return request.rules.children_by(reference, graph.parent(reference))


def _root_rows(
    database: DatabaseConnection,
    selected: SelectedTables,
    plan: Plan,
    search: FinishedSearch,
    root: Root,
) -> RootRows:
    table = plan.table(root.table)
    if root.table not in selected.open:
        return RootRows(table.name, told_condition(plan, _condition(table)), table.row_count)
    # The predicate of a table with shared rows may hold places of rows.
    chosen_by = evolve(table, rows=selected.rows[table.name])
    predicate = _condition(chosen_by) if root.table in selected.shared else root.predicate
    predicate = told_condition(plan, predicate) + (f", {root.sample}" if root.sample else "")
    if table.rows.conditions == (search.roots[root],):
        return RootRows(table.name, predicate, table.row_count)
    rows = evolve(table.rows, conditions=(*table.rows.conditions, search.roots[root]))
    chosen = {**plan.selection, table.name: rows}
    _, count = database.execute(queries.count(chosen, table.name)).fetchone() or (0, 0)
    keys = None
    if table.key and count < table.row_count and count <= MOST_KEYS:
        held = {column.name: column for column in table.columns}
        keyed = table.with_columns(held[name] for name in table.key)
        with exact_names(database, keyed):
            found = database.execute(queries.texts(chosen, keyed))
        keys = tuple(_transformed(keyed, row) for row in found)
    return RootRows(table.name, predicate, count, keys)


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
    pairs = zip(table.columns, row, strict=True)
    return tuple(column.in_python(text) or "" for column, text in pairs)
