"""What is moved between versions: a tenant of the platform, and what the SQL files here hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from attrs import field, frozen
from psycopg import Connection, sql

from replant.database.connections import reading
from replant.database.read_catalog import read_catalog
from replant.model import Catalog, Registration, RelationName, Settings
from replant.plugins.discovery import Candidate, LoadedPlugin, find, load
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.testing.demonstration import SetUp
from replant.testing.rows import Contents, contents
from replant_plugins import ddl
from replant_plugins.demonstration import PLATFORM
from replant_plugins.pinning import pinned
from tests.support.platform_rows import DATABASE, DATABASE_NAMES, EXTENSION

_CREATE_CITEXT = b"CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;"


def _every_row(_table: RelationName) -> sql.Composable:
    return sql.SQL("true")


@frozen(eq=False)
class Subject:
    """Tables and rows that every version can hold.

    Attributes:
        name: for the names of tests.
        deploy: creates the tables in an empty database.
        fill: inserts the rows.
        host: gives the plugins to export with.
        scope: what is exported.
        where: the rows of a table that are exported.
        omit: the columns that are not moved, by table.

    """

    name: str
    deploy: SetUp
    fill: SetUp
    host: Callable[[], Host]
    scope: Mapping[str, str] = field(factory=dict)
    where: Callable[[RelationName], sql.Composable] = _every_row
    omit: Mapping[RelationName, Sequence[str]] = field(factory=dict)

    def contents(self, dsn: str, tables: Sequence[RelationName]) -> Contents:
        """The rows of an export, as they lie in a database."""
        where = {table: self.where(table) for table in tables}
        with reading(dsn, "source") as database:
            catalog = read_catalog(database)
            return contents(database, catalog, tables, without=self.omit, where=where)


def _deploy_platform(connection: Connection[Any]) -> None:
    """Create the platform's schemas; citext is a domain where a server comes without extensions."""
    known = connection.execute("SELECT FROM pg_available_extensions WHERE name = 'citext'")
    if known.fetchone() is not None:
        ddl.deploy(connection)
        return
    folder = resources.files(ddl)
    script = b"\n".join(folder.joinpath(name).read_bytes() for name in ddl.FILES)
    assert _CREATE_CITEXT in script
    with pinned(connection):
        connection.execute(
            script.replace(_CREATE_CITEXT, b"CREATE DOMAIN public.citext AS text;"), prepare=False
        )


def _of_tenant(table: RelationName) -> sql.Composable:
    tenant = sql.Literal(PLATFORM.scope["database_id"])
    of_tenant = sql.SQL("database_id = {}").format(tenant)
    if table == DATABASE:
        return sql.SQL("id = {}").format(tenant)
    if table == EXTENSION:
        return sql.SQL("name IN (SELECT name FROM {} WHERE {})").format(
            sql.Identifier(DATABASE.schema, "database_extension"), of_tenant
        )
    return of_tenant


class _EveryTable:
    """Registers all tables of the schema `s`."""

    @hookimpl
    def register_tables(self, catalog: Catalog) -> list[Registration]:
        return [
            Registration(name)
            for name, table in catalog.tables.items()
            if name.schema == "s" and not table.is_partition
        ]


def _host_of_every_table() -> Host:
    every = LoadedPlugin(Candidate("every", "replant-test", "1.0", "tests:every"), _EveryTable())
    return Host([every, *(load(c) for c in find() if c.name == "ordered")])


def _executing(file: str) -> SetUp:
    script = Path(__file__).with_name(file).read_bytes()

    def execute(connection: Connection[Any]) -> None:
        connection.execute(script, prepare=False)

    return execute


def _of_files(name: str) -> Subject:
    """The tables of `<name>.sql` in the schema `s`, with the rows of `<name>_rows.sql`."""
    deploy, fill = _executing(f"{name}.sql"), _executing(f"{name}_rows.sql")
    return Subject(name, deploy, fill, _host_of_every_table)


#: The demonstration's tenant, out of a platform that holds others.
PLATFORM_TENANT = Subject(
    "platform",
    _deploy_platform,
    PLATFORM.fill,
    lambda: Host.for_settings(Settings()),
    PLATFORM.scope,
    _of_tenant,
    DATABASE_NAMES,
)

#: A table with a column of every type.
TYPES = _of_files("types")

#: Partitioned tables, and foreign keys from and to them.
PARTITIONS = _of_files("partitions")
