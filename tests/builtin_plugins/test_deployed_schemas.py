"""The schemas and the demonstration on a real server, told by its own catalogs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import Connection, errors, sql

from replant.model import Registration, RelationName, TableShape
from replant_plugins.ddl import deploy
from replant_plugins.demonstration import PLATFORM, awkward
from replant_plugins.schemas import collections_public, meta_public

REGISTRATIONS = (*collections_public.REGISTRATIONS, *meta_public.REGISTRATIONS)
TENANT = PLATFORM.scope["database_id"]
NIL = "00000000-0000-0000-0000-000000000000"
EXTENSION = RelationName("collections_public", "extension")
DATABASE = RelationName("collections_public", "database")


class Database(Protocol):
    @property
    def dsn(self) -> str: ...


@pytest.fixture
def empty(database: Database) -> Iterator[Connection[Any]]:
    with psycopg.connect(database.dsn) as connection:
        yield connection


@pytest.fixture
def deployed(empty: Connection[Any]) -> Connection[Any]:
    deploy(empty)
    empty.commit()
    return empty


@pytest.fixture
def filled(deployed: Connection[Any]) -> Connection[Any]:
    PLATFORM.fill(deployed)
    deployed.commit()
    return deployed


def identifier(table: RelationName) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def owner_column(table: RelationName) -> sql.Identifier:
    return sql.Identifier("id" if table == DATABASE else "database_id")


def foreign_keys(connection: Connection[Any]) -> list[tuple[RelationName, str, RelationName, str]]:
    rows = connection.execute(
        """
        SELECT n.nspname, c.relname, a.attname, rn.nspname, rc.relname, ra.attname
        FROM pg_constraint AS k
        JOIN pg_class AS c ON c.oid = k.conrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_class AS rc ON rc.oid = k.confrelid
        JOIN pg_namespace AS rn ON rn.oid = rc.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        JOIN pg_attribute AS ra ON ra.attrelid = k.confrelid AND ra.attnum = k.confkey[1]
        WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND NOT k.condeferrable
        """
    )
    return [(RelationName(s, t), c, RelationName(rs, rt), rc) for s, t, c, rs, rt, rc in rows]


def columns_of_type(connection: Connection[Any], type_name: str) -> list[tuple[RelationName, str]]:
    rows = connection.execute(
        """
        SELECT n.nspname, c.relname, a.attname
        FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY (%s) AND c.relkind = 'r' AND a.attnum > 0
            AND format_type(a.atttypid, a.atttypmod) = %s
        ORDER BY 1, 2, 3
        """,
        (list(PLATFORM.schemas), type_name),
    )
    return [(RelationName(schema, table), column) for schema, table, column in rows]


def shape_of(registration: Registration) -> TableShape:
    assert registration.shape is not None
    return registration.shape


def content(connection: Connection[Any], *, of_tenant: str | None = None) -> dict[str, list[str]]:
    """Every row as text, without `dbname`: its default is the name of the database it is in."""
    texts = {}
    for registration in REGISTRATIONS:
        table = registration.table
        wanted = [c.name for c in shape_of(registration).columns if c.name != "dbname"]
        query = sql.SQL("SELECT ROW({})::text FROM {} WHERE {}").format(
            sql.SQL(", ").join(map(sql.Identifier, wanted)),
            identifier(table),
            sql.SQL("true")
            if of_tenant is None or table == EXTENSION
            else sql.SQL("{} = {}").format(owner_column(table), sql.Literal(of_tenant)),
        )
        texts[str(table)] = sorted(text for (text,) in connection.execute(query))
    return texts


def test_every_declared_column_is_the_live_one(deployed: Connection[Any]) -> None:
    deployed.execute("SELECT set_config('search_path', '', true)")
    live: dict[RelationName, list[tuple[str, str, bool]]] = {}
    for schema, table, name, type_name, not_null in deployed.execute(
        """
        SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
        FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY (%s) AND c.relkind = 'r' AND a.attnum > 0
        ORDER BY n.nspname, c.relname, a.attnum
        """,
        (list(PLATFORM.schemas),),
    ):
        live.setdefault(RelationName(schema, table), []).append((name, type_name, not_null))

    assert live == {
        registration.table: [(c.name, c.type, c.not_null) for c in shape_of(registration).columns]
        for registration in REGISTRATIONS
    }


def test_there_are_168_foreign_keys_of_one_column(deployed: Connection[Any]) -> None:
    keys = foreign_keys(deployed)

    assert len(keys) == 168
    assert [key for key in keys if key[0] == key[2]] == [
        (
            RelationName("collections_public", "table"),
            "inherits_id",
            RelationName("collections_public", "table"),
            "id",
        )
    ]


def test_keys_and_checks_are_counted(deployed: Connection[Any]) -> None:
    counts = dict(
        deployed.execute(
            """
            SELECT k.contype::text, count(*)
            FROM pg_constraint AS k
            JOIN pg_class AS c ON c.oid = k.conrelid
            WHERE c.relnamespace::regnamespace::text = ANY (%s) AND k.contype IN ('p', 'u', 'c')
            GROUP BY 1
            """,
            (list(PLATFORM.schemas),),
        ).fetchall()
    )

    assert counts == {"p": 51, "u": 25, "c": 13}


def test_nothing_stands_in_the_way_of_a_plain_insert(deployed: Connection[Any]) -> None:
    (hindrances,) = deployed.execute(
        """
        SELECT count(*)
        FROM pg_class AS c
        LEFT JOIN pg_trigger AS t ON t.tgrelid = c.oid AND NOT t.tgisinternal
        LEFT JOIN pg_attribute AS a
            ON a.attrelid = c.oid AND (a.attidentity <> '' OR a.attgenerated <> '')
        WHERE c.relnamespace::regnamespace::text = ANY (%s)
            AND (t.oid IS NOT NULL OR a.attnum IS NOT NULL OR c.relrowsecurity OR c.relkind = 'S')
        """,
        (list(PLATFORM.schemas),),
    ).fetchone() or (None,)

    assert hindrances == 0


@pytest.mark.parametrize(
    ("domain", "good", "bad"),
    [
        (
            "url",
            ["http://a", "https://example.org/a?b=c#d", "HTTPS://EXAMPLE.ORG:8080"],
            ["", "example.org", "/path", "ftp://a", "https://", "https:///p", "http://a b", "x\n"],
        ),
        ("attachment", ["https://example.org/favicon.ico"], ["favicon.ico", "https://a/b c"]),
        (
            "hostname",
            ["localhost", "a.b-c.example", "Example.ORG", "0"],
            ["", ".", "a.", ".a", "a..b", "-a", "a-", "a.-b", "a_b", "a b", "a\n", "\u00fc.org"],
        ),
        (
            "image",
            ['{"url": "http://a/b", "mime": "image/png", "width": 1}'],
            [
                "null",
                "[]",
                "{}",
                '"http://a/b"',
                '{"url": "http://a/b"}',
                '{"mime": "image/png"}',
                '{"url": null, "mime": "image/png"}',
                '{"url": "a/b", "mime": "image/png"}',
            ],
        ),
        ("upload", ['{"url": "https://a", "mime": null}'], ["[]", '{"url": "https://a"}']),
    ],
)
def test_a_domain_accepts_and_rejects(
    deployed: Connection[Any], domain: str, good: list[str], bad: list[str]
) -> None:
    cast = sql.SQL("SELECT %s::public.{}").format(sql.Identifier(domain))
    for value in good:
        deployed.execute(cast, (value,))
    for value in bad:
        with pytest.raises(errors.CheckViolation), deployed.transaction():
            deployed.execute(cast, (value,))


def insert_database(connection: Connection[Any], name: str, owner: str = NIL) -> str:
    row = connection.execute(
        "INSERT INTO collections_public.database (name, owner_id) VALUES (%s, %s) RETURNING id",
        (name, owner),
    ).fetchone()
    assert row is not None
    return str(row[0])


def insert_table(connection: Connection[Any], database: str, name: str) -> str:
    row = connection.execute(
        """
        WITH s AS (
            INSERT INTO collections_public.schema (database_id, name, schema_name)
            VALUES (%(database)s, 'schema of ' || %(name)s, %(name)s)
            RETURNING id
        )
        INSERT INTO collections_public."table" (database_id, schema_id, name)
        SELECT %(database)s, id, %(name)s FROM s
        RETURNING id
        """,
        {"database": database, "name": name},
    ).fetchone()
    assert row is not None
    return str(row[0])


def insert_field(connection: Connection[Any], database: str, table: str, name: str) -> None:
    connection.execute(
        "INSERT INTO collections_public.field (database_id, table_id, name, type)"
        " VALUES (%s, %s, %s, 'uuid')",
        (database, table, name),
    )


SAME_NAMES = [
    ("product", "products"),
    ("boxes", "box"),
    ("category", "Categories"),
    ("status", "statuses"),
    ("day", "days"),
]


def test_singular_and_plural_are_one_database_name(deployed: Connection[Any]) -> None:
    for first, second in SAME_NAMES:
        insert_database(deployed, first)
        insert_database(deployed, second, owner="00000000-0000-0000-0000-000000000001")

        collision = pytest.raises(errors.UniqueViolation, match="database_owner_id_plural_key")
        with collision, deployed.transaction():
            insert_database(deployed, second)


def test_singular_and_plural_are_one_table_name(deployed: Connection[Any]) -> None:
    database = insert_database(deployed, "shop")
    for first, second in SAME_NAMES:
        insert_table(deployed, database, first)

        collision = pytest.raises(errors.UniqueViolation, match="table_database_id_plural_key")
        with collision, deployed.transaction():
            insert_table(deployed, database, second)


def test_fields_that_differ_by_the_ending_of_a_reference_collide(
    deployed: Connection[Any],
) -> None:
    database = insert_database(deployed, "shop")
    table = insert_table(deployed, database, "product")
    insert_field(deployed, database, table, "owner")
    insert_field(deployed, database, table, "owners")
    insert_field(deployed, database, insert_table(deployed, database, "order"), "owner_id")

    for name in ("owner_id", "owner_row_id", "owner_uuid", "owner_fk", "owner_pk", "Owner"):
        collision = pytest.raises(errors.UniqueViolation, match="field_table_id_stem_key")
        with collision, deployed.transaction():
            insert_field(deployed, database, table, name)


def test_a_uuid_that_nobody_set_is_nil(deployed: Connection[Any]) -> None:
    with pytest.raises(errors.ForeignKeyViolation, match=NIL):
        deployed.execute("INSERT INTO collections_public.procedure (name) VALUES ('p')")


def test_deploying_neither_heeds_nor_changes_the_session(empty: Connection[Any]) -> None:
    empty.execute("SET search_path = nowhere, pg_temp")
    empty.execute("SET standard_conforming_strings = off")
    empty.commit()
    empty.execute("SET LOCAL array_nulls = off")

    deploy(empty)
    PLATFORM.fill(empty)

    names = ("search_path", "standard_conforming_strings", "array_nulls")
    shown = [empty.execute(f"SHOW {name}").fetchone() for name in names]
    assert shown == [("nowhere, pg_temp",), ("off",), ("off",)]


def test_a_failed_deployment_leaves_nothing_even_in_autocommit(empty: Connection[Any]) -> None:
    empty.autocommit = True
    empty.execute("CREATE SCHEMA meta_public")
    before = empty.execute("SHOW search_path").fetchone()

    with pytest.raises(errors.DuplicateSchema):
        deploy(empty)

    found = empty.execute("SELECT to_regnamespace('collections_public')").fetchone()
    assert found == (None,)
    assert empty.execute("SHOW search_path").fetchone() == before


def test_a_role_that_may_create_no_roles_can_deploy_and_fill(empty: Connection[Any]) -> None:
    # All in one transaction that is never committed: roles belong to the whole server.
    empty.execute("CREATE ROLE replant_test_deployer NOLOGIN")
    empty.execute("GRANT CREATE ON SCHEMA public TO replant_test_deployer")
    (name,) = empty.execute("SELECT current_database()").fetchone() or ("",)
    empty.execute(
        sql.SQL("GRANT CREATE ON DATABASE {} TO replant_test_deployer").format(sql.Identifier(name))
    )
    empty.execute("SET LOCAL ROLE replant_test_deployer")

    deploy(empty)
    PLATFORM.fill(empty)

    (count,) = empty.execute("SELECT count(*) FROM meta_public.apis").fetchone() or (0,)
    assert count > 0
    empty.rollback()


def test_an_administrator_may_write_both_schemas_and_a_user_one(deployed: Connection[Any]) -> None:
    granted = {
        (role, schema): deployed.execute(
            "SELECT bool_and(has_table_privilege(%s, oid, 'INSERT'))"
            " FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'",
            (role, schema),
        ).fetchone()
        for role in ("authenticated", "administrator")
        for schema in PLATFORM.schemas
    }

    assert granted == {
        ("authenticated", "collections_public"): (True,),
        ("authenticated", "meta_public"): (False,),
        ("administrator", "collections_public"): (True,),
        ("administrator", "meta_public"): (True,),
    }


def test_every_table_has_rows_of_both_tenants(filled: Connection[Any]) -> None:
    tenants = {}
    for registration in REGISTRATIONS:
        if registration.table == EXTENSION:
            continue
        query = sql.SQL("SELECT count(DISTINCT {}) FROM {}").format(
            owner_column(registration.table), identifier(registration.table)
        )
        (tenants[str(registration.table)],) = filled.execute(query).fetchone() or (0,)

    assert set(tenants.values()) == {2}
    assert len(tenants) == 50


def test_extensions_are_used_by_either_tenant_or_by_none(filled: Connection[Any]) -> None:
    used = filled.execute(
        """
        SELECT e.name, d.database_id = %s
        FROM collections_public.extension AS e
        LEFT JOIN collections_public.database_extension AS d USING (name)
        """,
        (TENANT,),
    ).fetchall()

    assert {by_tenant for _, by_tenant in used} == {True, False, None}


def test_no_row_references_another_tenants_row(filled: Connection[Any]) -> None:
    for table, column, references, referenced in foreign_keys(filled):
        if references == EXTENSION:
            continue
        query = sql.SQL(
            "SELECT count(*) FROM {} AS a JOIN {} AS b ON a.{} = b.{} WHERE a.{} <> b.{}"
        ).format(
            identifier(table),
            identifier(references),
            sql.Identifier(column),
            sql.Identifier(referenced),
            owner_column(table),
            owner_column(references),
        )
        assert filled.execute(query).fetchone() == (0,), f"{table}.{column}"


def test_lists_of_keys_hold_keys_of_the_tenants_own_fields(filled: Connection[Any]) -> None:
    lists = columns_of_type(filled, "uuid[]")
    strays = {}
    for table, column in lists:
        query = sql.SQL(
            """
            SELECT count(*)
            FROM {table} AS t, unnest(t.{column}) AS key
            WHERE NOT EXISTS (
                SELECT FROM collections_public.field AS f
                WHERE f.id = key AND f.database_id = t.database_id
            )
            """
        ).format(table=identifier(table), column=sql.Identifier(column))
        strays[f"{table}.{column}"] = filled.execute(query).fetchone()

    assert len(strays) == 11
    assert set(strays.values()) == {(0,)}


def test_tables_inherit_from_smaller_and_from_greater_keys(filled: Connection[Any]) -> None:
    directions = filled.execute(
        'SELECT DISTINCT database_id, inherits_id < id FROM collections_public."table"'
        " WHERE inherits_id IS NOT NULL"
    ).fetchall()

    assert len(directions) == 4


def test_filling_two_databases_gives_the_same_rows(
    make_database: Callable[[], Database],
) -> None:
    contents = []
    for _ in range(2):
        with psycopg.connect(make_database().dsn) as connection:
            PLATFORM.deploy(connection)
            PLATFORM.fill(connection)
            contents.append(content(connection))

    assert contents[0] == contents[1]


def test_traces_are_texts_that_only_the_other_tenant_has(filled: Connection[Any]) -> None:
    everything = content(filled)
    own = content(filled, of_tenant=TENANT)
    del own[str(EXTENSION)]
    own_text = "\n".join(text for texts in own.values() for text in texts)
    all_text = "\n".join(text for texts in everything.values() for text in texts)

    assert [trace for trace in PLATFORM.traces if trace.lower() in own_text.lower()] == []
    assert [trace for trace in PLATFORM.traces if trace not in all_text] == []


def test_the_moved_tenant_has_every_awkward_value(filled: Connection[Any]) -> None:
    def values(expression: str, table: str) -> set[Any]:
        rows = filled.execute(f"SELECT {expression} FROM {table} WHERE database_id = %s", (TENANT,))
        return {value for (value,) in rows}

    assert values("uuid_seed", "meta_public.uuid_module") == set(awkward.TEXTS)
    assert values("data::text", "meta_public.api_modules") == set(awkward.JSON)
    assert values("min::text", "collections_public.field") == {
        None,
        "0.1",
        "-0",
        "NaN",
        "Infinity",
        "-Infinity",
        "5e-324",
        "-1.7976931348623157e+308",
        "9.999999999999999e+22",
        "9.007199254740994e+15",
        "0.3333333333333333",
    }
    assert {None, 0, -1, 2**31 - 1, -(2**31)} <= values("scope", 'collections_public."table"')
    assert values("argdefaults::text", "collections_public.procedure") >= {
        None,
        "{}",
        "{NULL}",
        '{"NULL",NULL,"null",""}',
        "[0:1]={from,zero}",
    }
    assert "-1 mons +2 days -03:04:05.000001" in values(
        "tokens_default_expiration::text", "meta_public.tokens_module"
    )


def test_each_foreign_key_has_an_index(deployed: Connection[Any]) -> None:
    without = deployed.execute(
        "SELECT conrelid::regclass, conname FROM pg_constraint AS k WHERE contype = 'f'"
        " AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])"
    ).fetchall()
    assert without == []


@pytest.mark.parametrize(
    ("schema", "role"),
    [("collections_public", "authenticated"), ("meta_public", "administrator")],
)
def test_the_roles_may_use_tables_that_are_added_later(
    deployed: Connection[Any], schema: str, role: str
) -> None:
    deployed.execute(f"CREATE TABLE {schema}.later (id int)".encode())
    granted = deployed.execute(
        "SELECT has_schema_privilege(%(role)s, %(schema)s, 'USAGE'),"
        " (SELECT bool_and(has_table_privilege(%(role)s, %(schema)s || '.later', privilege))"
        " FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS privilege)",
        {"role": role, "schema": schema},
    ).fetchone()
    assert granted == (True, True)
