"""Defines registrations: which rows and columns of a table a plugin wants exported.

How a table's rows belong to the scope is one of a few values, never SQL pasted together, so the
plan can be printed and the target can be asked for the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from replant.model.checked import checked, named, sql_text
from replant.model.closure_rules import Children, EdgeRule
from replant.model.match import Match
from replant.model.names import RelationName
from replant.model.references import DeclaredReference
from replant.model.settings import Dangling, OnConflict
from replant.model.table_shape import TableShape


class Shared(Enum):
    """Which rows are included that belong to no scope, since their scope column is NULL."""

    #: Those that exported rows reference.
    REFERENCE = "reference"
    #: All of them.
    ALL = "all"
    #: None: a reference to one leads outside the export.
    FAIL = "fail"


@frozen(field_transformer=checked)
class ByColumn:
    """The rows whose `column` holds the scope value named `scope`.

    Attributes:
        shared: which rows are included whose column is NULL.

    """

    column: str
    scope: str
    shared: Shared = Shared.REFERENCE


@frozen(field_transformer=checked)
class ThroughForeignKey:
    """The rows that reference an exported row of another table.

    `columns` are this table's, and they must be those of a foreign key.
    """

    columns: tuple[str, ...] = field(validator=named)


@frozen(field_transformer=checked)
class WhereReferenced:
    """Only the rows that exported rows of other tables reference."""


@frozen(field_transformer=checked)
class ByPredicate:
    """The rows for which an SQL predicate over the table's columns holds.

    In it `:name` stands for the scope value of that name.
    """

    sql: str = field(validator=sql_text)


@frozen(field_transformer=checked)
class AllRows:
    """Every row of the table."""


@frozen(field_transformer=checked)
class InClosure:
    """The rows of the closed set that grows from the roots and from all other chosen rows.

    A row that a row of the set references is part of it, and so are the rows that reference it, as
    far as the registrations let them.

    Attributes:
        root: an SQL predicate over the table's columns; the rows for which it holds are roots.
            None for a table without a root of its own. In it `:name` stands for the scope value
            of that name.
        may_be_empty: whether it is no mistake that no row is a root.

    """

    root: str | None = field(default=None, validator=sql_text)
    may_be_empty: bool = False


Membership = ByColumn | ThroughForeignKey | WhereReferenced | ByPredicate | AllRows | InClosure


def _relation(name: RelationName | str) -> RelationName:
    return RelationName.parse(name) if isinstance(name, str) else name


def _names(names: Any) -> Any:
    # The letters of a text would be names, too; what is not a list of names is left to the check.
    if isinstance(names, str) or not isinstance(names, Iterable):
        return names
    return tuple(names)


def _shape(shape: TableShape | str | None) -> TableShape | None:
    return TableShape.parse(shape) if isinstance(shape, str) else shape


@frozen(field_transformer=checked)
class Registration:
    """A plugin's request to export a table.

    Attributes:
        table: the table; a text such as `notes.note` is parsed.
        rows: how its rows belong to the scope.
        omit: columns that are left to their default in the target.
        children: whether rows of tables that are `InClosure` are included because they reference a
            row of this table.
        edges: what holds in place of that for references of this table's own rows, by the name
            of the foreign key or of a declared reference.
        references: the references of this table's rows that no foreign key declares.
        dangling: what is done with its rows that reference rows which are not exported; None, here
            and below, for what the configuration says of all tables.
        on_conflict: what a replay does with a row that is there already.
        match: the columns by which shared rows are met that a target has under another key.
        shape: what the table looked like when the plugin was written, which is compared with what
            is there; None when it takes any. A text such as `id bigint not null`, with a column or
            key on each line, is parsed; see `replant.model.table_shape`.

    """

    table: RelationName = field(converter=_relation)
    rows: Membership = field(factory=AllRows)
    omit: tuple[str, ...] = field(default=(), converter=_names)
    children: Children = Children.FROM_ROOTS
    edges: Mapping[str, EdgeRule] = field(factory=dict)
    references: tuple[DeclaredReference, ...] = ()
    dangling: Dangling | None = None
    on_conflict: OnConflict | None = None
    match: Match | None = None
    shape: TableShape | None = field(default=None, converter=_shape)


@frozen(field_transformer=checked)
class Exclusion:
    """A plugin's word that its settings leave a table out.

    A table that another plugin registers is exported all the same.

    Attributes:
        table: the table; a text such as `notes.draft` is parsed.
        by: the setting that leaves it out, such as `plugins.notes.exclude = 'notes.*'`.

    """

    table: RelationName = field(converter=_relation)
    by: str = field(validator=sql_text)
