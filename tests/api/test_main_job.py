"""One tenant is lifted out and replanted, end to end, on real servers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest
from attrs import evolve
from psycopg import sql

from replant import api
from replant.model import Dangling, RelationName, Settings, TableSettings
from replant.testing.servers.server import Database, Server, grant
from replant_plugins.demonstration import PLATFORM
from tests.conftest import MakeDatabase

TENANT = PLATFORM.scope["database_id"]
LEFT_TO_DEFAULT = {
    RelationName("meta_public", "apis"): ("dbname",),
    RelationName("meta_public", "sites"): ("dbname",),
}


def content(dsn: str, tables: list[RelationName], tenant: str) -> dict[str, list[str]]:
    """The tenant's rows of every table, read without replant, in an order of their own."""
    found = {}
    with psycopg.connect(dsn) as connection:
        for name in tables:
            columns = [
                column
                for (column,) in connection.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass "
                    "AND attnum > 0 AND NOT attisdropped ORDER BY attname",
                    [sql.Identifier(name.schema, name.name).as_string()],
                )
                if column not in LEFT_TO_DEFAULT.get(name, ())
            ]
            query = sql.SQL("SELECT format({}, {}) FROM {} AS t {}").format(
                sql.Literal(" ".join(["%L"] * len(columns))),
                sql.SQL(", ").join(map(sql.Identifier, columns)),
                sql.Identifier(name.schema, name.name),
                _of_tenant(name, tenant),
            )
            found[str(name)] = sorted(row[0] for row in connection.execute(query))
    return found


def _of_tenant(name: RelationName, tenant: str) -> sql.Composable:
    if name.name == "extension":
        return sql.SQL(
            "WHERE name IN (SELECT name FROM collections_public.database_extension "
            "WHERE database_id = {})"
        ).format(sql.Literal(tenant))
    column = "id" if name.name == "database" else "database_id"
    return sql.SQL("WHERE {} = {}").format(sql.Identifier(column), sql.Literal(tenant))


@pytest.fixture
def artifact(settings: Settings) -> str:
    done = api.export(settings)
    assert len(done.rows) == 51
    return done.output


def planned(settings: Settings) -> list[RelationName]:
    return [table.name for table in api.plan(settings).tables]


def test_a_role_with_insert_alone_replays_an_equal_tenant(
    settings: Settings, artifact: str, server: Server, filled: Database, deployed: Database
) -> None:
    tables = planned(settings)
    role = server.create_role("inserts_only")
    grant(deployed, role, "INSERT", tables)
    api.replay(artifact, evolve(settings, target=deployed.as_role(role)))
    assert content(deployed.dsn, tables, TENANT) == content(filled.dsn, tables, TENANT)


def test_the_strategy_superuser_replays_an_equal_tenant(
    settings: Settings, filled: Database, deployed: Database
) -> None:
    chosen = evolve(settings, export=evolve(settings.export, strategy="superuser"))
    api.replay(api.export(chosen).output, chosen)
    tables = planned(settings)
    assert content(deployed.dsn, tables, TENANT) == content(filled.dsn, tables, TENANT)


@pytest.mark.parametrize(
    ("exported", "replayed"), [("ordered", "superuser"), ("superuser", "ordered")]
)
def test_an_artifact_replays_by_another_strategy_than_its_own(
    settings: Settings, filled: Database, deployed: Database, exported: str, replayed: str
) -> None:
    chosen = evolve(settings, export=evolve(settings.export, strategy=exported))
    artifact = api.export(chosen).output
    api.replay(artifact, settings, strategy=replayed)
    tables = planned(settings)
    assert content(deployed.dsn, tables, TENANT) == content(filled.dsn, tables, TENANT)


def test_rows_of_other_tenants_stay_out(
    settings: Settings, artifact: str, deployed: Database
) -> None:
    api.replay(artifact, settings)
    text = Path(artifact).read_text(encoding="utf-8")
    assert [trace for trace in PLATFORM.traces if trace in text] == []
    with psycopg.connect(deployed.dsn) as connection:
        tenants = connection.execute("SELECT id::text FROM collections_public.database")
        assert tenants.fetchall() == [(TENANT,)]


def test_an_extension_comes_only_if_the_tenant_names_it(
    settings: Settings, artifact: str, deployed: Database
) -> None:
    api.replay(artifact, settings)
    with psycopg.connect(deployed.dsn) as connection:
        named = connection.execute("SELECT name FROM collections_public.database_extension")
        came = connection.execute("SELECT name FROM collections_public.extension")
        assert sorted(came.fetchall()) == sorted(named.fetchall())


def test_verification_finds_the_replayed_rows_equal(settings: Settings, artifact: str) -> None:
    api.replay(artifact, settings)
    results = api.verify(artifact, settings)
    assert all(result.equal for result in results)
    assert sum(result.found for result in results) == 1862


def test_two_exports_give_the_same_bytes(settings: Settings, artifact: str, tmp_path: Path) -> None:
    again = evolve(settings, export=evolve(settings.export, output=str(tmp_path / "again.sql")))
    assert Path(api.export(again).output).read_bytes() == Path(artifact).read_bytes()


def test_every_row_stands_on_one_line(settings: Settings, artifact: str) -> None:
    lines = Path(artifact).read_bytes().split(b"\n")
    rows = [line for line in lines if line.startswith(b"('")]
    assert len(rows) == api.plan(settings).row_count
    assert all(line.endswith((b"),", b");")) for line in rows)


HOSTILE_SETTINGS = {
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kathmandu",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "array_nulls": "off",
    "standard_conforming_strings": "off",
    "search_path": "pg_temp",
    "client_encoding": "LATIN1",
    "statement_timeout": "25ms",
}


def test_psql_alone_replays_whatever_the_session_is_set_to_and_leaves_it_so(
    artifact: str, settings: Settings, filled: Database, deployed: Database, psql: Path
) -> None:
    options = " ".join(
        f"-c {name}={value.replace(' ', chr(92) + ' ')}"
        for name, value in HOSTILE_SETTINGS.items()
        if name not in {"client_encoding", "statement_timeout"}
    )
    shown = [argument for name in HOSTILE_SETTINGS for argument in ("-c", f"SHOW {name}")]
    session = subprocess.run(
        [
            *(psql, "-X", "-v", "ON_ERROR_STOP=1", "-d", deployed.dsn, "-qAt"),
            *("-c", "SET client_encoding = 'LATIN1'", "-c", "SET statement_timeout = 25"),
            *("-f", artifact, *shown),
        ],
        env={**os.environ, "PGOPTIONS": options},
        capture_output=True,
        text=True,
        check=False,
    )
    assert session.returncode == 0, session.stderr
    assert session.stdout.split("\n")[: len(HOSTILE_SETTINGS)] == [*HOSTILE_SETTINGS.values()]
    tables = planned(settings)
    assert content(deployed.dsn, tables, TENANT) == content(filled.dsn, tables, TENANT)


def test_a_source_with_hostile_defaults_gives_the_same_bytes(
    settings: Settings, artifact: str, filled: Database, tmp_path: Path
) -> None:
    with psycopg.connect(filled.dsn, autocommit=True) as connection:
        for name, value in HOSTILE_SETTINGS.items():
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(filled.name), sql.SQL(name), sql.Literal(value)
                )
            )
    again = evolve(settings, export=evolve(settings.export, output=str(tmp_path / "again.sql")))
    assert Path(api.export(again).output).read_bytes() == Path(artifact).read_bytes()


def test_a_shuffled_table_gives_the_same_bytes(
    settings: Settings, artifact: str, filled: Database, tmp_path: Path
) -> None:
    with psycopg.connect(filled.dsn) as connection:
        connection.execute("ALTER TABLE collections_public.field DISABLE TRIGGER ALL")
        connection.execute(
            "CREATE TABLE public.kept AS "
            "SELECT * FROM collections_public.field ORDER BY md5(id::text)"
        )
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM collections_public.field")
        connection.execute("INSERT INTO collections_public.field TABLE public.kept")
        connection.execute("DROP TABLE public.kept")
    again = evolve(settings, export=evolve(settings.export, output=str(tmp_path / "again.sql")))
    assert Path(api.export(again).output).read_bytes() == Path(artifact).read_bytes()


def test_columns_are_left_to_their_default_unless_the_configuration_asks_for_them(
    settings: Settings, filled: Database, deployed: Database
) -> None:
    apis = RelationName("meta_public", "apis")
    asked = evolve(settings, tables=(TableSettings(apis, omit=()),))
    api.replay(api.export(asked).output, asked)
    with psycopg.connect(deployed.dsn) as connection:
        (kept,) = connection.execute("SELECT DISTINCT dbname FROM meta_public.apis").fetchall()
        (own,) = connection.execute("SELECT DISTINCT dbname FROM meta_public.sites").fetchall()
    with psycopg.connect(filled.dsn) as connection:
        (original,) = connection.execute(
            "SELECT DISTINCT dbname FROM meta_public.apis WHERE database_id = %s", [TENANT]
        ).fetchall()
    assert kept == original
    assert own == (deployed.name,)


def test_a_condition_of_the_configuration_narrows_the_rows(settings: Settings) -> None:
    name = RelationName("meta_public", "site_themes")
    narrowed = evolve(
        settings, tables=(TableSettings(name, where="false -- nothing", dangling=Dangling.FAIL),)
    )
    assert api.plan(narrowed).table(name).row_count == 0
    artifact = api.export(narrowed).output
    api.replay(artifact, narrowed)
    assert all(result.equal for result in api.verify(artifact, narrowed))


def test_the_plan_is_the_same_value_each_time(settings: Settings) -> None:
    assert api.plan(settings) == api.plan(settings)


def test_an_export_of_one_database_replays_into_one_that_holds_others(
    settings: Settings, artifact: str, make_database: MakeDatabase, filled_template: Database
) -> None:
    target = make_database(filled_template)
    with psycopg.connect(target.dsn) as connection:
        connection.execute("DELETE FROM collections_public.database WHERE id = %s", [TENANT])
        connection.execute(
            "DELETE FROM collections_public.extension WHERE name NOT IN "
            "(SELECT name FROM collections_public.database_extension)"
        )
    chosen = evolve(settings, target=target.dsn)
    api.replay(artifact, chosen)
    assert all(result.equal for result in api.verify(artifact, chosen))


def test_no_time_limit_of_a_database_cuts_an_export_or_a_replay_short(
    settings: Settings, filled: Database, deployed: Database
) -> None:
    for database in (filled, deployed):
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            for limit in ("statement_timeout", "transaction_timeout"):
                connection.execute(f"ALTER DATABASE {database.name} SET {limit} = '40ms'".encode())

    done = api.export(settings)
    api.replay(done.output, settings)

    assert all(result.equal for result in api.verify(done.output, settings))
