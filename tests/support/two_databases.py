"""Two databases that every test finds empty: cheaper than two new ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from replant.testing.servers.server import Database, Server
from tests.support.moves import Move


@pytest.fixture(scope="session")
def two_databases(server: Server) -> Iterator[tuple[Database, Database]]:
    databases = server.create_database(), server.create_database()
    yield databases
    for database in databases:
        server.drop_database(database)


@pytest.fixture
def move(two_databases: tuple[Database, Database], tmp_path: Path) -> Iterator[Move]:
    """A source and a target without a schema but `public`."""
    source, target = two_databases
    with connected(source) as at_source, connected(target) as at_target:
        move = Move(source, target, at_source, at_target, tmp_path / "artifact")
        move.empty()
        yield move


def connected(database: Database) -> Connection[Any]:
    return psycopg.connect(database.dsn, autocommit=True, options="-c client_min_messages=warning")
