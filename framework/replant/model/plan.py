"""Defines the plan of an export: every decision, before the first row is read.

A plan is compared, printed and tested without a database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from attrs import evolve, field, frozen

from replant.model.artifact_writers import PlannedWriting
from replant.model.catalog import UniqueIndex
from replant.model.checked import checked
from replant.model.closure_origin import ClosureOrigin
from replant.model.closure_rules import ProvenanceCount
from replant.model.conditions import ChosenRows, Selection
from replant.model.findings import Finding
from replant.model.load_order import LoadOrder
from replant.model.match import Match
from replant.model.names import RelationName, readable
from replant.model.ownership import SharedRows
from replant.model.settings import Check, Compression, Layout, OnConflict
from replant.model.table_shape import TableShape
from replant.model.table_triggers import Trigger
from replant.model.transform import PythonFunction, RowFormat, SqlExpression, Text, Transform
from replant.model.types import DefinedType


@frozen(field_transformer=checked)
class PlannedColumn:
    """A column that is exported.

    Attributes:
        transforms: the chain that its values pass through.
        plugins: the plugin of each transform, in the same order.
        always_identity: whether it is an identity column that is GENERATED ALWAYS, which an
            UPDATE may not set.
        names_objects: whether its values name objects of the database.

    """

    name: str
    type: str
    transforms: tuple[Transform, ...] = ()
    always_identity: bool = False
    plugins: tuple[str, ...] = ()
    names_objects: bool = False

    @property
    def keeps_apart(self) -> bool:
        """Whether different values stay different, and none is to be hidden."""
        return all(isinstance(t, SqlExpression) and t.keeps_apart for t in self.transforms)

    @property
    def changes(self) -> tuple[str, ...]:
        """How its values change on their way, and by which plugin: `mask: email`."""
        steps = zip(self.plugins, self.transforms, strict=False)
        # What a function of Python is given is no change of its own.
        return tuple(f"{plugin}: {transform.how}" for plugin, transform in steps if transform.how)

    def in_python(self, text: Text) -> Text:
        """Return what Python makes of a text that the server computed, or read as it is."""
        for transform in self.transforms:
            if isinstance(transform, PythonFunction):
                text = transform.function(text)
        return text


#: So many columns are kept: tables have columns in common, such as `id` of type `uuid`.
_KEPT = 1024


@lru_cache(_KEPT)
def unchanged_column(
    name: str, type_: str, *, always_identity: bool, names_objects: bool = False
) -> PlannedColumn:
    """Return a column whose values are exported as they are."""
    return PlannedColumn(name, type_, always_identity=always_identity, names_objects=names_objects)


@frozen(field_transformer=checked)
class PlannedTable:
    """A table, its chosen rows and columns, and how they are written.

    Attributes:
        columns: in `attnum` order.
        key: columns that identify a row; rows are written in their order. Empty when there are
            none: then the order is that of the rows' own text.
        collatable: those key columns whose order needs a collation named.
        recoded: whether the encoding of the database orders texts otherwise than UTF-8 does, as
            which they are ordered.
        ordered: whether the rows are read in an order at all.
        rows: which rows are exported.
        row_count: how many rows they chose in the snapshot of the plan.
        on_conflict: what a replay does with a row that is there already.
        matching: the indexes by which a query finds rows that are there already, where
            ON CONFLICT cannot; None where it can. Known of a table of a target alone.
        row_format: how a row is rendered, when a plugin renders it.
        renderer: that plugin.
        changed_keys: the exported unique keys that transforms change.
        shared: which rows are shared with others, and not owned.
        match: by which columns rows are met that a target has under another key.
        new_values: what becomes of the value by which rows are chosen, for each column whose
            values change and are no secret.

    """

    name: RelationName
    columns: tuple[PlannedColumn, ...]
    key: tuple[str, ...] = ()
    collatable: frozenset[str] = frozenset()
    recoded: bool = False
    ordered: bool = True
    rows: ChosenRows = field(factory=ChosenRows)
    row_count: int = 0
    on_conflict: OnConflict = OnConflict.ERROR
    matching: tuple[UniqueIndex, ...] | None = None
    row_format: RowFormat | None = None
    renderer: str | None = None
    changed_keys: tuple[tuple[str, ...], ...] = ()
    shared: SharedRows = field(factory=SharedRows)
    match: Match | None = None
    new_values: Mapping[str, str] = field(factory=dict)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the exported columns."""
        return tuple(column.name for column in self.columns)

    @property
    def overriding(self) -> bool:
        """Whether INSERT must say OVERRIDING SYSTEM VALUE."""
        return any(column.always_identity for column in self.columns)

    @property
    def names_objects(self) -> bool:
        """Whether the text of its rows depends on the search path."""
        return any(column.names_objects for column in self.columns)

    def with_columns(self, columns: Iterable[PlannedColumn]) -> PlannedTable:
        """Return the same rows with other columns, or with fewer."""
        return evolve(self, columns=tuple(columns))


@frozen(field_transformer=checked)
class SequencePosition:
    """How far a sequence must have come in the target, to cover the exported rows.

    Attributes:
        table: the table whose column has the sequence.
        least: the least value that the column's exported rows hold.
        greatest: the greatest.

    """

    table: RelationName
    column: str
    least: int
    greatest: int


@frozen(field_transformer=checked)
class FiringTrigger:
    """A trigger or rule that fires during a replay, as the source has it."""

    table: RelationName
    trigger: Trigger

    def __str__(self) -> str:
        """For people: `trigger audit of s.t, on INSERT`."""
        events = " and ".join(sorted(self.trigger.events))
        place = self.trigger.partition or self.table
        return f"{self.trigger.kind} {readable(self.trigger.name)} of {place}, on {events}"


@frozen(field_transformer=checked)
class Omission:
    """Something that is not exported, and why."""

    what: str
    why: str


@frozen(field_transformer=checked)
class Plan:
    """What will be exported, in which order, and what will not.

    Attributes:
        source_version: the source server's version, `18.6`.
        plugins: name to `distribution version`, of every plugin that was asked.
        tables: in the order in which they are first loaded.
        order: the steps, and what is said around them.
        layout: what lies on disk afterwards.
        compression: of the data files of a directory.
        check: what a replay compares before it commits.
        seen_as: the role whose view of the rows this is, where policies may hide some.
        sequences: those that a replay moves forward, and how far.
        sequence_names: their names in the source.
        triggers: those that fire in the replay, if the target has what the source has.
        provenance: how many rows of closed sets came by which reference, the most first.
        expected_rows: how many rows of a closed set the planner expected before any was read;
            asked where their number has a limit.
        closure_origin: where a closed set came from.
        types: the enums, domains and composite types that exported columns are made of, by name.
        shapes: what the exported tables look like, with all their columns.
        omissions: what is left out, each with the reason.
        writing: how the artifact is written, where a plugin writes it as a whole.
        warnings: what a person should know although it stops nothing.

    """

    source_version: str
    plugins: Mapping[str, str]
    scope: Mapping[str, str]
    strategy: str
    format: str
    tables: tuple[PlannedTable, ...]
    order: LoadOrder
    layout: Layout = Layout.FILE
    compression: Compression = Compression.NONE
    check: Check = Check.CONTENT
    seen_as: str | None = None
    sequences: tuple[SequencePosition, ...] = ()
    sequence_names: tuple[RelationName, ...] = ()
    triggers: tuple[FiringTrigger, ...] = ()
    provenance: tuple[ProvenanceCount, ...] = ()
    expected_rows: int | None = None
    closure_origin: ClosureOrigin = field(factory=ClosureOrigin)
    types: tuple[DefinedType, ...] = ()
    shapes: Mapping[RelationName, TableShape] = field(factory=dict)
    omissions: tuple[Omission, ...] = ()
    warnings: tuple[Finding, ...] = ()
    writing: PlannedWriting | None = None

    @cached_property
    def _by_name(self) -> Mapping[RelationName, PlannedTable]:
        return {table.name: table for table in self.tables}

    def table(self, name: RelationName) -> PlannedTable:
        """Return the planned table of that name.

        Raises:
            KeyError: the plan has no such table.

        """
        return self._by_name[name]

    @cached_property
    def selection(self) -> Selection:
        """The chosen rows of every table."""
        return {table.name: table.rows for table in self.tables}

    @property
    def changes(self) -> tuple[str, ...]:
        """The columns whose values change on their way, with how and by which plugin."""
        return tuple(
            f"{table.name}.{readable(column.name)}: {', then '.join(column.changes)}"
            for table in self.tables
            for column in table.columns
            if column.transforms
        )

    @property
    def row_count(self) -> int:
        """How many rows all tables have together."""
        return sum(table.row_count for table in self.tables)
