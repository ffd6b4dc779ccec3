"""Reads what a role may do in the target."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import psycopg
from attrs import frozen

from replant.database.connections import DatabaseConnection
from replant.model import RelationName

# A table without columns has the privileges of the table itself.
_PRIVILEGES = """
SELECT n.nspname, c.relname,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       coalesce(bool_and(pg_catalog.has_column_privilege(c.oid, a.attname, 'INSERT')),
                pg_catalog.has_table_privilege(c.oid, 'INSERT')),
       coalesce(bool_and(pg_catalog.has_column_privilege(c.oid, a.attname, 'SELECT')),
                pg_catalog.has_table_privilege(c.oid, 'SELECT')),
       coalesce(pg_catalog.has_column_privilege(c.oid, (-2)::smallint, 'SELECT')
                AND pg_catalog.has_column_privilege(c.oid, (-6)::smallint, 'SELECT'), false),
       coalesce(bool_and(pg_catalog.has_column_privilege(c.oid, a.attname, 'UPDATE')),
                pg_catalog.has_table_privilege(c.oid, 'UPDATE')),
       coalesce(bool_and(pg_catalog.has_type_privilege(a.atttypid, 'USAGE')), true),
       pg_catalog.has_table_privilege(c.oid, 'DELETE'),
       pg_catalog.pg_has_role(c.relowner, 'USAGE')
FROM unnest(%s::text[], %s::text[]) AS r (schema, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = r.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = r.name
LEFT JOIN unnest(%s::text[], %s::text[], %s::text[]) AS w (schema, name, attribute)
  ON w.schema = r.schema AND w.name = r.name
LEFT JOIN pg_catalog.pg_attribute AS a
  ON a.attrelid = c.oid AND a.attname = w.attribute AND NOT a.attisdropped
GROUP BY n.nspname, c.relname, n.oid, c.oid
"""

# A column's default depends on the sequences that it names, as an identity column does not.
_SEQUENCES = """
SELECT w.schema, w.name, a.attname, m.nspname, q.relname, bool_or(l.drawn), bool_or(NOT l.drawn),
       pg_catalog.has_schema_privilege(m.oid, 'USAGE'),
       pg_catalog.has_sequence_privilege(q.oid, 'USAGE')
         OR pg_catalog.has_sequence_privilege(q.oid, 'UPDATE'),
       pg_catalog.has_sequence_privilege(q.oid, 'UPDATE')
FROM unnest(%s::text[], %s::text[]) AS w (schema, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = w.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = w.name
CROSS JOIN LATERAL (
    SELECT f.adnum, d.refobjid, true
    FROM pg_catalog.pg_attrdef AS f
    JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_attrdef'::regclass
      AND d.objid = f.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
    WHERE f.adrelid = c.oid
    UNION ALL
    SELECT d.refobjsubid, d.objid, false
    FROM pg_catalog.pg_depend AS d
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid
      AND d.refobjsubid > 0 AND d.classid = 'pg_catalog.pg_class'::regclass
      AND d.deptype IN ('a', 'i')
) AS l (number, sequence, drawn)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = l.number
JOIN pg_catalog.pg_class AS q ON q.oid = l.sequence AND q.relkind = 'S'
JOIN pg_catalog.pg_namespace AS m ON m.oid = q.relnamespace
GROUP BY w.schema, w.name, a.attname, m.nspname, q.relname, m.oid, q.oid
ORDER BY 1, 2, 3, 4, 5
"""

# Policies for INSERT and for ALL; 0 in polroles is PUBLIC. At least one that is permissive must
# let a row pass.
_INSERT_POLICIES = """
SELECT n.nspname, c.relname
FROM unnest(%s::text[], %s::text[]) AS r (schema, name)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = r.schema
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = r.name
JOIN pg_catalog.pg_policy AS p ON p.polrelid = c.oid
WHERE p.polpermissive AND p.polcmd IN ('*', 'a') AND EXISTS (
    SELECT FROM unnest(p.polroles) AS g (id)
    WHERE g.id = 0 OR pg_catalog.pg_has_role(g.id, 'USAGE'))
"""


@frozen
class TablePrivileges:
    """What the connected role may do with certain columns of a table.

    Attributes:
        select_system: whether it may read `xmin` and `tableoid` too, which tell who wrote a row and
            in which table it lies; a privilege on the table has them, one on columns has not.
        use_types: whether it may make a column of each of their types.
        delete: whether it may delete rows of the table.
        owns: whether it has the privileges of the table's owner.

    """

    use_schema: bool
    insert: bool
    select: bool
    select_system: bool
    update: bool
    use_types: bool
    delete: bool
    owns: bool


@frozen
class SequencePrivileges:
    """What the connected role may do with a sequence that belongs to a column.

    Attributes:
        in_default: whether the column's default names it.
        owned: whether the column owns it.
        draw: whether the role may take the next value.
        move: whether it may set the sequence to a value.

    """

    table: RelationName
    column: str
    name: RelationName
    in_default: bool
    owned: bool
    use_schema: bool
    draw: bool
    move: bool


def read_privileges(
    database: DatabaseConnection, columns: Mapping[RelationName, Collection[str]]
) -> dict[RelationName, TablePrivileges]:
    """Read the privileges on these columns of these tables, which must exist."""
    pairs = [(name, column) for name, listed in columns.items() for column in listed]
    lists = [
        *_lists(columns),
        [name.schema for name, _ in pairs],
        [name.name for name, _ in pairs],
        [column for _, column in pairs],
    ]
    rows = database.execute(_PRIVILEGES.encode(), lists).fetchall()
    return {RelationName(schema, name): TablePrivileges(*rest) for schema, name, *rest in rows}


def read_sequence_privileges(
    database: DatabaseConnection, tables: Iterable[RelationName]
) -> tuple[SequencePrivileges, ...]:
    """Read the privileges on the sequences that columns of these tables own or use by default."""
    rows = database.execute(_SEQUENCES.encode(), _lists(tables)).fetchall()
    return tuple(
        SequencePrivileges(
            RelationName(schema, table), column, RelationName(of_schema, sequence), *rest
        )
        for schema, table, column, of_schema, sequence, *rest in rows
    )


def insertable_by_policy(
    database: DatabaseConnection, tables: Iterable[RelationName]
) -> frozenset[RelationName]:
    """Return those of the tables into which some policy may let the connected role insert."""
    rows = database.execute(_INSERT_POLICIES.encode(), _lists(tables))
    return frozenset(RelationName(schema, name) for schema, name in rows)


def may_make_temporary_tables(database: DatabaseConnection) -> bool:
    """Return whether the connected role has TEMPORARY, and no event trigger fires by its use.

    An event trigger may refuse the table, or write into tables that nobody asked to change.
    """
    query = """
        SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY')
          AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_event_trigger AS t
            WHERE t.evtenabled <> 'D' AND t.evtevent IN ('ddl_command_start', 'ddl_command_end')
              AND (t.evttags IS NULL OR 'CREATE TABLE' = ANY (t.evttags)))
    """
    (may,) = database.execute(query).fetchone() or (False,)
    return bool(may)


def event_triggers_of_altering(database: DatabaseConnection) -> tuple[tuple[str, str], ...]:
    """Return the event triggers that fire by ALTER TABLE: the name and the function of each."""
    query = """
        SELECT t.evtname, n.nspname || '.' || f.proname || '()'
        FROM pg_catalog.pg_event_trigger AS t
        JOIN pg_catalog.pg_proc AS f ON f.oid = t.evtfoid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = f.pronamespace
        WHERE t.evtenabled <> 'D' AND t.evtevent IN ('ddl_command_start', 'ddl_command_end')
          AND (t.evttags IS NULL OR 'ALTER TABLE' = ANY (t.evttags))
        ORDER BY 1
    """
    return tuple((name, function) for name, function in database.execute(query))


def may_be_replica(database: DatabaseConnection) -> bool:
    """Return whether the connected role may set `session_replication_role`, by trying it.

    From PostgreSQL 15 on the privilege can be granted; what before that lets a role that is no
    superuser set the parameter is up to whoever runs the server.
    """
    try:
        with database.transaction(force_rollback=True):
            database.execute("SET LOCAL session_replication_role = 'replica'")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _lists(tables: Iterable[RelationName]) -> list[list[str]]:
    """Split the tables' names into query parameters: the schemas, and the names within them."""
    names = list(tables)
    return [[name.schema for name in names], [name.name for name in names]]
