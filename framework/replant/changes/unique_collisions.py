"""Finds rows that take a unique value which another updated row gives up, such as two that swap.

PostgreSQL checks a unique key with each row, so no order of updates lets two rows swap values. A
row that gives up its value does so first: a column of the key is set to NULL before all else, or
the row is deleted and inserted anew, where no foreign key would notice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from replant.changes.queries import keys_that_act, set_to_null
from replant.changes.table_changes import (
    Changes,
    PackedRows,
    PackedUpdates,
    RowValues,
    TableChanges,
    UpdatedRow,
)
from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.errors import ChangeError
from replant.model import Catalog, RelationName, Text, readable
from replant.sql.row_queries import texts_by_key

#: So many keys are looked up in one query.
_ASKED = 1000


@frozen
class SettledChanges:
    """Changes that one statement can carry out.

    Attributes:
        before: what is run before that statement.

    """

    changes: Changes
    before: tuple[sql.Composed, ...] = ()


def settle_collisions(
    database: DatabaseConnection, catalog: Catalog, changes: Changes
) -> SettledChanges:
    """Let rows give up unique values before others take them.

    Raises:
        ChangeError: a row can do so in neither way.

    """
    settled: dict[RelationName, TableChanges] = {}
    before: list[sql.Composed] = []
    for name, each in changes.items():
        table = _TableCollisions(database, catalog, each)
        settled[name] = table.settle()
        before += table.before
    return SettledChanges(settled, tuple(before))


class _TableCollisions:
    """The collisions of one table."""

    def __init__(
        self, database: DatabaseConnection, catalog: Catalog, changes: TableChanges
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._live = catalog.tables[changes.table.name]
        self._changes = changes
        self._old: list[RowValues] = []
        self.before: list[sql.Composed] = []

    def settle(self) -> TableChanges:
        keys = self._touched_keys()
        table = self._changes.table
        always = {column.name for column in table.columns if column.always_identity}
        if not keys and always.isdisjoint(self._changes.updated.columns):
            return self._changes
        updated = list(self._changes.updated)
        replaced: set[int] = set()
        fixed = {n for n, row in enumerate(updated) if not always.isdisjoint(row.values)}
        self._old = list(self._old_rows())
        for key in keys:
            holders = self._holders(key)
            if not holders:
                continue
            column = self._column_that_may_be_null(key)
            if column is None:
                replaced |= holders
                continue
            self._give_up(column, holders, updated)
        return self._replaced(replaced | fixed, updated)

    def _touched_keys(self) -> list[tuple[str, ...]]:
        """Return the unique keys of which a value changes; all their columns are known."""
        changed = self._changes.updated.columns
        known = set(self._changes.table.column_names)
        keys = (self._live.primary_key, *self._live.unique_keys)
        return [key for key in keys if changed.intersection(key) and known.issuperset(key)]

    def _old_rows(self) -> Iterator[RowValues]:
        """Read the updated rows as they are."""
        table = self._changes.table
        rows, names = self._changes.updated, table.column_names
        width = len(table.key)
        for start in range(0, len(rows), _ASKED):
            keys = [tuple(row.key.values()) for row in rows[start : start + _ASKED]]
            found = {
                place: rest
                for place, *rest in self._database.execute(texts_by_key(table, names, keys))
            }
            for place, _ in enumerate(keys):
                yield dict(zip(names, found[place][width:], strict=True))

    def _holders(self, key: Sequence[str]) -> set[int]:
        """Return the rows of which another row takes the value, by their places."""
        held: dict[tuple[Text, ...], int] = {}
        for place, old in enumerate(self._old):
            value = tuple(old[name] for name in key)
            if None not in value:
                held[value] = place
        found = set()
        for place, (old, row) in enumerate(zip(self._old, self._changes.updated, strict=True)):
            wanted = tuple(row.values.get(name, old[name]) for name in key)
            holder = held.get(wanted, place)
            if holder != place:
                found.add(holder)
        return found

    def _column_that_may_be_null(self, key: Sequence[str]) -> str | None:
        """Return a column of the key that can be NULL for a while, and that no reference uses."""
        used = {
            name
            for table in self._catalog.tables.values()
            for reference in table.foreign_keys
            for name, of in (
                *((column, reference.table) for column in reference.columns),
                *((column, reference.references) for column in reference.referenced_columns),
            )
            if of == self._live.name
        }
        for name in key:
            column = self._live.column(name)
            if column is not None and not column.not_null and name not in used:
                return name
        return None

    def _give_up(self, column: str, holders: set[int], updated: list[UpdatedRow]) -> None:
        table = self._changes.table
        places = sorted(holders)
        keys = [tuple(updated[place].key.values()) for place in places]
        self.before.append(set_to_null(table, column, keys))
        for place in places:
            row = updated[place]
            value = row.values.get(column, self._old[place][column])
            updated[place] = evolve(row, values={**row.values, column: value})

    def _replaced(self, places: set[int], updated: list[UpdatedRow]) -> TableChanges:
        """Delete and insert some rows in place of updating them."""
        if places:
            self._check_replaceable()
        old = [self._old[place] for place in sorted(places)]
        new = [{**self._old[place], **updated[place].values} for place in sorted(places)]
        table = self._changes.table
        left = (row for place, row in enumerate(updated) if place not in places)
        return TableChanges(
            table,
            deleted=PackedRows(table.column_names, (*self._changes.deleted, *old)),
            updated=PackedUpdates(table.key, left),
            inserted=PackedRows(table.column_names, (*self._changes.inserted, *new)),
        )

    def _check_replaceable(self) -> None:
        name = self._live.name
        keys = [
            f"{readable(key)} of {RelationName(schema, table)}"
            for schema, table, key, _ in self._database.execute(keys_that_act(name))
        ]
        missing = {c.name for c in self._live.columns if c.writable} - set(
            self._changes.table.column_names
        )
        if keys or missing:
            why = (
                f"the foreign key {keys[0]} acts when a row is deleted"
                if keys
                else f"the artifact does not hold {', '.join(map(readable, sorted(missing)))}"
            )
            raise ChangeError(
                f"rows of {name} exchange values of a unique key that may not be NULL, and cannot "
                f"be deleted and inserted anew, as {why}; nothing was changed; set other values in "
                f"one of these rows first, or make the unique key DEFERRABLE"
            )
