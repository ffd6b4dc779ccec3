"""Searches along references, round by round: each round starts from the rows of the last one.

In each round, every row that was found in the round before is asked, for each reference that is
followed, which rows it leads to: first those that reference it, then those that it references. So
each row is found by a shortest way; of several by the first, by the names of references and the
places of rows. The order of the catalog decides nothing, and nothing is written to the source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from operator import itemgetter

from attrs import evolve

from replant.closure import queries
from replant.closure.closure_request import Rules
from replant.closure.queries import leaf_source, order_of, table_source
from replant.closure.row_locations import RowLocations, pointer
from replant.closure.visited_rows import SearchStep, VisitedRow, VisitedRows
from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_texts
from replant.database.planner_settings import planner_defaults
from replant.database.session_settings import own_settings
from replant.model import RelationName
from replant.model.closure_rules import Children, Root
from replant.model.references import Leaf, Reference, ReferenceGraph
from replant.sql.row_hash import RowHash

#: Rows that one query starts from, where an index serves: its text takes 60 kB.
_BATCH = 5_000

#: Rows that one query starts from, where a table is read as a whole.
_LARGE_BATCH = 200_000

#: Rows are kept in the order of their places, so many at a time: then they go to the same pages.
_ROWS_AT_ONCE = 20_000
_PLACE = itemgetter(0)

#: Told the table of rows that were found, and how many.
Taken = Callable[[RelationName, int], None]


class Search:
    """A search that has not ended; `found` holds what it has found so far."""

    def __init__(
        self,
        database: DatabaseConnection,
        graph: ReferenceGraph,
        rules: Rules,
        found: VisitedRows,
        taken: Taken = lambda _table, _rows: None,
    ) -> None:
        self.locations = RowLocations(graph)
        self._database = database
        self._graph = graph
        self._rules = rules
        self._found = found
        self._taken = taken
        self._up = _by_table(graph, graph.child, graph.parent, rules.fixed)
        self._down = _by_table(graph, graph.parent, graph.child, {*rules.fixed, *rules.shared})
        # The tables of rows that were found upward: no others can be upgraded.
        self._found_upward: set[RelationName] = set()

    def begin(self, root: Root, number: int) -> int:
        """Take the rows that satisfy a root's predicate; how many they are."""
        row_hash = RowHash.of(self._graph.tables[root.table]) if root.sample else None
        query = queries.root_rows(root, table_source(self._graph, root.table), row_hash)
        with own_settings(self._database):
            return self._keep(query, self._roots, SearchStep(0, number, down=True))

    def leaves(self, round_: int) -> frozenset[Leaf]:
        """Return the leaves whose rows lead on from a round; none if the search has ended."""
        return frozenset(self.locations.leaf(location) for location in self._found.touched(round_))

    def go_down(self, round_: int, leaves: frozenset[Leaf]) -> None:
        """Take the rows that reference rows of a round, as far as the rules let them come."""
        for number, reference in self._followed(self._down, leaves):
            parent = self._graph.parent(reference)
            end = table_source(self._graph, reference.table)
            order = order_of(self._graph, self._graph.child(reference))
            limit = self._rules.limit_of(reference)
            sample = self._rules.sample_of(reference)
            if sample is not None:
                by = (RowHash.of(self._graph.tables[self._graph.child(reference)]), sample)
                # A number is one for each referenced row, as a limit is.
                if sample.count is None:
                    end = evolve(end, share=by)
                else:
                    order, limit = evolve(order, first=by), min(limit or sample.count, sample.count)
            step = SearchStep(round_ + 1, number, down=True)
            for leaf in self._graph.storage[reference.references].leaves:
                start = leaf_source(parent, leaf)
                pages = self._descending(reference, leaf, round_) if leaf in leaves else ()
                for page in pages:
                    query = queries.referencing_rows(
                        reference, start, list(map(pointer, page)), end, limit=limit, order=order
                    )
                    self._expand(query, leaf, step, indexed=reference.indexed)

    def go_up(self, round_: int, leaves: frozenset[Leaf]) -> None:
        """Take the rows that rows of a round reference."""
        for number, reference in self._followed(self._up, leaves):
            child = self._graph.child(reference)
            end = evolve(
                table_source(self._graph, reference.references),
                null=self._rules.shared.get(self._graph.parent(reference)),
            )
            step = SearchStep(round_ + 1, number, down=False)
            for leaf in self._graph.storage[reference.table].leaves:
                start = leaf_source(child, leaf)
                pages = self._referencing(number, leaf, round_) if leaf in leaves else ()
                for page in pages:
                    query = queries.referenced_rows(reference, start, list(map(pointer, page)), end)
                    self._expand(query, leaf, step, indexed=reference.referenced_indexed)

    def take(self, rows: Sequence[VisitedRow], step: SearchStep) -> None:
        """Keep rows of one table, each with the row that led to it."""
        if not rows:
            return
        table = self.locations.table(rows[0][0])
        number = self._found.add(rows, step)
        if step.down and number < len(rows) and table in self._found_upward:
            self._found.upgrade(rows, step)
        if number:
            if not step.down:
                self._found_upward.add(table)
            self._taken(table, number)

    def _descending(self, reference: Reference, leaf: Leaf, round_: int) -> Iterator[list[int]]:
        """Yield the rows of a leaf whose children are followed from this round on."""
        bounds = self.locations.bounds(leaf)
        size = _BATCH if reference.indexed else _LARGE_BATCH
        match self._rules.children_by(reference, self._graph.parent(reference)):
            case Children.FOLLOW:
                return self._found.new(round_, bounds, size, unless_down_by=None)
            case Children.FROM_ROOTS:
                return self._found.children_followed(round_, bounds, size)
            case Children.STOP:
                return iter(())

    def _referencing(self, number: int, leaf: Leaf, round_: int) -> Iterator[list[int]]:
        """Yield the rows of a leaf that were found in a round, unless what they reference is known.

        It is for those that were reached downward by the same reference.
        """
        reference = self._graph.references[number]
        size = _BATCH if reference.referenced_indexed else _LARGE_BATCH
        known = number if reference.unique else None
        return self._found.new(round_, self.locations.bounds(leaf), size, unless_down_by=known)

    def _expand(self, query: sql.Composed, leaf: Leaf, step: SearchStep, *, indexed: bool) -> None:
        """Take the rows that a query finds from rows of a leaf."""
        with nullcontext() if indexed else planner_defaults(self._database):
            self._keep(query, partial(self.locations.neighbours, leaf), step)

    def _roots(self, records: list[bytes]) -> list[VisitedRow]:
        return [(location, None) for location in self.locations.roots(records)]

    def _keep(
        self,
        query: sql.Composed,
        rows_of: Callable[[list[bytes]], list[VisitedRow]],
        step: SearchStep,
    ) -> int:
        """Take the rows of a query; how many there were, known ones among them."""
        count = 0
        rows: list[VisitedRow] = []
        for batch in copied_texts(self._database, query):
            rows += rows_of(batch)
            if len(rows) > _ROWS_AT_ONCE:
                count += len(rows)
                self.take(sorted(rows, key=_PLACE), step)
                rows = []
        self.take(sorted(rows, key=_PLACE), step)
        return count + len(rows)

    def _followed(
        self, references: Mapping[RelationName, _Numbered], leaves: Iterable[Leaf]
    ) -> _Numbered:
        """Return the references that are followed from rows of these leaves, by number."""
        tables = {self._graph.storage[leaf.name].root for leaf in leaves}
        found = [item for table in tables for item in references.get(table, ())]
        return sorted(found, key=lambda item: item[0])


_Numbered = list[tuple[int, Reference]]


def _by_table(
    graph: ReferenceGraph,
    start: Callable[[Reference], RelationName],
    end: Callable[[Reference], RelationName],
    fixed: Container[RelationName],
) -> Mapping[RelationName, _Numbered]:
    """Group the references, with their numbers, by the table that they are followed from.

    None is followed to a table that is fixed.
    """
    groups: defaultdict[RelationName, _Numbered] = defaultdict(list)
    for number, reference in enumerate(graph.references):
        if end(reference) not in fixed:
            groups[start(reference)].append((number, reference))
    return groups
