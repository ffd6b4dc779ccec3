"""Builds rows for tests: a few values are said, and the rest and the parents are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity, given
from psycopg import Connection, errors
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from replant.database import sql
from replant.database.read_catalog import read_catalog
from replant.model import Catalog, ForeignKey, RelationName, Table
from replant.model.names import did_you_mean
from replant.plugins import discovery
from replant.testing.generation.registry import Registry, offered
from replant.testing.generation.row_strategies import rows_for
from replant.testing.rows import Row, insert_statement

#: So often rows are drawn anew that a condition refuses, or that meet others by a unique key.
_TRIES = 20

#: The first examples that Hypothesis draws are the simplest, and the same each time.
_EXAMPLES = 4

_QUIET = hypothesis.settings(
    max_examples=_EXAMPLES,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
)


class RowBuilder:
    """Inserts rows into the tables that a connection sees.

    The same calls in the same database give the same rows.
    """

    def __init__(self, connection: Connection[Any], registry: Registry | None = None) -> None:
        """Build rows over a connection, which commits nothing by itself.

        Args:
            connection: of a role that may INSERT and SELECT.
            registry: what the catalog does not know of the rows, beside what installed
                distributions offer in the group `replant.registries`.

        """
        self._connection = connection
        self._registry = registry or Registry()
        self._known: Catalog | None = None
        self._drawn = 0

    def __call__(self, table: str, **values: Any) -> dict[str, Any]:
        """Insert a row, with the parents that it needs, and return it as the database has it.

        What is not said is left to its default or NULL where it may, and drawn otherwise. A parent
        is drawn for a foreign key that cannot be NULL and of which no value is said.

        Args:
            table: `schema.table`.
            values: by column; as psycopg takes them, and a dict for json and jsonb.

        Raises:
            ValueError: there is no such table or column, or no row can be drawn for it.
            psycopg.Error: the database refuses the row.

        """
        catalog = self._catalog
        name = RelationName.parse(table)
        if name not in catalog.tables:
            raise ValueError(f"there is no table {name}{did_you_mean(name, catalog.tables)}")
        held = catalog.tables[name]
        for column in values:
            if held.column(column) is None:
                near = did_you_mean(column, [c.name for c in held.columns])
                raise ValueError(f"{name} has no column {column!r}{near}")
        texts = {column: self._text(value) for column, value in values.items()}
        for _ in range(_TRIES - 1):
            try:
                return self._insert(held, texts)
            except errors.CheckViolation:
                continue  # Python judges few conditions otherwise than the server
            except errors.UniqueViolation as error:
                if _is_said(error, texts):
                    raise
        return self._insert(held, texts)

    @property
    def _catalog(self) -> Catalog:
        if self._known is None:
            self._known = read_catalog(self._connection)
            installed = [candidate.name for candidate in discovery.find()]
            self._registry = _of_tables(offered(installed), self._known) | self._registry
        return self._known

    def _text(self, value: object) -> str | None:
        if value is None or isinstance(value, str):
            return value
        query = sql.SQL("SELECT pg_catalog.format('%s', {})").format(
            sql.Literal(Jsonb(value) if isinstance(value, dict) else value)
        )
        with self._connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(query).fetchone()
        assert found is not None
        text: str = found["format"]
        return text

    def _insert(self, table: Table, texts: Mapping[str, str | None]) -> dict[str, Any]:
        """Insert one drawn row and its parents in one statement, or nothing."""
        rows = _with_parents(self._catalog, table, self._draw(table.name), texts)
        query = insert_statement(rows) + sql.SQL(" RETURNING *")
        with (
            self._connection.transaction(),
            self._connection.cursor(row_factory=dict_row) as cursor,
        ):
            return list(cursor.execute(query))[-1]

    def _draw(self, name: RelationName) -> Mapping[RelationName, list[Row]]:
        drawn: list[Mapping[RelationName, list[Row]]] = []
        rows = rows_for(self._catalog, [name], rows=(1, 1), registry=self._registry)

        @hypothesis.seed(self._drawn)
        @_QUIET
        @given(rows)
        def take(example: Mapping[RelationName, list[Row]]) -> None:
            drawn.append(example)

        self._drawn += 1
        take()
        found = [example for example in drawn if example.get(name)]
        if not found:
            raise ValueError(f"no row could be drawn for {name}; say more of its values")
        return found[-1]


def _of_tables(registry: Registry, catalog: Catalog) -> Registry:
    """Return what a registry says of tables and types that the database has."""
    return Registry(
        types={name: held for name, held in registry.types.items() if name in catalog.types},
        columns={
            cell: held for cell, held in registry.columns.items() if cell[0] in catalog.tables
        },
        unique={name: held for name, held in registry.unique.items() if name in catalog.tables},
        accept={name: held for name, held in registry.accept.items() if name in catalog.tables},
    )


def _with_parents(
    catalog: Catalog,
    table: Table,
    drawn: Mapping[RelationName, list[Row]],
    texts: Mapping[str, str | None],
) -> dict[RelationName, list[Row]]:
    """Return the row with what is said of it, behind the rows that it needs."""
    wanted = {**drawn[table.name][0], **texts}
    found: dict[RelationName, list[Row]] = {table.name: [wanted]}
    pending = [(table, wanted)]
    while pending:
        child, row = pending.pop()
        for key in child.foreign_keys:
            if not _is_needed(child, key, texts if row is wanted else {}):
                continue
            for parent in drawn.get(key.references, ()):
                listed = found.setdefault(key.references, [])
                if _references(row, key, parent) and parent not in listed and parent is not row:
                    listed.insert(0, parent)
                    pending.append((catalog.tables[key.references], parent))
    found[table.name] = found.pop(table.name)
    return {
        name: list(_shortened(catalog.tables[name], rows, texts if name == table.name else {}))
        for name, rows in found.items()
        if rows
    }


def _shortened(table: Table, rows: list[Row], texts: Mapping[str, str | None]) -> Iterator[Row]:
    """Leave out the columns that have a default, or may be NULL, and of which nothing is said."""
    needed = {*texts, *table.primary_key}
    for key in table.foreign_keys:
        if _is_needed(table, key, texts):
            needed |= {*key.columns}
    for column in table.columns:
        if column.not_null and not column.has_default:
            needed.add(column.name)
    for row in rows:
        yield {name: text for name, text in row.items() if name in needed}


def _is_needed(table: Table, key: ForeignKey, texts: Mapping[str, str | None]) -> bool:
    """Tell whether a key wants a parent: no column of it may be NULL, and none is said."""
    columns = [table.column(name) for name in key.columns]
    return not texts.keys() & {*key.columns} and all(
        column is not None and column.not_null for column in columns
    )


def _references(row: Row, key: ForeignKey, parent: Row) -> bool:
    return all(
        row.get(own) is not None and row.get(own) == parent.get(other)
        for own, other in zip(key.columns, key.referenced_columns, strict=True)
    )


def _is_said(error: errors.UniqueViolation, texts: Mapping[str, str | None]) -> bool:
    """Tell whether the key that is there already is made of values that were said."""
    detail = error.diag.message_detail or ""
    columns = detail.partition("(")[2].partition(")")[0].replace('"', "").split(", ")
    return bool(texts) and all(column in texts for column in columns)
