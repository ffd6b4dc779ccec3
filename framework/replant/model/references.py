"""Defines references between rows, declared by foreign keys or by a configuration, as a graph.

Nothing here reads a database: `replant.closure.graph_reader` fills in what the server knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import Attribute, field, frozen

from replant.errors import unexpected
from replant.model.catalog import ForeignKey, Table
from replant.model.checked import checked, named
from replant.model.comparison import EQUALITY, Comparison
from replant.model.names import RelationName, readable


@frozen(order=True, field_transformer=checked)
class EdgeName:
    """The name of a reference: that of a constraint is unique for its table only."""

    table: RelationName
    name: str

    def __str__(self) -> str:
        """Write the name as a person would: `public.order.order_customer_id_fkey`."""
        return f"{self.table}.{readable(self.name)}"


# -- what a configuration declares ---------------------------------------------------------------


def _check_as_many(columns: tuple[str, ...], referenced: tuple[str, ...]) -> None:
    if len(columns) != len(referenced):
        raise ValueError(f"columns has {len(columns)} names, referenced_columns {len(referenced)}")


def _as_many_columns(
    reference: PlainReference, _: Attribute[tuple[str, ...]], referenced: tuple[str, ...]
) -> None:
    _check_as_many(reference.columns, referenced)


@frozen(field_transformer=checked)
class PlainReference:
    """Columns that hold the value of another table's columns, as a foreign key's would."""

    table: RelationName
    columns: tuple[str, ...] = field(validator=named)
    references: RelationName
    referenced_columns: tuple[str, ...] = field(validator=_as_many_columns)
    name: str | None = None


@frozen(field_transformer=checked)
class ArrayReference:
    """A column of an array type, each element of which holds the value of another's column."""

    table: RelationName
    column: str
    references: RelationName
    referenced_column: str
    name: str | None = None


@frozen(field_transformer=checked)
class PolymorphicTarget:
    """The table that a polymorphic reference leads to where its type column holds `value`."""

    value: str
    references: RelationName
    referenced_columns: tuple[str, ...] = field(validator=named)


@frozen(field_transformer=checked)
class PolymorphicReference:
    """A column whose value chooses the table that other columns reference."""

    table: RelationName
    type_column: str
    columns: tuple[str, ...] = field(validator=named)
    targets: tuple[PolymorphicTarget, ...] = field(validator=named)
    name: str | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse a target with another number of columns."""
        for target in self.targets:
            _check_as_many(self.columns, target.referenced_columns)


DeclaredReference = PlainReference | ArrayReference | PolymorphicReference


# -- the edges of the graph ----------------------------------------------------------------------


@frozen(field_transformer=checked)
class Pair:
    """A column, and the column of the referenced row whose value it holds."""

    column: str
    referenced: str
    comparison: Comparison = EQUALITY


@frozen(field_transformer=checked)
class Only:
    """The references of those rows only whose `column` holds `value`."""

    column: str
    value: str
    comparison: Comparison = EQUALITY


@frozen(field_transformer=checked)
class Reference:
    """A way from rows of `table` to the rows of `references` that they reference.

    Attributes:
        unique: whether a row references at most one row this way.
        indexed: whether an index finds the rows that reference a given row.
        referenced_indexed: whether an index finds the rows that a given row references.
        elements: whether the one column is an array, whose elements are compared.
        array_type: the type of that column, as `format_type` writes it.
        only: which rows of the table reference this way at all; None for every row.

    """

    table: RelationName
    name: str
    references: RelationName
    pairs: tuple[Pair, ...]
    unique: bool = False
    indexed: bool = True
    referenced_indexed: bool = True
    elements: bool = False
    array_type: str | None = None
    only: Only | None = None

    @property
    def edge(self) -> EdgeName:
        """The name by which rules speak of it."""
        return EdgeName(self.table, self.name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The referencing columns."""
        return tuple(pair.column for pair in self.pairs)

    @property
    def referenced_columns(self) -> tuple[str, ...]:
        """The referenced columns."""
        return tuple(pair.referenced for pair in self.pairs)

    def __str__(self) -> str:
        """Write the reference as a sentence uses it: `s.t(a, b) → s.u(c, d)`."""
        own = [readable(column) + ("[]" if self.elements else "") for column in self.columns]
        if self.only is not None:
            value = self.only.value.encode("unicode_escape").decode()
            own.insert(0, f"{readable(self.only.column)} = '{value}'")
        others = ", ".join(map(readable, self.referenced_columns))
        return f"{self.table}({', '.join(own)}) → {self.references}({others})"


def from_foreign_key(key: ForeignKey) -> Reference:
    """Make the reference of a constraint, before the server is asked how its columns compare."""
    return Reference(
        table=key.table,
        name=key.name,
        references=key.references,
        pairs=_pairs(key.columns, key.referenced_columns),
        unique=True,
    )


def from_declared(declared: DeclaredReference) -> tuple[Reference, ...]:  # noqa: RET503 - unexpected() raises
    """Yield the references of a declaration; a polymorphic one has one for each of its targets.

    Without a name of its own it is called after its columns; a target adds its value.

    Raises:
        ValueError: the two lists of columns differ in length, or are empty.

    """
    match declared:
        case PlainReference(table, columns, references, referenced, name):
            pairs = _pairs(columns, referenced)
            return (Reference(table, name or "_".join(columns), references, pairs),)
        case ArrayReference(table, column, references, referenced_column, name):
            pairs = _pairs((column,), (referenced_column,))
            return (Reference(table, name or column, references, pairs, elements=True),)
        case PolymorphicReference(table, type_column, columns, targets, name):
            stem = name or "_".join(columns)
            return tuple(
                Reference(
                    table=table,
                    name=f"{stem}:{target.value}",
                    references=target.references,
                    pairs=_pairs(columns, target.referenced_columns),
                    only=Only(type_column, target.value),
                )
                for target in targets
            )
        case _:
            unexpected(declared)


def _pairs(columns: Iterable[str], referenced: Iterable[str]) -> tuple[Pair, ...]:
    pairs = tuple(Pair(own, other) for own, other in zip(columns, referenced, strict=True))
    if not pairs:
        raise ValueError("a reference needs at least one column")
    return pairs


# -- where rows lie ------------------------------------------------------------------------------


@frozen(field_transformer=checked)
class Leaf:
    """A relation that holds rows itself: a table, or a partition that has no partitions.

    Attributes:
        oid: `pg_class.oid`, which the rows show as `tableoid`.
        direct: whether the role may read it by itself, and not only through its root.
        foreign: whether it is a foreign table, whose rows have no lasting place.

    """

    oid: int
    name: RelationName
    direct: bool = True
    foreign: bool = False


@frozen(field_transformer=checked)
class Storage:
    """Where the rows of a table lie.

    Attributes:
        root: the table through which they are read: for a partition the one at the top.
        leaves: by name.
        may_locate: whether the role may read the places of the root's rows; SELECT on each
            column is not enough for that, it takes SELECT on the table.

    """

    root: RelationName
    leaves: tuple[Leaf, ...]
    may_locate: bool = True


def _sorted(references: Iterable[Reference]) -> tuple[Reference, ...]:
    return tuple(sorted(references, key=lambda reference: reference.edge))


@frozen(field_transformer=checked)
class ReferenceGraph:
    """Tables as nodes, references as edges.

    Attributes:
        role: the role that reads.
        tables: as the catalog has them.
        storage: for each table and partition.
        references: by name, in whatever order they were given.

    """

    role: str
    tables: Mapping[RelationName, Table]
    storage: Mapping[RelationName, Storage]
    references: tuple[Reference, ...] = field(converter=_sorted)

    def child(self, reference: Reference) -> RelationName:
        """Return the table through which the referencing rows are read."""
        return self.storage[reference.table].root

    def parent(self, reference: Reference) -> RelationName:
        """Return the table through which the referenced rows are read."""
        return self.storage[reference.references].root
