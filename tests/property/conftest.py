"""Profiles, and what the tests of this folder share: databases that live as long as the run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis.strategies import SearchStrategy

from replant.database.catalog import read_catalog
from replant.database.connections import reading
from replant.host.manager import Host
from replant.model import ExportSettings, Settings
from replant.testing.server import Database, Server, grant
from replant.testing.strategies import Tenants, tenants_for
from tests.property.moving import Mover, Side
from tests.property.platform_rows import DATABASE, REGISTRY

# A real server takes the time it takes, so examples have no deadline. In CI the examples are the
# same each time: a change is judged by what it changes. `--hypothesis-profile=thorough` looks
# further, in minutes.
hypothesis_settings.register_profile("replant", deadline=None)
hypothesis_settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis_settings.register_profile("thorough", deadline=None, max_examples=1000)
if hypothesis_settings.get_current_profile_name() != "thorough":
    hypothesis_settings.load_profile("ci" if os.environ.get("CI") == "true" else "replant")


def _side(server: Server, template: Database) -> Iterator[Side]:
    database = server.create_database(template.name)
    with reading(database.dsn, "source") as read:
        catalog = read_catalog(read)
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        yield Side(database, connection, catalog)
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
