"""Estimates the size of a closed set from the planner's statistics; no row is read."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from attrs import frozen

from replant.closure import queries
from replant.closure.closure import check_predicates
from replant.closure.closure_request import ClosureRequest
from replant.closure.queries import table_source
from replant.closure.reachability import Reachable, find_reachable
from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.session_settings import own_settings
from replant.model import RelationName
from replant.model.closure_rules import Children
from replant.model.references import Reference, ReferenceGraph
from replant.model.samples import Sample

# Statistics of a partitioned table are those of all its partitions together.
_STATISTICS = """
SELECT s.schemaname, s.tablename, s.attname, s.null_frac, s.n_distinct
FROM pg_catalog.pg_stats AS s
JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schemaname
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.tablename
WHERE s.inherited = (c.relkind = 'p')
"""


@frozen
class _Column:
    """`pg_stats` of a column: the share of NULLs, and how many values, as a share if negative."""

    null_share: float = 0.0
    distinct: float = -1.0


@frozen
class _Statistics:
    sizes: Mapping[RelationName, float]
    columns: Mapping[tuple[RelationName, str], _Column]

    def referencing_share(self, reference: Reference) -> float:
        """Return the share of rows that reference any row: none of the columns is NULL."""
        return min(1.0 - self._column(reference, name).null_share for name in reference.columns)

    def distinct(self, reference: Reference, rows: float) -> float:
        """Estimate how many rows a table's rows reference, by the column with most values."""
        values = [self._column(reference, name).distinct for name in reference.columns]
        return max(value if value > 0 else -value * rows for value in values)

    def _column(self, reference: Reference, name: str) -> _Column:
        return self.columns.get((reference.table, name), _Column())


def estimate_sizes(
    database: DatabaseConnection, graph: ReferenceGraph, request: ClosureRequest
) -> dict[RelationName, int]:
    """Estimate how many rows the set has of each table that it can reach.

    Each reference is taken to have as many rows for every row that it references. Where ways meet
    the larger number counts, since they mostly lead to the same rows.

    Raises:
        UsageError: see `find_closure`.
        PrivilegeError: see `find_reachable`.

    """
    reachable = find_reachable(graph, request)
    check_predicates(database, request.roots)
    statistics = _read_statistics(database, graph, reachable)
    found = dict.fromkeys(sorted(reachable.tables), 0.0)
    for root in request.roots:
        query = queries.root_rows(root, table_source(graph, root.table))
        found[graph.storage[root.table].root] += _of_sample(
            _planned_rows(database, query), root.sample
        )
    _expand(graph, request, reachable, statistics, found)
    return {name: ceil(rows) for name, rows in found.items()}


def _expand(
    graph: ReferenceGraph,
    request: ClosureRequest,
    reachable: Reachable,
    statistics: _Statistics,
    found: dict[RelationName, float],
) -> None:
    """Multiply along references, as many times as a path without a cycle can be long."""
    reached_downward = dict(found)
    # What rows reference by the reference that they came down by is part of the set already.
    came_by: dict[RelationName, Reference] = {}
    for _ in reachable.tables:
        for reference in reachable.down:
            child, parent = graph.child(reference), graph.parent(reference)
            follow = request.rules.children_by(reference, parent) is Children.FOLLOW
            start = found[parent] if follow else reached_downward[parent]
            rows = start * _fan_out(graph, request, statistics, reference)
            rows = min(rows, statistics.sizes[child])
            if rows > reached_downward[child]:
                reached_downward[child] = rows
                came_by[child] = reference
            found[child] = max(found[child], rows)
        for reference in reachable.up:
            child, parent = graph.child(reference), graph.parent(reference)
            if came_by.get(child) is reference:
                continue
            referencing = found[child] * statistics.referencing_share(reference)
            most = statistics.distinct(reference, statistics.sizes[child])
            rows = min(referencing, most, statistics.sizes[parent])
            found[parent] = max(found[parent], rows)


def _fan_out(
    graph: ReferenceGraph,
    request: ClosureRequest,
    statistics: _Statistics,
    reference: Reference,
) -> float:
    """Estimate how many rows reference a row on average."""
    rows = statistics.sizes[graph.child(reference)] * statistics.referencing_share(reference)
    rows /= max(1.0, statistics.sizes[graph.parent(reference)])
    limit = request.rules.limit_of(reference)
    rows = _of_sample(rows, request.rules.sample_of(reference))
    return rows if limit is None else min(rows, limit)


def _of_sample(rows: float, sample: Sample | None) -> float:
    """Return how many of rows a sample has."""
    if sample is None:
        return rows
    return rows * float(sample.share) if sample.share is not None else min(rows, sample.count or 0)


def _read_statistics(
    database: DatabaseConnection, graph: ReferenceGraph, reachable: Reachable
) -> _Statistics:
    columns = {
        (RelationName(schema, table), name): _Column(null_share, distinct)
        for schema, table, name, null_share, distinct in database.execute(_STATISTICS.encode())
    }
    sizes = {
        name: _planned_rows(database, queries.all_rows(table_source(graph, name)))
        for name in reachable.tables
    }
    return _Statistics(sizes, columns)


def _planned_rows(database: DatabaseConnection, query: sql.Composed) -> float:
    with own_settings(database):
        row = database.execute(queries.planned(query)).fetchone()
    assert row is not None
    return float(row[0][0]["Plan"]["Plan Rows"])
