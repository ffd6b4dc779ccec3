"""Tenants come into a database: each with one schema, its tables, and twenty fields to a table.

The keys of tables and fields are random, as they are in life: rows lie on disk in another order
than that of their keys.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from replant.model import RelationName
from replant.testing.servers.server import Database, Server
from replant_plugins import ddl

#: The tables that have rows, a table after those it references.
FILLED = [
    RelationName("collections_public", name) for name in ("database", "schema", "table", "field")
]

_FIELDS_OF_A_TABLE = 20

# Foreign keys are not checked: the rows are right, and a million checks take a minute.
_FILL = """
SET session_replication_role = replica;

INSERT INTO collections_public.database (id, name, schema_name, label)
SELECT md5('tenant ' || n)::uuid, 'tenant_' || n, 'tenant-' || n, 'Tenant ' || n
FROM generate_series(1, {tenants}) AS n;

INSERT INTO collections_public.schema (database_id, name, schema_name)
SELECT id, 'app_public', schema_name || '-app-public' FROM collections_public.database;

INSERT INTO collections_public."table" (database_id, schema_id, name)
SELECT database_id, id, 'thing_' || n || '_of_' || n
FROM collections_public.schema, generate_series(1, {tables}) AS n;

INSERT INTO collections_public.field (
    id, database_id, table_id, name, label, description, smart_tags, is_required, default_value,
    is_hidden, type, field_order, regexp, chk, chk_expr, min, max, tags
)
SELECT
    gen_random_uuid(),
    t.database_id,
    t.id,
    'column_' || n,
    CASE WHEN r % 10 < 7 THEN 'Column ' || n END,
    CASE
        WHEN r % 100 < 25 THEN 'What the customer''s form calls the ' || n || 'th answer; optional.'
        WHEN r % 100 < 28 THEN E'Of several lines,\\nwith a path: C:\\\\data\\\\' || n
    END,
    CASE WHEN r % 10 = 0 THEN jsonb_build_object('omit', 'create', 'order', n, 'note', 'ü 漢') END,
    r % 4 = 0,
    CASE WHEN n = 1 THEN 'uuid_generate_v4()' WHEN r % 5 = 0 THEN '''pending''::text' END,
    r % 50 = 0,
    (ARRAY['uuid', 'text', 'citext', 'integer', 'timestamptz', 'jsonb', 'boolean'])[1 + r % 7],
    n,
    CASE WHEN r % 33 = 0 THEN '^[a-z0-9\\-]+$' END,
    CASE WHEN r % 20 = 0 THEN '{{">=": [{{"var": "value"}}, 0]}}'::jsonb END,
    CASE WHEN r % 50 = 1 THEN '{{"A_Expr": {{"kind": 0, "name": [">="]}}}}'::jsonb END,
    CASE WHEN r % 10 = 3 THEN r / 7.0 END,
    CASE WHEN r % 10 = 3 THEN r * 1e3 END,
    CASE WHEN r % 8 = 0 THEN ARRAY['searchable', 'pii']::public.citext[] ELSE '{{}}' END
FROM
    collections_public."table" AS t,
    generate_series(1, {fields}) AS n,
    LATERAL (SELECT hashtext(t.id::text || n) & 2147483647) AS _ (r)
"""

_INDEX = """
DO $$
DECLARE
    relation regclass;
BEGIN
    FOR relation IN
        SELECT attrelid::regclass FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
        WHERE attname = 'database_id' AND relkind = 'r'
            AND relnamespace = 'collections_public'::regnamespace
    LOOP
        EXECUTE format('CREATE INDEX ON %s (database_id)', relation);
    END LOOP;
END
$$
"""


def empty(server: Server) -> Database:
    """A database with the platform's schemas and no row."""
    database = server.create_database()
    with psycopg.connect(database.dsn) as connection:
        ddl.deploy(connection)
    return database


def filled(server: Server, *, tenants: int, fields: int, indexed: bool = False) -> Database:
    """A database with that many tenants of so many fields each, settled as one in use is.

    With `indexed`, every `database_id` has an index.
    """
    database = empty(server)
    each = min(fields, _FIELDS_OF_A_TABLE)
    fill = sql.SQL(_FILL).format(
        tenants=sql.Literal(tenants), tables=sql.Literal(fields // each), fields=sql.Literal(each)
    )
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(fill, prepare=False)
        if indexed:
            connection.execute(_INDEX)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return database


def tenant(database: Database, number: int) -> str:
    """The id of a tenant."""
    with psycopg.connect(database.dsn) as connection:
        row = connection.execute("SELECT md5('tenant ' || %s)::uuid::text", [number]).fetchone()
    assert row is not None
    return str(row[0])


def field_count(database: Database) -> int:
    """How many rows `collections_public.field` has."""
    with psycopg.connect(database.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM collections_public.field").fetchone()
    assert row is not None
    return int(row[0])


def all_tables(database: Database) -> list[RelationName]:
    """Every table that the plugin registers."""
    with psycopg.connect(database.dsn) as connection:
        names = connection.execute(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'collections_public'::regnamespace ORDER BY relname"
        )
        return [RelationName("collections_public", name) for (name,) in names]
