"""Provides fixtures for pytest: a PostgreSQL server, fresh databases on it, and roles.

The entry point `replant` of the group `pytest11` leads here, so this module is imported in every
pytest run of an environment that has replant. It therefore imports nothing that pytest has not
imported already; what a fixture needs is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from psycopg import Connection

    from replant.model import RelationName
    from replant.testing.conformance.environment import Environment
    from replant.testing.generation.registry import Registry
    from replant.testing.row_builder import RowBuilder
    from replant.testing.servers.database_templates import Deploy, Templates
    from replant.testing.servers.server import Database, Server


class DatabaseFrom(Protocol):
    """What the fixture `replant_database_from` gives."""

    def __call__(self, deploy: Deploy | Database | None = None) -> Database:
        """Create a database: empty, with a schema, or as a copy of another."""


class ConnectionTo(Protocol):
    """What the fixture `replant_connection_to` gives."""

    def __call__(self, deploy: Deploy) -> Connection[Any]:
        """Connect to a database with a schema, in a transaction that is rolled back."""


class RowsFor(Protocol):
    """What the fixture `replant_rows` gives."""

    def __call__(self, connection: Connection[Any], registry: Registry | None = None) -> RowBuilder:
        """Make a builder of rows."""


class RoleWith(Protocol):
    """What the fixture `replant_role` gives."""

    def __call__(
        self, privileges: str, tables: Iterable[RelationName | str], database: Database
    ) -> str:
        """Create a role with only these privileges on these tables, and return its name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names a server of one's own."""
    parser.getgroup("replant").addoption(
        "--replant-dsn",
        metavar="DSN",
        help="connection string of a superuser of the PostgreSQL server to test with; databases "
        "and roles are created and dropped there (default: a server of the tests' own)",
    )


@pytest.fixture(scope="session")
def replant_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Start a PostgreSQL server for this run, or use that of `--replant-dsn`."""
    from replant.testing.servers.server import embedded_server, own_server  # noqa: PLC0415 - see above

    dsn: str | None = request.config.getoption("--replant-dsn")
    with embedded_server() if dsn is None else own_server(dsn) as server:
        yield server


@pytest.fixture(scope="session")
def replant_templates(replant_server: Server) -> Templates:
    """Give the templates that databases are copied from; they live as long as the run."""
    from replant.testing.servers.database_templates import Templates  # noqa: PLC0415 - see above

    return Templates(replant_server)


@pytest.fixture
def replant_database_from(
    replant_server: Server, replant_templates: Templates
) -> Iterator[DatabaseFrom]:
    """Give a factory of fresh databases, which are dropped when the test ends."""
    made: list[Database] = []

    def fresh(deploy: Deploy | Database | None = None) -> Database:
        made.append(replant_templates.fresh(deploy))
        return made[-1]

    yield fresh
    for database in made:
        replant_server.drop_database(database)


@pytest.fixture
def replant_database(replant_database_from: DatabaseFrom) -> Database:
    """Give a fresh, empty database."""
    return replant_database_from()


@pytest.fixture
def replant_connection_to(
    replant_templates: Templates,
) -> Iterator[ConnectionTo]:
    """Give a factory of connections whose work is undone when the test ends.

    The database with a schema is made once in a session, so a test costs no more than its own rows.
    """
    import psycopg  # noqa: PLC0415 - see above

    opened: list[Connection[Any]] = []

    def connection_to(deploy: Deploy) -> Connection[Any]:
        opened.append(psycopg.connect(replant_templates.shared(deploy).dsn))
        return opened[-1]

    yield connection_to
    for connection in opened:
        connection.rollback()
        connection.close()


@pytest.fixture
def replant_rows() -> RowsFor:
    """Give a function that makes a builder of rows for a connection."""
    from replant.testing.row_builder import RowBuilder  # noqa: PLC0415 - see above

    return RowBuilder


@pytest.fixture
def replant_demonstration(replant_database_from: DatabaseFrom) -> Database:
    """Give a fresh database with what `replant demo` shows: two schemas with several tenants."""
    from replant.testing.demonstration import deploy_demonstration  # noqa: PLC0415 - see above

    return replant_database_from(deploy_demonstration)


@pytest.fixture
def replant_role(replant_server: Server) -> Iterator[RoleWith]:
    """Give a factory of roles with few privileges, which are dropped when the test ends."""
    from replant.testing.servers.server import grant  # noqa: PLC0415 - see above

    made: list[tuple[str, Database]] = []

    def role_with(privileges: str, tables: Iterable[RelationName | str], database: Database) -> str:
        role = replant_server.create_role()
        made.append((role, database))
        grant(database, role, privileges, tables)
        return role

    yield role_with
    for role, database in made:
        replant_server.drop_role(role, [database])


@pytest.fixture(scope="class")
def replant_environment(
    request: pytest.FixtureRequest,
    replant_templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Environment]:
    """Give what the tests of a subclass of `Conformance` run on."""
    from replant.testing.conformance.environment import set_up  # noqa: PLC0415 - see above

    with set_up(
        request.cls.plugin_under_test(), replant_templates, tmp_path_factory.mktemp("conformance")
    ) as environment:
        yield environment
