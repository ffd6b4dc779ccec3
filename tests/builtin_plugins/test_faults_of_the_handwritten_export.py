"""Each known fault of the platform's hand-written export, by name, and that it is gone here."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.errors import CatalogMismatchError
from replant.model import LoadTable, RelationName, Settings
from replant.testing.servers.server import Database, Server, grant
from replant_plugins.demonstration import PLATFORM


def columns_of(settings: Settings, table: str) -> dict[str, str]:
    planned = api.plan(settings).table(RelationName.parse(table))
    return {column.name: column.type for column in planned.columns}


def position(settings: Settings, table: str) -> int:
    steps = api.plan(settings).order.steps
    return steps.index(LoadTable(RelationName.parse(table)))


def test_fault_1_the_table_of_extensions_has_its_right_name(settings: Settings) -> None:
    done = api.export(settings)
    assert done.rows[RelationName("collections_public", "database_extension")] == 3
    assert b'"database_extensions"' not in Path(done.output).read_bytes()


def test_fault_2_no_column_is_missing(settings: Settings, filled: Database) -> None:
    left = {(RelationName("meta_public", name), "dbname") for name in ("apis", "sites")}
    plan = api.plan(settings)
    with psycopg.connect(filled.dsn) as connection:
        live = connection.execute(
            "SELECT n.nspname, c.relname, a.attname FROM pg_attribute AS a "
            "JOIN pg_class AS c ON c.oid = a.attrelid "
            "JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname IN ('collections_public', 'meta_public') "
            "AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
        ).fetchall()
    expected = {(RelationName(schema, table), column) for schema, table, column in live} - left
    exported = {(table.name, column) for table in plan.tables for column in table.column_names}
    assert exported == expected
    assert {"audits_table_id", "audits_table_name", "verify_password_function"} <= set(
        columns_of(settings, "meta_public.user_auth_module")
    )


def test_fault_3_the_rows_of_field_are_exported(settings: Settings) -> None:
    assert api.export(settings).rows[RelationName("collections_public", "field")] == 848


def test_fault_4_every_table_is_exported(settings: Settings, filled: Database) -> None:
    with psycopg.connect(filled.dsn) as connection:
        live = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname IN ('collections_public', 'meta_public')"
        ).fetchall()
    done = api.export(settings)
    assert sorted(done.rows) == sorted(RelationName(*row) for row in live)
    assert len(live) == 51
    assert done.rows[RelationName("meta_public", "site_metadata")] > 0


def test_fault_5_domains_come_after_what_they_reference_and_need_no_superuser(
    settings: Settings, server: Server, deployed: Database
) -> None:
    assert position(settings, "meta_public.domains") > position(settings, "meta_public.apis")
    assert position(settings, "meta_public.domains") > position(settings, "meta_public.sites")
    done = api.export(settings)
    role = server.create_role("no_superuser")
    grant(deployed, role, "INSERT", list(done.rows))
    replayed = api.replay(done.output, evolve(settings, target=deployed.as_role(role)))
    assert replayed.rows == done.rows


@pytest.mark.parametrize(
    ("table", "column", "type_"),
    [
        ("meta_public.sites", "favicon", "public.attachment"),
        ("meta_public.domains", "subdomain", "public.hostname"),
        ("meta_public.domains", "domain", "public.hostname"),
        ("meta_public.api_modules", "data", "json"),
        ("meta_public.site_modules", "data", "json"),
    ],
)
def test_fault_6_types_are_those_of_the_catalog(
    settings: Settings, table: str, column: str, type_: str
) -> None:
    assert columns_of(settings, table)[column] == type_


def test_fault_6_json_arrives_byte_for_byte(
    settings: Settings, filled: Database, deployed: Database
) -> None:
    query = "SELECT id, data::text FROM meta_public.site_modules WHERE database_id = %s ORDER BY 1"
    tenant = [PLATFORM.scope["database_id"]]
    api.replay(api.export(settings).output, settings)
    with psycopg.connect(filled.dsn) as source, psycopg.connect(deployed.dsn) as target:
        original = source.execute(query, tenant).fetchall()
        assert target.execute(query, tenant).fetchall() == original
    assert any(text != json.dumps(json.loads(text)) for _, text in original)


def test_fault_7_a_column_that_the_schema_lost_is_noticed(
    settings: Settings, filled: Database
) -> None:
    with psycopg.connect(filled.dsn) as connection:
        connection.execute("ALTER TABLE meta_public.sites RENAME COLUMN logo TO logotype")
    with pytest.raises(CatalogMismatchError, match=r"has no column 'logo'.*did you mean logotype"):
        api.plan(settings)


def test_fault_7_a_column_that_the_schema_gained_is_exported_and_named(
    settings: Settings, filled: Database
) -> None:
    with psycopg.connect(filled.dsn) as connection:
        connection.execute("ALTER TABLE meta_public.sites ADD COLUMN motto text DEFAULT 'hi'")
    plan = api.plan(settings)
    assert "motto" in plan.table(RelationName("meta_public", "sites")).column_names
    assert [warning for warning in plan.warnings if "meta_public.sites.motto" in str(warning)]


def test_fault_7_a_type_that_the_schema_changed_is_named(
    settings: Settings, filled: Database
) -> None:
    with psycopg.connect(filled.dsn) as connection:
        connection.execute("ALTER TABLE meta_public.domains ALTER COLUMN domain TYPE text")
    assert [
        warning
        for warning in api.plan(settings).warnings
        if "meta_public.domains.domain is text" in str(warning)
        and "public.hostname" in str(warning)
    ]


def test_fault_7_a_table_that_the_schema_gained_is_named(
    settings: Settings, filled: Database
) -> None:
    with psycopg.connect(filled.dsn) as connection:
        connection.execute("CREATE TABLE meta_public.banner (id uuid PRIMARY KEY)")
    omitted = {omission.what: omission.why for omission in api.plan(settings).omissions}
    assert omitted["meta_public.banner"] == "a table that no enabled plugin registers"
