"""Defines the manifest, an artifact's description of itself.

It says enough to replay the artifact, to verify it, and to know what was left out.

It is never trusted: a replay composes its own SQL and refuses what does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import repeat

from attrs import evolve, frozen

from replant.model import (
    Check,
    ChosenRows,
    ColumnIs,
    Compression,
    DefinedType,
    Layout,
    LinkedTo,
    LoadOrder,
    Omission,
    OnConflict,
    PlannedTable,
    RelationName,
    SequencePosition,
)
from replant.model.closure_origin import RootRows
from replant.model.closure_rules import Children
from replant.model.load_order import Statement
from replant.model.match import Match
from replant.model.ownership import Ownership
from replant.model.plan import unchanged_column
from replant.model.table_shape import TableShape
from replant.sql.closing_checks import Ending
from replant.sql.fingerprints import Block, Fingerprint
from replant.sql.load_statements import is_staged_in_file
from replant.sql.row_forms import FORMS, RowForm

#: The version of the manifest; a reader refuses any other.
VERSION = 1

#: Runs of neighbouring rows: the place of the first row, and how many rows.
Runs = tuple[tuple[int, int], ...]

#: The conditions that an artifact holds. The others are SQL, which is never taken from one, or
#: name rows as only their source knows them.
AskedCondition = ColumnIs | LinkedTo


@frozen
class ExportedColumn:
    """A column of the artifact.

    Attributes:
        type: as the source's `format_type` wrote it.
        always_identity: whether it is an identity column that is GENERATED ALWAYS.
        equality: the schema of its `=` operator, where that is not `pg_catalog`.
        changes: how its values changed on their way, each with its plugin: `mask: email`.

    """

    name: str
    type: str
    always_identity: bool = False
    equality: str | None = None
    changes: tuple[str, ...] = ()


@frozen
class DataFile:
    """A file of a directory: the rows of one table.

    Attributes:
        name: relative to the directory, with `/` between its parts.
        size: in bytes, as it lies on disk.
        sha256: of the bytes as they lie on disk, as 64 hexadecimal digits.

    """

    name: str
    size: int
    sha256: str


@frozen
class ExportedTable:
    """A table of the artifact.

    Attributes:
        columns: in the order in which a row's line holds them.
        key: the columns that identify a row, or none.
        rows: which rows of the source these are; None when the target cannot be asked for the
            same rows, since SQL or a transform of a chosen column was involved.
        only: whether inheritance children were kept out.
        on_conflict: what a replay does with a row that is there already.
        row_count: how many rows.
        fingerprint: the sum of the hashes of blocks of rows, or of single rows, modulo 2**64, as 16
            hexadecimal digits.
        form: in which form the rows stand in the artifact and were hashed: that of the format
            `insert` or that of `copy`.
        shape: what the table looked like in the source, with all its columns, and without types:
            those stand once for all tables.
        file: where the rows are, in a directory.
        ownership: whether its rows are owned or shared; see `replant.model.ownership`.
        shared: where that is so of each row, the places of the shared rows among the rows of the
            artifact, counted from 0: the first of each run of neighbours, and how many they are.
        match: by which columns rows are met that a target has under another key.
        ordered: whether the rows stand in the order that the key has in the source.
        rows_per_block: how many rows a block has; 1 where each row is hashed by itself. With more,
            the rows stand in an order that the key has in every database.
        blocks: the parts of the rows in that order; empty where there is but one.

    """

    name: RelationName
    columns: tuple[ExportedColumn, ...]
    key: tuple[str, ...]
    rows: tuple[AskedCondition, ...] | None
    only: bool
    on_conflict: OnConflict
    row_count: int
    fingerprint: str
    form: str
    shape: TableShape
    ownership: Ownership
    shared: Runs = ()
    match: Match | None = None
    file: DataFile | None = None
    ordered: bool = False
    rows_per_block: int = 1
    blocks: tuple[Block, ...] = ()

    @property
    def shared_count(self) -> int:
        """How many of the rows are shared."""
        if self.ownership is Ownership.SHARED:
            return self.row_count
        return sum(number for _, number in self.shared)

    def is_owned(self) -> Iterator[bool]:
        """Yield of each row, in the order of the artifact, whether it is owned."""
        if self.ownership is not Ownership.EACH:
            yield from repeat(self.ownership is Ownership.OWNED, self.row_count)
            return
        place = 0
        for first, number in self.shared:
            yield from repeat(True, first - place)
            yield from repeat(False, number)
            place = first + number
        yield from repeat(True, self.row_count - place)

    @property
    def row_form(self) -> RowForm:
        """The form of the rows."""
        return FORMS[self.form]

    def has_content(self, row_count: int, total: int) -> bool:
        """Tell whether rows of this number and sum of hashes are those of the table."""
        return row_count == self.row_count and total % 2**64 == int(self.fingerprint, 16)

    def new_fingerprint(self) -> Fingerprint:
        """Begin a fingerprint of rows that are compared with those of the table."""
        key_of = self.row_form.key_of([column.name for column in self.columns], self.key)
        return Fingerprint(self.rows_per_block, key_of if self.blocks else None, self.blocks)

    @cached_property
    def planned(self) -> PlannedTable:
        """The table as statements and queries are composed from it."""
        equality = {c.name: c.equality for c in self.columns if c.equality is not None}
        return PlannedTable(
            name=self.name,
            columns=tuple(
                unchanged_column(column.name, column.type, always_identity=column.always_identity)
                for column in self.columns
            ),
            key=self.key,
            rows=ChosenRows(self.rows or (), self.only, equality),
            row_count=self.row_count,
            on_conflict=self.on_conflict,
        )


@frozen
class ExportedReference:
    """A reference through which rows of a closed set were found; both its tables are exported.

    Attributes:
        up: whether the rows that it references were included.
        down: whether the rows that reference by it were included; None if none were.
        limit: at most so many of them for each referenced row.
        sample: which of them, as share or number, and the seed; None for all.
        elements: whether its one column is an array of referenced values.
        only: a column, and the value that it holds in the rows that reference by it at all.
        casts: for each pair of columns the types to which their values are cast before they are
            compared, None for no cast; empty where none is cast.

    """

    table: RelationName
    name: str
    columns: tuple[str, ...]
    references: RelationName
    referenced_columns: tuple[str, ...]
    up: bool
    down: Children | None = None
    limit: int | None = None
    sample: tuple[str, str] | None = None
    elements: bool = False
    only: tuple[str, str] | None = None
    casts: tuple[tuple[str | None, str | None], ...] = ()


@frozen
class Manifest:
    """An artifact's complete description of itself.

    Attributes:
        version: of the manifest's own form.
        replant: the version that wrote it.
        postgresql: the source server's version.
        format: `insert` or `copy`.
        compression: of the data files of a directory.
        check: what a replay compares before it commits.
        seen_as: the role whose view of the rows this is, where policies may have hidden some.
        sequences: those that a replay moves forward.
        references: those that a closed set followed, if there was one; a replay does not need them.
        roots: the rows from which its search started, likewise.
        types: the enums, domains and composite types that columns are made of, as the source has
            them, by name.
        step_offsets: where the rows of each step of the load order begin in a SQL file, as a
            number of bytes; None for a step without rows.

    """

    version: int
    replant: str
    postgresql: str
    plugins: Mapping[str, str]
    scope: Mapping[str, str]
    layout: Layout
    format: str
    compression: Compression
    check: Check
    seen_as: str | None
    strategy: str
    order: LoadOrder
    sequences: tuple[SequencePosition, ...]
    omissions: tuple[Omission, ...]
    tables: tuple[ExportedTable, ...]
    references: tuple[ExportedReference, ...] = ()
    roots: tuple[RootRows, ...] = ()
    types: tuple[DefinedType, ...] = ()
    step_offsets: tuple[int | None, ...] = ()

    def table(self, name: RelationName) -> ExportedTable:
        """Return the table of that name.

        Raises:
            KeyError: the artifact has no such table.

        """
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[RelationName, ExportedTable]:
        return {table.name: table for table in self.tables}

    @cached_property
    def planned(self) -> dict[RelationName, PlannedTable]:
        """The tables by name, as statements and queries are composed from them."""
        return {table.name: table.planned for table in self.tables}

    @cached_property
    def shapes(self) -> dict[RelationName, TableShape]:
        """What the tables looked like in the source."""
        return {
            table.name: evolve(table.shape, types=self.types) if self.types else table.shape
            for table in self.tables
        }

    @property
    def fingerprints(self) -> dict[RelationName, int]:
        """The sum of the hashes modulo 2**64, by table."""
        return {table.name: int(table.fingerprint, 16) for table in self.tables}

    @property
    def row_count(self) -> int:
        """How many rows all tables have together."""
        return sum(table.row_count for table in self.tables)

    def ending(
        self,
        tables: Mapping[RelationName, PlannedTable],
        after: Sequence[Statement],
        staged: frozenset[RelationName] | None = None,
    ) -> Ending:
        """Collect what the closing checks of a replay into these tables need."""
        forms = {table.name: table.row_form for table in self.tables}
        sizes = {table.name: table.rows_per_block for table in self.tables}
        first_keys = {t.name: [block.key for block in t.blocks] for t in self.tables}
        if staged is None:
            staged = frozenset(name for name, table in tables.items() if is_staged_in_file(table))
        return Ending(
            after,
            self.check,
            tables,
            lambda name: self.table(name).planned,
            self.fingerprints,
            sizes,
            first_keys,
            forms,
            self.sequences,
            staged,
        )
