"""Adds values to the registry of a proof: those that the configuration names, and for new types.

Rows must meet the conditions by which the configuration chooses them, or nothing would be exported.
The server of a scratch database rewrites the conditions so that they can be parsed, and says which
texts the types of extensions take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from attrs import evolve
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from psycopg import Connection

from replant.database import sql
from replant.model import (
    ByPredicate,
    Catalog,
    Column,
    InClosure,
    RelationName,
    Settings,
    Table,
)
from replant.plugins.answers import Registered
from replant.testing.checks.expressions import Expression, columns_of, condition_on_column
from replant.testing.checks.parse import parse_check
from replant.testing.checks.suggest import values_from_checks
from replant.testing.generation.catalog_values import CatalogValues
from replant.testing.generation.registry import Cell, Registry
from replant.testing.generation.values import Values

#: Texts that one type or another takes: text-like, numbers, lists, pairs, shapes, documents.
_PROBES = (
    "", "a", "a.b", "0", "1", "1.5", "true", "{}", "[]", "()", "{1,2}", "[1,2]", "[1,2,3]",
    "(1,2)", '"a"=>"1"', "POINT(0 0)", "POINT(1 2)", "<a/>", "a & b", "2020-01-01", "pg_class",
    "00000000-0000-0000-0000-000000000001", "10.0.0.1", "{1:1}/3", "978-3-16-148410-0",
)  # fmt: skip


def conditions_of(
    registered: Sequence[Registered], settings: Settings
) -> Iterator[tuple[RelationName, str]]:
    """Return the SQL predicates by which rows are chosen, each with its table."""
    for item in registered:
        match item.registration.rows:
            case InClosure(str() as condition) | ByPredicate(condition):
                yield item.registration.table, condition
            case _:
                pass
    for table in settings.tables:
        if table.where is not None:
            yield table.name, table.where


def with_values_from_conditions(
    connection: Connection[Any],
    catalog: Catalog,
    registry: Registry,
    conditions: Sequence[tuple[RelationName, str]],
) -> Registry:
    """Add values that satisfy the conditions to those of the columns in them."""
    known = CatalogValues(catalog, registry)
    columns = dict(registry.columns)
    for name, condition in conditions:
        table = catalog.tables.get(name)
        expression = None if table is None else _parsed(connection, name, condition)
        if table is None or expression is None:
            continue
        for column in table.columns:
            texts = _values_from_condition(expression, column, known)
            if texts is not None:
                for cell in _cells(catalog, table, column.name):
                    columns[cell] = _among(catalog, cell, known, texts)
    return evolve(registry, columns=columns)


def with_probed_types(
    connection: Connection[Any], catalog: Catalog, registry: Registry, tables: Sequence[Table]
) -> tuple[Registry, tuple[str, ...]]:
    """Add values for types that nothing is known of, by trying texts; and say what is unknown.

    A column of a type that stays unknown is NULL if it may be.
    """
    known = CatalogValues(catalog, registry)
    types, unknown = dict(registry.types), []
    for table in tables:
        for column in table.columns:
            given = (table.name, column.name) in registry.columns
            if given or not column.writable or column.type in types or _is_known(known, column):
                continue
            taken = [text for text in _PROBES if _takes(connection, column.type, text)]
            types[column.type] = Values(st.sampled_from(taken) if taken else _nothing())
            if not taken:
                unknown.append(f"no values are known for the type {column.type} of {table.name}")
    return evolve(registry, types=types), tuple(unknown)


def _nothing() -> SearchStrategy[Any]:
    """Return NULL, for a type of which no value is known."""
    return st.none()


def _is_known(known: CatalogValues, column: Column) -> bool:
    try:
        known.of_type(column.type)
    except ValueError:
        return False
    return True


def _takes(connection: Connection[Any], type_name: str, text: str) -> bool:
    # A type's name as `format_type` writes it is SQL.
    cast = sql.SQL("SELECT {}::{}").format(sql.Literal(text), sql.SQL(type_name))
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(cast)
    except psycopg.Error:
        return False
    return True


def _parsed(connection: Connection[Any], name: RelationName, condition: str) -> Expression | None:
    """Parse the condition as the server writes it; None if it cannot be a check."""
    add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT replant_prove CHECK ({}) NOT VALID").format(
        sql.Identifier(name.schema, name.name),
        sql.SQL(condition),
    )
    query = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'replant_prove'"
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(add)
            row = connection.execute(query).fetchone()
    except psycopg.Error:
        return None
    return None if row is None else parse_check(row[0])


def _values_from_condition(
    expression: Expression, column: Column, known: CatalogValues
) -> SearchStrategy[str] | None:
    if column.name not in columns_of(expression):
        return None
    demand = condition_on_column(expression, column.name)
    return None if demand is None else values_from_checks([demand], known.below(column.type))


def _cells(catalog: Catalog, table: Table, column: str) -> Iterator[Cell]:
    """Return the column, and the columns from which foreign keys fill it."""
    pending, seen = [(table.name, column)], set()
    while pending:
        cell = pending.pop()
        if cell in seen or cell[0] not in catalog.tables:
            continue
        seen.add(cell)
        yield cell
        for key in catalog.tables[cell[0]].foreign_keys:
            pairs = zip(key.columns, key.referenced_columns, strict=True)
            pending += [(key.references, other) for own, other in pairs if own == cell[1]]


def _among(
    catalog: Catalog, cell: Cell, known: CatalogValues, texts: SearchStrategy[str]
) -> Values:
    """Draw from a column's values, half of the time the named ones: only they let rows move."""
    table = catalog.tables[cell[0]]
    column = table.column(cell[1])
    assert column is not None
    values = known.of_column(table, column)
    return evolve(values, texts=texts | values.texts)
