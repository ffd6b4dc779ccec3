"""Defines the request for a closed set: where a search begins, what it follows, how far it goes."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from replant.model.closure_rules import Children, EdgeRule, Root
from replant.model.names import RelationName
from replant.model.references import EdgeName, Reference
from replant.model.samples import Sample


@frozen
class Rules:
    """Which rows are included downward; the rows that a row references always do.

    Attributes:
        children: what holds for every table.
        tables: what holds in its place for the references to a table.
        edges: what holds in their place for one reference.
        fixed: the tables of which only the roots are in the set.
        shared: the tables of which, beside the roots, only those referenced rows are in the set
            whose column of this name is NULL.

    """

    children: Children = Children.FROM_ROOTS
    tables: Mapping[RelationName, Children] = field(factory=dict)
    edges: Mapping[EdgeName, EdgeRule] = field(factory=dict)
    fixed: frozenset[RelationName] = frozenset()
    shared: Mapping[RelationName, str] = field(factory=dict)

    def children_by(self, reference: Reference, parent: RelationName) -> Children:
        """Return the rule for a reference to rows that are read through `parent`."""
        rule = self.edges.get(reference.edge, EdgeRule())
        return rule.children or self.tables.get(parent, self.children)

    def limit_of(self, reference: Reference) -> int | None:
        """Return how many rows a reference may add for each referenced row; None for all."""
        return self.edges.get(reference.edge, EdgeRule()).limit

    def sample_of(self, reference: Reference) -> Sample | None:
        """Return which rows a reference may add; None for all."""
        return self.edges.get(reference.edge, EdgeRule()).sample


@frozen
class Budget:
    """How many rows a set may have: in all, and of single tables."""

    rows: int | None = None
    tables: Mapping[RelationName, int] = field(factory=dict)

    @property
    def limits(self) -> bool:
        """Whether there is a limit at all."""
        return self.rows is not None or bool(self.tables)


@frozen
class ClosureRequest:
    """Where a closed set begins, and how it grows.

    Attributes:
        shared: the tables whose roots are in the set without being owned; see
            `replant.model.ownership`.

    """

    roots: tuple[Root, ...]
    rules: Rules = field(factory=Rules)
    budget: Budget = field(factory=Budget)
    shared: frozenset[RelationName] = frozenset()
