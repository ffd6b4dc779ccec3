"""What the target's role may do, asked before the first row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from replant.database.connections import Database
from replant.model import RelationName

_PRIVILEGES = """
SELECT n.nspname, c.relname,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       bool_and(pg_catalog.has_column_privilege(c.oid, a.attname, 'INSERT')),
       bool_and(pg_catalog.has_column_privilege(c.oid, a.attname, 'SELECT')),
       bool_and(pg_catalog.has_column_privilege(c.oid, a.attname, 'UPDATE'))
FROM unnest(%s::text[], %s::text[], %s::text[]) AS w (schema, name, attribute)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = w.attribute
WHERE NOT a.attisdropped
GROUP BY n.nspname, c.relname, n.oid
"""


@frozen
class TablePrivileges:
    """What the connected role may do with certain columns of a table."""

    use_schema: bool
    insert: bool
    select: bool
    update: bool


def read_privileges(
    database: Database, columns: Mapping[RelationName, Sequence[str]]
) -> dict[RelationName, TablePrivileges]:
    """The privileges on these columns of these tables, which must exist."""
    wanted = [(n.schema, n.name, column) for n, names in columns.items() for column in names]
    lists = [list(part) for part in zip(*wanted, strict=True)] or [[], [], []]
    rows = database.execute(_PRIVILEGES.encode(), lists).fetchall()
    return {RelationName(schema, name): TablePrivileges(*rest) for schema, name, *rest in rows}
