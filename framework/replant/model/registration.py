"""What a plugin asks for when it registers a table: which rows, which columns, made for what.

How a table's rows belong to the scope is one of a few values, never SQL pasted together, so the
plan can be printed and the target can be asked for the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from replant.model.names import RelationName


@frozen
class ByColumn:
    """The rows whose `column` holds the scope value named `scope`."""

    column: str
    scope: str


@frozen
class ThroughForeignKey:
    """The rows that reference an exported row of another table.

    `columns` are this table's, and they must be those of a foreign key.
    """

    columns: tuple[str, ...]


@frozen
class WhereReferenced:
    """Only the rows that exported rows of other tables reference."""


@frozen
class ByPredicate:
    """The rows for which an SQL predicate over the table's columns holds."""

    sql: str


@frozen
class AllRows:
    """Every row of the table."""


Membership = ByColumn | ThroughForeignKey | WhereReferenced | ByPredicate | AllRows


@frozen
class DeclaredColumn:
    """A column that a plugin was written for, its type as `format_type` writes it."""

    name: str
    type: str
    not_null: bool = False


def _relation(name: RelationName | str) -> RelationName:
    return RelationName.parse(name) if isinstance(name, str) else name


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _declared(columns: Iterable[DeclaredColumn]) -> tuple[DeclaredColumn, ...]:
    return tuple(columns)


@frozen
class Registration:
    """A plugin's request to export a table.

    Attributes:
        table: the table; a text such as `notes.note` is parsed.
        rows: how its rows belong to the scope.
        omit: columns that are left to their default in the target.
        columns: the columns the plugin was written for; empty when it takes any.

    """

    table: RelationName = field(converter=_relation)
    rows: Membership = field(factory=AllRows)
    omit: tuple[str, ...] = field(default=(), converter=_names)
    columns: tuple[DeclaredColumn, ...] = field(default=(), converter=_declared)
