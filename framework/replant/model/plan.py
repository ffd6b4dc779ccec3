"""The plan of an export: every decision, before the first row is read.

A plan is compared, printed and tested without a database.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from replant.model.load_order import LoadOrder
from replant.model.names import RelationName
from replant.model.rows import ChosenRows, Selection
from replant.model.transform import RowFormat, Transform


@frozen
class PlannedColumn:
    """A column that is exported, with the chain of transforms its values pass through."""

    name: str
    type: str
    transforms: tuple[Transform, ...] = ()


@frozen
class PlannedTable:
    """A table, its chosen rows and columns, and how they are written.

    Attributes:
        columns: in `attnum` order.
        key: columns that identify a row; rows are written in their order. Empty when there are
            none: then the order is that of the rows' own text.
        collatable: those key columns whose order needs a collation named.
        rows: which rows are exported.
        row_count: how many rows they chose in the snapshot of the plan.
        overriding: whether INSERT must say OVERRIDING SYSTEM VALUE, for an identity column that
            is GENERATED ALWAYS.
        row_format: how a row is rendered, when a plugin renders it.

    """

    name: RelationName
    columns: tuple[PlannedColumn, ...]
    key: tuple[str, ...] = ()
    collatable: frozenset[str] = frozenset()
    rows: ChosenRows = field(factory=ChosenRows)
    row_count: int = 0
    overriding: bool = False
    row_format: RowFormat | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the exported columns."""
        return tuple(column.name for column in self.columns)


@frozen
class Omission:
    """Something that is not exported, and why."""

    what: str
    why: str


@frozen
class Plan:
    """What will be exported, in which order, and what will not.

    Attributes:
        source_version: the source server's version, `18.6`.
        plugins: name to `distribution version`, of every plugin that was asked.
        tables: in the order in which they are first loaded.
        order: the steps, and what is said around them.
        omissions: what is left out, each with the reason.
        warnings: what a person should know although it stops nothing.

    """

    source_version: str
    plugins: Mapping[str, str]
    scope: Mapping[str, str]
    strategy: str
    format: str
    tables: tuple[PlannedTable, ...]
    order: LoadOrder
    omissions: tuple[Omission, ...] = ()
    warnings: tuple[str, ...] = ()
    _by_name: Mapping[RelationName, PlannedTable] = field(init=False, repr=False, eq=False)

    @_by_name.default
    def _index(self) -> Mapping[RelationName, PlannedTable]:
        return {table.name: table for table in self.tables}

    def table(self, name: RelationName) -> PlannedTable:
        """The planned table of that name.

        Raises:
            KeyError: the plan has no such table.

        """
        return self._by_name[name]

    @property
    def selection(self) -> Selection:
        """The chosen rows of every table."""
        return {table.name: table.rows for table in self.tables}

    @property
    def row_count(self) -> int:
        """How many rows all tables have together."""
        return sum(table.row_count for table in self.tables)
