"""Makes fresh databases quickly: a schema is deployed once, into a template, and then copied.

PostgreSQL copies a database file by file, which takes a fraction of what the DDL takes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import psycopg
from attrs import field, frozen
from psycopg import Connection

from replant.testing.servers.server import Database, Server

#: How a schema comes into an empty database: its SQL, a file of it, or what runs it; the caller
#: commits.
Deploy = str | Path | Callable[[Connection[Any]], None]


@frozen
class Templates:
    """The templates on a server: one for each way to deploy, made when it is first asked for."""

    server: Server
    _made: dict[Hashable, Database] = field(factory=dict, init=False, repr=False, eq=False)
    _shared: dict[Hashable, Database] = field(factory=dict, init=False, repr=False, eq=False)

    def template(self, deploy: Deploy, base: Database | None = None) -> Database:
        """Return a database in which this was deployed; for use as a template only.

        Args:
            deploy: the same SQL, path or function gives the same template again.
            base: what is there before; nothing if it is not given.

        Raises:
            psycopg.Error: the database refuses a statement.

        """
        key = (deploy, base)
        if key not in self._made:
            made = self.server.create_database(base.name if base else None)
            try:
                with psycopg.connect(made.dsn) as connection:
                    run(deploy, connection)
            except BaseException:
                self.server.drop_database(made)
                raise
            self._made[key] = made
        return self._made[key]

    def shared(self, deploy: Deploy) -> Database:
        """Return a database with this deployed, the same each time; undo what is done to it.

        Raises:
            psycopg.Error: the database refuses a statement.

        """
        if deploy not in self._shared:
            # A database that is connected to cannot be copied, so it is not the template itself.
            self._shared[deploy] = self.fresh(deploy)
        return self._shared[deploy]

    def fresh(self, deploy: Deploy | Database | None = None) -> Database:
        """Create a database: empty, with this deployed, or as a copy of another.

        Raises:
            psycopg.Error: the database refuses a statement.

        """
        template = deploy
        if template is not None and not isinstance(template, Database):
            template = self.template(template)
        return self.server.create_database(template.name if template else None)


def run(deploy: Deploy, connection: Connection[Any]) -> None:
    """Deploy over a connection; the caller commits.

    Raises:
        psycopg.Error: the database refuses a statement.
        OSError: the file cannot be read.

    """
    if callable(deploy):
        deploy(connection)
        return
    statements = deploy.read_bytes() if isinstance(deploy, Path) else deploy.encode()
    connection.execute(statements, prepare=False)
