"""Packs row locations into integers of 64 bits: relation, block and line pointer.

Within one snapshot no visible row moves, so its place identifies it, and tables need no key. The
numbers follow the names of tables and partitions: places compare the same whatever the order of
the catalog, and the rows of a leaf are a range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from struct import Struct

from replant.closure.queries import Pointer
from replant.closure.visited_rows import VisitedRow
from replant.errors import DatabaseError
from replant.model import RelationName
from replant.model.references import Leaf, ReferenceGraph

_POINTER_BITS = 16
_LEAF_SHIFT = 32 + _POINTER_BITS
_POINTER_MASK = (1 << _POINTER_BITS) - 1
_BLOCK_MASK = (1 << 32) - 1
_MOST_LEAVES = 1 << 64 - _LEAF_SHIFT

# A record in binary form has its count of fields in front, and before each field type and length
# (PostgreSQL source, record_send). The fields are oids and tids.
_ROOT = Struct("!12xI8xIH")
_NEIGHBOUR = Struct("!12xIH8xI8xIH")


class RowLocations:
    """The numbers of a graph's leaves, and the places made from them."""

    def __init__(self, graph: ReferenceGraph) -> None:
        tops = sorted(name for name, held in graph.storage.items() if held.root == name)
        self._leaves = [
            (name, leaf)
            for name in tops
            for leaf in sorted(graph.storage[name].leaves, key=lambda leaf: leaf.name)
        ]
        if len(self._leaves) > _MOST_LEAVES:
            raise DatabaseError(
                f"the source has {len(self._leaves)} tables and partitions; a closed set can grow "
                f"in {_MOST_LEAVES} at most"
            )
        # SQLite's integers are signed: the first relation's places are the most negative.
        self._first = {
            leaf.oid: (number - _MOST_LEAVES // 2) << _LEAF_SHIFT
            for number, (_, leaf) in enumerate(self._leaves)
        }

    def bounds(self, leaf: Leaf) -> tuple[int, int]:
        """Return the least and the greatest location that a row of the leaf can have."""
        first = self._first[leaf.oid]
        return first, first + (1 << _LEAF_SHIFT) - 1

    def leaf(self, location: int) -> Leaf:
        """Return the relation that holds the row."""
        return self._held(location)[1]

    def table(self, location: int) -> RelationName:
        """Return the table through which the row is read."""
        return self._held(location)[0]

    def at(self, oid: int, at: Pointer) -> int:
        """Return the location of a row given as `tableoid` and `ctid`."""
        with _known():
            return self._first[oid] | at[0] << _POINTER_BITS | at[1]

    def roots(self, records: Iterable[bytes]) -> list[int]:
        """Return the locations of rows given as records of `tableoid` and `ctid`."""
        first = self._first
        with _known():
            return [
                first[oid] | block << _POINTER_BITS | pointer
                for oid, block, pointer in _ROOT.iter_unpack(b"".join(records))
            ]

    def neighbours(self, leaf: Leaf, records: Iterable[bytes]) -> list[VisitedRow]:
        """Read records of found rows, each with the `ctid` of a row of the leaf before it."""
        first = self._first
        start = first[leaf.oid]
        unpacked = _NEIGHBOUR.iter_unpack(b"".join(records))
        with _known():
            return [
                (
                    first[oid] | block << _POINTER_BITS | pointer,
                    start | start_block << _POINTER_BITS | start_pointer,
                )
                for start_block, start_pointer, oid, block, pointer in unpacked
            ]

    def _held(self, location: int) -> tuple[RelationName, Leaf]:
        return self._leaves[(location >> _LEAF_SHIFT) + _MOST_LEAVES // 2]


def pointers(records: Iterable[bytes]) -> Iterator[tuple[int, Pointer]]:
    """Read records of `tableoid` and `ctid`."""
    for oid, block, line in _ROOT.iter_unpack(b"".join(records)):
        yield oid, (block, line)


def pointer(location: int) -> Pointer:
    """Return the block and the line pointer of a location."""
    return (location >> _POINTER_BITS) & _BLOCK_MASK, location & _POINTER_MASK


@contextmanager
def _known() -> Iterator[None]:
    """Return what is known of a relation; the catalog has every relation that holds rows."""
    try:
        yield
    except KeyError:
        raise DatabaseError(
            "a partition was attached to a table of the source meanwhile; run this again"
        ) from None
