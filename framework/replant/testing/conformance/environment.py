"""Sets up what a plugin is tested on: two databases with its schema, roles, and drawn rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import evolve, field, frozen
from hypothesis.strategies import SearchStrategy

from replant.config.read_settings import settings_from
from replant.database import sql
from replant.errors import ConfigurationError
from replant.model import Compression, Layout, RelationName, Settings
from replant.plugins.answers import Registered
from replant.testing.conformance.examples import Bounds, Example, examples_for
from replant.testing.conformance.round_trip import ReplayMethod, RoundTrip
from replant.testing.generation.registry import Registry, offered
from replant.testing.prove.accepted_rows import AcceptedRows
from replant.testing.servers.database_templates import Deploy, Templates
from replant.testing.servers.example_database import ExampleDatabase, open_example_database
from replant.testing.servers.server import Database, Server, grant

STRATEGIES = ("ordered", "superuser")

#: The first release in which a role can be allowed to set `session_replication_role`.
_GRANT_SET = 150000


@frozen
class PluginUnderTest:
    """What an author says of what is to be tested; see `replant.testing.conformance`."""

    plugins: tuple[str, ...]
    deploy: Deploy
    settings: Mapping[str, Any] = field(factory=dict)
    scope: Mapping[str, str] = field(factory=dict)
    registry: Registry | None = None
    rows: Bounds = (0, 2)
    privileges: tuple[str, ...] = ()
    tries: int | None = None
    strategies: tuple[str, ...] = ()

    def read_settings(self) -> Settings:
        """Return the settings, with the plugins enabled.

        Raises:
            ConfigurationError: they hold a mistake; the text has its path.

        """
        plugins = {"enable": list(self.plugins), **self.settings.get("plugins", {})}
        document = {**self.settings, "plugins": plugins}
        read = settings_from(document, "the settings of the conformance tests")
        return evolve(read, scope={**read.scope, **self.scope})


@frozen
class Environment:
    """Two databases with the schema, and everything that a test needs besides.

    Attributes:
        trip: from the one to the other.
        registered: what the plugins register for the deployed schema.
        examples: rows for its tables, and a scope.
        tries: how many examples each test tries; None for a share of what Hypothesis' profile
            allows.
        fitting: lets the source hold of the rows what it takes.
        as_superuser: the ways in which a superuser writes, by strategy.
        as_inserter: that of a role that may INSERT.
        as_replica: that of a role that may also SELECT, and switch off foreign keys; None where
            the server's release does not let that be granted.
        by_strategy: the ways in which a superuser writes, by the strategies that are tested.

    """

    trip: RoundTrip
    registered: tuple[Registered, ...]
    examples: SearchStrategy[Example]
    tries: int | None
    fitting: AcceptedRows
    as_superuser: Mapping[str, ReplayMethod]
    as_inserter: ReplayMethod
    as_replica: ReplayMethod | None
    by_strategy: Mapping[str, ReplayMethod] = field(factory=dict)

    @property
    def tables(self) -> tuple[RelationName, ...]:
        """The registered tables."""
        return tuple(item.registration.table for item in self.registered)

    def as_inserter_by(self, strategy: str) -> ReplayMethod:
        """Return the way of a role that may INSERT, by a strategy that is tested."""
        return evolve(self.by_strategy[strategy], role=self.as_inserter.role)

    def in_format(self, name: str) -> Environment:
        """Return the same with another format of the artifacts, in the layout that it has."""
        settings = self.trip.settings
        writing = self.as_inserter.host.write_artifact((), name, settings.plugins)
        layout = Layout.DIRECTORY if writing and writing.format.suffix else Layout.FILE
        export = evolve(settings.export, format=name, layout=layout, compress=Compression.NONE)
        beside = self.trip.artifact.with_name(f"artifact.{quote(name, safe='')}")
        trip = evolve(self.trip, settings=evolve(settings, export=export), artifact=beside)
        return evolve(self, trip=trip)


@contextmanager
def set_up(
    plugin_under_test: PluginUnderTest, templates: Templates, folder: Path
) -> Iterator[Environment]:
    """Set the stage: deploy the schema twice, and make the roles; take it down at the end.

    Raises:
        ReplantError: a plugin is not installed or cannot be loaded, or the settings are wrong.
        ValueError: no rows can be drawn for the tables; the text says why.
        psycopg.Error: the schema cannot be deployed.

    """
    server, settings = templates.server, plugin_under_test.read_settings()
    methods = {strategy: ReplayMethod.of(settings, strategy) for strategy in STRATEGIES}
    tested = {name: ReplayMethod.of(settings, name) for name in plugin_under_test.strategies}
    for name, method in tested.items():
        method.host.check_strategy(name)
    databases: list[Database] = [templates.fresh(plugin_under_test.deploy) for _ in range(2)]
    roles: list[str] = []
    try:
        with (
            open_example_database(databases[0]) as source,
            open_example_database(databases[1]) as target,
        ):
            asked = methods["ordered"].host.register_tables(source.catalog, settings)
            registered = asked.registered
            if not registered:
                raise ConfigurationError(_nothing_to_test(plugin_under_test.plugins))
            _make_roles(server, target, registered, plugin_under_test.privileges, roles)
            examples = examples_for(
                source.catalog,
                registered,
                scope=settings.scope,
                rows=plugin_under_test.rows,
                registry=(plugin_under_test.registry or Registry())
                | offered(plugin_under_test.plugins),
            )
            yield Environment(
                RoundTrip(source, target, settings, folder / "artifact"),
                registered,
                examples,
                plugin_under_test.tries,
                AcceptedRows(source),
                methods,
                evolve(methods["ordered"], role=roles[0]),
                evolve(methods["superuser"], role=roles[1]) if len(roles) > 1 else None,
                tested,
            )
    finally:
        for database in databases:
            server.drop_database(database)
        for role in roles:
            server.drop_role(role)


def _nothing_to_test(plugins: Sequence[str]) -> str:
    named = " and ".join(map(repr, plugins))
    return (
        f"no table of the deployed schema is registered by {named}, so no row can be drawn: round "
        f"trips, closure, drift and broken input cannot be tested. Name a plugin with tables "
        f"beside it, such as 'schemas' with its settings; or leave deploy out, and give the "
        f"strategies=[…] or formats=[…] that are to be tested"
    )


def _make_roles(
    server: Server,
    target: ExampleDatabase,
    registered: Sequence[Registered],
    privileges: Sequence[str],
    roles: list[str],
) -> None:
    """Make a role that may INSERT, and one that may do so with foreign keys switched off."""
    known = target.catalog.tables
    tables = [r.registration.table for r in registered if r.registration.table in known]
    wanted = [("INSERT", privileges)]
    if target.catalog.version >= _GRANT_SET:
        set_role = "SET ON PARAMETER session_replication_role"
        wanted.append(("INSERT, SELECT", (*privileges, set_role)))
    for on_tables, others in wanted:
        roles.append(server.create_role())
        grant(target.database, roles[-1], on_tables, tables)
        for privilege in others:
            target.connection.execute(
                sql.SQL("GRANT {} TO {}").format(sql.SQL(privilege), sql.Identifier(roles[-1]))
            )
