"""Counts by which references the rows of a closed set were found, and finds the heaviest path."""

from __future__ import annotations

from collections.abc import Sequence

from replant.closure.closure_request import ClosureRequest
from replant.closure.visited_rows import VisitedRows
from replant.model import RelationName
from replant.model.closure_rules import Children, ProvenanceCount, Root
from replant.model.references import Reference, ReferenceGraph


def root_number(index: int) -> int:
    """Return the edge number of a root; roots count down from -1, references up from 0."""
    return -1 - index


class Provenance:
    """The edges by which rows came."""

    def __init__(self, graph: ReferenceGraph, request: ClosureRequest, found: VisitedRows) -> None:
        self._graph = graph
        self._request = request
        self._found = found

    def by(self, edge: int) -> Root | Reference:
        """Return the root or reference of a number."""
        return self._request.roots[-1 - edge] if edge < 0 else self._graph.references[edge]

    def needs_downward_source(self, edge: int, *, down: bool) -> bool:
        """Return whether the edge is followed only from rows that were reached downward."""
        reference = self.by(edge)
        if not down or isinstance(reference, Root):
            return False
        parent = self._graph.parent(reference)
        return self._request.rules.children_by(reference, parent) is Children.FROM_ROOTS

    def all(self) -> tuple[ProvenanceCount, ...]:
        """Return the edges that added rows, roots first, then by name."""
        return tuple(
            ProvenanceCount(self.by(edge), down, rows)
            for (edge, down), rows in sorted(self._found.provenance.items())
            if rows
        )

    def heaviest_path(self, table: RelationName | None = None) -> Sequence[ProvenanceCount]:
        """Return the path, from a root on, by which most rows came; of one table if it is given.

        Of the edges that added rows the one with most is last. Before each comes the edge by which
        most of its sources came, as far as no edge comes twice.
        """
        provenance = {
            key: rows
            for key, rows in self._found.provenance.items()
            if rows and table in (None, self._table(*key))
        }
        edge, down = max(sorted(provenance), key=lambda key: provenance[key])
        path = [ProvenanceCount(self.by(edge), down, provenance[edge, down])]
        passed = {(edge, down)}
        while edge >= 0:
            children_followed = self.needs_downward_source(edge, down=down)
            before = self._found.before(edge, down=down, children_followed=children_followed)
            ways = [way for way in before if way[:2] not in passed]
            if not ways:
                break
            edge, down, _ = ways[0]
            passed.add((edge, down))
            path.append(ProvenanceCount(self.by(edge), down, self._found.provenance[edge, down]))
        return path[::-1]

    def _table(self, edge: int, down: bool) -> RelationName:
        """Return the table to which an edge adds rows."""
        by = self.by(edge)
        if isinstance(by, Root):
            return self._graph.storage[by.table].root
        return self._graph.child(by) if down else self._graph.parent(by)
