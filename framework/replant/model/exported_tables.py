"""Defines what is known of the tables of an export when plugins are asked how values change."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from replant.model.checked import checked
from replant.model.names import RelationName
from replant.model.ownership import Ownership
from replant.model.references import Reference


@frozen(field_transformer=checked)
class ExportedTables:
    """The tables of an export.

    Attributes:
        ownership: of each exported table, what its rows are; none is `EACH` whose rows all are of
            one sort.
        columns: the exported columns of each.
        scope_columns: the column of each table whose rows a scope value chooses by one.
        through: the columns of the foreign key through which rows were chosen, of each table
            of which a plugin says so.
        references: the foreign keys and declared references of these tables, also those to a
            table that is not exported.

    """

    ownership: Mapping[RelationName, Ownership] = field(factory=dict)
    columns: Mapping[RelationName, tuple[str, ...]] = field(factory=dict)
    scope_columns: Mapping[RelationName, str] = field(factory=dict)
    through: Mapping[RelationName, tuple[str, ...]] = field(factory=dict)
    references: tuple[Reference, ...] = ()
