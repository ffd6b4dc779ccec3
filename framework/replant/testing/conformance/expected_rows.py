"""Computes again which rows an export should have: registrations in, conditions on tables out.

It is written from the meaning of a registration alone, for tests to compare with. Where a condition
on the table's own rows cannot say it, such as for a closed set, there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from replant.database import sql
from replant.model import (
    AllRows,
    ByColumn,
    ByPredicate,
    Catalog,
    ForeignKey,
    RelationName,
    Settings,
    ThroughForeignKey,
    WhereReferenced,
)
from replant.plugins.answers import Registered

Conditions = Mapping[RelationName, sql.Composable]


def expected_rows(
    catalog: Catalog, registered: Sequence[Registered], settings: Settings
) -> Conditions:
    """Return the condition for each table that holds for exactly the exported rows.

    The columns that a condition speaks of are those of the table itself, without a qualifier.

    Args:
        catalog: of the source.
        registered: what the enabled plugins register.
        settings: with the scope; a predicate of theirs over a table is part of its condition.

    """
    return _Reading(catalog, registered, settings).conditions()


class _Reading:
    def __init__(
        self, catalog: Catalog, registered: Sequence[Registered], settings: Settings
    ) -> None:
        self._keys = [
            key
            for item in registered
            if item.registration.table in catalog.tables
            for key in catalog.tables[item.registration.table].foreign_keys
        ]
        self._rows = {item.registration.table: item.registration.rows for item in registered}
        self._where = {t.name: t.where for t in settings.tables if t.where is not None}
        self._scope = settings.scope

    def conditions(self) -> Conditions:
        found = {name: self._condition(name, ()) for name in self._rows}
        return {name: condition for name, condition in found.items() if condition is not None}

    def _condition(
        self, name: RelationName, above: tuple[RelationName, ...]
    ) -> sql.Composable | None:
        """Return the condition for the rows of a table; None where there is none."""
        if name in above or name not in self._rows:
            return None
        said = self._said(name, (*above, name))
        if said is None or name not in self._where:
            return said
        return sql.SQL("({}) AND ({}\n)").format(said, _given(self._where[name]))

    def _said(self, name: RelationName, above: tuple[RelationName, ...]) -> sql.Composable | None:
        match self._rows[name]:
            case AllRows():
                return sql.SQL("true")
            case ByColumn(column, scope):
                value = sql.Literal(self._scope[scope])
                return sql.SQL("{} = {}").format(sql.Identifier(column), value)
            case ByPredicate(predicate):
                return sql.SQL("({}\n)").format(_given(predicate))
            case ThroughForeignKey(columns):
                keys = [k for k in self._keys if k.table == name and k.columns == columns]
                return self._any([self._up(key, above) for key in keys])
            case WhereReferenced():
                keys = [k for k in self._keys if k.references == name and k.table in self._rows]
                return self._any([self._down(key, above) for key in keys])
            case _:
                return None

    def _any(self, parts: Sequence[sql.Composable | None]) -> sql.Composable | None:
        known = [part for part in parts if part is not None]
        return sql.SQL(" OR ").join(known) if known and len(known) == len(parts) else None

    def _up(self, key: ForeignKey, above: tuple[RelationName, ...]) -> sql.Composable | None:
        """Test that the row references a row of another table that is exported."""
        return self._in(key.columns, key.references, key.referenced_columns, above)

    def _down(self, key: ForeignKey, above: tuple[RelationName, ...]) -> sql.Composable | None:
        """Test that an exported row of another table references the row."""
        return self._in(key.referenced_columns, key.table, key.columns, above)

    def _in(
        self,
        own: Sequence[str],
        other: RelationName,
        columns: Sequence[str],
        above: tuple[RelationName, ...],
    ) -> sql.Composable | None:
        condition = self._condition(other, above)
        if condition is None:
            return None
        return sql.SQL("({}) IN (SELECT {} FROM {} WHERE {})").format(
            sql.SQL(", ").join(map(sql.Identifier, own)),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(other.schema, other.name),
            condition,
        )


def _given(predicate: str) -> sql.SQL:
    """Take a predicate from a configuration, which is SQL on purpose."""
    return sql.SQL(predicate)
