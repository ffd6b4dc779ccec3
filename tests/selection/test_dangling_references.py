"""Rows that reference rows outside the export are found before anything is written."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from attrs import evolve

from replant import api
from replant.errors import DanglingReferenceError, ReplayError
from replant.model import (
    Column,
    Dangling,
    ExportSettings,
    PluginSettings,
    RelationName,
    Settings,
    SqlExpression,
    Table,
    TableSettings,
)
from replant.plugins.discovery import Candidate, LoadedPlugin, find, load
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.testing.servers.server import Database
from replant_plugins.demonstration import PLATFORM

TENANT = PLATFORM.scope["database_id"]
POLICY = RelationName("collections_public", "policy")
TABLE = RelationName("collections_public", "table")


def change(database: Database, statement: str) -> str:
    """Run a statement that returns a key, where foreign keys do not stop it."""
    with psycopg.connect(database.dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        row = connection.execute(statement, {"tenant": TENANT}).fetchone()
        assert row is not None
        return str(row[0])


@pytest.fixture
def foreign(filled: Database) -> str:
    """The key of a policy that references another tenant's table."""
    return change(
        filled,
        "UPDATE collections_public.policy SET table_id = (SELECT min(id::text)::uuid "
        "FROM collections_public.table WHERE database_id <> %(tenant)s) WHERE id = (SELECT "
        "min(id::text)::uuid FROM collections_public.policy WHERE database_id = %(tenant)s) "
        "RETURNING id",
    )


@pytest.fixture
def nil(filled: Database) -> str:
    """The key of a module that holds the nil uuid in a checked foreign key."""
    return change(
        filled,
        "UPDATE meta_public.users_module SET type_table_id = uuid_nil() "
        "WHERE database_id = %(tenant)s RETURNING id",
    )


def with_dangling(settings: Settings, mode: Dangling) -> Settings:
    return evolve(settings, export=evolve(settings.export, dangling=mode))


def test_a_reference_to_another_tenant_fails_with_table_key_and_column(
    settings: Settings, foreign: str
) -> None:
    with pytest.raises(DanglingReferenceError) as caught:
        api.export(settings)
    message = str(caught.value)
    assert f"{POLICY}(table_id)" in message
    assert f"id = {foreign}" in message
    assert "table_id = " in message
    assert "such as another tenant's" in message
    assert not Path(settings.export.output or "").exists()


def test_the_nil_uuid_in_a_foreign_key_fails_and_is_called_so(settings: Settings, nil: str) -> None:
    with pytest.raises(DanglingReferenceError) as caught:
        api.plan(settings)
    message = str(caught.value)
    assert "meta_public.users_module(type_table_id)" in message
    assert f"id = {nil}" in message
    assert "the nil uuid, which references no row" in message


def test_all_foreign_keys_that_dangle_are_reported_at_once(
    settings: Settings, foreign: str, nil: str
) -> None:
    with pytest.raises(DanglingReferenceError) as caught:
        api.plan(settings)
    assert foreign in str(caught.value)
    assert nil in str(caught.value)


def test_the_row_can_be_left_out_and_the_rest_replays_and_verifies(
    settings: Settings, foreign: str
) -> None:
    chosen = with_dangling(settings, Dangling.LEAVE_OUT)
    done = api.export(chosen)
    assert done.rows[POLICY] == 121
    assert (
        foreign
        not in Path(done.output).read_text(encoding="utf-8").split("COMMIT;")[0].split("BEGIN;")[1]
    )
    omissions = [o for o in done.plan.omissions if o.what == f"1 row of {POLICY}"]
    assert len(omissions) == 1
    assert foreign in omissions[0].why
    api.replay(done.output, chosen)
    assert all(result.equal for result in api.verify(done.output, chosen))


def test_leaving_a_row_out_leaves_out_the_rows_that_reference_it(
    settings: Settings, filled: Database
) -> None:
    parent = change(
        filled,
        "UPDATE collections_public.table SET schema_id = uuid_nil() WHERE id = (SELECT "
        "min(t.id::text)::uuid FROM collections_public.table AS t WHERE database_id = %(tenant)s "
        "AND NOT EXISTS (SELECT FROM collections_public.table AS c WHERE c.inherits_id = t.id)) "
        "RETURNING id",
    )
    chosen = with_dangling(settings, Dangling.LEAVE_OUT)
    done = api.export(chosen)
    assert done.rows[TABLE] == 60
    with psycopg.connect(filled.dsn) as connection:
        fields = connection.execute(
            "SELECT count(*) FROM collections_public.field WHERE table_id = %s", [parent]
        ).fetchone()
    assert fields is not None
    assert done.rows[RelationName("collections_public", "field")] == 848 - fields[0]
    api.replay(done.output, chosen)
    assert all(result.equal for result in api.verify(done.output, chosen))


def test_the_row_can_be_exported_all_the_same_for_a_target_that_has_the_other(
    settings: Settings, foreign: str
) -> None:
    chosen = with_dangling(settings, Dangling.EXPORT)
    done = api.export(chosen)
    assert done.rows[POLICY] == 122
    assert [warning for warning in done.plan.warnings if foreign in str(warning)]
    with pytest.raises(ReplayError, match="the target lacks 1 row that is referenced"):
        api.replay(done.output, chosen)


def test_a_table_can_have_a_choice_of_its_own(settings: Settings, foreign: str, nil: str) -> None:
    chosen = evolve(settings, tables=(TableSettings(POLICY, dangling=Dangling.LEAVE_OUT),))
    with pytest.raises(DanglingReferenceError) as caught:
        api.plan(chosen)
    assert nil in str(caught.value)
    assert foreign not in str(caught.value)


def test_what_grows_into_a_table_with_a_condition_is_not_missed_before_it_has_grown(
    database: Database,
) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute("CREATE TABLE place (id int PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE way (id int PRIMARY KEY, tenant_id int NOT NULL, "
            "start int REFERENCES place)"
        )
        connection.execute("INSERT INTO place VALUES (1), (2)")
        connection.execute("INSERT INTO way VALUES (1, 1, 1), (2, 1, 2)")
    place = RelationName("public", "place")
    asked = Settings(
        source=database.dsn,
        scope={"tenant_id": "1"},
        plugins=PluginSettings(settings={"schemas": {"scope_column": "tenant_id"}}),
        tables=(TableSettings(place, where="id < 3"),),
    )
    assert api.plan(asked).table(place).row_count == 2

    narrower = evolve(asked, tables=(TableSettings(place, where="id < 2"),))
    with pytest.raises(DanglingReferenceError, match="the row id = 2 holds start = 2"):
        api.plan(narrower)


def test_a_row_with_two_references_that_lead_outside_is_left_out_once(database: Database) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute("CREATE TABLE place (id int PRIMARY KEY, tenant_id int NOT NULL)")
        connection.execute(
            "CREATE TABLE way (id int PRIMARY KEY, tenant_id int NOT NULL, "
            "start int REFERENCES place, stop int REFERENCES place)"
        )
        connection.execute("INSERT INTO place VALUES (1, 1), (2, 2), (3, 2)")
        connection.execute("INSERT INTO way VALUES (1, 1, 1, 1), (2, 1, 2, 3)")
    asked = Settings(
        source=database.dsn,
        scope={"tenant_id": "1"},
        export=ExportSettings(dangling=Dangling.LEAVE_OUT),
        plugins=PluginSettings(settings={"schemas": {"scope_column": "tenant_id"}}),
    )
    assert api.plan(asked).table(RelationName("public", "way")).row_count == 1


class Masking:
    """A plugin that changes the keys of tables, and what references them."""

    @hookimpl
    def transform_value(self, table: Table, column: Column) -> SqlExpression | None:
        masked = (table.name == TABLE and column.name == "id") or any(
            key.references == TABLE and column.name in key.columns for key in table.foreign_keys
        )
        return SqlExpression("md5(value::text)::uuid") if masked else None


def test_an_artifact_does_not_name_what_a_row_that_is_left_out_held_before_it_was_changed(
    settings: Settings, filled: Database, foreign: str
) -> None:
    own = [load(candidate) for candidate in find() if candidate.distribution == "replant"]
    masking = LoadedPlugin(Candidate("masking", "tests", "1", "masking"), Masking())
    done = api.export(with_dangling(settings, Dangling.LEAVE_OUT), host=Host([*own, masking]))
    with psycopg.connect(filled.dsn) as connection:
        query = "SELECT table_id::text FROM collections_public.policy WHERE id = %s"
        ((held,),) = connection.execute(query, [foreign]).fetchall()
    text = Path(done.output).read_text(encoding="utf-8")
    assert f"id = {foreign} holds table_id = \\u2026: a row outside the export" in text
    assert held not in text
