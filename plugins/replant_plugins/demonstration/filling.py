"""Copies the tenants' rows into their tables."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from psycopg import Connection, sql

from replant.model import RelationName
from replant_plugins.demonstration.fields import lay_out
from replant_plugins.demonstration.modules import modules
from replant_plugins.demonstration.rules import rules
from replant_plugins.demonstration.services import services
from replant_plugins.demonstration.structure import structure
from replant_plugins.demonstration.tenants import TENANTS, Row, Rows, Tenant
from replant_plugins.pinning import pinned

#: An extension that no tenant uses, so no export of one may hold it.
_UNUSED_EXTENSION: Row = {
    "name": "earthdistance",
    "public_schemas": ["public"],
    "private_schemas": None,
}


def fill(connection: Connection[Any]) -> None:
    """Insert the rows of all tenants; the caller commits.

    Nothing depends on the clock, on chance or on the session, so the rows are always the same.
    """
    with pinned(connection):
        for tenant in TENANTS:
            for table, rows in _rows_of(tenant):
                _copy(connection, table, list(rows))
        _copy(connection, "collections_public.extension", [_UNUSED_EXTENSION])


def _rows_of(tenant: Tenant) -> Iterator[Rows]:
    """Yield all rows of a tenant, those that are referenced before those that reference them."""
    layout = lay_out(tenant)
    return chain(
        structure(tenant, layout),
        rules(tenant, layout),
        services(tenant),
        modules(tenant, layout),
    )


def _copy(connection: Connection[Any], table: str, rows: list[Row]) -> None:
    relation = RelationName.parse(table)
    columns = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(relation.schema, relation.name),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            if list(row) != columns:
                raise ValueError(f"{table}: a row names {list(row)}, another {columns}")
            copy.write_row([row[column] for column in columns])
