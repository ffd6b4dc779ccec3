"""What tables look like, and how two pictures of them differ: pure, and about no command.

One picture says what something was made for: an artifact, a plugin's declarations. The other is
what a database has. What either does not know is not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum

from attrs import frozen

from replant.model.catalog import Identity, RelationKind, Table
from replant.model.names import RelationName
from replant.model.types import CompositeType, DefinedType, DomainType, EnumType


@frozen
class ColumnShape:
    """A column.

    Attributes:
        type: as `format_type` writes it.
        not_null: whether it takes no NULL; None where that is not known.
        computed: whether the database computes it.
        filled: whether a row gets a value here without being given one.

    """

    name: str
    type: str
    not_null: bool | None = None
    computed: bool = False
    filled: bool = False


@frozen
class TableShape:
    """A table and its columns; `is_table` is false for a view and other relations."""

    name: RelationName
    columns: tuple[ColumnShape, ...]
    is_table: bool = True


class Change(Enum):
    """How the picture of a database differs from what something was made for."""

    TABLE_MISSING = "there is no such table"
    NO_TABLE = "it is no table"
    COLUMN_MISSING = "there is no such column"
    COLUMN_ADDED = "the column is new"
    COLUMN_COMPUTED = "the column is computed"
    COLUMN_TYPE = "the type differs"
    COLUMN_NOT_NULL = "whether it takes NULL differs"
    LABEL_MISSING = "a label of the enum is missing"
    LABEL_ADDED = "a label of the enum is new"
    TYPE_DIFFERS = "the definition of the type differs"


@frozen
class Difference:
    """One difference.

    Attributes:
        table: the table; None for one of a type.
        column: the column, or the type where there is no table.
        wanted: what was wanted, in words; empty where the kind of change says it.
        found: what is there.
        shape: the column that is there, where there is one.

    """

    change: Change
    table: RelationName | None
    column: str = ""
    wanted: str = ""
    found: str = ""
    shape: ColumnShape | None = None


def shape_of(table: Table) -> TableShape:
    """What a catalog tells of a table."""
    return TableShape(
        table.name,
        tuple(
            ColumnShape(
                column.name,
                column.type,
                column.not_null,
                computed=not column.writable,
                filled=column.default is not None or column.identity is not Identity.NONE,
            )
            for column in table.columns
        ),
        is_table=table.kind in (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE),
    )


def table_differences(
    wanted: Iterable[TableShape], found: Mapping[RelationName, TableShape]
) -> Iterator[Difference]:
    """How tables differ, in the order of those that are wanted; other tables are no difference."""
    for table in wanted:
        there = found.get(table.name)
        if there is None:
            yield Difference(Change.TABLE_MISSING, table.name)
        elif not there.is_table:
            yield Difference(Change.NO_TABLE, table.name)
        else:
            yield from _column_differences(table, there)


def _column_differences(wanted: TableShape, found: TableShape) -> Iterator[Difference]:
    there = {column.name: column for column in found.columns}
    for column in wanted.columns:
        live = there.pop(column.name, None)
        if live is None:
            yield Difference(Change.COLUMN_MISSING, wanted.name, column.name, column.type)
        elif live.computed and not column.computed:
            yield Difference(Change.COLUMN_COMPUTED, wanted.name, column.name, shape=live)
        else:
            yield from _value_differences(wanted.name, column, live)
    for live in there.values():
        yield Difference(Change.COLUMN_ADDED, wanted.name, live.name, found=live.type, shape=live)


def _value_differences(
    table: RelationName, wanted: ColumnShape, found: ColumnShape
) -> Iterator[Difference]:
    if wanted.type != found.type:
        yield Difference(
            Change.COLUMN_TYPE, table, wanted.name, wanted.type, found.type, shape=found
        )
    if wanted.not_null not in (None, found.not_null):
        words = {True: "NOT NULL", False: "may be NULL", None: ""}
        yield Difference(
            Change.COLUMN_NOT_NULL,
            table,
            wanted.name,
            words[wanted.not_null],
            words[found.not_null],
            shape=found,
        )


def type_differences(
    wanted: Iterable[DefinedType], found: Mapping[str, DefinedType]
) -> Iterator[Difference]:
    """How types differ that are there under the same name; one that is not shows by its columns."""
    for one in wanted:
        other = found.get(one.name)
        if other is None or one == other:
            continue
        if isinstance(one, EnumType) and isinstance(other, EnumType):
            yield from _label_differences(one, other)
        else:
            yield Difference(Change.TYPE_DIFFERS, None, one.name, _words(one), _words(other))


def _label_differences(wanted: EnumType, found: EnumType) -> Iterator[Difference]:
    """Labels that are missing or new; their order matters to no value."""
    for label in wanted.labels:
        if label not in found.labels:
            yield Difference(Change.LABEL_MISSING, None, wanted.name, wanted=label)
    for label in found.labels:
        if label not in wanted.labels:
            yield Difference(Change.LABEL_ADDED, None, wanted.name, found=label)


def _words(type_: DefinedType) -> str:
    match type_:
        case EnumType(labels=labels):
            return f"an enum of {', '.join(map(repr, labels))}"
        case DomainType(base=base, not_null=not_null, checks=checks):
            return " ".join([f"a domain over {base}", *(["NOT NULL"] if not_null else []), *checks])
        case CompositeType(attributes=attributes):
            return f"({', '.join(f'{name} {kind}' for name, kind in attributes)})"
