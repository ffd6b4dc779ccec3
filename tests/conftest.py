"""One server for the whole run; databases and roles on it for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from attrs import frozen

from replant.cli.main import run
from replant.model import ExportSettings, Settings
from replant.testing.server import Database, Server, embedded_program, embedded_server
from replant_plugins import ddl
from replant_plugins.demonstration import PLATFORM

MakeDatabase = Callable[..., Database]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with embedded_server() as running:
        yield running


@pytest.fixture
def make_database(server: Server) -> Iterator[MakeDatabase]:
    """A factory of fresh databases, dropped when the test ends."""
    made: list[Database] = []

    def make(template: Database | None = None) -> Database:
        made.append(server.create_database(template.name if template else None))
        return made[-1]

    yield make
    for database in made:
        server.drop_database(database)


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    """A fresh, empty database."""
    return make_database()


@pytest.fixture(scope="session")
def deployed_template(server: Server) -> Database:
    """Both schemas, no rows; for use as a template only."""
    template = server.create_database()
    with psycopg.connect(template.dsn) as connection:
        ddl.deploy(connection)
    return template


@pytest.fixture(scope="session")
def filled_template(server: Server, deployed_template: Database) -> Database:
    """Both schemas with the rows of the demonstration's tenants; for use as a template only."""
    template = server.create_database(deployed_template.name)
    with psycopg.connect(template.dsn) as connection:
        PLATFORM.fill(connection)
    return template


@pytest.fixture
def deployed(make_database: MakeDatabase, deployed_template: Database) -> Database:
    """A fresh database with both schemas and no rows: a target."""
    return make_database(deployed_template)


@pytest.fixture
def filled(make_database: MakeDatabase, filled_template: Database) -> Database:
    """A fresh database with both schemas and two tenants: a source."""
    return make_database(filled_template)


@pytest.fixture
def settings(filled: Database, deployed: Database, tmp_path: Path) -> Settings:
    """One tenant of `filled`, to go to `deployed` by way of a file."""
    return Settings(
        source=filled.dsn,
        target=deployed.dsn,
        scope=dict(PLATFORM.scope),
        export=ExportSettings(output=f"{tmp_path}/tenant.sql"),
    )


@frozen
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


Replant = Callable[..., Outcome]


@pytest.fixture
def replant(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Replant:
    """Run the command line in this process: `replant("plan", "--source", dsn)`."""
    for variable in ("REPLANT_SOURCE", "REPLANT_TARGET"):
        monkeypatch.delenv(variable, raising=False)

    def command(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


@pytest.fixture
def psql() -> Path:
    """The psql that comes with the embedded server."""
    return embedded_program("psql")
