"""Sets up what a proof runs on: two databases with the structure of a source, and the methods.

The settings of a user come in, and a server on which databases may be made; of the source itself
only the catalog is read, and the structure copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import evolve, frozen

from replant.config.connection_strings import SOURCE_VARIABLE, connection_string
from replant.database.connections import reading
from replant.database.read_catalog import read_catalog
from replant.errors import CatalogMismatchError, PrivilegeError
from replant.model import (
    OWN_FORMATS,
    Catalog,
    OnConflict,
    RelationName,
    Settings,
    Table,
)
from replant.plugins.answers import Registered
from replant.plugins.discovery import OWN_DISTRIBUTION
from replant.plugins.installed import installed_plugins
from replant.plugins.manager import Host
from replant.sql.grants import grants, usage_grants
from replant.testing.conformance.round_trip import ReplayMethod, RoundTrip
from replant.testing.generation.registry import Registry, offered
from replant.testing.prove.values_from_config import (
    conditions_of,
    with_probed_types,
    with_values_from_conditions,
)
from replant.testing.servers.database_structure import dump_structure, restore_structure
from replant.testing.servers.example_database import ExampleDatabase, open_example_database
from replant.testing.servers.server import Server, grant

#: The strategy that only a superuser can use; of all others a role that may INSERT is enough.
_OF_SUPERUSERS = "superuser"


@frozen
class ProofDatabases:
    """Two scratch databases, and everything that rounds need besides.

    Attributes:
        trip: from the one to the other.
        registered: what the enabled plugins register for the structure.
        registry: what authors say of rows, what the configuration speaks of, and what the server
            takes for types that are not known.
        ways: how rows are moved: a strategy each.
        notes: what of the source could not be copied, or drawn.

    """

    trip: RoundTrip
    registered: tuple[Registered, ...]
    registry: Registry
    methods: tuple[ReplayMethod, ...]
    notes: tuple[str, ...]

    @property
    def tables(self) -> tuple[RelationName, ...]:
        """The registered tables."""
        return tuple(item.registration.table for item in self.registered)


@contextmanager
def prepare_proof(
    settings: Settings,
    server: Server,
    folder: Path,
    *,
    host: Host | None = None,
    registry: Registry | None = None,
) -> Iterator[ProofDatabases]:
    """Copy the structure of the source twice; drop the copies at the end.

    Args:
        settings: say where the source is, and what is exported from it.
        server: where databases and roles may be made.
        folder: for the artifacts.
        host: the plugins to ask; None for those that the settings enable.
        registry: what is known of the rows; None for what the plugins' distributions offer.

    Raises:
        CatalogMismatchError: the scratch server cannot have a table that is exported.
        ReplantError: see `replant.errors`.
        psycopg.Error: the scratch server is lost.

    """
    settings = _without_limits(settings)
    methods = tuple(_methods(settings, host))
    statements, tables = _structure(settings, methods[0].host)
    databases = [server.create_database()]
    role = server.create_role()
    try:
        problems = restore_structure(statements, databases[0])
        databases.append(server.create_database(databases[0].name))
        with (
            open_example_database(databases[0]) as source,
            open_example_database(databases[1]) as target,
        ):
            _check_complete(source, tables, problems)
            asked = methods[0].host.register_tables(source.catalog, settings)
            registered = asked.registered
            privileges = "INSERT"
            if settings.export.on_conflict is OnConflict.UPDATE:
                privileges = "INSERT, SELECT, UPDATE"
            grant(databases[1], role, privileges, tables)
            known = offered(methods[0].host.versions) if registry is None else registry
            known, unknown = _informed(source, registered, settings, known)
            yield ProofDatabases(
                RoundTrip(source, target, settings, folder / "artifact"),
                registered,
                known,
                tuple(
                    evolve(w, role=None if w.strategy == _OF_SUPERUSERS else role) for w in methods
                ),
                (*(f"not copied from the source: {problem}" for problem in problems), *unknown),
            )
    finally:
        for database in databases:
            server.drop_database(database)
        server.drop_role(role)


def _without_limits(settings: Settings) -> Settings:
    """Return the settings without row limits and samples, which were made for existing rows."""
    export = evolve(settings.export, max_rows=None)
    if export.format_name not in OWN_FORMATS:
        # Rows of another format are written for other programs: no replay reads them.
        export = evolve(export, format=None)
    tables = tuple(evolve(table, max_rows=None, sample=None) for table in settings.tables)
    return evolve(settings, export=export, tables=tables)


def _methods(settings: Settings, host: Host | None) -> Iterator[ReplayMethod]:
    """Return a method for each strategy that the plugins answer; the settings' own first."""
    own = [
        strategy
        for plugin in installed_plugins(settings)
        if plugin.candidate.distribution == OWN_DISTRIBUTION
        for strategy in plugin.declared.strategies
    ]
    if host is not None:
        own = []
    enabled = host or Host.for_settings(settings)
    declared = [s for plugin in enabled.declared.values() for s in plugin.strategies]
    for strategy in dict.fromkeys((settings.export.strategy, *own, *declared)):
        yield ReplayMethod.of(settings, strategy) if host is None else ReplayMethod(strategy, host)


def _structure(settings: Settings, host: Host) -> tuple[str, list[RelationName]]:
    """Return the statements that make the source's structure, and the exported tables."""
    dsn = connection_string(settings.source, SOURCE_VARIABLE)
    # No row is read, so it does not matter which of them a policy hides.
    with reading(dsn, "source", hidden_rows_fail=False) as database:
        catalog = read_catalog(database)
    asked = host.register_tables(catalog, settings)
    tables = [item.registration.table for item in asked.registered]
    missing = [str(name) for name in tables if name not in catalog.tables]
    if missing:
        raise CatalogMismatchError(
            f"the source {catalog.database!r} has no table {', '.join(missing)}, which a plugin "
            f"registers; replant drift says more"
        )
    covered = {name.schema for name in tables}
    _check_lockable(catalog, covered)
    others = {name.schema for name, table in catalog.tables.items() if not _lockable(table)}
    return dump_structure(dsn, sorted(others - covered)), tables


def _lockable(table: Table) -> bool:
    return table.may_use_schema and table.may_select


def _check_lockable(catalog: Catalog, schemas: set[str]) -> None:
    tables = catalog.tables.items()
    denied = [name for name, table in tables if name.schema in schemas and not _lockable(table)]
    if denied:
        unused = sorted({name.schema for name in denied if not catalog.tables[name].may_use_schema})
        remedy = grants("SELECT", denied, catalog.role)
        if unused:
            remedy = f"{usage_grants(unused, catalog.role)} {remedy}"
        raise PrivilegeError(
            f"the role {catalog.role!r} may not SELECT from {', '.join(map(str, denied))}: no row "
            f"is read, but pg_dump locks each table whose structure it copies; {remedy}"
        )


def _check_complete(
    source: ExampleDatabase, tables: Sequence[RelationName], problems: Sequence[str]
) -> None:
    missing = [str(name) for name in tables if name not in source.catalog.tables]
    if missing:
        raise CatalogMismatchError(
            f"the scratch server cannot have {', '.join(missing)}: {'; '.join(problems)}; "
            f"name a server that can with --server"
        )


def _informed(
    source: ExampleDatabase,
    registered: Sequence[Registered],
    settings: Settings,
    registry: Registry,
) -> tuple[Registry, tuple[str, ...]]:
    """Return the registry with what the server and the configuration add to it."""
    catalog, connection = source.catalog, source.connection
    tables = [catalog.tables[name] for name in source.tables]
    known, unknown = with_probed_types(connection, catalog, registry, tables)
    conditions = list(conditions_of(registered, settings))
    return with_values_from_conditions(connection, catalog, known, conditions), unknown
