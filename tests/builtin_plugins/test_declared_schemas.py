"""The two schema plugins: which tables they register, whose rows, and how they are declared."""

from __future__ import annotations

import pluggy
import pytest

from replant.model import (
    ByColumn,
    Catalog,
    ColumnShape,
    PluginSettings,
    Registration,
    RelationName,
    Settings,
    TableShape,
    WhereReferenced,
)
from replant.plugins import hookspecs
from replant_plugins.schemas import collections_public, meta_public

REGISTRATIONS = {
    registration.table: registration
    for registration in (*collections_public.REGISTRATIONS, *meta_public.REGISTRATIONS)
}
DATABASE = RelationName("collections_public", "database")
EXTENSION = RelationName("collections_public", "extension")


def shape_of(table: RelationName) -> TableShape:
    shape = REGISTRATIONS[table].shape
    assert shape is not None
    return shape


def registered(*plugins: object) -> list[list[Registration]]:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for plugin in plugins:
        manager.register(plugin)
    manager.check_pending()
    catalog = Catalog(database="d", role="r", version=180000)
    asked = Settings(plugins=PluginSettings(("collections_public", "meta_public")))
    answers = manager.hook.register_tables(catalog=catalog, settings=None, configuration=asked)
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
        assert ColumnShape(registration.rows.column, "uuid", True) in shape_of(table).columns


def test_only_the_name_of_the_source_database_is_left_out() -> None:
    omitted = {str(table): each.omit for table, each in REGISTRATIONS.items() if each.omit}

    assert omitted == {"meta_public.apis": ("dbname",), "meta_public.sites": ("dbname",)}


def test_every_type_outside_pg_catalog_is_qualified() -> None:
    types = {column.type for table in REGISTRATIONS for column in shape_of(table).columns}

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
    rls_module = shape_of(RelationName("meta_public", "rls_module"))
    assert ColumnShape("current_role", "text", not_null=True) in rls_module.columns
