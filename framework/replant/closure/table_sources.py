"""What the queries of a closed set read from: tables and partitions as their storage allows."""

from __future__ import annotations

from replant.closure.queries import Order, Source
from replant.model import RelationKind, RelationName
from replant.model.references import Leaf, ReferenceGraph


def leaf_source(root: RelationName, leaf: Leaf) -> Source:
    """The rows of one leaf: from itself where the role may read it, else through its root.

    Privileges on a partitioned table are none on its partitions.
    """
    if leaf.name == root or leaf.direct:
        return Source(leaf.name, only=True)
    return Source(root, only=False, leaves=(leaf.oid,))


def table_source(graph: ReferenceGraph, name: RelationName) -> Source:
    """The rows of a table; those of a partition through its root, unless it is a leaf itself.

    ONLY keeps the rows of inheritance children out, as a foreign key does. A partitioned table has
    its rows nowhere but in its partitions.
    """
    storage = graph.storage[name]
    if name == storage.root:
        return Source(name, only=graph.tables[name].kind is RelationKind.TABLE)
    if len(storage.leaves) == 1 and storage.leaves[0].name == name:
        return leaf_source(storage.root, storage.leaves[0])
    return Source(storage.root, only=False, leaves=tuple(leaf.oid for leaf in storage.leaves))


def order_of(graph: ReferenceGraph, name: RelationName) -> Order:
    """By which columns the rows of a table are told apart."""
    table = graph.tables[name]
    columns = table.identifying_columns
    collatable = {column.name for column in table.columns if column.collatable}
    return Order(columns, frozenset(collatable.intersection(columns)))
