"""The rows that an artifact's roots and conditions choose in a database, as a side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from attrs import field, frozen

from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_rows
from replant.database.session_settings import exact_names
from replant.difference.sides import Content, Part, SideTable
from replant.model import PlannedTable, RelationName, Selection
from replant.model.table_shape import TableShape
from replant.sql import row_queries as queries
from replant.sql.fingerprints import Block
from replant.sql.row_forms import RowForm, Rows
from replant.sql.row_text import ordered_alike


@frozen
class TargetSide:
    """Rows of a database as a side of a comparison.

    Attributes:
        database: in the transaction in which the rows were found.
        planned: all tables of the artifact, as the database has them.
        selection: the rows of these tables that belong to the set.
        chosen: the rows that are compared, of the tables that have some.
        counts: how many they are.
        shapes: what the tables look like, where that is known.
        loose: the tables of which there may be more rows that satisfy a condition of a root.

    """

    database: DatabaseConnection
    planned: Mapping[RelationName, PlannedTable]
    selection: Selection
    chosen: Selection
    counts: Mapping[RelationName, int]
    shapes: Mapping[RelationName, TableShape] = field(factory=dict)
    loose: frozenset[RelationName] = frozenset()

    @property
    def label(self) -> str:
        """The name of the database."""
        return f"the database {self.database.info.dbname!r}"

    @cached_property
    def tables(self) -> Mapping[RelationName, SideTable]:
        """The tables of which rows are compared."""
        return {name: self._table(self.planned[name]) for name in self.chosen}

    def _table(self, table: PlannedTable) -> SideTable:
        return SideTable(
            name=table.name,
            columns=table.column_names,
            key=table.key,
            row_count=self.counts[table.name],
            form=None,
            ordered=bool(table.key) and ordered_alike(table),
        )

    def content(self, name: RelationName, form: RowForm, like: Content | None = None) -> Content:
        """Let the server hash the rows; of each block its first key passes the connection."""
        table, selection = self.planned[name], self._selection(name)
        size = 1 if like is None else like.rows_per_block
        with exact_names(self.database, table):
            if like is None or not like.blocks or not self._table(table).ordered:
                query = queries.fingerprint(form, selection, table, size)
                count, total = self.database.execute(query).fetchone() or (0, 0)
                return Content(count, int(total or 0) % 2**64, size)
            found = self.database.execute(queries.blocks(form, selection, table, like.blocks))
            blocks = tuple(Block(tuple(key), n, int(total) % 2**64) for n, total, *key in found)
        total = sum(block.fingerprint for block in blocks) % 2**64
        return Content(sum(block.row_count for block in blocks), total, size, blocks)

    def rows(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the rows in the order of their key."""
        query = queries.fields(self._selection(name), self.planned[name])
        with exact_names(self.database, self.planned[name]):
            yield from copied_rows(self.database, query, form.copy_out_options, side="target")

    def part(self, name: RelationName, form: RowForm, part: Part) -> Iterator[Rows]:
        """Read the rows whose keys are those of a part."""
        table = self.planned[name]
        query = queries.fields_between(self._selection(name), table, part.low, part.high)
        with exact_names(self.database, table):
            yield from copied_rows(self.database, query, form.copy_out_options, side="target")

    def _selection(self, name: RelationName) -> Selection:
        return {**self.selection, name: self.chosen[name]}
