"""The two sides of a comparison: an artifact, or a plan of what a database would export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from attrs import evolve, frozen

from replant.artifact.artifact import Artifact, patch_texts, row_texts
from replant.artifact.manifest import ExportedTable
from replant.artifact.other_schemas import Schemas, check_schemas, in_schema
from replant.database.connections import DatabaseConnection
from replant.export.source_rows import SourceRows, is_in_portable_order
from replant.model import Plan, Progress, RelationName, Text
from replant.model.progress import silent
from replant.model.table_shape import TableShape
from replant.sql.fingerprints import Block, Fingerprint
from replant.sql.row_forms import RowForm, Rows
from replant.sql.row_text import ordered_alike
from replant.verification.differences import Key


@frozen
class SideTable:
    """A table of one side.

    Attributes:
        columns: in the order in which a row holds their values.
        key: those that identify a row, or none.
        form: the form in which the rows stand in an artifact; None where either form will do.
        ordered: whether the rows come in an order of their key that every database has.

    """

    name: RelationName
    columns: tuple[str, ...]
    key: tuple[str, ...]
    row_count: int
    form: RowForm | None
    ordered: bool


@frozen
class Part:
    """A part of the rows of a side.

    Attributes:
        start: the place of the first row.
        stop: the place of the row behind the last.
        low: the key of the first row; None for all from the first on.
        high: the key of the row behind the last; None for all to the last.

    """

    start: int
    stop: int
    low: Key | None = None
    high: Key | None = None


@frozen
class Content:
    """The fingerprint of a table's rows in a form.

    Attributes:
        total: the sum of the hashes modulo 2**64.
        rows_per_block: how many rows a block has; 1 if each row is hashed by itself.
        blocks: the parts of the rows in the order of the key; empty where there is but one.

    """

    row_count: int
    total: int
    rows_per_block: int = 1
    blocks: tuple[Block, ...] = ()

    @classmethod
    def of(cls, found: Fingerprint) -> Content:
        """Return the content of rows that were hashed."""
        return cls(found.row_count, found.total, found.rows_per_block, found.blocks)

    def fingerprint(self, form: RowForm, columns: Sequence[str], key: Sequence[str]) -> Fingerprint:
        """Begin the fingerprint of rows with these columns and key, to be compared with this."""
        key_of = form.key_of(columns, key) if self.rows_per_block > 1 and key else None
        return Fingerprint(self.rows_per_block, key_of, self.blocks if key_of else ())


class Side(Protocol):
    """One side of a comparison."""

    @property
    def label(self) -> str:
        """What it is, for people."""

    @property
    def tables(self) -> Mapping[RelationName, SideTable]:
        """The tables, in the order in which they are loaded."""

    @property
    def shapes(self) -> Mapping[RelationName, TableShape]:
        """What the tables look like, where that is known."""

    def content(self, name: RelationName, form: RowForm, like: Content | None = None) -> Content:
        """Return the fingerprint of a table's rows in a form.

        Args:
            name: the table.
            form: that in which it has the rows, if it has them in one.
            like: that of the rows with which they are compared, which were hashed in this form.

        """

    def rows(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the whole rows of a table in a form."""

    def part(self, name: RelationName, form: RowForm, part: Part) -> Iterator[Rows]:
        """Read the rows of a part, or of an artifact what stands in their place."""


@frozen
class ArtifactSide:
    """An artifact as a side."""

    artifact: Artifact

    @property
    def label(self) -> str:
        """The path of the artifact."""
        return self.artifact.origin

    @cached_property
    def tables(self) -> Mapping[RelationName, SideTable]:
        """The tables of the artifact."""
        return {table.name: side_table(table) for table in self.artifact.manifest.tables}

    @property
    def shapes(self) -> Mapping[RelationName, TableShape]:
        """What the manifest says of the tables."""
        return self.artifact.manifest.shapes

    def content(self, name: RelationName, form: RowForm, like: Content | None = None) -> Content:
        """Return what the manifest says; hash the rows if others were divided in another way."""
        table = self.artifact.manifest.table(name)
        total = int(table.fingerprint, 16)
        said = Content(table.row_count, total, table.rows_per_block, table.blocks)
        if like is None or _are_comparable(said, like):
            return said
        return self.hashed(name, form, like)

    def hashed(self, name: RelationName, form: RowForm, like: Content) -> Content:
        """Hash the rows of a table, to be compared with others."""
        table = self.artifact.manifest.table(name)
        found = like.fingerprint(form, [column.name for column in table.columns], table.key)
        for rows in self.rows(name, form):
            found.add(rows)
        return Content.of(found)

    def rows(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the rows, with the values that are stored separately in their places."""
        table = self.artifact.manifest.table(name)
        separate = self.artifact.stored_separately.get(name, ())
        if table.row_form is form and not separate:
            yield from self.artifact.rows(name)
            return
        names = [column.name for column in table.columns]
        key_places = [names.index(column) for column in table.key]
        places = [names.index(column) for column in separate]
        patches: dict[tuple[Text, ...], tuple[Text, ...]] = {
            texts[: len(table.key)]: texts[len(table.key) :]
            for batch in patch_texts(self.artifact, name)
            for texts in batch
        }
        for batch in row_texts(self.artifact, name):
            rows = []
            for texts in batch:
                whole = list(texts)
                held = patches.get(tuple(texts[place] for place in key_places), ())
                for place, value in zip(places, held, strict=False):
                    whole[place] = value
                rows.append(form.row(whole))
            yield rows

    def part(self, name: RelationName, form: RowForm, part: Part) -> Iterator[Rows]:
        """Read the rows of a part; those before and behind it are read and passed over."""
        return sliced(self.lines(name, form), part)

    def lines(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the rows, or what stands in their place if it need not be taken apart."""
        stored = self.artifact.manifest.table(name).row_form
        if stored is form and name not in self.artifact.stored_separately:
            return self.artifact.lines(name)
        return self.rows(name, form)


def side_table(table: ExportedTable) -> SideTable:
    """Describe a table of an artifact."""
    return SideTable(
        name=table.name,
        columns=tuple(column.name for column in table.columns),
        key=table.key,
        row_count=table.row_count,
        form=table.row_form,
        ordered=table.ordered and bool(table.key) and ordered_alike(table.planned),
    )


@frozen
class DatabaseSide:
    """What a database would export, as a side.

    Attributes:
        database: in the transaction in which the plan was made.
        plan: what would be exported.
        progress: told of the rows as they are read.

    """

    database: DatabaseConnection
    plan: Plan
    progress: Progress

    @property
    def label(self) -> str:
        """The name of the database."""
        return f"the database {self.database.info.dbname!r}"

    @cached_property
    def tables(self) -> Mapping[RelationName, SideTable]:
        """The tables of the plan."""
        return {
            table.name: SideTable(
                name=table.name,
                columns=table.column_names,
                key=table.key,
                row_count=table.row_count,
                form=None,
                ordered=is_in_portable_order(table),
            )
            for table in self.plan.tables
        }

    @property
    def shapes(self) -> Mapping[RelationName, TableShape]:
        """What the plan says of the tables."""
        return self.plan.shapes

    def content(self, name: RelationName, form: RowForm, like: Content | None = None) -> Content:
        """Read the rows, and hash them as they pass."""
        source = SourceRows(self.database, self.plan, self.progress)
        table = self.plan.table(name)
        found = None if like is None else like.fingerprint(form, table.column_names, table.key)
        for _ in source.rows(table, form, found):
            pass
        return Content.of(found or source.fingerprints[name])

    def rows(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the rows."""
        source = SourceRows(self.database, self.plan, silent)
        return source.rows(self.plan.table(name), form)

    def part(self, name: RelationName, form: RowForm, part: Part) -> Iterator[Rows]:
        """Read the rows of a part; those before and behind it are read and passed over."""
        return sliced(self.rows(name, form), part)


@frozen
class SideInOtherSchemas:
    """A side as if its tables were in other schemas."""

    side: Side
    schemas: Schemas

    @property
    def label(self) -> str:
        """What it is, for people."""
        return self.side.label

    @cached_property
    def names(self) -> dict[RelationName, RelationName]:
        """The name that each table has on the side itself."""
        return {in_schema(name, self.schemas): name for name in self.side.tables}

    @cached_property
    def tables(self) -> Mapping[RelationName, SideTable]:
        """The tables under their other names."""
        tables = self.side.tables
        check_schemas(self.schemas, tables)
        return {name: evolve(tables[own], name=name) for name, own in self.names.items()}

    @property
    def shapes(self) -> Mapping[RelationName, TableShape]:
        """What the tables look like, under their other names."""
        return {in_schema(name, self.schemas): shape for name, shape in self.side.shapes.items()}

    def content(self, name: RelationName, form: RowForm, like: Content | None = None) -> Content:
        """Return the fingerprint of a table's rows."""
        return self.side.content(self.names[name], form, like)

    def rows(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the whole rows of a table."""
        return self.side.rows(self.names[name], form)

    def part(self, name: RelationName, form: RowForm, part: Part) -> Iterator[Rows]:
        """Read the rows of a part."""
        return self.side.part(self.names[name], form, part)


def sliced(batches: Iterator[Rows], part: Part) -> Iterator[Rows]:
    """Yield the rows of a part; the rest is read as well, as a COPY has one end only."""
    place = 0
    for batch in batches if part.start < part.stop else ():
        first, last = max(0, part.start - place), part.stop - place
        if first < len(batch) and last > 0:
            yield batch[first:last]
        place += len(batch)


def _are_comparable(own: Content, other: Content) -> bool:
    """Tell whether blocks of both begin with the same rows, or all rows are equal."""
    if own.rows_per_block != other.rows_per_block:
        return False
    starts = [[block.key for block in content.blocks] for content in (own, other)]
    return starts[0] == starts[1] or own.total == other.total
