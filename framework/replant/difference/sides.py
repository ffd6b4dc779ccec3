"""The two sides of a comparison: an artifact, or a plan of what a database would export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Protocol

from attrs import evolve, frozen

from replant.artifact.artifact import Artifact, patch_texts, row_texts
from replant.artifact.manifest import ExportedTable
from replant.artifact.other_schemas import Schemas, check_schemas, in_schema
from replant.database.connections import DatabaseConnection
from replant.export.source_rows import SourceRows
from replant.model import Plan, PlannedTable, Progress, RelationName, Text
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
        blocks: the parts of the rows in the order of the key; none where they are in no order.

    """

    row_count: int
    total: int
    blocks: tuple[Block, ...]


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

    def content(self, name: RelationName, form: RowForm) -> Content:
        """Return the fingerprint of a table's rows, in the form in which it has them."""

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

    def content(self, name: RelationName, form: RowForm) -> Content:
        """Return what the manifest says."""
        del form
        table = self.artifact.manifest.table(name)
        return Content(table.row_count, int(table.fingerprint, 16), table.blocks)

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
                ordered=_is_ordered(table),
            )
            for table in self.plan.tables
        }

    @property
    def shapes(self) -> Mapping[RelationName, TableShape]:
        """What the plan says of the tables."""
        return self.plan.shapes

    def content(self, name: RelationName, form: RowForm) -> Content:
        """Read the rows, and hash them as they pass."""
        source = SourceRows(self.database, self.plan, self.progress)
        for _ in source.rows(self.plan.table(name), form):
            pass
        found: Fingerprint = source.fingerprints[name]
        return Content(found.row_count, found.total % 2**64, found.blocks)

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

    def content(self, name: RelationName, form: RowForm) -> Content:
        """Return the fingerprint of a table's rows."""
        return self.side.content(self.names[name], form)

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


def _is_ordered(table: PlannedTable) -> bool:
    changed = {column.name for column in table.columns if column.transforms}
    keyed = bool(table.key) and not changed.intersection(table.key)
    return table.ordered and keyed and ordered_alike(table)
