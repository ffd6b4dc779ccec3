"""Databases with the platform's schemas, emptied for each example, and a tenant moved between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from psycopg import sql

from replant import api
from replant.model import ExportSettings, RelationName, Settings, Text
from replant.plugins.manager import Host
from replant.testing.generation.catalog_values import CatalogValues
from replant.testing.rows import Contents, Row
from replant.testing.servers import example_database
from replant.verification.differences import TableResult
from tests.support.platform_rows import (
    COLLECTIONS,
    DATABASE,
    DATABASE_NAMES,
    EXTENSION,
    REGISTRY,
)


@frozen
class PlatformDatabase(example_database.ExampleDatabase):
    """A database with the platform's schemas."""

    def key(self, table: RelationName) -> str:
        """The one column of the table's primary key."""
        (column,) = self.catalog.tables[table].primary_key
        return column

    def scope_column(self, table: RelationName) -> str | None:
        """The column that says whose the row is; None for a table that all tenants share."""
        if table == DATABASE:
            return "id"
        return "database_id" if self.catalog.tables[table].column("database_id") else None

    def changeable(self, table: RelationName) -> list[str]:
        """The exported columns that are not part of the primary key."""
        left_out = (self.key(table), *DATABASE_NAMES.get(table, ()))
        return [c.name for c in self.catalog.tables[table].columns if c.name not in left_out]

    def texts(self, table: RelationName, name: str) -> SearchStrategy[Text]:
        """Values that a column may hold, NULL among them if it may be."""
        column = self.catalog.tables[table].column(name)
        assert column is not None
        known = CatalogValues(self.catalog, REGISTRY)
        texts = known.of_column(self.catalog.tables[table], column).texts
        return texts if column.not_null else st.none() | texts

    def keys(self, table: RelationName, where: sql.Composable) -> list[str]:
        """The keys of some rows, as texts."""
        query = sql.SQL("SELECT format('%s', {key}) FROM {table} WHERE {where} ORDER BY 1").format(
            key=sql.Identifier(self.key(table)),
            table=sql.Identifier(table.schema, table.name),
            where=where,
        )
        return [key for (key,) in self.connection.execute(query)]

    def row(self, table: RelationName, key: str) -> Row:
        """The texts of one row."""
        names = [column.name for column in self.catalog.tables[table].columns]
        query = sql.SQL("SELECT {} FROM {} WHERE {} = {}").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(n)) for n in names),
            sql.Identifier(table.schema, table.name),
            sql.Identifier(self.key(table)),
            sql.Literal(key),
        )
        found = self.connection.execute(query).fetchone()
        assert found is not None
        return dict(zip(names, found, strict=True))

    def of_tenant(self, scope: str) -> Contents:
        """The rows of one tenant and what it needs, by the server's own literals."""
        of_tenant = sql.SQL("database_id = {}").format(sql.Literal(scope))
        where: dict[RelationName, sql.Composable] = dict.fromkeys(self.tables, of_tenant)
        where[DATABASE] = sql.SQL("id = {}").format(sql.Literal(scope))
        where[EXTENSION] = sql.SQL("name IN (SELECT name FROM {} WHERE {})").format(
            sql.Identifier(COLLECTIONS, "database_extension"), of_tenant
        )
        return self.contents(without=DATABASE_NAMES, where=where)


@frozen
class Mover:
    """Moves a tenant from the source to the target, by way of a file."""

    source: PlatformDatabase
    target: PlatformDatabase
    inserter: str
    host: Mapping[str, Host]
    artifact: Path

    def settings(self, scope: str, *, strategy: str = "ordered") -> Settings:
        return Settings(
            source=self.source.database.dsn,
            target=self.target.database.dsn,
            scope={"database_id": scope},
            export=ExportSettings(output=str(self.artifact), strategy=strategy),
        )

    def exported(
        self, scope: str, *, strategy: str = "ordered", side: PlatformDatabase | None = None
    ) -> bytes:
        """The bytes of an export of one tenant."""
        settings = self.settings(scope, strategy=strategy)
        if side is not None:
            settings = evolve(settings, source=side.database.dsn)
        api.export(settings, host=self.host[strategy], force=True)
        return self.artifact.read_bytes()

    def replay(self, scope: str, *, as_inserter: bool = False, strategy: str | None = None) -> None:
        """Load what was exported last into the target, which is emptied before."""
        self.target.hold({})
        settings = self.settings(scope)
        if as_inserter:
            settings = evolve(settings, target=self.target.database.as_role(self.inserter))
        api.replay(str(self.artifact), settings, strategy=strategy)

    def verified(self, scope: str) -> tuple[TableResult, ...]:
        """What a comparison of the target with what was exported last finds."""
        return api.verify(str(self.artifact), self.settings(scope))
