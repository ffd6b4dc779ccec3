"""The plugin for pytest: what it brings, and that it costs nothing where it is not used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from replant.testing import Database, Server, own_server
from replant.testing.pytest_plugin import DatabaseFrom, RoleWith
from replant.testing.servers.database_templates import Templates

SCHEMA = "CREATE SCHEMA s; CREATE TABLE s.t (n integer); INSERT INTO s.t VALUES (1)"

USE = f"""
import psycopg, pytest

@pytest.mark.parametrize("number", range(2))
def test_it(replant_database_from, replant_database, replant_role, number):
    made = replant_database_from({SCHEMA!r})
    role = replant_role("INSERT", ["s.t"], made)
    with psycopg.connect(made.as_role(role)) as connection:
        connection.execute("INSERT INTO s.t VALUES (2)")
    assert made != replant_database
"""


def started(folder: Path, *options: str, test: str = USE) -> subprocess.Popen[str]:
    """pytest on its way, in a folder with nothing but this test; every warning is an error."""
    folder.mkdir(exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (folder / "test_it.py").write_text(test)
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def held(server: Server) -> set[str]:
    """The names of all databases and roles."""
    query = "SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles"
    with psycopg.connect(server.dsn) as connection:
        return {str(name) for (name,) in connection.execute(query)}


def test_loading_it_imports_nothing_but_itself() -> None:
    asked = (
        "import sys, pytest; before = set(sys.modules); import replant.testing.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "replant",
        "replant.lazy_names",
        "replant.testing",
        "replant.testing.pytest_plugin",
    ]


def test_a_run_without_it_is_a_run_without_it(tmp_path: Path) -> None:
    run = started(tmp_path, "-p", "no:replant", test="def test_it(): pass")
    out, _ = run.communicate()
    assert run.returncode == 0, out
    assert "1 passed" in out


def test_two_runs_on_one_server_do_not_meet_and_leave_nothing(
    server: Server, tmp_path: Path
) -> None:
    before = held(server)
    runs = [started(tmp_path / name, "--replant-dsn", server.dsn) for name in ("one", "other")]
    for run in runs:
        out, _ = run.communicate()
        assert run.returncode == 0, out
        assert "2 passed" in out
    assert held(server) == before


def test_a_role_that_is_no_superuser_is_refused(server: Server, replant_database: Database) -> None:
    dsn = replant_database.as_role(server.create_role("replant_no_superuser"))
    not_super = "'replant_no_superuser' is not a superuser"
    with pytest.raises(Exception, match=not_super), own_server(dsn):
        pass


def test_a_server_that_is_not_there_is_named() -> None:
    with (
        pytest.raises(Exception, match="cannot connect to the server"),
        own_server("host=127.0.0.1 port=1"),
    ):
        pass


def test_a_role_of_a_server_with_passwords_has_the_superusers(server: Server) -> None:
    known = {"password": "secret"}
    with (
        own_server(make_conninfo(server.dsn, **known)) as own,
        psycopg.connect(server.dsn) as connection,
    ):
        role = own.create_role()
        query = "SELECT rolpassword LIKE 'SCRAM%%' FROM pg_authid WHERE rolname = %s"
        assert connection.execute(query, [role]).fetchone() == (True,)


def test_a_role_has_the_privileges_that_were_asked_for_and_no_others(
    replant_database_from: DatabaseFrom, replant_role: RoleWith
) -> None:
    database = replant_database_from(SCHEMA)
    role = replant_role("INSERT", ["s.t"], database)
    with psycopg.connect(database.as_role(role)) as connection:
        connection.execute("INSERT INTO s.t VALUES (2)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM s.t")


def test_a_database_is_empty_or_holds_what_is_deployed(
    replant_database_from: DatabaseFrom, tmp_path: Path
) -> None:
    file = tmp_path / "schema.sql"
    file.write_text(SCHEMA)

    def deploy(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        connection.execute(SCHEMA.encode())

    for deployed in (SCHEMA, file, deploy, replant_database_from(SCHEMA)):
        with psycopg.connect(replant_database_from(deployed).dsn) as connection:
            assert connection.execute("SELECT n FROM s.t").fetchall() == [(1,)]
    with psycopg.connect(replant_database_from().dsn) as connection:
        assert connection.execute("SELECT to_regclass('s.t')").fetchone() == (None,)


def test_what_is_deployed_twice_is_deployed_once(replant_templates: Templates) -> None:
    assert replant_templates.template(SCHEMA) is replant_templates.template(SCHEMA)


def test_a_schema_that_cannot_be_deployed_leaves_no_database(
    server: Server, replant_templates: Templates
) -> None:
    before = held(server)
    with pytest.raises(psycopg.errors.SyntaxError):
        replant_templates.template("CREATE SCHEMA s; nonsense")
    assert held(server) == before
