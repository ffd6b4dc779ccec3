"""The two schema plugins: which tables they register, whose rows, and how they are declared."""

from __future__ import annotations

import re

import pluggy
import pytest

from replant.host import hookspecs
from replant.model import (
    AllRows,
    ByColumn,
    Catalog,
    DeclaredColumn,
    Registration,
    RelationName,
    Settings,
    WhereReferenced,
)
from replant_plugins.schemas import collections_public, meta_public
from replant_plugins.schemas.declaring import declare, declared_columns

REGISTRATIONS = {
    registration.table: registration
    for registration in (*collections_public.REGISTRATIONS, *meta_public.REGISTRATIONS)
}
DATABASE = RelationName("collections_public", "database")
EXTENSION = RelationName("collections_public", "extension")


def registered(*plugins: object) -> list[list[Registration]]:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for plugin in plugins:
        manager.register(plugin)
    manager.check_pending()
    catalog = Catalog(database="d", role="r", version=180000)
    answers = manager.hook.register_tables(catalog=catalog, settings=Settings())
    return [list(answer) for answer in answers]


@pytest.mark.parametrize(
    ("plugin", "schema", "count"),
    [(collections_public, "collections_public", 20), (meta_public, "meta_public", 31)],
)
def test_a_plugin_registers_every_table_of_its_schema(
    plugin: object, schema: str, count: int
) -> None:
    (answer,) = registered(plugin)

    assert len({registration.table.name for registration in answer}) == len(answer) == count
    assert {registration.table.schema for registration in answer} == {schema}


def test_the_table_of_the_old_export_that_never_existed_is_not_registered() -> None:
    names = {table.name for table in REGISTRATIONS}

    assert "database_extension" in names
    assert "database_extensions" not in names


@pytest.mark.parametrize("table", sorted(REGISTRATIONS), ids=str)
def test_rows_belong_to_the_tenant_by_the_key_of_its_database(table: RelationName) -> None:
    rows = REGISTRATIONS[table].rows

    if table == EXTENSION:
        assert rows == WhereReferenced()
    elif table == DATABASE:
        assert rows == ByColumn("id", scope="database_id")
    else:
        assert rows == ByColumn("database_id", scope="database_id")


@pytest.mark.parametrize("table", sorted(REGISTRATIONS), ids=str)
def test_the_column_that_tells_the_tenant_is_declared(table: RelationName) -> None:
    registration = REGISTRATIONS[table]

    if isinstance(registration.rows, ByColumn):
        assert DeclaredColumn(registration.rows.column, "uuid", True) in registration.columns


def test_only_the_name_of_the_source_database_is_left_out() -> None:
    omitted = {str(table): each.omit for table, each in REGISTRATIONS.items() if each.omit}

    assert omitted == {"meta_public.apis": ("dbname",), "meta_public.sites": ("dbname",)}


def test_every_type_outside_pg_catalog_is_qualified() -> None:
    types = {column.type for each in REGISTRATIONS.values() for column in each.columns}

    assert {name for name in types if "." in name} == {
        "collections_public.table_category",
        "public.attachment",
        "public.citext",
        "public.citext[]",
        "public.hostname",
        "public.image",
        "public.url",
    }
    assert {name for name in types if "." not in name} == {
        "boolean",
        "character(1)",
        "double precision",
        "integer",
        "interval",
        "json",
        "jsonb",
        "text",
        "text[]",
        "uuid",
        "uuid[]",
    }


def test_names_that_sql_would_quote_are_declared_as_they_are() -> None:
    assert RelationName("collections_public", "table") in REGISTRATIONS
    rls_module = REGISTRATIONS[RelationName("meta_public", "rls_module")]
    assert DeclaredColumn("current_role", "text", not_null=True) in rls_module.columns


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("id uuid not null", DeclaredColumn("id", "uuid", not_null=True)),
        ("price numeric(10,2)", DeclaredColumn("price", "numeric(10,2)")),
        ("tags public.citext[]", DeclaredColumn("tags", "public.citext[]")),
        ("x double precision not null", DeclaredColumn("x", "double precision", not_null=True)),
        (
            "at timestamp(3) with time zone",
            DeclaredColumn("at", "timestamp(3) with time zone"),
        ),
        ("  a\n   bit varying(8)\n not  null ", DeclaredColumn("a", "bit varying(8)", True)),
    ],
)
def test_a_column_is_a_name_and_a_type(text: str, column: DeclaredColumn) -> None:
    assert declared_columns(text) == (column,)


def test_columns_keep_their_order() -> None:
    text = "b text, a numeric(4,1) not null,\n c text[]"

    assert [column.name for column in declared_columns(text)] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("", ""),
        ("id uuid,", ""),
        ("id", "id"),
        ("id uuid, name", "name"),
        ("id uuid null", "id uuid null"),
        ("id uuid not nul", "id uuid not nul"),
        ("id uuid NOT NULL", "id uuid NOT NULL"),
        ("id uuid default now", "id uuid default now"),
        ("id uuid; name text", "id uuid; name text"),
        ('"id" uuid', '"id" uuid'),
        ("id uuid[", "id uuid["),
    ],
)
def test_a_malformed_column_is_shown(text: str, entry: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{entry!r} is not `name type`")):
        declared_columns(text)


def test_a_column_that_is_declared_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^declared more than once: a, b$"):
        declared_columns("b text, a text, c text, a uuid, b text")


def test_an_error_names_the_table() -> None:
    with pytest.raises(ValueError, match=r"^notes\.note: 'id' is not `name type`"):
        declare("notes", {"note": "id"}, rows=AllRows())


def test_an_omitted_column_must_be_declared() -> None:
    with pytest.raises(ValueError, match=r"^notes\.note: omitted, but not declared: at$"):
        declare("notes", {"note": "id uuid"}, rows=AllRows(), omit={"note": ("at",)})


def test_a_table_that_is_treated_apart_must_be_declared() -> None:
    with pytest.raises(ValueError, match=r"^notes\.notes is not declared$"):
        declare("notes", {"note": "id uuid"}, rows=AllRows(), rows_of={"notes": AllRows()})
