"""Finds the tables that a closed set can reach, before a row is read."""

from __future__ import annotations

from attrs import frozen

from replant.closure.closure_request import ClosureRequest
from replant.errors import (
    CatalogMismatchError,
    ConfigurationError,
    PrivilegeError,
    UsageError,
)
from replant.model import RelationName
from replant.model.closure_rules import Children
from replant.model.names import did_you_mean
from replant.model.references import Reference, ReferenceGraph
from replant.sql.grants import read_grants


@frozen
class Reachable:
    """What a closed set can come by.

    Attributes:
        tables: the tables whose rows may be part of it.
        up: the references that are followed to the rows that they reference.
        down: the references that are followed to the rows that reference.

    """

    tables: frozenset[RelationName]
    up: tuple[Reference, ...]
    down: tuple[Reference, ...]

    @property
    def unindexed(self) -> tuple[tuple[Reference, bool], ...]:
        """The references that no index serves, each with whether it is followed downward.

        For each of them a table is read as a whole, again and again if the set is large.
        """
        up = [(reference, False) for reference in self.up if not reference.referenced_indexed]
        down = [(reference, True) for reference in self.down if not reference.indexed]
        return (*down, *up)


def find_reachable(graph: ReferenceGraph, request: ClosureRequest) -> Reachable:
    """Find the tables and references that a search can reach.

    Raises:
        UsageError: a root's table is not there, or there is no root.
        ConfigurationError: a rule or a limit names a table or reference that is not there.
        PrivilegeError: the role may not read a table, or row-level security hides its rows.
        CatalogMismatchError: rows of a table lie in a foreign table.

    """
    _check_names(graph, request)
    found, reached_downward = _tables(graph, request)
    reached = Reachable(
        tables=frozenset(found),
        up=tuple(r for r in graph.references if _follows_up(graph, request, r, found)),
        down=tuple(
            r for r in graph.references if _follows_down(graph, request, r, found, reached_downward)
        ),
    )
    _check_readable(graph, reached.tables)
    return reached


def tables_within_reach(graph: ReferenceGraph, request: ClosureRequest) -> frozenset[RelationName]:
    """Return the tables that rows can come from, whether or not the role may read them."""
    return frozenset(_tables(graph, request)[0])


def _tables(
    graph: ReferenceGraph, request: ClosureRequest
) -> tuple[set[RelationName], set[RelationName]]:
    """Find the tables that rows can come from, and those whose rows can be reached downward."""
    found = {graph.storage[root.table].root for root in request.roots}
    reached_downward = set(found)
    size = -1
    while size != len(found) + len(reached_downward):
        size = len(found) + len(reached_downward)
        for reference in graph.references:
            if _follows_up(graph, request, reference, found):
                found.add(graph.parent(reference))
            if _follows_down(graph, request, reference, found, reached_downward):
                found.add(graph.child(reference))
                reached_downward.add(graph.child(reference))
    return found, reached_downward


def _follows_up(
    graph: ReferenceGraph,
    request: ClosureRequest,
    reference: Reference,
    found: set[RelationName],
) -> bool:
    """Return whether rows that are referenced by it can be included."""
    return graph.child(reference) in found and graph.parent(reference) not in request.rules.fixed


def _follows_down(
    graph: ReferenceGraph,
    request: ClosureRequest,
    reference: Reference,
    found: set[RelationName],
    reached_downward: set[RelationName],
) -> bool:
    """Return whether rows that reference by it can be included."""
    parent = graph.parent(reference)
    if graph.child(reference) in {*request.rules.fixed, *request.rules.shared}:
        return False
    match request.rules.children_by(reference, parent):
        case Children.FOLLOW:
            return parent in found
        case Children.FROM_ROOTS:
            return parent in reached_downward
        case Children.STOP:
            return False


def _check_names(graph: ReferenceGraph, request: ClosureRequest) -> None:
    if not request.roots:
        raise UsageError("a closed set needs a root to grow from; give one with --root")
    for root in request.roots:
        if root.table not in graph.storage:
            meant = did_you_mean(root.table, graph.tables)
            raise UsageError(f"the root {root} names no table of the source{meant}")
    edges = {reference.edge for reference in graph.references}
    problems = [
        f"{name} has a rule, but the source has no such table{did_you_mean(name, graph.tables)}"
        for name in (*request.rules.tables, *request.budget.tables)
        if name not in graph.tables
    ]
    problems += [
        f"{edge} has a rule, but the source has no such reference{did_you_mean(edge, edges)}"
        for edge in request.rules.edges
        if edge not in edges
    ]
    if problems:
        raise ConfigurationError("\n".join(sorted(problems)))


def _check_readable(graph: ReferenceGraph, names: frozenset[RelationName]) -> None:
    """Find all that the role may not read at once, with the GRANT for each kind."""
    tables = [graph.tables[name] for name in sorted(names)]
    closed = [table.name.schema for table in tables if not table.may_use_schema]
    unread = [t.name for t in tables if not t.may_select or not graph.storage[t.name].may_locate]
    if closed or unread:
        raise PrivilegeError(
            f"the role {graph.role!r} may not read {len(unread) or len(closed)} of the tables that "
            f"the closed set can grow to; stop the references to them, or run as their owner: "
            f"{read_grants(closed, unread, graph.role)}"
        )
    hidden = [table.named_with_policies for table in tables if table.rows_are_hidden]
    if hidden:
        raise PrivilegeError(
            f"row-level security may hide rows of {', '.join(hidden)} from the role "
            f"{graph.role!r}, and a closed set must not lose them; read as the tables' owner or "
            f"as a role with BYPASSRLS"
        )
    foreign = [
        str(leaf.name) for t in tables for leaf in graph.storage[t.name].leaves if leaf.foreign
    ]
    if foreign:
        raise CatalogMismatchError(
            f"the partitions {', '.join(foreign)} are foreign tables, whose rows have no lasting "
            f"place to find them by; stop the references that lead to them"
        )
