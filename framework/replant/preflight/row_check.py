"""Defines what checks an artifact's rows against a target, and what such a check can see.

A check gets the rows of one table in batches, and says in the end what it found. It asks the
target about each batch, and remembers numbers and a first example, not rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedTable
from replant.database.connections import DatabaseConnection
from replant.model import Catalog, Column, Finding, RelationName, Selection, Table, Text, readable
from replant.model.conditions import queryable
from replant.model.table_differences import DifferenceKind, TableDifference, type_differences
from replant.preflight.target_schema import Differences
from replant.replay.load_plan import Tables
from replant.replay.older_release import of_older_release
from replant.replay.role_privileges import RolePrivileges

CheckedRow = Mapping[str, Text]

#: A check remembers at most this many values, so that its memory does not grow with the rows:
#: 100 000 UUIDs as texts take 19 MB.
REMEMBERED = 100_000

#: Types whose equal values have the same text, so that texts can be compared in their place.
_SAME_TEXT = {
    *("smallint", "integer", "bigint", "oid", "uuid", "boolean", "date", "text"),
    *("character varying", "name", "timestamp without time zone", "timestamp with time zone"),
    *("int4range", "int8range", "daterange", "tsrange", "tstzrange"),
}


class RowCheck(Protocol):
    """A check of the rows of one table."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns that the check needs of each row."""

    def observe(self, rows: Sequence[CheckedRow]) -> None:
        """Check a batch of rows."""

    def findings(self) -> Iterator[Finding]:
        """Yield what was found, after the last row."""


class WaitingCheck(RowCheck, Protocol):
    """A check that needs, after all rows, to know which rows of some table the artifact has."""

    @property
    def awaited_table(self) -> RelationName | None:
        """The table; None if nothing is open."""

    @property
    def awaited_columns(self) -> tuple[str, ...]:
        """The columns that the check needs of that table's rows."""

    def observe_awaited_rows(self, rows: Sequence[CheckedRow]) -> None:
        """Take a batch of that table's rows."""


@frozen
class CheckContext:
    """The artifact and the target that are compared.

    Attributes:
        tables: those of the artifact that the target has.
        limit: how many rows of each table are checked; None for all.
        indexed: for each table the columns that a B-tree index of the target holds, each with one.
        differences: how the target's tables differ from those of the source.
        exported: the artifact's tables by name.
        changes: the columns of each table that have another type in the target.
        type_changes: how types differ that exist under the same name, except for new labels.
        by_conditions: the tables whose rows the target can be asked for by conditions.

    """

    database: DatabaseConnection
    artifact: Artifact
    catalog: Catalog
    tables: Tables
    privileges: RolePrivileges
    limit: int | None
    indexed: Mapping[RelationName, Mapping[str, str]]
    differences: Differences = field(repr=False)
    exported: Mapping[RelationName, ExportedTable] = field(init=False, repr=False)
    changes: Mapping[RelationName, list[TableDifference]] = field(init=False, repr=False)
    type_changes: tuple[TableDifference, ...] = field(init=False, repr=False)

    by_conditions: frozenset[RelationName] = field(init=False, repr=False)

    @property
    def older(self) -> str:
        """How the target is of an older release than the source; empty where it is not."""
        return of_older_release(self.artifact.manifest.postgresql, self.catalog.version)

    @exported.default
    def _exported(self) -> Mapping[RelationName, ExportedTable]:
        return {table.name: table for table in self.artifact.manifest.tables}

    @changes.default
    def _changes(self) -> Mapping[RelationName, list[TableDifference]]:
        by_table: defaultdict[RelationName, list[TableDifference]] = defaultdict(list)
        for difference in self.differences:
            if difference.table is not None and difference.change is DifferenceKind.COLUMN_TYPE:
                by_table[difference.table].append(difference)
        return by_table

    @type_changes.default
    def _type_changes(self) -> tuple[TableDifference, ...]:
        found = type_differences(self.artifact.manifest.types, self.catalog.types)
        return tuple(d for d in found if d.change is not DifferenceKind.LABEL_ADDED)

    @by_conditions.default
    def _by_conditions(self) -> frozenset[RelationName]:
        conditions = {name: table.rows or () for name, table in self.exported.items()}
        blocked = {
            name
            for name, table in self.exported.items()
            if table.rows is None or name not in self.tables or not self.sees(name)
        }
        return queryable(conditions, blocked)

    def sees(self, name: RelationName) -> bool:
        """Return whether the role sees all rows of a table of the artifact."""
        return sees(self.catalog, self.privileges, name)

    @property
    def selection(self) -> Selection:
        """The conditions by which the rows of each table were chosen."""
        return {name: table.rows for name, table in self.tables.items()}


def sees(catalog: Catalog, privileges: RolePrivileges, name: RelationName) -> bool:
    """Return whether the role sees all rows of a table of the artifact."""
    may = privileges.tables[name]
    return may.select and may.use_schema and not catalog.tables[name].rows_are_hidden


def is_plain(column: Column) -> bool:
    """Return whether every release reads and writes the values of a column's type alike."""
    return column.base_type in _SAME_TEXT and not column.made_of


def same_text(table: Table, names: Collection[str]) -> bool:
    """Return whether equal values of these columns have equal texts."""
    return all(
        c.base_type in _SAME_TEXT and c.deterministic for c in table.columns if c.name in names
    )


def shown(names: Sequence[str], row: CheckedRow) -> str:
    """Write the columns and values that identify a row, for messages."""
    return ", ".join(f"{readable(name)} = {row[name]!s}" for name in names)
