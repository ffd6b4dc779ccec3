"""What a closed set grows from, by which rules, how far, and which rows it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from struct import Struct

from attrs import field, frozen, validators

from replant.model.names import RelationName, readable
from replant.model.references import EdgeName, Reference


@frozen
class Root:
    """The rows of a table that satisfy an SQL predicate over its columns.

    Attributes:
        may_be_empty: whether it is no mistake that no row satisfies it.

    """

    table: RelationName
    predicate: str
    may_be_empty: bool = False

    def __str__(self) -> str:
        """Write the root as the command line takes it, on one line."""
        return f"{self.table}: {' '.join(self.predicate.split())}"

    @classmethod
    def parse(cls, text: str) -> Root:
        """Read `schema.table: predicate`.

        Raises:
            ValueError: there is no colon behind a table's name, or nothing behind the colon.

        """
        for colon in (place for place, character in enumerate(text) if character == ":"):
            try:
                table = RelationName.parse(text[:colon].strip())
            except ValueError:
                continue
            predicate = text[colon + 1 :].strip()
            if predicate:
                return cls(table, predicate)
        raise ValueError(f"{text!r} is not schema.table: condition")


class Children(Enum):
    """Whether the rows that reference a row of the set come along."""

    #: If the row is one of the roots, or came along because it references a row itself.
    FROM_ROOTS = "from-roots"
    #: Always.
    FOLLOW = "follow"
    #: Never.
    STOP = "stop"


@frozen
class EdgeRule:
    """What holds for one reference.

    Attributes:
        children: overrides what holds for the referenced table; None leaves it.
        limit: at most so many referencing rows come along for each referenced row, the first in
            the order of their key; None for all.

    """

    children: Children | None = None
    limit: int | None = field(default=None, validator=validators.optional(validators.ge(1)))


@frozen
class Rules:
    """Which rows come along downward; the rows that a row references always do.

    Attributes:
        children: what holds for every table.
        tables: what holds in its place for the references to a table.
        edges: what holds in their place for one reference.
        fixed: the tables of which no rows come along but the roots.

    """

    children: Children = Children.FROM_ROOTS
    tables: Mapping[RelationName, Children] = field(factory=dict)
    edges: Mapping[EdgeName, EdgeRule] = field(factory=dict)
    fixed: frozenset[RelationName] = frozenset()

    def children_by(self, reference: Reference, parent: RelationName) -> Children:
        """Return the rule for a reference to rows that are read through `parent`."""
        rule = self.edges.get(reference.edge, EdgeRule())
        return rule.children or self.tables.get(parent, self.children)

    def limit_of(self, reference: Reference) -> int | None:
        """Return how many rows a reference may add for each referenced row; None for all."""
        return self.edges.get(reference.edge, EdgeRule()).limit


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
    """Where a closed set begins, and how it grows."""

    roots: tuple[Root, ...]
    rules: Rules = field(factory=Rules)
    budget: Budget = field(factory=Budget)


@frozen
class ArrivalCount:
    """By which way rows came into the set: as a root, or by a reference up or down.

    Attributes:
        by: the root, or the reference.
        down: whether they came because they reference a row; true for a root.
        rows: how many came this way first.

    """

    by: Root | Reference
    down: bool
    rows: int

    def __str__(self) -> str:
        """Write one line: `down by s.t(a) → s.u(b): 5 rows`."""
        rows = f"{self.rows} row{'' if self.rows == 1 else 's'}"
        return f"{describe_arrival(self.by, down=self.down)}: {rows}"


def describe_arrival(by: Root | Reference, *, down: bool) -> str:
    """Say how rows were found: as a root, down to referencing rows, or up to referenced rows."""
    if isinstance(by, Root):
        return f"root {by}"
    return f"{'down' if down else 'up'} by {by}"


@frozen
class RowKey:
    """A row as a person tells it from others.

    Attributes:
        values: identifying columns with the texts of their values; empty where the table has no
            key that is NOT NULL.

    """

    table: RelationName
    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Write the row on one line: `public.order id = 5`."""
        if not self.values:
            return f"{self.table} (a row without a key)"
        held = ", ".join(f"{readable(name)} = {_one_line(text)}" for name, text in self.values)
        return f"{self.table} {held}"


_RUN = Struct("!IHH")


@frozen
class RowsIn:
    """Rows of one leaf by their places, in order.

    Attributes:
        leaf: `pg_class.oid` of the relation that holds the rows.
        runs: packed, for each run of neighbours in a block the block, the first and the last line
            pointer, each of which holds a row of the set. Ten million rows that lie apart take
            80 MB, and neighbours next to nothing.

    """

    leaf: int
    runs: bytes = field(repr=False)

    @classmethod
    def of(cls, leaf: int, locations: Iterable[tuple[int, int]]) -> RowsIn:
        """Pack blocks and line pointers, which come in order."""
        runs = bytearray()
        block = first = last = -1
        for next_block, pointer in locations:
            if next_block == block and pointer == last + 1:
                last = pointer
                continue
            if block >= 0:
                runs += _RUN.pack(block, first, last)
            block, first, last = next_block, pointer, pointer
        if block >= 0:
            runs += _RUN.pack(block, first, last)
        return cls(leaf, bytes(runs))

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Block, first and last line pointer of each run."""
        return _RUN.iter_unpack(self.runs)


@frozen
class RowsAt:
    """The rows at certain places of the source's snapshot, by leaf; no other snapshot has them."""

    locations: tuple[RowsIn, ...]


def _one_line(text: str) -> str:
    return text if text.isprintable() else repr(text)[1:-1]
