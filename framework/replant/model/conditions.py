"""Defines the conditions by which rows of a table are chosen; all of them must hold.

A condition that mentions another table means the rows chosen there, by that table's own
conditions. Only `Satisfies` holds SQL text, which comes from a plugin or a configuration and is
never taken from an artifact.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from struct import Struct

from attrs import evolve, field, frozen

from replant.model.catalog import ForeignKey
from replant.model.checked import checked
from replant.model.names import RelationName

#: Block, first and last line pointer.
_RUN = Struct("!IHH")


@frozen(field_transformer=checked)
class ColumnIs:
    """The column holds this value, written as the type's input function reads it."""

    column: str
    value: str


@frozen(field_transformer=checked)
class Link:
    """Columns of one table that hold the `other_columns` of a row of another."""

    columns: tuple[str, ...]
    other: RelationName
    other_columns: tuple[str, ...]


@frozen(field_transformer=checked)
class LinkedTo:
    """At least one of the links leads to a chosen row of the other table.

    It serves both ways: a row that references a chosen row, and a row that chosen rows reference.
    """

    links: tuple[Link, ...]


@frozen(field_transformer=checked)
class KeyIsNot:
    """The row's key is none of these: what was left out because of where it references."""

    columns: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]


@frozen(field_transformer=checked)
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


@frozen(field_transformer=checked)
class RowsAt:
    """The rows at certain places of the source's snapshot, by leaf; no other snapshot has them."""

    locations: tuple[RowsIn, ...]


@frozen(field_transformer=checked)
class Satisfies:
    """An SQL predicate over the table's columns holds.

    Attributes:
        sql: the predicate.
        at: the rows for which it held, where it was evaluated once and for all: such a predicate
            might answer otherwise when it is asked again. None to ask each time.

    """

    sql: str
    at: RowsAt | None = None


#: Conditions that any database can be asked for, not only the one in which they were found.
Lasting = ColumnIs | LinkedTo | KeyIsNot

Condition = Lasting | Satisfies | RowsAt


@frozen(field_transformer=checked)
class ChosenRows:
    """The rows of one table for which all conditions hold; all its rows if there are none.

    Attributes:
        only: whether the rows of inheritance children are kept out by ONLY. A partitioned table
            has its rows nowhere but in its partitions, so it is read without.
        equality: the schema of the `=` operator of each column whose type has it outside
            `pg_catalog`; another operator of that name might not tell `A` from `a` as the
            column's own does, or tell them apart where it does not.
        keys: the table's foreign keys, if one of them needs more than equality to be followed.

    """

    conditions: tuple[Condition, ...] = ()
    only: bool = True
    equality: Mapping[str, str] = field(factory=dict)
    keys: tuple[ForeignKey, ...] = ()

    def linked_to(self, names: Container[RelationName]) -> ChosenRows:
        """Return the rows that are chosen if no row of other tables is."""
        if not any(isinstance(condition, LinkedTo) for condition in self.conditions):
            return self
        conditions = tuple(
            LinkedTo(tuple(link for link in condition.links if link.other in names))
            if isinstance(condition, LinkedTo)
            else condition
            for condition in self.conditions
        )
        return evolve(self, conditions=conditions)

    @property
    def by_location(self) -> bool:
        """Whether a condition lists the rows by their places."""
        return any(
            isinstance(condition, RowsAt)
            or (isinstance(condition, Satisfies) and condition.at is not None)
            for condition in self.conditions
        )


def among(rows: ChosenRows, at: RowsAt) -> ChosenRows:
    """Return those of a table's rows that are at certain places."""
    return evolve(rows, conditions=(at, *rows.conditions))


#: The chosen rows of every table that is exported.
Selection = Mapping[RelationName, ChosenRows]


def queryable(
    conditions: Mapping[RelationName, Iterable[Condition]], blocked: Iterable[RelationName]
) -> frozenset[RelationName]:
    """Return the tables whose rows can be queried by their conditions in a database.

    A condition that mentions another table asks for the rows chosen there, so it needs that
    table's conditions as well.

    Args:
        conditions: those of every table.
        blocked: the tables whose own conditions cannot be queried.

    """
    links = {
        name: {
            link.other
            for condition in of_table
            if isinstance(condition, LinkedTo)
            for link in condition.links
        }
        for name, of_table in conditions.items()
    }
    stopped = set(blocked)
    while more := {name for name in links.keys() - stopped if links[name] & stopped}:
        stopped |= more
    return frozenset(links.keys() - stopped)
