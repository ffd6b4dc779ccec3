"""Finds the rows in a target that the artifact's roots and conditions choose there now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedTable
from replant.database.connections import DatabaseConnection
from replant.database.copy_stream import copied_rows
from replant.database.session_settings import exact_names
from replant.difference.sides import Content, Part, SideTable
from replant.errors import UsageError
from replant.model import Catalog, ChosenRows, PlannedTable, RelationName, Selection
from replant.model.conditions import RowsAt
from replant.model.ownership import Ownership
from replant.selection.dangling import count_chosen
from replant.sql import row_queries as queries
from replant.sql.fingerprints import Block
from replant.sql.row_forms import RowForm, Rows
from replant.sql.row_text import ordered_alike
from replant.verification.target_closure import TargetClosure, find_target_closure


@frozen
class RowsInTarget:
    """The rows of an artifact's tables in a target.

    Attributes:
        tables: as the target has them.
        selection: all rows of the set: owned and shared.
        owned: the owned rows; a table of which all rows are shared has none.
        owned_counts: how many they are.
        closure: the closed set.

    """

    tables: Mapping[RelationName, PlannedTable]
    selection: Selection
    owned: Selection
    owned_counts: Mapping[RelationName, int]
    closure: TargetClosure


def find_rows_in_target(
    database: DatabaseConnection,
    catalog: Catalog,
    artifact: Artifact,
    tables: Mapping[RelationName, PlannedTable],
) -> RowsInTarget:
    """Search the closed set in the target, from the roots that the artifact names.

    Raises:
        UsageError: rows of a table cannot be found again by what the artifact says.

    """
    exported = artifact.manifest.tables
    closure = TargetClosure({})
    if any(table.rows is None for table in exported):
        closure = find_target_closure(database, catalog, artifact, tables, by_ownership=True)
    unknown = [t.name for t in exported if t.rows is None and t.name not in closure.rows]
    if unknown:
        raise UsageError(
            f"which rows of {', '.join(map(str, unknown))} belong to this artifact is not known in "
            f"the target: {closure.why_not}; choose them by roots or a scope, and export again"
        )
    selection = {
        name: _at(table, closure.rows[name]) if name in closure.rows else table.rows
        for name, table in tables.items()
    }
    owned = {
        table.name: _owned(table, tables[table.name], closure)
        for table in exported
        if table.ownership is not Ownership.SHARED
    }
    counts = count_chosen(database, {**selection, **owned}, owned)
    return RowsInTarget(tables, selection, owned, counts, closure)


def _owned(exported: ExportedTable, table: PlannedTable, closure: TargetClosure) -> ChosenRows:
    if exported.name not in closure.rows:
        return table.rows
    every = exported.ownership is Ownership.OWNED
    return _at(table, (closure.rows if every else closure.owned)[exported.name])


def _at(table: PlannedTable, rows: RowsAt) -> ChosenRows:
    rest = tuple(c for c in table.rows.conditions if not isinstance(c, RowsAt))
    return evolve(table.rows, conditions=(rows, *rest))


@frozen
class TargetSide:
    """The owned rows of a target as a side of a comparison."""

    database: DatabaseConnection
    found: RowsInTarget

    @property
    def label(self) -> str:
        """The name of the database."""
        return self.database.info.dbname

    @property
    def tables(self) -> Mapping[RelationName, SideTable]:
        """The tables that may have owned rows."""
        return {name: self._table(self.found.tables[name]) for name in self.found.owned}

    def _table(self, table: PlannedTable) -> SideTable:
        return SideTable(
            name=table.name,
            columns=table.column_names,
            key=table.key,
            row_count=self.found.owned_counts[table.name],
            form=None,
            ordered=bool(table.key) and ordered_alike(table),
        )

    def content(self, name: RelationName, form: RowForm) -> Content:
        """Let the server hash the rows; of each block its first key passes the connection."""
        table, selection = self.found.tables[name], self._selection(name)
        with exact_names(self.database, table):
            if not self._table(table).ordered:
                query = queries.fingerprint(form, selection, table)
                count, total = self.database.execute(query).fetchone() or (0, 0)
                return Content(count, int(total or 0) % 2**64, ())
            found = self.database.execute(queries.blocks(form, selection, table)).fetchall()
        blocks = tuple(Block(tuple(key), n, int(total) % 2**64) for n, total, *key in found)
        total = sum(block.fingerprint for block in blocks) % 2**64
        return Content(sum(block.row_count for block in blocks), total, blocks)

    def rows(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the rows in the order of their key."""
        query = queries.fields(self._selection(name), self.found.tables[name])
        with exact_names(self.database, self.found.tables[name]):
            yield from copied_rows(self.database, query, form.copy_out_options, side="target")

    def part(self, name: RelationName, form: RowForm, part: Part) -> Iterator[Rows]:
        """Read the rows whose keys are those of a part."""
        table = self.found.tables[name]
        query = queries.fields_between(self._selection(name), table, part.low, part.high)
        with exact_names(self.database, table):
            yield from copied_rows(self.database, query, form.copy_out_options, side="target")

    def _selection(self, name: RelationName) -> Selection:
        return {**self.found.selection, name: self.found.owned[name]}
