"""The platform's databases that live as long as the run, and what moves a tenant between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis.strategies import SearchStrategy

from replant.model import ExportSettings, Settings
from replant.plugins.manager import Host
from replant.testing.generation.row_strategies import Tenants, tenants_for
from replant.testing.servers.example_database import open_example_database
from replant.testing.servers.server import Database, Server, grant
from tests.support.platform_rows import DATABASE, REGISTRY
from tests.support.tenant_mover import Mover, PlatformDatabase


def _side(server: Server, template: Database) -> Iterator[PlatformDatabase]:
    database = server.create_database(template.name)
    with open_example_database(database) as side:
        yield PlatformDatabase(side.database, side.connection, side.catalog)
    server.drop_database(database)


@pytest.fixture(scope="session")
def source(server: Server, deployed_template: Database) -> Iterator[PlatformDatabase]:
    yield from _side(server, deployed_template)


@pytest.fixture(scope="session")
def target(server: Server, deployed_template: Database) -> Iterator[PlatformDatabase]:
    yield from _side(server, deployed_template)


@pytest.fixture(scope="session")
def mover(
    server: Server,
    source: PlatformDatabase,
    target: PlatformDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> Mover:
    inserter = server.create_role("replant_property_inserter")
    grant(target.database, inserter, "INSERT", target.tables)
    hosts = {
        name: Host.for_settings(Settings(export=ExportSettings(strategy=name)))
        for name in ("ordered", "superuser")
    }
    artifact = tmp_path_factory.mktemp("moved") / "tenant.sql"
    return Mover(source, target, inserter, hosts, artifact)


@pytest.fixture(scope="session")
def tenants(source: PlatformDatabase) -> SearchStrategy[Tenants]:
    """Several tenants with rows in any of the 51 tables; the first is the one that is moved."""
    return tenants_for(
        source.catalog,
        source.tables,
        root=DATABASE,
        scope_column="database_id",
        tenants=(1, 3),
        rows=(0, 2),
        registry=REGISTRY,
    )
