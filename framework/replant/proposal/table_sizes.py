"""Reads what a proposal needs and the catalog leaves out: sizes, and the extension of a table."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.model import RelationName

# The rows of a partitioned table lie in its partitions; pg_partition_tree lists none for a table
# without any. No privilege on a table is needed to learn its size. reltuples is -1 where the table
# was never analysed.
_FACTS = """
SELECT n.nspname, c.relname, c.relpersistence = 'u', e.extname,
       coalesce(p.size, pg_catalog.pg_table_size(c.oid), 0)::bigint,
       coalesce(p.rows, nullif(greatest(c.reltuples, -1), -1))::bigint
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_depend AS d
  ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
 AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
LEFT JOIN LATERAL (
    SELECT sum(pg_catalog.pg_table_size(l.oid)) AS size,
           sum(nullif(greatest(l.reltuples, -1), -1)) AS rows
    FROM pg_catalog.pg_partition_tree(c.oid) AS t
    JOIN pg_catalog.pg_class AS l ON l.oid = t.relid AND t.isleaf
) AS p ON c.relkind = 'p'
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
"""


@frozen
class TableFacts:
    """How large a table is, and where it comes from.

    Attributes:
        size: in bytes, its partitions and TOAST among them.
        rows: about how many; None where it was never analysed.
        unlogged: whether a crash empties it.
        extension: the extension that brings it.

    """

    size: int = 0
    rows: int | None = None
    unlogged: bool = False
    extension: str | None = None


def read_inventory(database: DatabaseConnection) -> Mapping[RelationName, TableFacts]:
    """Read the facts of every table that is not a partition."""
    return {
        RelationName(schema, name): TableFacts(size, rows, unlogged, extension)
        for schema, name, unlogged, extension, size, rows in database.execute(_FACTS.encode())
    }


def first_value(database: DatabaseConnection, table: RelationName, column: str) -> str | None:
    """Read the least value of a column, as text; None if there is none."""
    query = sql.SQL(
        "SELECT {column}::text FROM {table} WHERE {column} IS NOT NULL ORDER BY {column} LIMIT 1"
    )
    row = database.execute(
        query.format(column=sql.Identifier(column), table=sql.Identifier(table.schema, table.name))
    ).fetchone()
    return None if row is None else str(row[0])


def as_in_sql(database: DatabaseConnection, column: str) -> str:
    """Write a column's name as SQL takes it, quoted only where it must be."""
    (name,) = database.execute("SELECT pg_catalog.quote_ident(%s)", [column]).fetchone() or ("",)
    return str(name)
