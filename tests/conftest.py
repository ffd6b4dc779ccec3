"""What the tests share, by the fixtures that replant has for the tests of anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from replant.model import ExportSettings, Settings
from replant.testing.pytest_plugin import DatabaseFrom
from replant.testing.servers.database_templates import Templates
from replant.testing.servers.server import Database, Server, embedded_program
from replant_plugins import ddl
from replant_plugins.demonstration import PLATFORM

pytest_plugins = [
    "tests.support.commands",
    "tests.support.installed_plugins",
    "tests.support.memory_store",
    "tests.support.property_tests",
    "tests.support.two_databases",
    "tests.support.tenant_fixtures",
]

MakeDatabase = DatabaseFrom


@pytest.fixture(scope="session")
def server(replant_server: Server) -> Server:
    return replant_server


@pytest.fixture
def make_database(replant_database_from: DatabaseFrom) -> MakeDatabase:
    """A factory of fresh databases, dropped when the test ends."""
    return replant_database_from


@pytest.fixture
def database(replant_database: Database) -> Database:
    """A fresh, empty database."""
    return replant_database


@pytest.fixture(scope="session")
def deployed_template(replant_templates: Templates) -> Database:
    """Both schemas, no rows; for use as a template only."""
    return replant_templates.template(ddl.deploy)


@pytest.fixture(scope="session")
def filled_template(replant_templates: Templates, deployed_template: Database) -> Database:
    """Both schemas with the rows of the demonstration's tenants; for use as a template only."""
    return replant_templates.template(PLATFORM.fill, deployed_template)


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


@pytest.fixture
def psql() -> Path:
    """The psql that comes with the embedded server."""
    return embedded_program("psql")
