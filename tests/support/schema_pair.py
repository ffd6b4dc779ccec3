"""A drawn schema in two databases: with its rows in a source, and without any in a target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve, frozen
from psycopg import Connection, sql

from replant.model import ForeignKey, RelationName
from replant.testing.rows import Contents, contents
from replant.testing.servers.example_database import breaks
from replant.testing.servers.server import Database, grant
from tests.support.any_schemas import Numbers
from tests.support.closure_graphs import SCHEMAS, Drawn


@frozen
class Pair:
    """A source and a target, a superuser's connections to them, and a small role for each.

    Attributes:
        reader: may SELECT from the source's tables, and nothing else.
        inserter: may INSERT into the target's tables, and nothing else.

    """

    source: Database
    target: Database
    at_source: Connection[Any]
    at_target: Connection[Any]
    reader: str
    inserter: str

    def deploy(
        self,
        drawn: Drawn,
        *,
        readable: Iterable[RelationName] | None = None,
        writable: Iterable[RelationName] | None = None,
    ) -> None:
        """Hold the drawn schema and no other: with its rows, and in the target without any.

        The two roles may read and write all tables, unless it is said which.
        """
        for connection, deployed in (
            (self.at_source, drawn),
            (self.at_target, evolve(drawn, rows={})),
        ):
            for schema in SCHEMAS:
                drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE")
                connection.execute(drop.format(sql.Identifier(schema)))
            deployed.deploy(connection)
        tables = drawn.catalog.tables
        grant(self.source, self.reader, "SELECT", tables if readable is None else readable)
        grant(self.target, self.inserter, "INSERT", tables if writable is None else writable)

    def allow_temporary_tables(self, allowed: bool) -> None:
        """Whether the target lets everybody make temporary tables, as is PostgreSQL's default."""
        database, role = sql.Identifier(self.target.name), sql.Identifier(self.inserter)
        revoke = sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM public, {}")
        self.at_target.execute(revoke.format(database, role))
        if allowed:
            grant_all = sql.SQL("GRANT TEMPORARY ON DATABASE {} TO public")
            self.at_target.execute(grant_all.format(database))

    def held(self, drawn: Drawn, numbers: Numbers) -> Contents:
        """Those rows of the source, by the server's own literals."""
        return contents(
            self.at_source,
            drawn.catalog,
            drawn.catalog.tables,
            where={
                name: sql.SQL("n::text = ANY ({})").format(
                    sql.Literal(sorted(numbers.get(name, ())))
                )
                for name in drawn.catalog.tables
            },
        )

    def arrived(self, drawn: Drawn) -> Contents:
        """All rows of the target, by the server's own literals."""
        return contents(self.at_target, drawn.catalog, drawn.catalog.tables)

    def broken(self, keys: Iterable[ForeignKey]) -> list[str]:
        """The foreign keys that rows of the target break, whether PostgreSQL knows them or not."""
        return [str(key) for key in keys if breaks(self.at_target, key)]
