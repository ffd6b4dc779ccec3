"""What the tests of this folder share: databases that live as long as the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis.strategies import SearchStrategy

from replant.model import ExportSettings, Settings
from replant.plugins.manager import Host
from replant.testing.generation.row_strategies import Tenants, tenants_for
from replant.testing.servers.example_database import opened
from replant.testing.servers.server import Database, Server, grant
from tests.support.platform_rows import DATABASE, REGISTRY
from tests.support.tenant_mover import Mover, Side


def _side(server: Server, template: Database) -> Iterator[Side]:
    database = server.create_database(template.name)
    with opened(database) as side:
        yield Side(side.database, side.connection, side.catalog)
    server.drop_database(database)


@pytest.fixture(scope="session")
def source(server: Server, deployed_template: Database) -> Iterator[Side]:
    yield from _side(server, deployed_template)


@pytest.fixture(scope="session")
def target(server: Server, deployed_template: Database) -> Iterator[Side]:
    yield from _side(server, deployed_template)


@pytest.fixture(scope="session")
def mover(
    server: Server, source: Side, target: Side, tmp_path_factory: pytest.TempPathFactory
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
def tenants(source: Side) -> SearchStrategy[Tenants]:
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
